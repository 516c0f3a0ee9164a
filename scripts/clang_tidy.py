#!/usr/bin/env python3
"""clang-tidy-19 over the sources that differ from the last release tag, committed or not; over all where there is no tag.

usage: scripts/clang_tidy.py [FILE...]     without files: as said above

Wants build/dev (its compile commands, its generated headers). What has passed is remembered in build/.clang_tidy: a second
run looks only at sources that read differently to the compiler, or that are asked about in another way.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSED = ROOT / "build/.clang_tidy"
KEPT_DAYS_MAX = 30
TIDY = ["clang-tidy-19", "-p", "build/dev", "--quiet", "--warnings-as-errors=*"]
# The analyzer walks each path through every EXPECT_...: minutes for a file of tests, and nothing found. How fast a test
# makes its strings and lists is of no interest.
IN_TESTS = ["--checks=-clang-analyzer-*,-bugprone-unchecked-optional-access,-performance-*"]


def output_of(*command, folder=ROOT):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout


def git(*arguments):
    return output_of("git", "-c", "safe.directory=*", *arguments).decode().split()


def changed_sources(known):
    """Those of `known` that differ from the last release tag, with the tag; all of them where there is none."""
    try:
        tag = git("describe", "--tags", "--abbrev=0", "--match", "v*")[0]
    except subprocess.CalledProcessError:
        return known, ""  # also a copy without git's folder
    paths = git("diff", "--name-only", "--diff-filter=d", tag, "--", "src", "tests")
    paths += git("ls-files", "--others", "--exclude-standard", "--", "src", "tests")
    # A changed header is looked at through the sources that include it.
    includes = ['"' + path.removeprefix("src/") + '"' for path in paths if path.endswith(".hpp")]
    texts = {source: (ROOT / source).read_text() for source in known}
    return [s for s in known if s in paths or any(include in texts[s] for include in includes)], tag


def tidy_command(source):
    return TIDY + (IN_TESTS if "/tests/" in source else [])


def key_of(source, entry):
    """Stands for everything that clang-tidy can see of the source: macros, and comments outside of them, are part of that."""
    command = shlex.split(entry["command"])
    at = command.index("-o")
    seen = output_of(*command[:at], *command[at + 2 :], "-E", "-C", "-dD", folder=entry["directory"])
    asked = (ROOT / ".clang-tidy").read_bytes() + output_of(TIDY[0], "--version") + " ".join(tidy_command(source)).encode()
    return hashlib.sha256(asked + (ROOT / source).read_bytes() + seen).hexdigest()


def look_at(source, entry):
    """What clang-tidy says of the source; "" where it passes or has passed, None in the latter case."""
    try:
        stamp = PASSED / key_of(source, entry)
    except subprocess.CalledProcessError as error:
        return f"{source} cannot be read by the compiler:\n{error.stderr.decode()}"
    if stamp.exists():
        stamp.touch()
        return None
    done = subprocess.run([*tidy_command(source), source], cwd=ROOT, text=True, capture_output=True)
    if done.returncode == 0:
        stamp.touch()
        return ""
    return done.stdout or done.stderr


def main(names):
    # Sources that this build leaves out (benchmarks) have no compile command and are left out here, too.
    commands = json.loads((ROOT / "build/dev/compile_commands.json").read_text())
    entries = {os.path.relpath(entry["file"], ROOT): entry for entry in commands}
    known = sorted(source for source in entries if source.startswith(("src/", "tests/")))
    files, tag = (sorted(set(names) & set(known)), "") if names else changed_sources(known)
    print(f"clang-tidy: {len(files)} sources{' changed since ' + tag if tag else ''}", flush=True)

    PASSED.mkdir(parents=True, exist_ok=True)
    said = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for text in pool.map(lambda source: look_at(source, entries[source]), files):
            said.append(text)
            if text:
                print(text, flush=True)
    for stamp in PASSED.iterdir():
        if time.time() - stamp.stat().st_mtime > KEPT_DAYS_MAX * 86400:
            stamp.unlink()
    failed = sum(bool(text) for text in said)
    print(f"clang-tidy: {failed} failed, {said.count('')} passed, {said.count(None)} had passed before")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
