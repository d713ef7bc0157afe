-- A database as an installation of CppComet has it: written anew from what is known about its columns, with rows as it writes them.
CREATE TABLE users_auth (dev_id int(11) NOT NULL, user_id int(11) NOT NULL, hash char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (dev_id, user_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE users_data (dev_id int(11) NOT NULL, user_id int(11) NOT NULL, data text NOT NULL, PRIMARY KEY (dev_id, user_id))
    ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE users_time (dev_id int(11) NOT NULL, user_id int(11) NOT NULL, time int(11) NOT NULL, PRIMARY KEY (dev_id, user_id))
    ENGINE=MEMORY DEFAULT CHARSET=utf8mb3;
CREATE TABLE users_messages (id char(36) NOT NULL, time int(11) NOT NULL, dev_id int(11) NOT NULL, user_id int(11) NOT NULL,
    event char(64) NOT NULL, message text CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL, PRIMARY KEY (id), KEY dev_id (dev_id),
    KEY user_id (user_id), KEY dev_user (dev_id, user_id), KEY time (time)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE pipe_messages (id char(36) NOT NULL, time int(11) NOT NULL, dev_id int(11) NOT NULL, pipe_name char(64) NOT NULL,
    event char(64) NOT NULL, message text CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL, user_id int(11) NOT NULL,
    PRIMARY KEY (id), KEY time (time), KEY pipe_name (pipe_name), KEY dev_id (dev_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE pipes_settings (dev_id int(11) NOT NULL, name char(128) NOT NULL, type char(1) NOT NULL, length int(11) NOT NULL,
    PRIMARY KEY (dev_id, name)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE revoked_tokens (dev_id int(11) NOT NULL, token varbinary(600) NOT NULL, time int(11) NOT NULL, PRIMARY KEY (dev_id, token))
    ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE conference (dev_id int(11) NOT NULL, name varchar(32) CHARACTER SET ascii NOT NULL, user_id int(11) NOT NULL,
    caller_id int(11) NOT NULL, message text CHARACTER SET utf8mb4 NOT NULL, profile varchar(32) NOT NULL, stream varchar(255) NOT NULL,
    node varchar(64) NOT NULL, time int(11) NOT NULL, PRIMARY KEY (dev_id, name, user_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE dev_config (id int(11) NOT NULL, `key` char(64) NOT NULL, url char(255) NOT NULL, active_time int(11) NOT NULL,
    PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE log_event (id int(11) NOT NULL AUTO_INCREMENT, text varchar(250) NOT NULL, PRIMARY KEY (id)) ENGINE=InnoDB;
CREATE TABLE log_query (id int(11) NOT NULL AUTO_INCREMENT, dev_id int(11) NOT NULL, query text NOT NULL, PRIMARY KEY (id))
    ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

INSERT INTO users_auth VALUES (0, 7, '0123456789abcdef0123456789abcdef'), (0, 8, 'short'), (15, 7, 'other');
INSERT INTO users_data VALUES (0, 7, 'Grüße, мир, 中'), (0, 8, '{"name":"O\'Neil"}');
INSERT INTO users_time VALUES (0, 7, 0), (0, 8, 1438245468);
INSERT INTO pipes_settings VALUES (0, 'log', '0', 10), (0, 'web_long', '0', 1000), (15, 'log', '0', 99);
-- In each second the order is that of the time inside the ids, which is not that of their texts.
INSERT INTO pipe_messages VALUES
    ('ffffffff-0001-11e6-8000-0242ac110002', 1438245470, 0, 'log', 'undefined', 'first', 0),
    ('00000003-0002-11e6-8000-0242ac110002', 1438245471, 0, 'log', 'ev', 'third é', 4),
    ('00000001-0003-11e6-8000-0242ac110002', 1438245471, 0, 'log', 'ev', 'fourth', 0),
    ('ffffffff-0001-11e6-9000-0242ac110002', 1438245471, 0, 'log', 'ev', 'second', 0),
    ('00000001-0001-11e6-8000-0242ac110002', 1438245472, 0, 'log', 'ev', '{"fifth":"\\\\ \\" \'"}', 0),
    ('00000001-0001-11e6-8001-0242ac110002', 1438245472, 15, 'log', 'ev', 'of app 15', 0),
    ('00000001-0001-11e6-8002-0242ac110002', 1438245472, -1, 'log', 'ev', 'of no app', 0);
-- Recent: what has waited for longer than users.queue_age is forgotten.
INSERT INTO users_messages VALUES
    ('00000002-0001-11e6-8000-0242ac110002', UNIX_TIMESTAMP() - 100, 0, 7, 'e', 'q2'),
    ('00000009-0001-11e6-8000-0242ac110002', UNIX_TIMESTAMP() - 101, 0, 7, 'e', 'q1'),
    ('00000003-0001-11e6-8000-0242ac110002', UNIX_TIMESTAMP() - 100, 0, 7, 'undefined', 'q3 ü');
INSERT INTO revoked_tokens VALUES (0, 'eyJhbGciOiJIUzI1NiJ9.e30.sig', 9999999), (0, 'any text', 9999999);
INSERT INTO conference VALUES (0, 'room', 7, 1001, 'hi', 'default', '', 'node-1', 1438245472);
INSERT INTO log_event (text) VALUES ('start-NoName');
