<?php
// PHP PDO with the prepares of the server: see README.md.
require __DIR__ . '/common.php';

$db = new PDO("mysql:host=127.0.0.1;port=$port;dbname=CometQL_v1;charset=utf8mb4", 'root', $password, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_EMULATE_PREPARES => false,
    PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM,
]);
$run = function (string $sql, ...$values) use ($db): PDOStatement {
    $statement = $db->prepare($sql);
    foreach ($values as $i => $value) {
        $statement->bindValue($i + 1, $value, is_int($value) ? PDO::PARAM_INT : (is_null($value) ? PDO::PARAM_NULL : PDO::PARAM_STR));
    }
    $statement->execute();
    return $statement;
};

$run('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', $channel, 50);
$insert = $db->prepare('INSERT INTO pipes_messages (name, event, message) VALUES (:name, :event, :message)');
foreach (texts() as $text) {
    $insert->execute(['name' => $channel, 'event' => 'text', 'message' => $text]);
}
$ahead = fopen('php://memory', 'w+');
fwrite($ahead, 'in pieces');
rewind($ahead);
$insert->bindValue('name', $channel);
$insert->bindValue('event', 'ahead');
$insert->bindParam('message', $ahead, PDO::PARAM_LOB);
$insert->execute();
$run('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)',
     $channel, 'number', 42, $channel, 'number', -7, $channel, 'number', 0.1);

report_prepared($run('SELECT event, message FROM pipes_messages WHERE name = ?', $channel)->fetchAll(), [
    'limited' => column($run('SELECT message FROM pipes_messages WHERE name = ? LIMIT ?, ?', $channel, 1, 2)->fetchAll()),
    'listed' => column($run('SELECT name FROM pipes WHERE name IN (?, ?)', $channel, 'web_other')->fetchAll()),
    'liked' => column($run('SELECT message FROM pipes_messages WHERE name = ? AND event LIKE ?', $channel, 'num%')->fetchAll()),
    'variable' => $run('SHOW VARIABLES LIKE ?', 'version_comment')->fetch(),
    'literals' => $run('SELECT ?, ? AS b', "it's", null)->fetch(),
    'refused' => code(fn() => $run('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', 'x', 'e', 'm')),
    'unknown' => code(fn() => $db->prepare('SELECT * FROM shop WHERE id = ?')),
]);
