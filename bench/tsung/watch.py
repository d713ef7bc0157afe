"""What the server and the tsungs take while they run: one row each second, until it is told to stop."""

import csv
import http.client
import json
import os
import threading
import time
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def thread_cpu_s(pid):
    """CPU time of each thread, by its name and number."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            found[f"{name}/{task.name}"] = int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            pass  # it has just ended
    return found


def descendants(pid):
    """The process and all below it: tsung is a shell script that starts an Erlang machine."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(word) for word in (task / "children").read_text().split()]
            found.append(one)
        except OSError:
            pass
    return found


def machine_idle_s():
    """What all cores together did not work. The kernel knows idleness exactly; what runs it samples at ticks, too little of it."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(words[4]) + int(words[5])) * TICK_S


class Watch(threading.Thread):
    """Rows of what was seen; `t` is seconds since the start, `_per_s` is since the row before, CPU is in cores."""

    def __init__(self, server, tsungs):
        super().__init__(daemon=True)
        self.server, self.tsungs, self.rows = server, tsungs, []
        self.trouble = None
        self.stopped = threading.Event()
        self.http = http.client.HTTPConnection("127.0.0.1", server.ws_port, timeout=10)
        self.start_s = time.monotonic()
        self.before = self.look()

    def look(self):
        self.http.request("GET", "/api/status")
        status = json.loads(self.http.getresponse().read())
        pids = [pid for tsung in self.tsungs for pid in descendants(tsung.pid)]
        tsung_cpu, tsung_rss = 0.0, 0
        for pid in pids:
            try:
                tsung_cpu += sum(thread_cpu_s(pid).values())
                tsung_rss += rss_bytes(pid)
            except OSError:
                pass
        return {
            "t": time.monotonic() - self.start_s, "status": status, "tsung_cpu": tsung_cpu, "tsung_rss": tsung_rss,
            "server_rss": rss_bytes(self.server.pid), "idle": machine_idle_s(),
            "threads": thread_cpu_s(self.server.pid),
        }

    def row(self, now):
        before, span_s = self.before, now["t"] - self.before["t"]

        def rate(key, shard=None):
            then, new = before["status"], now["status"]
            if shard is not None:
                then, new = then["shards"][shard], new["shards"][shard]
            return (new[key] - then[key]) / span_s

        cpu = {name: (spent - before["threads"].get(name, 0.0)) / span_s for name, spent in now["threads"].items()}
        row = {
            "t": round(now["t"], 2), "sessions": now["status"]["sessions"], "added_per_s": round(rate("added"), 1),
            "ended_per_s": round(rate("ended"), 1), "published_per_s": round(rate("published"), 1),
            "server_rss_mb": round(now["server_rss"] / 2**20, 2), "tsung_rss_mb": round(now["tsung_rss"] / 2**20, 1),
            "server_cpu": round(sum(cpu.values()), 3),
            "tsung_cpu": round(max(0.0, now["tsung_cpu"] - before["tsung_cpu"]) / span_s, 3),
            "machine_cpu": round(max(0.0, os.cpu_count() - (now["idle"] - before["idle"]) / span_s), 3),
        }
        shard_cpu = [spent for name, spent in sorted(cpu.items()) if name.startswith("shard")]
        for i, shard in enumerate(now["status"]["shards"]):
            row[f"shard{i}_connections"] = shard["connections"]
            row[f"shard{i}_events_per_s"] = round(rate("events", i), 1)
            row[f"shard{i}_cpu"] = round(shard_cpu[i], 3) if i < len(shard_cpu) else 0.0
        return row

    def run(self):
        turn = 1
        while not self.stopped.wait(max(0.0, self.start_s + turn - time.monotonic())):
            try:
                now = self.look()
            except (OSError, ValueError, http.client.HTTPException) as error:
                self.trouble = f"the server could not be watched after {turn} s: {error}"
                return
            self.rows.append(self.row(now))
            self.before = now
            turn = max(turn + 1, int(time.monotonic() - self.start_s) + 1)

    def stop(self):
        self.stopped.set()
        self.join()

    def cut(self, seconds_after=10):
        """Forgets what came long after the last client: a tsung may take a minute to end."""
        busy = [i for i, row in enumerate(self.rows) if row["sessions"] or row["ended_per_s"] or row["published_per_s"]]
        del self.rows[(busy[-1] if busy else 0) + 1 + seconds_after:]

    def most(self, key):
        return max((row[key] for row in self.rows), default=0)

    def save(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
