# Ruby mysql2: prepared statements and queries.
require 'json'
require 'mysql2'

def check(what, right)
  raise "#{what} is not as it should be" unless right
end

def refusal
  yield
  0
rescue Mysql2::Error => error
  error.error_number
end

texts = JSON.parse(File.read(File.join(__dir__, 'texts.json'), encoding: 'UTF-8'))
options = { host: '127.0.0.1', port: Integer(ENV.fetch('ENCKE_TEST_SQL_PORT')), username: 'root',
            password: ENV.fetch('ENCKE_TEST_PASSWORD'), database: 'CometQL_v1', encoding: 'utf8mb4' }
title = "Ruby mysql2 #{Mysql2::VERSION}"
name = "ruby_#{Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)}"

db = Mysql2::Client.new(options)
db.prepare('INSERT INTO pipes_settings (name, length) VALUES (?, ?)').execute(name, 50)
publish = db.prepare('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)')
texts.each { |text| publish.execute(name, 'e', text) }
got = db.prepare('SELECT message FROM pipes_messages WHERE name = ?').execute(name).map { |row| row['message'] }
check("history #{got}", got == texts)
puts "ok - #{title}: published with parameters and read"

check('list of tables', db.query('SHOW TABLES').flat_map(&:values).include?('pipes_messages'))
check('ping', db.ping)
check('error', refusal { db.query('SELECT * FROM pipes') } == 13)
check('second statement', refusal { db.query('SELECT 1; SELECT 2') } == 3)
db.select_db('db_15')
check('app', db.query('SHOW STATUS').to_a.map(&:values).to_h['id'] == '15')
db.close
check('wrong password', refusal { Mysql2::Client.new(options.merge(password: 'wrong')) } == 16)
puts "ok - #{title}: tables, databases, errors"

many = Mysql2::Client.new(options.merge(flags: Mysql2::Client::MULTI_STATEMENTS))
results = [many.query("SELECT 1; SELECT 'a;b'; SELECT 3", as: :array).to_a]
results << many.store_result.to_a while many.next_result
check("results #{results}", results.flatten.map(&:to_s) == ['1', 'a;b', '3'])
many.close
puts "ok - #{title}: several statements"
