"""What a tsung wrote: the file tsung.log of its text backend, one dump every ten seconds.

    # stats: dump at 1795429012
    stats: connect 500 0.438 1.265 23.234 0.162 0 0          a sample: in these ten seconds 500, mean 0.438 ms, deviation,
                                                             max and min of the whole run, mean and count before them
    stats: websocket_succ 500 500                            a count: in these ten seconds, and in all
"""

import re

DUMP_S = 10  # before the first dump there is none to take the difference to


class Dump:
    """One dump: when, the samples in it as (count, mean, largest so far), the counts in it, and the counts in all."""

    def __init__(self, at):
        self.at, self.samples, self.counts, self.totals = at, {}, {}, {}


def number(text):
    return float(text) if re.search(r"[.e]", text) else int(text)


def parse(text):
    """The dumps of a log, oldest first. Monitoring of the machine, in braces, is left out."""
    dumps = []
    for line in text.splitlines():
        head = re.match(r"# stats: dump at (\d+)", line)
        if head:
            dumps.append(Dump(int(head.group(1))))
            continue
        words = line.split()
        if not dumps or len(words) < 4 or words[0] != "stats:" or words[1].startswith("{"):
            continue
        name, values = words[1], [number(word) for word in words[2:]]
        if len(values) == 2:
            dumps[-1].counts[name], dumps[-1].totals[name] = values
        elif len(values) == 7:
            dumps[-1].samples[name] = values[0], values[1], values[3]
    return dumps


class Stats:
    """What several tsungs saw together, each a list of dumps."""

    def __init__(self, logs):
        self.logs = logs

    def mean(self, name):
        """Of a sample: how many, their mean, the largest. None when there was none."""
        seen = [dump.samples[name] for dumps in self.logs for dump in dumps if name in dump.samples]
        count = sum(sample[0] for sample in seen)
        if count == 0:
            return None
        return count, sum(sample[0] * sample[1] for sample in seen) / count, max(sample[2] for sample in seen)

    def total(self, name):
        """Of a count, over the whole run."""
        return sum(dump.counts.get(name, 0) for dumps in self.logs for dump in dumps)

    def best_rate(self, name):
        """Of a sample: the most in one dump, per second. Dumps of several tsungs are not at one time; their best are added."""
        return sum(best_rate(dumps, name) for dumps in self.logs)

    def most(self, name):
        """Of a count that also falls, as `connected`: the most there was at a dump."""
        return sum(max((dump.totals.get(name, 0) for dump in dumps), default=0) for dumps in self.logs)

    def errors(self):
        """What tsung calls an error, with how often."""
        names = {name for dumps in self.logs for dump in dumps for name in dump.counts}
        bad = sorted(name for name in names if name.startswith("error") or name.endswith("_fail"))
        return {name: self.total(name) for name in bad if self.total(name) > 0}


def best_rate(dumps, name):
    best, before = 0.0, None
    for dump in dumps:
        span_s = dump.at - before if before is not None and dump.at > before else DUMP_S
        if name in dump.samples and span_s >= DUMP_S - 1:  # the last dump may be of a piece only
            best = max(best, dump.samples[name][0] / span_s)
        before = dump.at
    return best
