"""The programs of a run: a server of its own, and tsungs. Each ends with the `with` that started it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

READY = re.compile(r"^encke: ready ws=[\d.]+:(\d+) cometql=[\d.]+:(\d+)", re.M)
PASSWORD = "bench-tsung-password"
START_S, STOP_S = 30, 60


class Trouble(Exception):
    """What a person should read; the run ends with 1."""


def wait_for(what, condition, deadline_s):
    """Asks every 50 ms; the answer, when it is one."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise Trouble(f"waited {deadline_s:.0f} s for {what}")


class Program:
    """A process in a group of its own, with what it says in files of `folder`."""

    def __init__(self, words, folder, name, env=None):
        self.name, self.out, self.err = name, folder / f"{name}.out", folder / f"{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid

    def said(self):
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


class Server(Program):
    """encke with a fresh state directory, on free ports of 127.0.0.1, its statistics printed every second."""

    def __init__(self, binary, folder, settings):
        # What the caller's environment sets must not reach it.
        for name in [name for name in os.environ if name.startswith("ENCKE_")]:
            del os.environ[name]
        words = [str(binary), "--ws.ip=127.0.0.1", "--ws.port=0", "--cometql.ip=127.0.0.1", "--cometql.port=0",
                 "--ws.statistics=1s", "--cometql.statistics=1s", f"--main.state_dir={folder / 'state'}", *settings]
        super().__init__(words, folder, "server", {"ENCKE_MAIN_PASSWORD": PASSWORD})
        ready = wait_for("the server to be ready", self.is_ready, START_S)
        self.ws_port, self.sql_port = int(ready.group(1)), int(ready.group(2))

    def is_ready(self):
        if self.process.poll() is not None:
            raise Trouble(f"the server ended with {self.process.returncode}:\n{self.said()}")
        return READY.search(self.said())

    def stop(self):
        """Asks it to end; says what was wrong with that, or nothing."""
        if self.process.poll() is not None:
            return f"the server ended by itself with {self.process.returncode}:\n{self.said()[-4000:]}"
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            return f"the server did not end within {STOP_S} s"
        return None if code == 0 else f"the server ended with {code}:\n{self.said()[-4000:]}"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Tsung(Program):
    """One tsung with a scenario; Erlang's name service is its own, so that nobody else's is touched or left behind."""

    def __init__(self, scenario, folder, number):
        self.folder = folder
        self.env = {"HOME": str(folder), "ERL_EPMD_PORT": str(free_port()), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        (folder / "log").mkdir(parents=True)
        file = folder / "scenario.xml"
        file.write_text(scenario, encoding="utf-8")
        words = ["tsung", "-n", "-i", f"{os.getpid()}_{number}", "-f", str(file), "-l", str(folder / "log"), "start"]
        super().__init__(words, folder, "tsung", self.env)

    def has_ended(self):
        return self.process.poll() is not None

    def log(self):
        files = sorted(self.folder.glob("log/*/tsung.log"))
        if not files:
            raise Trouble(f"tsung wrote no statistics:\n{self.said()[-4000:]}")
        return files[-1]

    def complaints(self):
        """The last of what the controller logged, to explain errors."""
        files = sorted(self.folder.glob("log/*/tsung_controller*.log"))
        return files[-1].read_text(errors="replace")[-2000:] if files else ""

    def __exit__(self, *what):
        super().__exit__(*what)
        epmd = shutil.which("epmd")
        if epmd:
            subprocess.run([epmd, "-kill"], env={**os.environ, **self.env}, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=20, check=False)


def scenario_text(kind, words):
    """The scenario with every word in @ @ replaced; one without a value is a mistake of ours."""
    text = (Path(__file__).parent / f"{kind}.xml").read_text(encoding="utf-8")
    head, comment, body = re.match(r"(.*?)(<!--.*?-->)(.*)", text, re.S).groups()
    filled = re.sub(r"@([A-Z]+)@", lambda match: str(words[match.group(1)]), body)
    return head + comment + filled
