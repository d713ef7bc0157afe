<?php
// PHP PDO: php pdo.php emulated | native. With "native" PDO asks the server to prepare.
require __DIR__ . '/common.php';

$emulates = $argv[1] === 'emulated';
$open = fn($word) => new PDO("mysql:host=127.0.0.1;port=$port;dbname=CometQL_v1;charset=utf8mb4", 'root', $word, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_EMULATE_PREPARES => $emulates,
    PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
]);
$db = $open($password);
$run = function ($sql, $values = []) use ($db) {
    $statement = $db->prepare($sql);
    $statement->execute($values);
    return $statement;
};

$run('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [$channel, 10]);
$db->exec("INSERT INTO pipes_messages (name, event, message) VALUES ('$channel', 'hello', '" . RAW . "')");
foreach ([PLAIN, QUOTED] as $text) {
    $run('INSERT INTO pipes_messages (name, event, message) VALUES (:name, :event, :message)',
         ['name' => $channel, 'event' => 'hello', 'message' => $text]);
}
$pipe = $run('SELECT name, users FROM pipes WHERE name = ?', [$channel])->fetch();
$settings = $run('SELECT name, length FROM pipes_settings WHERE name = ?', [$channel])->fetchAll();
$history = $run('SELECT event, message FROM pipes_messages WHERE name = ?', [$channel])->fetchAll();
$members = $run('SELECT * FROM users_in_pipes WHERE name = ?', [$channel])->fetchAll();
$where = code(fn() => $db->query('SELECT * FROM pipes'));
$login = code(fn() => $open('wrong'));
report($pipe, $settings, $history, $members, $where, $login);
