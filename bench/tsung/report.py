"""What a run was: the table, the errors, and the files that the report's graphs are drawn from."""

import json
import re

MB = 2**20
BLOCK = re.compile(r"^-+server_id\((\d)\)\w+-+\n(?:.*\n)*?-{40,}\n", re.M)


def best_block(kind, console):
    """The block of the server's console that showed the most: connections of ws, messages a second of cometql."""
    number, word = ("1", r"Online now\s+(\d+)") if kind == "websocket" else ("2", r"Handle messages\s+\d+\s+([\d.]+)")
    blocks = [block.group(0) for block in BLOCK.finditer(console) if block.group(1) == number]
    return max(blocks, key=lambda text: float(re.search(word, text).group(1)), default="")


def duration(stats, name):
    """A sample for a row, in the words of tsung: mean and largest, in milliseconds."""
    seen = stats.mean(name)
    return None if seen is None else {"count": seen[0], "mean_ms": round(seen[1], 3), "max_ms": round(seen[2], 1)}


def best_window(rows, key, seconds):
    """The best rate over so many seconds on end; rows are a second each. Nothing when there were not so many."""
    spans = [rows[i:i + seconds] for i in range(len(rows) - seconds + 1)]
    return round(max((sum(row[key] for row in span) / seconds for span in spans), default=0.0), 1)


def figures(kind, asked, stats, watch, status):
    """Everything of a run that has a number; the names are those of the JSON."""
    idle, peak = watch.rows[0], max(watch.rows, key=lambda row: row["sessions"])
    found = {
        "scenario": kind, **asked, "server_version": status["version"], "shards": len(status["shards"]),
        "users_seen_by_tsung": stats.total("users_count"), "finished": stats.total("finish_users_count"),
        "connect": duration(stats, "connect"), "best_10s_per_s": round(stats.best_rate("connect"), 1),
        "server_rss_idle_mb": idle["server_rss_mb"], "server_rss_peak_mb": watch.most("server_rss_mb"),
        "tsung_rss_peak_mb": watch.most("tsung_rss_mb"), "server_cpu_peak": watch.most("server_cpu"),
        "tsung_cpu_peak": watch.most("tsung_cpu"), "machine_cpu_mean": mean(watch.rows, "machine_cpu"),
        "other_cpu_mean": round(max(0.0, mean(watch.rows, "machine_cpu") - mean(watch.rows, "server_cpu")
                                          - mean(watch.rows, "tsung_cpu")), 3),
        "server_cpu_total_s": round(sum(row["server_cpu"] for row in watch.rows), 2), "errors": stats.errors(),
    }
    if kind == "websocket":
        found |= {
            "online_server": peak["sessions"], "upgraded": stats.total("websocket_succ"),
            "upgrade": duration(stats, "tr_upgrade"), "goodbye": duration(stats, "tr_goodbye"),
            "best_1s_per_s": watch.most("added_per_s"), "best_5s_per_s": best_window(watch.rows, "added_per_s", 5),
            "server_cpu_us_each": round(sum(row["server_cpu"] for row in watch.rows[:watch.rows.index(peak) + 1])
                                        * 1e6 / max(1, peak["sessions"]), 1),
            "server_bytes_each": round((peak["server_rss_mb"] - idle["server_rss_mb"]) * MB / max(1, peak["sessions"])),
            "by_shard": [peak[f"shard{i}_connections"] for i in range(len(status["shards"]))],
        }
    else:
        found |= {
            "login": duration(stats, "tr_login"), "insert": duration(stats, "tr_insert"),
            "select": duration(stats, "tr_select"), "published": status["published"],
            "best_1s_published_per_s": watch.most("published_per_s"),
        }
    return found


def mean(rows, key):
    return round(sum(row[key] for row in rows) / len(rows), 3) if rows else 0.0


def wrong(kind, found, status):
    """What did not go as it should, one sentence each."""
    bad = [f"tsung counted {count} {name}" for name, count in found["errors"].items()]
    users = found["users"]
    if found["users_seen_by_tsung"] != users or found["finished"] != users:
        bad.append(f"of {users} users {found['users_seen_by_tsung']} came and {found['finished']} went to the end")
    if kind == "websocket" and found["upgraded"] != users:
        bad.append(f"of {users} users {found['upgraded']} were let in")
    if kind == "cometql" and found["published"] != users * found["inserts"]:
        bad.append(f"of {users * found['inserts']} messages the server published {found['published']}")
    if status["slow_consumers_closed"] != 0:
        bad.append(f"the server closed {status['slow_consumers_closed']} slow connections")
    return bad


def milliseconds(sample):
    return "-" if sample is None else f"{sample['mean_ms']:.2f} ms (of {sample['count']:,}; longest {sample['max_ms']:,.0f} ms)"


def table(found):
    """The table of the original report, for a terminal."""
    rows = []
    if found["scenario"] == "websocket":
        rows += [("connections online", f"{found['online_server']:,} of {found['users']:,}; by shard {found['by_shard']}"),
                 ("ramp asked / tsung's best 10 s", f"{found['rate']:,} / {found['best_10s_per_s']:,.0f} per second"),
                 ("  the server's best 5 s / 1 s", f"{found['best_5s_per_s']:,.0f} / {found['best_1s_per_s']:,.0f} per second"),
                 ("TCP connect mean", milliseconds(found["connect"])),
                 ("connect and upgrade mean", milliseconds(found["upgrade"])),
                 ("close handshake mean", milliseconds(found["goodbye"]))]
    else:
        rows += [("applications", f"{found['finished']:,} of {found['users']:,}, {found['inserts']} INSERTs each"),
                 ("logins asked / tsung's best 10 s", f"{found['rate']:,} / {found['best_10s_per_s']:,.0f} per second"),
                 ("TCP connect mean", milliseconds(found["connect"])), ("login mean", milliseconds(found["login"])),
                 ("INSERT mean", milliseconds(found["insert"])), ("SELECT mean", milliseconds(found["select"])),
                 ("INSERTs, best second", f"{found['best_1s_published_per_s']:,.0f} per second"),
                 ("messages published", f"{found['published']:,}")]
    rows += [("server memory, at start / most", f"{found['server_rss_idle_mb']:.1f} / {found['server_rss_peak_mb']:.1f} MB"),
             ("tsung's memory, most", f"{found['tsung_rss_peak_mb']:,.0f} MB in {found['tsungs']} process(es)"),
             ("CPU, busiest second", f"server {found['server_cpu_peak']:.2f}, tsung {found['tsung_cpu_peak']:.2f} cores"),
             ("CPU of others on this machine", f"{found['other_cpu_mean']:.2f} cores on average")]
    if found["scenario"] == "websocket":
        rows.append(("server, for each connection",
                     f"{found['server_bytes_each']} bytes, {found['server_cpu_us_each']:.0f} us of CPU to let it in"))
    width = max(len(name) for name, _value in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def save(folder, kind, found, watch, console, logs):
    """The data of a run, small enough for the tree."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / f"{kind}-console.txt").write_text(best_block(kind, console), encoding="utf-8")
    watch.save(folder / f"{kind}.csv")
    for number, text in enumerate(logs, 1):
        kept = [line for line in text.splitlines() if "tsung_controller" not in line]  # the machine's name says nothing
        (folder / f"{kind}-tsung{number}.log").write_text("\n".join(kept) + "\n", encoding="utf-8")
