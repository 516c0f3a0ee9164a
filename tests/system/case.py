"""One case of the system tests: a directory of its own, the program under test, and what may be asked of both.

A case is a function that takes a Case. It ends only processes that it has started, by their process id; what it mounts lives
in a mount namespace of its own process; it waits for conditions with a bound, and never just for time to pass.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import termios

from running import Running, die_with_parent

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

#: How long anything may take that is expected to happen; sanitizers and two busy processors are slow.
PATIENCE = 60

NOBODY = 65534

#: What differs from run to run in messages.
MASKS = (
    (r"\d{8}T\d{6}Z-([\w.-]+)-[a-z2-9]{10}\b", r"TIME-\1-RUN"),
    (r"\bsluice-[a-z2-9]{10}\b", "sluice-RUN"),
    (r"/dev/loop\d+", "/dev/loopN"),
    (r"\b[\d,]+ inodes\b", "N inodes"),
    (r"\b\d+(\.\d+)? (B|[KMGT]iB)\b", "SIZE"),
    (r"cause:  [\d,]+ (\w+), for example .*", r"cause:  N \1, for example ONE"),
    (r"\bafter \d+(\.\d+)? (ns|us|ms|s|min)\b", "after TIME"),
)


class Skipped(Exception):
    """This machine does not have what the case needs."""


def long(function):
    """Marks a case that takes more than a few seconds."""
    function.is_long = True
    return function


def wait_until(condition, what, run, patience=PATIENCE):
    """Returns what `condition` returns once that is true; fails after `patience` seconds, or when `run` has ended."""
    for _ in range(int(patience * 100)):
        if value := condition():
            return value
        that(run.is_running(), f"the run ended before: {what}")
        select.select([], [], [], 0.01)
    raise AssertionError(f"waited {patience} s in vain: {what}")


class Case:
    """Made by run.py for one function; close() leaves nothing behind."""

    def __init__(self, name, sluice, update_golden=False):
        self.name = name
        self.sluice = pathlib.Path(sluice).resolve()
        self._update_golden = update_golden
        self._undo = contextlib.ExitStack()
        memory = pathlib.Path("/dev/shm")
        fits = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
        self.dir = self._make_dir(memory if fits else None)
        self._has_mounts = False

    def close(self):
        self._undo.close()

    def at_end(self, action):
        """Called by close(), the last one first."""
        self._undo.callback(action)

    # Places.

    def _make_dir(self, parent):
        made = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{self.name[:40]}-", dir=parent))
        made.chmod(0o755)
        self._undo.callback(shutil.rmtree, made, ignore_errors=True)
        return made

    def disk_dir(self):
        """A directory on a disk rather than in memory, as far as this machine has one."""
        return self._make_dir("/var/tmp")

    def path(self, name):
        return self.dir / name

    def write(self, name, text="", count=1):
        """Writes a file, with `count` > 1 several of them: %d in the name is their number."""
        for i in range(count):
            path = self.dir / (name % i if count > 1 else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return path

    def make_files(self, name, count):
        """Makes empty files by the hundred thousand, a system call each; %d in the name is their number."""
        folder = self.make_dir(os.path.dirname(name))
        room = os.statvfs(folder)
        if 0 < room.f_files and room.f_favail < count:
            raise Skipped(f"{folder} has room for {room.f_favail} files, not for {count}")
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for i in range(count):
                os.mknod(os.path.basename(name) % i, 0o600 | stat.S_IFREG, dir_fd=descriptor)
        finally:
            os.close(descriptor)

    def make_dir(self, name, mode=0o755):
        path = self.dir / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        return path

    def plan(self, text, name="plan.yaml"):
        """Writes a plan; DIR in it stands for the case's directory."""
        return self.write(name, re.sub(r"\bDIR\b", str(self.dir)[1:], text))

    def results(self, folder="results"):
        """The one results directory there is."""
        found = list((self.dir / folder).iterdir())
        equal(len(found), 1, f"results directories in {folder}")
        return found[0]

    def summary(self, folder="results"):
        return json.loads((self.results(folder) / "summary.json").read_text())

    # What the machine may or may not have.

    def need_root(self, what):
        if os.geteuid() != 0:
            raise Skipped(f"{what} needs root")

    def tmpfs(self, name, options):
        """Mounts a small file system in memory for as long as this process lives."""
        return self._mount(name, "-t", "tmpfs", "-o", options, "tmpfs")

    def mount(self, source, name):
        """Mounts a block device for as long as this process lives."""
        return self._mount(name, str(source))

    def _mount(self, name, *what):
        self._need_mounts()
        path = self.make_dir(name)
        self._system("mount", *what, str(path))
        self._undo.callback(subprocess.run, ["umount", str(path)], check=False)
        return path

    def _need_mounts(self):
        if self._has_mounts:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        new_mounts, new_users = 0x00020000, 0x10000000
        user, group = os.geteuid(), os.getegid()
        if libc.unshare(new_mounts | (0 if user == 0 else new_users)) != 0:
            raise Skipped(f"no mount namespace to be had: {os.strerror(ctypes.get_errno())}")
        if user != 0:
            pathlib.Path("/proc/self/setgroups").write_text("deny")
            pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            pathlib.Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        self._system("mount", "--make-rprivate", "/")
        self._has_mounts = True

    def loop_device(self, image):
        """A block device over a file; detached at the end."""
        self.need_root("a loop device")
        made = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Skipped(f"no loop device to be had: {made.stderr.strip()}")
        device = made.stdout.strip()
        self._undo.callback(subprocess.run, ["losetup", "--detach", device], check=False)
        return device

    @staticmethod
    def _system(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skipped(f"{' '.join(command)}: {done.stderr.strip()}")

    def tool(self, *command):
        """Runs another program that has to be there and to succeed."""
        if shutil.which(command[0]) is None:
            raise Skipped(f"there is no {command[0]}")
        subprocess.run([str(c) for c in command], check=True, capture_output=True)

    def tool_output(self, *command):
        """What another program prints, which has to be there and may fail."""
        if shutil.which(command[0]) is None:
            raise Skipped(f"there is no {command[0]}")
        return subprocess.run([str(c) for c in command], check=False, capture_output=True).stdout.decode()

    # The program.

    def start(self, *arguments, as_nobody=False, descriptors=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close=(),
              ignored=(), terminal=None):
        """Starts sluice in the case's directory. `close`: descriptors that it is to begin without; `ignored`: signals that
        are; `terminal`: a descriptor of the one that it belongs to."""
        command = [str(self.sluice), *map(str, arguments)]
        if as_nobody and os.geteuid() == 0:
            program = self.path("sluice")
            if not program.exists():
                shutil.copy(self.sluice, program)
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(program), *command[1:]]

        def prepare_child():
            die_with_parent()
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
            if terminal is not None:
                os.setsid()
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            for descriptor in close:
                os.close(descriptor)

        running = Running(command, cwd=self.dir, patience=PATIENCE, preexec_fn=prepare_child, stdout=stdout, stderr=stderr)
        self._undo.callback(running.kill)
        return running

    def run(self, *arguments, **how):
        """Runs sluice to its end."""
        return self.start(*arguments, **how).end()

    def run_ok(self, *arguments, **how):
        ended = self.run(*arguments, **how)
        equal(ended.exit, 0, f"exit code of {arguments}", ended)
        return ended

    # What is to be so.

    def check_golden(self, ended, masks=()):
        """Compares exit code and stderr with golden/<case>.txt, but for what differs from run to run."""
        text = ended.err.replace(str(self.dir), "/DIR")
        for pattern, stand_in in (*MASKS, *masks):
            text = re.sub(pattern, stand_in, text)
        text = f"exit {ended.exit}\n{text}"
        path = HERE / "golden" / f"{self.name}.txt"
        if self._update_golden:
            path.write_text(text)
        that(path.is_file(), f"{path} is not there; --update-golden writes it. It would be:\n{text}")
        equal(text, path.read_text(), f"what golden/{path.name} says (--update-golden writes it anew)")

    def fails(self, exit_code, *arguments, masks=(), **how):
        """A run that fails with this exit code, as its golden text says, in all four parts."""
        ended = self.run(*arguments, **how)
        equal(ended.exit, exit_code, "exit code", ended)
        for part in ("error: ", "\n  where:  ", "\n  likely: 1. ", "\n  try:    1. "):
            that(part in "\n" + ended.err, f"the error has no part {part!r}", ended)
        self.check_golden(ended, masks)
        return ended


def that(truth, message, ended=None):
    """Fails with a message, and with what the program said."""
    if truth:
        return
    said = f"\nexit {ended.exit}\nstdout: {ended.out[-4000:]}\nstderr: {ended.err[-4000:]}" if ended else ""
    raise AssertionError(message + said)


def equal(actual, expected, what, ended=None):
    that(actual == expected, f"{what}: expected\n{expected}\nand is\n{actual}", ended)
