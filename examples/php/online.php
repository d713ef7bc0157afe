<?php
// php online.php track_lobby: who listens to a channel now.

declare(strict_types=1);
require __DIR__ . '/encke.php';

foreach ((new Encke())->online($argv[1] ?? 'track_lobby') as $user) {
    echo "$user\n";
}
