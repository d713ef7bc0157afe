#!/usr/bin/env python3
"""Reads off a built program what cmake/hardening.cmake promises.

  hardening.py PROGRAM...            prints what is missing; ends with 1 when something is
  hardening.py --self-test COMPILER  compiles a program without each promise in turn, and expects to see it
"""

import os
import platform
import re
import struct
import subprocess
import sys
import tempfile

ENDBR64 = b"\xf3\x0f\x1e\xfa"
ALL = ["-O2", "-g", "-fPIE", "-pie", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fcf-protection=full",
       "-fstack-clash-protection", "-Wl,-z,relro,-z,now,-z,noexecstack"]


def tell(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def first_bytes(program, name, count):
    """What the code of a function begins with; None when there is no such symbol."""
    symbols = tell("readelf", "-sW", program)
    symbol = re.search(rf"^\s*\d+:\s+([0-9a-f]+)\s+\d+\s+FUNC\s+\S+\s+\S+\s+\d+\s+{name}$", symbols, re.MULTILINE)
    if not symbol:
        return None
    address = int(symbol[1], 16)
    for kind, offset, virtual, _, size in re.findall(r"^\s*(LOAD)\s+0x(\w+)\s+0x(\w+)\s+0x(\w+)\s+0x(\w+)", tell("readelf", "-lW", program),
                                                     re.MULTILINE):
        start = int(virtual, 16)
        if kind == "LOAD" and start <= address < start + int(size, 16):
            with open(program, "rb") as file:
                file.seek(int(offset, 16) + address - start)
                return file.read(count)
    return None


def missing_in(program):
    """The promises that are not kept, as sentences."""
    with open(program, "rb") as file:
        (kind,) = struct.unpack_from("<H", file.read(18), 16)
    segments, dynamic = tell("readelf", "-lW", program), tell("readelf", "-dW", program)
    imports = tell("readelf", "--dyn-syms", "-W", program)
    flags = " ".join(re.findall(r"\((?:FLAGS|FLAGS_1)\)\s+(.*)", dynamic))
    producers = set(re.findall(r"DW_AT_producer\s*:.*?(GNU C\S* .*|clang version.*)", tell("readelf", "--debug-dump=info", program)))
    stack = re.search(r"GNU_STACK.* (R\S*)\s+0x", segments)
    found = []

    def want(holds, sentence):
        if not holds:
            found.append(sentence)

    want(kind == 3 and "PIE" in flags, "is not position independent")
    want("GNU_RELRO" in segments, "has no read-only relocations (-z relro)")
    want("NOW" in flags, "binds its symbols late (-z now)")
    want(stack and "E" not in stack[1], "has an executable stack")
    want(not re.search(r"LOAD.*RWE", segments), "has memory that is written and executed")
    want(not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic), "has a search path of its own, or relocates its code")
    want("__stack_chk_fail" in imports, "has no stack protector")
    want(re.search(r"__(mem|str|v?s?n?printf|read|fread|recv)\w*_chk", imports), "calls no function that _FORTIFY_SOURCE checks")
    if platform.machine() == "x86_64":
        start = first_bytes(program, "main", 4)
        want(start in (None, ENDBR64), "has no marks where calls may land (-fcf-protection)")
        for producer in sorted(p for p in producers if p.startswith("GNU C")):
            want("-fstack-clash-protection" in producer, f"lets the stack leap over its guard page: {producer}")
    return found


def self_test(compiler):
    text = ("#include <stdio.h>\n#include <string.h>\n"
            "int main(int count, char **words)\n{\n    char copy[64];\n    strcpy(copy, words[count - 1]);\n    return puts(copy);\n}\n")
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        source, program = os.path.join(directory, "p.c"), os.path.join(directory, "p")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)

        def expect(sentence, *changes):
            subprocess.run([compiler, *ALL, *changes, source, "-o", program], check=True)
            found = missing_in(program)
            if (sentence is None and found) or (sentence and not any(sentence in f for f in found)):
                wrong.append(f"{' '.join(changes) or 'all flags'}: expected {sentence or 'nothing'}, found {found}")

        expect(None)
        expect("position independent", "-fno-pie", "-no-pie")
        expect("read-only relocations", "-Wl,-z,norelro")
        expect("binds its symbols late", "-Wl,-z,lazy")
        expect("executable stack", "-Wl,-z,execstack")
        expect("search path", "-Wl,-rpath,/tmp")
        expect("stack protector", "-fno-stack-protector")
        expect("_FORTIFY_SOURCE", "-U_FORTIFY_SOURCE")
        if platform.machine() == "x86_64":
            expect("calls may land", "-fcf-protection=none")
            if "GNU C" in tell("readelf", "--debug-dump=info", program):
                expect("guard page", "-fno-stack-clash-protection")
    print("\n".join(wrong) if wrong else "each missing promise was seen")
    return 1 if wrong else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--self-test":
        sys.exit(self_test(sys.argv[2]))
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    failed = False
    for program in sys.argv[1:]:
        for sentence in missing_in(program):
            print(f"{program}: {sentence}")
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
