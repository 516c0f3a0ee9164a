"""A PostgreSQL server of a case's own: on the loopback, as an unprivileged user, gone with the case."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess

from case import PATIENCE, Skipped, that, wait_until

PASSWORD = "top-secret-word"


def _binaries():
    found = sorted(path.parent for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise Skipped("there is no server in /usr/lib/postgresql/*/bin; apt-get install --no-install-recommends postgresql-15")
    return found[-1]


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class PostgresServer:
    """Made without a process: start() and stop() as often as a case likes. It does not run as root, and is given away."""

    def __init__(self, case):
        self._binaries = _binaries()
        self._process = None
        self._case = case
        self._as_user = []
        self._folder = case.make_dir("server")
        self._log = self._folder / "log"
        if os.geteuid() == 0:
            user = next((name for name in ("postgres", "nobody") if _is_user(name)), None)
            if user is None or shutil.which("setpriv") is None:
                raise Skipped("a server does not run as root, and there is nobody else")
            shutil.chown(self._folder, user)
            self._as_user = [f"--reuid={user}", f"--regid={user}", "--init-groups"]
        self.port = _free_port()
        word = case.write("word", PASSWORD + "\n")
        word.chmod(0o644)
        self._tool("initdb", f"--pgdata={self._folder}/data", "--username=postgres", f"--pwfile={word}",
                   "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
        case.at_end(self.kill)

    @property
    def uri(self):
        return f"postgres://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def _command(self, program, *arguments):
        """`setpriv --pdeathsig`: a test that is ended from outside leaves no server behind."""
        return ["setpriv", "--pdeathsig", "INT", *self._as_user, str(self._binaries / program), *arguments]

    def _tool(self, program, *arguments):
        done = subprocess.run(self._command(program, *arguments), cwd="/", capture_output=True, text=True, check=False)
        that(done.returncode == 0, f"{program}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def start(self):
        """Returns when it takes connections."""
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with
                self._command("postgres", "-D", f"{self._folder}/data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                              "-c", f"unix_socket_directories={self._folder}", "-c", "shared_buffers=16MB"),
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "the server takes connections", self)

    def crash(self):
        """As `pg_ctl stop -m immediate`: nothing is put in order."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE)

    def kill(self):
        if self.is_running():
            self.crash()

    def ask(self, question):
        """The answer of a statement, as psql prints it."""
        done = subprocess.run([str(self._binaries / "psql"), "-AtX", self.uri, "-c", question], capture_output=True, text=True,
                              check=False)
        that(done.returncode == 0, f"psql: {done.stderr}")
        return done.stdout.strip()


def _is_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
