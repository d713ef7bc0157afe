#!/usr/bin/env python3
"""Shows that the lints which are builds can fail: builds bad_tree and expects the compiler and the linker to complain.

  build_self_test.py TREE
"""

import subprocess
import sys
import tempfile


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def main():
    wrong = []
    with tempfile.TemporaryDirectory() as build:
        well, text = run("cmake", "-G", "Unix Makefiles", "-S", sys.argv[1], "-B", build)
        if not well:
            sys.exit(text)

        def expect(target, wanted, *texts):
            """`wanted`: builds it?"""
            built, output = run("cmake", "--build", build, "--target", target, "--", "-k")
            for missing in [text for text in texts if text not in output]:
                wrong.append(f"{target}: the build does not say {missing!r}:\n{output}")
            if built != wanted:
                wrong.append(f"{target}: {'was' if built else 'was not'} built:\n{output}")

        expect("closure_high", True)
        expect("closure_low", False, "undefined reference", "high")
        expect("lint_headers", False, "low_needy_h.c", "size_t", "unguarded")
    print("\n".join(wrong) if wrong else "the bad tree was refused as it should be")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
