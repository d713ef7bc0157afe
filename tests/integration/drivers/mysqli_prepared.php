<?php
// PHP mysqli with prepared statements: see README.md. Values are bound with their types, one is sent ahead in pieces.
require __DIR__ . '/common.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli('127.0.0.1', 'root', $password, 'CometQL_v1', $port);
$db->set_charset('utf8mb4');
$run = function (string $sql, string $types = '', ...$values) use ($db): array {
    $statement = $db->prepare($sql);
    if ($types !== '') {
        $statement->bind_param($types, ...$values);
    }
    $statement->execute();
    $result = $statement->get_result();
    return $result ? $result->fetch_all(MYSQLI_NUM) : [];
};

$run('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', 'si', $channel, 50);
$insert = $db->prepare('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)');
$event = 'text';
$insert->bind_param('sss', $channel, $event, $text);
foreach (texts() as $text) {
    $insert->execute();
}
$event = 'ahead';
$piece = null;
$insert->bind_param('ssb', $channel, $event, $piece);
$insert->send_long_data(2, 'in ');
$insert->send_long_data(2, 'pieces');
$insert->execute();
$run('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)', 'ssississd',
     $channel, 'number', 42, $channel, 'number', -7, $channel, 'number', 0.1);

$read = $db->prepare('SELECT event, message FROM pipes_messages WHERE name = ?');
$read->bind_param('s', $channel);
$read->bind_result($row_event, $row_message);
$read->execute();
$history = [];
while ($read->fetch()) {
    $history[] = [$row_event, $row_message];
}
report_prepared($history, [
    'limited' => column($run('SELECT message FROM pipes_messages WHERE name = ? LIMIT ?, ?', 'sii', $channel, 1, 2)),
    'listed' => column($run('SELECT name FROM pipes WHERE name IN (?, ?)', 'ss', $channel, 'web_other')),
    'liked' => column($run('SELECT message FROM pipes_messages WHERE name = ? AND event LIKE ?', 'ss', $channel, 'num%')),
    'variable' => $run('SHOW VARIABLES LIKE ?', 's', 'version_comment')[0],
    'literals' => $run('SELECT ?, ? AS b', 'ss', "it's", null)[0],
    'refused' => code(fn() => $run('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', 'sss', 'x', 'e', 'm')),
    'unknown' => code(fn() => $db->prepare('SELECT * FROM shop WHERE id = ?')),
]);
