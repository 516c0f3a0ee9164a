#!/usr/bin/env python3
"""./quickstart says what is wrong where a package is not to be had. dpkg-query, apt-get and sudo are stand-ins."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

_NOT_INSTALLED = "/usr/bin/dpkg-query \"$@\" | grep -v ' clang-19$'"
_SUDO = 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"'


def is_debian_12():
    release = pathlib.Path("/etc/os-release")
    return release.is_file() and {"ID=debian", 'VERSION_ID="12"'} <= set(release.read_text(encoding="utf-8").splitlines())


@unittest.skipUnless(is_debian_12(), "the packages are named for Debian 12")
class MissingPackages(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-setup-")
        self.root = pathlib.Path(self._folder.name)
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        shutil.copy(ROOT / "quickstart", self.root)
        self.stand_in("dpkg-query", _NOT_INSTALLED)
        self.stand_in("sudo", _SUDO)

    def tearDown(self):
        self._folder.cleanup()

    def stand_in(self, name, script):
        file = self.root / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)

    def error_of_quickstart(self):
        """Its complaint, after it has failed in all four parts and built nothing."""
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(["./quickstart", "--build-only"], cwd=self.root, env={**os.environ, "PATH": path},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        for part in ("error: ", "\n  where:  ", "\n  likely: ", "\n  try:    "):
            self.assertIn(part, done.stderr)
        self.assertFalse((self.root / "build" / "release").exists())
        return done.stderr

    def test_a_package_that_no_source_has_is_named(self):
        self.stand_in("apt-get", 'case "$*" in *install*) echo "E: Unable to locate package clang-19" >&2; exit 100 ;; esac')
        self.assertIn("packages are not to be had here: clang-19", self.error_of_quickstart())

    def test_a_network_that_is_not_there_is_named_by_what_was_asked_for(self):
        self.stand_in("apt-get", 'echo "W: Failed to fetch http://mirror/debian/InRelease  no route" >&2\n'
                                 'case "$*" in *install*) exit 100 ;; esac')
        said = self.error_of_quickstart()
        self.assertIn("could not fetch", said)
        self.assertIn("where:  http://mirror/debian/InRelease", said)

    def test_postgresql_is_kept_from_making_a_cluster_before_it_is_installed(self):
        folder = self.root / "postgresql-common"
        self.assertEqual(self.clusters_prevented(folder, "strace postgresql-15"), 0)
        self.assertIn("\ncreate_main_cluster = false\n", (folder / "createcluster.conf").read_text(encoding="utf-8"))

    def test_settings_of_clusters_that_are_there_stay(self):
        folder = self.root / "postgresql-common"
        folder.mkdir()
        (folder / "createcluster.conf").write_text("of this machine\n", encoding="utf-8")
        self.assertEqual(self.clusters_prevented(folder, "postgresql-15"), 0)
        self.assertEqual((folder / "createcluster.conf").read_text(encoding="utf-8"), "of this machine\n")

    def test_without_postgresql_nothing_is_said_of_clusters(self):
        folder = self.root / "postgresql-common"
        self.assertEqual(self.clusters_prevented(folder, "strace"), 0)
        self.assertFalse(folder.exists())

    def clusters_prevented(self, folder, packages):
        script = f'. scripts/setup.sh; as_root=(); prevent_clusters "{packages}"'
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.root,
                              env={**os.environ, "cluster_settings": str(folder)}, check=False).returncode

    def test_a_sudo_that_refuses_is_said(self):
        if os.geteuid() == 0:
            self.skipTest("root needs no sudo")
        self.stand_in("sudo", "exit 1")
        self.assertIn("sudo refuses: clang-19", self.error_of_quickstart())


if __name__ == "__main__":
    unittest.main()
