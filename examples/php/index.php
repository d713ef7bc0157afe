<?php
// A chat: log in with a number and a name, talk to all, whisper to one, see who is there.

declare(strict_types=1);
require __DIR__ . '/encke.php';
session_start();
$encke = new Encke();

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $user = $_SESSION['user'] ?? null;
    switch ($_POST['do'] ?? '') {
        case 'login': // your application checks a password here
            $id = (int) ($_POST['id'] ?? 0);
            if ($id > 0) {
                $_SESSION['user'] = ['id' => $id, 'name' => (string) ($_POST['name'] ?? "user $id"), 'secret' => $encke->admit($id)];
            }
            break;
        case 'logout':
            if ($user) {
                $encke->expel($user['id']);
            }
            session_destroy();
            break;
        case 'say':
            if ($user) {
                $encke->publish('web_lobby', 'say', ['from' => $user['name'], 'text' => (string) $_POST['text']]);
            }
            exit;
        case 'whisper':
            if ($user) {
                $encke->tell((int) $_POST['to'], 'whisper', ['from' => $user['name'], 'text' => (string) $_POST['text']]);
            }
            exit;
    }
    header('Location: /', true, 303);
    exit;
}
if (isset($_GET['online'])) {
    header('Content-Type: application/json');
    echo json_encode($encke->online('track_lobby'));
    exit;
}
$user = $_SESSION['user'] ?? null;
$url = getenv('ENCKE_URL') ?: 'ws://127.0.0.1:8087';
$script = preg_replace('/^ws/', 'http', $url) . '/js/encke.global.js';
?>
<!doctype html>
<meta charset="utf-8">
<title>Lobby</title>
<?php if (!$user): ?>
<form method="post">
  <input type="hidden" name="do" value="login">
  <input name="id" type="number" min="1" placeholder="number" required> <input name="name" placeholder="name" required>
  <button>Come in</button>
</form>
<?php else: ?>
<form method="post"><input type="hidden" name="do" value="logout"><b><?= htmlspecialchars($user['name']) ?></b> <button id="leave">Leave</button></form>
<p id="state">connecting</p>
<p>Online: <span id="online"></span></p>
<ul id="messages"></ul>
<form id="say"><input name="text" autocomplete="off" placeholder="to all"> <button>Say</button></form>
<form id="whisper"><input name="to" type="number" min="1" placeholder="number"> <input name="text" autocomplete="off" placeholder="to one"> <button>Whisper</button></form>
<script src="<?= htmlspecialchars($script) ?>"></script>
<script>
  const client = Encke.connect(<?= json_encode(['url' => $url, 'app' => (int) (getenv('ENCKE_APP') ?: 0), 'userId' => $user['id'], 'session' => $user['secret']]) ?>);
  const show = (kind) => ({ data }) => {
      const item = document.createElement('li');
      item.className = kind;
      item.textContent = `${kind === 'whisper' ? '(whispers) ' : ''}${data.from}: ${data.text}`;
      messages.append(item);
  };
  const refresh = async () => { online.textContent = (await (await fetch('/?online')).json()).join(', '); };
  client.subscribe('web_lobby', show('say'));
  client.subscribe('msg', show('whisper'));
  client.subscribe('track_lobby', refresh);
  client.on('open', () => { state.textContent = client.isAuthorized ? 'connected' : 'logged out'; refresh(); });
  client.on('close', () => { state.textContent = 'not connected'; });
  for (const form of [say, whisper])
      form.addEventListener('submit', (event) => {
          event.preventDefault();
          const body = new FormData(form);
          body.set('do', form.id);
          fetch('/', { method: 'POST', body });
          form.elements.text.value = '';
      });
</script>
<?php endif ?>
