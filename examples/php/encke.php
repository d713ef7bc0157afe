<?php
// Everything a PHP application needs of Encke: a PDO connection and five statements.

declare(strict_types=1);

final class Encke
{
    private PDO $sql;

    public function __construct()
    {
        $dsn = sprintf('mysql:host=%s;port=%s;dbname=CometQL_v1;charset=utf8mb4',
                       getenv('ENCKE_HOST') ?: '127.0.0.1', getenv('ENCKE_SQL_PORT') ?: '3307');
        $this->sql = new PDO($dsn, getenv('ENCKE_APP') ?: '0', getenv('ENCKE_PASSWORD') ?: '', [
            PDO::ATTR_EMULATE_PREPARES => false, // what is bound arrives as it is: no escapes
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        ]);
    }

    /** To everybody who listens to the channel. */
    public function publish(string $channel, string $event, mixed $data): void
    {
        $this->sql->prepare('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)')
                  ->execute([$channel, $event, json_encode($data, JSON_THROW_ON_ERROR)]);
    }

    /** To every page that the user has open; to the next one he opens when he has none. */
    public function tell(int $user, string $event, mixed $data): void
    {
        $this->sql->prepare('INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)')
                  ->execute([$user, $event, json_encode($data, JSON_THROW_ON_ERROR)]);
    }

    /** A new secret for the user's pages. The one before ends to be good, pages that are connected stay so. */
    public function admit(int $user): string
    {
        $secret = bin2hex(random_bytes(16));
        $this->sql->prepare('INSERT INTO users_auth (id, hash) VALUES (?, ?)')->execute([$user, $secret]);
        return $secret;
    }

    /** Takes the secret back and disconnects the user's pages. */
    public function expel(int $user): void
    {
        $this->sql->prepare('DELETE FROM users_auth WHERE id = ?')->execute([$user]);
    }

    /** The ids of the users who listen to the channel now. */
    public function online(string $channel): array
    {
        $rows = $this->sql->prepare('SELECT user_id FROM users_in_pipes WHERE name = ?');
        $rows->execute([$channel]);
        return array_values(array_unique(array_filter(array_map('intval', $rows->fetchAll(PDO::FETCH_COLUMN)))));
    }
}
