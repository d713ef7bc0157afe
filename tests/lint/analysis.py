#!/usr/bin/env python3
"""Static analysis of src/ and tools/ beyond what compilers warn about.

  analysis.py BUILD [TOOL...]     TOOL: tidy, cppcheck, fanalyzer; all of them by default. BUILD: a configured build by gcc
  analysis.py --self-test         a file with a mistake for each tool, and an entry that silences nothing

Each finding is printed as "path:line: tool: check: message"; ends with 1 when there is one. A finding that is false is silenced in
one place, tests/lint/analysis.known: a path, a check, and the reason. An entry that silences nothing any more is a finding itself.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).with_suffix(".known")
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 1)
TOOLS = ["tidy", "cppcheck", "fanalyzer"]
# Intrusive lists hold what they own by a member, which gcc 12 takes for a leak everywhere; AddressSanitizer looks for leaks.
NOT_ASKED = ["-Wno-analyzer-malloc-leak"]
FINDING = re.compile(r"^(/[^:\n]+):(\d+):(?:\d+:)? (?:warning|error): (.*) \[([^\]\n]+)\]$", re.MULTILINE)


def run(words, directory):
    done = subprocess.run(words, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def commands_of(build, tree):
    """What compiles each file of src/ and tools/."""
    entries = json.loads((Path(build) / "compile_commands.json").read_text(encoding="utf-8"))
    seen = {}
    for entry in entries:
        path = Path(entry["directory"], entry["file"])
        if path.is_relative_to(tree) and path.relative_to(tree).parts[0] in ("src", "tools"):
            seen.setdefault(str(path), entry)
    return list(seen.values())


def findings_in(tool, text):
    return {(path, int(line), tool, check, message) for path, line, message, check in FINDING.findall(text)}


def analyse_tidy(entries, database):
    def one(entry):
        return run(["clang-tidy", "-p", database, "--quiet", entry["file"]], entry["directory"])

    return each("tidy", one, entries)


def analyse_fanalyzer(entries, _):
    def one(entry):
        words = shlex.split(entry["command"])
        del words[words.index("-o"):words.index("-o") + 2]
        return run(words + ["-fanalyzer", "-Wno-error", *NOT_ASKED, "-fdiagnostics-plain-output", "-S", "-o", "/dev/null"], entry["directory"])

    return each("fanalyzer", one, entries)


def analyse_cppcheck(_, database):
    status, text = run(["cppcheck", f"--project={database}/compile_commands.json", "--enable=warning,performance,portability", "--quiet",
                        f"-j{JOBS}", "--std=c11", "--template={file}:{line}: warning: {message} [{id}]", "--template-location=",
                        "--suppress=missingInclude", "--suppress=unknownMacro", "--suppress=internalAstError"], database)
    return findings_in("cppcheck", text) if status == 0 else sys.exit(f"cppcheck: {text}")


def each(tool, one, entries):
    found = set()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for entry, (status, text) in zip(entries, pool.map(one, entries)):
            here = findings_in(tool, text)
            if status != 0 and not here:
                sys.exit(f"{tool}: {entry['file']}:\n{text}")
            found |= here
    return found


def known_in(path):
    """{(path, check): line}: what analysis.known silences."""
    known = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            file, check, _ = line.split(None, 2)
            known[file, check] = number
    return known


def analyse(build, tree, tools, known):
    """The findings that are not known, and known ones that these tools no longer have, as lines."""
    entries, lines, used = commands_of(build, tree), [], set()
    if not entries:
        sys.exit(f"{build}/compile_commands.json has no file of src/ or tools/: configure it first")
    with tempfile.TemporaryDirectory() as database:
        Path(database, "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")
        for tool in tools:
            for path, line, _, check, message in sorted(globals()[f"analyse_{tool}"](entries, database)):
                path = str(Path(path).resolve().relative_to(tree)) if Path(path).is_relative_to(tree) else path
                name = f"{tool}:{check.split(',')[0]}"
                if (path, name) in known:
                    used.add((path, name))
                else:
                    lines.append(f"{path}:{line}: {name}: {message}")
    for (path, name), number in known.items():
        if name.split(":")[0] in tools and (path, name) not in used:
            lines.append(f"analysis.known:{number}: {path} has no {name} any more: take the line out")
    return lines


BAD = """#include <stdlib.h>
int leaks(int n);
int forgets(int n);
int leaks(int n)
{
    char *p = malloc((size_t)n);
    if (p == NULL)
        return -1;
    return p[0] = 1;
}
int forgets(int n)
{
    char *p = malloc((size_t)n);
    if (p == NULL)
        return -1;
    free(p);
    free(p);
    return 0;
}
"""


def self_test():
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory).resolve()
        (tree / "src").mkdir()
        (tree / "src/bad.c").write_text(BAD, encoding="utf-8")
        (tree / ".clang-tidy").write_text((TREE / ".clang-tidy").read_text(encoding="utf-8"), encoding="utf-8")
        (tree / "compile_commands.json").write_text(json.dumps([
            {"directory": directory, "file": str(tree / "src/bad.c"), "command": f"gcc -O2 -c {tree}/src/bad.c -o bad.o"}]), encoding="utf-8")
        for tool in TOOLS:
            lines = analyse(tree, tree, [tool], {})
            if not any(line.startswith("src/bad.c:") for line in lines):
                wrong.append(f"{tool} does not see the mistake: {lines}")
            known = {("src/bad.c", line.split(": ")[1]): 1 for line in lines}
            if analyse(tree, tree, [tool], known):
                wrong.append(f"{tool} cannot be silenced")
            if len(analyse(tree, tree, [tool], {**known, ("src/gone.c", f"{tool}:x"): 2})) != 1:
                wrong.append(f"{tool}: an entry that silences nothing is not seen")
    print("\n".join(wrong) if wrong else "each tool sees a mistake, can be silenced, and says when there is nothing to silence")
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(TOOLS):
        sys.exit(__doc__)
    lines = analyse(sys.argv[1], TREE, sys.argv[2:] or TOOLS, known_in(KNOWN))
    print("\n".join(lines) if lines else "nothing found that is not known")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
