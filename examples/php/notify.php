<?php
// php notify.php 5 "Your order is ready": a notification to one user, on whatever page he is.

declare(strict_types=1);
require __DIR__ . '/encke.php';

if ($argc !== 3) {
    fwrite(STDERR, "usage: php notify.php USER TEXT\n");
    exit(2);
}
(new Encke())->tell((int) $argv[1], 'notification', ['text' => $argv[2]]);
echo "told user {$argv[1]}\n";
