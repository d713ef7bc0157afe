<?php
// PHP mysqli: another user on the same connection, several statements in a query, the server's statistics.
require __DIR__ . '/common.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli('127.0.0.1', 'root', $password, 'CometQL_v1', $port);
$stat = $db->stat();
$app = fn() => array_column($db->query('SHOW STATUS')->fetch_all(), 1, 0)['id'];
$before = $app();
$db->change_user('15', $password, 'CometQL_v1');
$changed = $app();

$results = [];
$db->multi_query("INSERT INTO pipes_settings (name, length) VALUES ('$channel', 5); SELECT 'a;b'; SHOW TABLES LIKE 'pipes'; SELECT 1");
do {
    $result = $db->store_result();
    $results[] = $result ? $result->fetch_all() : $db->affected_rows;
} while ($db->more_results() && $db->next_result());

$second = code(fn() => $db->query('SELECT 1; SELECT 2'));
$wrong = code(fn() => $db->change_user('15', 'wrong', 'CometQL_v1'));
echo json_encode(['stat' => $stat, 'before' => $before, 'changed' => $changed, 'results' => $results, 'second' => $second, 'wrong' => $wrong]), "\n";
