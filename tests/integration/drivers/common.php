<?php
// What the PHP drivers have in common.

const RAW = '{"raw":1}';
const PLAIN = 'plain text, привет, 😀';
const QUOTED = '{"text":"it\'s \\"quoted\\""}';

$channel = getenv('ENCKE_TEST_CHANNEL');
$port = (int) getenv('ENCKE_TEST_SQL_PORT');
$password = getenv('ENCKE_TEST_PASSWORD');

/** The error code of the server that the call is refused with; 0 when it is not. */
function code(callable $call): int
{
    try {
        $call();
        return 0;
    } catch (PDOException $e) {
        return (int) ($e->errorInfo[1] ?? $e->getCode());
    } catch (mysqli_sql_exception $e) {
        return $e->getCode();
    }
}

function report(array $pipe, array $settings, array $history, array $members, int $where, int $login): void
{
    echo json_encode([
        'users' => $pipe['users'],
        'settings' => array_map(fn($row) => [$row['name'], $row['length']], $settings),
        'history' => array_map(fn($row) => [$row['event'], $row['message']], $history),
        'members' => array_column($members, 'user_uuid'),
        'where_error' => $where,
        'login_error' => $login,
    ]), "\n";
}

/** The texts that a driver with prepared statements publishes. */
function texts(): array
{
    return json_decode(getenv('ENCKE_TEST_TEXTS'));
}

/** The only column. */
function column(array $rows): array
{
    return array_map(fn($row) => $row[0], $rows);
}

function report_prepared(array $history, array $more): void
{
    echo json_encode(['history' => $history] + $more), "\n";
}
