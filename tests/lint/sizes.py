#!/usr/bin/env python3
"""Checks that no source file has more than 1,000 lines and no C header more than 300.

  sizes.py TREE         prints every file that is too long and ends with 1; mentions those over 600 lines
  sizes.py --self-test  makes files at and past each bound and expects to see the right ones
"""

import re
import sys
import tempfile
from pathlib import Path

SOURCE_LINES, HEADER_LINES, QUESTION_LINES = 1000, 300, 600
SOURCES = {".c", ".h", ".def", ".js", ".mjs", ".ts", ".css", ".html", ".py", ".sh", ".php", ".go", ".cmake", ".txt"}
SKIPPED = re.compile(r"(^|/)(\.git|node_modules|build[^/]*|corpus)(/|$)")


def check(tree):
    """What is too long, and what is long enough to ask "which two?"."""
    found, questions = [], []
    for file in sorted(tree.rglob("*")):
        path = file.relative_to(tree).as_posix()
        if file.suffix not in SOURCES or SKIPPED.search(path) or not file.is_file():
            continue
        lines = file.read_bytes().count(b"\n")
        most = HEADER_LINES if file.suffix == ".h" else SOURCE_LINES
        if lines > most:
            found.append(f"{path}: {lines} lines, {most} are the most")
        elif lines > QUESTION_LINES:
            questions.append(f"{path}: {lines} lines; which two files is it?")
    return found, questions


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in {"a.c": 1000, "b.c": 1001, "c.h": 300, "d.h": 301, "e.md": 5000}.items():
            Path(folder, name).write_text("\n" * lines)
        found, questions = check(Path(folder))
    seen = [line.split(":")[0] for line in found], [line.split(":")[0] for line in questions]
    return [] if seen == (["b.c", "d.h"], ["a.c"]) else [f"expected b.c and d.h, and a question about a.c: {seen}"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found, questions = (self_test(), []) if sys.argv[1] == "--self-test" else check(Path(sys.argv[1]))
    print("\n".join(found + questions) if found + questions else "sizes: all well")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
