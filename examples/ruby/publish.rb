# ruby publish.rb CHANNEL TEXT: publishes, then says who listens. Debian: ruby-mysql2.

require "json"
require "mysql2"

abort "usage: ruby publish.rb CHANNEL TEXT" unless ARGV.length == 2
channel, text = ARGV

sql = Mysql2::Client.new(host: ENV.fetch("ENCKE_HOST", "127.0.0.1"), port: ENV.fetch("ENCKE_SQL_PORT", "3307").to_i,
                         username: ENV.fetch("ENCKE_APP", "0"), password: ENV.fetch("ENCKE_PASSWORD", ""),
                         database: "CometQL_v1", encoding: "utf8mb4")
sql.prepare("INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)").execute(channel, "note", JSON.generate({ text: text }))
listeners = sql.prepare("SELECT user_id, user_uuid FROM users_in_pipes WHERE name = ?").execute(channel).to_a
puts "published to #{listeners.length}"
listeners.each { |listener| puts "#{listener["user_id"]} #{listener["user_uuid"]}" }
