<?php
// PHP mysqli: text protocol, values quoted with real_escape_string, as applications of CometQL do it.
require __DIR__ . '/common.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli('127.0.0.1', 'root', $password, 'CometQL_v1', $port);
$db->set_charset('utf8mb4');
$quote = fn($text) => "'" . $db->real_escape_string($text) . "'";

$db->query("INSERT INTO pipes_settings (name, length) VALUES ('$channel', 10)");
$db->query("INSERT INTO pipes_messages (name, event, message) VALUES ('$channel', 'hello', '" . RAW . "')");
foreach ([PLAIN, QUOTED] as $text) {
    $db->query("INSERT INTO pipes_messages (name, event, message) VALUES ('$channel', 'hello', " . $quote($text) . ")");
}
$all = fn($sql) => $db->query($sql)->fetch_all(MYSQLI_ASSOC);
$pipe = $all("SELECT name, users FROM pipes WHERE name = '$channel'")[0];
$settings = $all("SELECT name, length FROM pipes_settings WHERE name = '$channel'");
$history = $all("SELECT event, message FROM pipes_messages WHERE name = '$channel'");
$members = $all("SELECT * FROM users_in_pipes WHERE name = '$channel'");
$where = code(fn() => $db->query('SELECT * FROM pipes'));
$db->close();
$login = code(fn() => new mysqli('127.0.0.1', 'root', 'wrong', 'CometQL_v1', $port));
report($pipe, $settings, $history, $members, $where, $login);
