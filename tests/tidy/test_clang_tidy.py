#!/usr/bin/env python3
"""What scripts/clang_tidy.py remembers, with a stand-in for clang-tidy that complains about the word BAD."""

import contextlib
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAND_IN = """#!/bin/sh
if [ "$1" = --version ]; then echo version 1; exit; fi
for source; do :; done
echo "$source" >> looked_at
! grep BAD "$source"
"""


def load_script():
    spec = importlib.util.spec_from_file_location("clang_tidy", ROOT / "scripts/clang_tidy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ClangTidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-tidy-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.script = load_script()
        self.script.ROOT, self.script.PASSED = self.root, self.root / "build/.clang_tidy"
        self.script.TIDY = [str(self.root / "stand_in"), "-p", "build/dev"]
        self.write("stand_in", STAND_IN)
        (self.root / "stand_in").chmod(0o755)
        self.write(".clang-tidy", "Checks: all\n")
        self.write("src/limit.hpp", "#define LIMIT 1  // of all\n")
        self.write("src/a.cpp", '#include "limit.hpp"\nint a = 1;\n')
        self.write("src/b.cpp", "int b = 2;\n")
        commands = [
            {
                "directory": str(self.root),
                "command": f"clang++-19 -o {name}.o -c {self.root}/src/{name}.cpp",
                "file": f"{self.root}/src/{name}.cpp",
            }
            for name in "ab"
        ]
        self.write("build/dev/compile_commands.json", json.dumps(commands))

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run_script(self):
        """The exit code, and the sources that the stand-in was given."""
        looked_at = self.root / "looked_at"
        looked_at.write_text("")
        with contextlib.redirect_stdout(io.StringIO()):
            code = self.script.main([])
        return code, sorted(looked_at.read_text().split())

    def test_a_second_run_looks_at_nothing(self):
        self.assertEqual(self.run_script(), (0, ["src/a.cpp", "src/b.cpp"]))
        self.assertEqual(self.run_script(), (0, []))

    def test_a_changed_header_is_looked_at_through_its_sources(self):
        self.run_script()
        self.write("src/limit.hpp", "#define LIMIT 2  // of all\n")
        self.assertEqual(self.run_script(), (0, ["src/a.cpp"]))
        self.write("src/limit.hpp", "#define LIMIT 2  // of all\n// NOLINTBEGIN\n")
        self.assertEqual(self.run_script(), (0, ["src/a.cpp"]), "comments are part of what is seen")

    def test_another_set_of_checks_looks_at_everything(self):
        self.run_script()
        self.write(".clang-tidy", "Checks: more\n")
        self.assertEqual(self.run_script(), (0, ["src/a.cpp", "src/b.cpp"]))

    def test_a_source_that_cannot_be_read_fails(self):
        self.write("src/b.cpp", '#include "none.hpp"\n')
        self.assertEqual(self.run_script(), (1, ["src/a.cpp"]))

    def test_the_macros_of_boost_are_read_as_by_the_compiler(self):
        self.write("src/a.cpp", "#include <boost/mpl/multiplies.hpp>\n")
        self.assertEqual(self.run_script(), (0, ["src/a.cpp", "src/b.cpp"]))

    def test_a_source_that_failed_fails_again(self):
        self.write("src/b.cpp", "int b = 3;  // BAD\n")
        self.assertEqual(self.run_script(), (1, ["src/a.cpp", "src/b.cpp"]))
        self.assertEqual(self.run_script(), (1, ["src/b.cpp"]))


if __name__ == "__main__":
    sys.exit(unittest.main())
