<?php
// PHP over TLS: php tls.php mysqli | pdo. Publishes, and reads back the history; with an authority that did not sign the
// server's certificate it must not get that far.
require __DIR__ . '/common.php';

$ca = getenv('ENCKE_TEST_CA');
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('$channel', 'hello', '" . PLAIN . "')";
$select = "SELECT event, message FROM pipes_messages WHERE name = '$channel'";

if ($argv[1] === 'mysqli') {
    $db = mysqli_init();
    $db->ssl_set(null, null, $ca, null, null);
    $db->real_connect('127.0.0.1', 'root', $password, 'CometQL_v1', $port, null, MYSQLI_CLIENT_SSL);
    $db->set_charset('utf8mb4');
    $db->query("INSERT INTO pipes_settings (name, length) VALUES ('$channel', 10)");
    $db->query($insert);
    $rows = $db->query($select)->fetch_all(MYSQLI_ASSOC);
} else {
    $db = new PDO("mysql:host=127.0.0.1;port=$port;dbname=CometQL_v1;charset=utf8mb4", 'root', $password, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::MYSQL_ATTR_SSL_CA => $ca,
        PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true,
    ]);
    $db->exec("INSERT INTO pipes_settings (name, length) VALUES ('$channel', 10)");
    $db->exec($insert);
    $rows = $db->query($select)->fetchAll(PDO::FETCH_ASSOC);
}
echo json_encode(array_column($rows, 'message')), "\n";
