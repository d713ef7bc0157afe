#!/usr/bin/env python3
"""Checks that includes run down: the layering of the room() lines in CMakeLists.txt.

  includes.py TREE         prints every include that breaks a rule; ends with 1 when there is one
  includes.py --self-test  breaks each rule once, in small trees of its own, and expects to see it

The rules:
  1. An include in quotes is written from src/ and names a file that exists.
  2. A room includes itself and the rooms it USES; a room uses only rooms declared above it.
  3. room/internal.h (and room/x_internal.h) is included inside its room, and by that room's unit tests, only.
  4. A third-party header is included by one file, the one that FACES names.
  5. A unit test (tests/unit/room, tests/model/room) includes what its room may include, and the tests' own headers. That of a
     tool (tests/unit/load of tools/load) includes what it likes, and a fuzz target may include what a tool has.
"""

import re
import sys
import tempfile
from pathlib import Path

# Headers of a library, the only files that may include them, and how many of those may.
FACES = [
    (r"openssl/(?!(ssl|x509v3|err)\.h)", r"src/base/(crypto(_keys)?|aead)\.c", 3),
    (r"openssl/(ssl|x509v3)\.h", r"src/io/tls(_context\.c|_tickets\.c|_internal\.h|\.c)|tools/load/tls_client\.c|tests/unit/tls_client\.h", 6),
    (r"openssl/err\.h", r"src/base/(crypto_keys|aead)\.c|src/io/tls(_context)?\.c|tools/load/tls_client\.c|tests/unit/tls_client\.h", 6),
    (r"ini\.h$", r"src/server/config\w*\.c", 1),
    (r"cmocka", r"tests/unit/test\.h", 1),
    (r"sqlite3\.h", r"src/store/sqlite\w*\.c", 2),
    (r"(mysql\.h|mysql/mysql|mariadb/)", r"src/store/mariadb\w*\.c", 3),
    (r"jansson\.h", r"src/base/json\.c", 1),
    (r"zlib\.h", r"src/ws/deflate\.c", 1),
    (r"hiredis", r"(?!)", 0),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SKIPPED = re.compile(r"(^|/)(\.git|node_modules|build[^/]*|lint/bad_tree)(/|$)")


def rooms_of(tree, complain):
    """The room() lines: {name: set of what it uses}."""
    rooms = {}
    text = re.sub(r"#.*", "", (tree / "CMakeLists.txt").read_text())
    for call in re.findall(r"^\s*room\(([^)]*)\)", text, re.MULTILINE):
        words = call.split()
        uses, into = set(), None
        for word in words[1:]:
            if word in ("USES", "LIBS"):
                into = word
            elif into == "USES":
                uses.add(word)
        for used in sorted(uses - rooms.keys()):
            complain("CMakeLists.txt", f"room {words[0]} uses {used}, which is not declared above it")
        rooms[words[0]] = uses
    return rooms


def room_of(path):
    """The room a source file or a unit test belongs to, or None."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[0] == "tests" and len(parts) > 3 and parts[1] in ("unit", "model"):
        return parts[2]
    return None


def check_ours(tree, rooms, path, name, complain):
    room, target = room_of(path), name.split("/")[0]
    if path.startswith("tests/fuzz/") and (tree / "tools" / name).is_file():
        return
    if path.startswith("tests/") and (tree / "tests" / name).is_file():
        return
    if room not in rooms and room is not None and (tree / "tools" / room).is_dir():
        if not any((tree / root / name).is_file() for root in ("src", "tools")):
            complain(path, f'"{name}" is not written from src/ or tools/, or does not exist')
        return
    if "/" not in name or not (tree / "src" / name).is_file():
        complain(path, f'"{name}" is not written from src/, or does not exist')
        return
    if room is None:
        return
    if re.search(r"internal\.h$", name) and target != room:
        complain(path, f'"{name}" is internal to the room {target}')
    elif target != room and target not in rooms.get(room, set()):
        complain(path, f'"{name}" runs upwards: the room {room} does not use {target}')


def check_theirs(path, name, faces, complain):
    for header, file, most in FACES:
        if not re.match(header, name):
            continue
        if not re.fullmatch(file, path):
            complain(path, f"<{name}> belongs behind its one face")
            return
        faces.setdefault(header, set()).add(path)
        if len(faces[header]) > most:
            complain(path, f"<{name}> has more than one face: {', '.join(sorted(faces[header]))}")


def check(tree):
    found = []

    def complain(path, text):
        found.append(f"{path}: {text}")

    rooms, faces = rooms_of(tree, complain), {}
    if not rooms:
        complain("CMakeLists.txt", "no room() line found")
    for file in sorted(tree.rglob("*.[ch]")) + sorted(tree.rglob("*.def")):
        path = file.relative_to(tree).as_posix()
        if SKIPPED.search(path):
            continue
        room = room_of(path)
        if path.startswith("src/") and room not in rooms:
            complain(path, "stands in no room that CMakeLists.txt declares")
        for kind, name in INCLUDE.findall(COMMENT.sub("", file.read_text())):
            check_theirs(path, name, faces, complain)
            third_party = any(re.match(header, name) for header, _, _ in FACES)
            if kind == '"' and not third_party and (room is not None or path.startswith(("src/", "tests/"))):
                check_ours(tree, rooms, path, name, complain)
    return found


GOOD = {
    "CMakeLists.txt": "room(base LIBS OpenSSL::Crypto)\n# room(ghost)\nroom(io USES base)\nroom(hub\n  USES base io)\n",
    "src/base/slice.h": "#include <stddef.h>\n",
    "src/base/list.def": "",
    "src/base/crypto.c": '#include "base/slice.h"\n#include <openssl/evp.h>\n#include "base/list.def"\n',
    "src/io/loop.h": "/* example:\n#include \"hub/hub.h\"\n*/\n",
    "src/io/internal.h": '#include "base/slice.h"\n',
    "src/io/loop.c": '#include "io/internal.h"\n',
    "src/hub/hub.h": "",
    "src/hub/tables/users.c": '#include "hub/hub.h"\n#include "io/loop.h"\n',
    "tests/unit/test.h": "#include <cmocka.h>\n",
    "tests/unit/io/loop.c": '#include "unit/test.h"\n#include "io/internal.h"\n#include "base/slice.h"\n',
    "tools/load/plan.h": "",
    "tests/fuzz/load_plan.c": '#include "load/plan.h"\n',
    "tests/unit/load/plan.c": '#include "load/plan.h"\n#include "io/loop.h"\n',
    "node_modules/x/x.c": '#include "nothing.h"\n',
}
BAD = [
    ("an upward include", "src/io/loop.c", '#include "hub/hub.h"\n', "runs upwards"),
    ("an upward include in a header, spaced", "src/base/slice.h", ' #  include "io/loop.h"\n', "runs upwards"),
    ("an upward include in a .def", "src/base/list.def", '#include "io/loop.h"\n', "runs upwards"),
    ("an upward include in a unit test", "tests/unit/io/loop.c", '#include "hub/hub.h"\n', "runs upwards"),
    ("an include from its own folder", "src/io/loop.c", '#include "loop.h"\n', "not written from src/"),
    ("an include with dots", "src/io/loop.c", '#include "../base/slice.h"\n', "not written from src/"),
    ("another room's internals", "src/hub/tables/users.c", '#include "io/internal.h"\n', "internal to the room io"),
    ("another room's internals in a test", "tests/unit/hub/a.c", '#include "io/internal.h"\n', "internal to the room io"),
    ("OpenSSL elsewhere", "src/io/loop.c", "#include <openssl/ssl.h>\n", "behind its one face"),
    ("OpenSSL elsewhere, in quotes", "src/io/loop.c", '#include "openssl/ssl.h"\n', "behind its one face"),
    ("a library nobody may use", "src/hub/tables/users.c", "#include <sqlite3.h>\n", "behind its one face"),
    ("the MySQL client library", "src/io/loop.c", "#include <mysql/mysql.h>\n", "behind its one face"),
    ("a tool's test that includes what is not there", "tests/unit/load/plan.c", '#include "load/lost.h"\n', "does not exist"),
    ("cmocka in a test", "tests/unit/io/loop.c", "#include <cmocka.h>\n", "behind its one face"),
    ("a room nobody declared", "src/ghost/a.c", "", "in no room"),
    ("a room that uses one above it", "CMakeLists.txt", GOOD["CMakeLists.txt"] + "room(low USES high)\nroom(high)\n",
     "not declared above"),
    ("a tree without rooms", "CMakeLists.txt", "", "no room() line"),
]


def complaints_about(files):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return check(Path(folder))


def self_test():
    wrong = [f"the good tree: {line}" for line in complaints_about(GOOD)]
    for what, path, text, expected in BAD:
        found = complaints_about({**GOOD, path: text})
        if not any(line.startswith(path + ":") and expected in line for line in found):
            wrong.append(f"{what} in {path} was not seen; found: {found}")
    two = {"src/server/config.c": "#include <ini.h>\n", "src/server/config_file.c": "#include <ini.h>\n"}
    rooms = GOOD["CMakeLists.txt"] + "room(server USES base)\n"
    if not any("more than one face" in line for line in complaints_about({**GOOD, "CMakeLists.txt": rooms, **two})):
        wrong.append("two faces of one library were not seen")
    return wrong


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = self_test() if sys.argv[1] == "--self-test" else check(Path(sys.argv[1]))
    print("\n".join(found) if found else "includes: all well")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
