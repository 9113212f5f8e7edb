"""A real PostgreSQL server for the tests, started as root or as another user.

It listens on a Unix socket only, so it needs no port. Its data is deleted with the session, so it never
waits for the disk.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from tests.peers.patience import ready_in_time
from tests.processes import children_of
from tests.waiting import wait_until

BINARY_FOLDERS = "/usr/lib/postgresql/*/bin"
MISSING = (
    "PostgreSQL was not found. Install it (Debian: apt-get install postgresql), or set"
    " SPILLWATCH_TESTS_WITHOUT=postgresql to skip its tests."
)
USER = "spillwatch"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
PR_SET_PDEATHSIG = 1
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
}


def find_binaries() -> Path | None:
    """Return the folder of the newest `initdb` and `postgres`, or None."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/").glob(BINARY_FOLDERS.lstrip("/")), key=_version, reverse=True)
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


def _version(folder: Path) -> float:
    name = folder.parent.name
    return float(name) if name.replace(".", "", 1).isdigit() else 0.0


class PostgresServer:
    """One server per test session. `url(name)` is a value for database_url."""

    def __init__(
        self, binaries: Path, *, address: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        """`address`: where it listens beside its Unix socket, for anybody who reaches that. `settings`: in
        place of those in SETTINGS, or in addition to them.
        """
        self._binaries = binaries
        self._address = address
        # Who kills a server wants to see that what was committed is there.
        network = {"listen_addresses": address, "synchronous_commit": "on"} if address else {}
        self._settings = {**SETTINGS, **network, **(settings or {})}
        self._owner = unprivileged_user() if os.geteuid() == 0 else None
        # Short, because the path of a socket has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="spillwatch-pg-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        if self._owner is not None:
            os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
        data = str(self._data)
        self._run_program("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        if self._address:
            with (self._data / "pg_hba.conf").open("a") as file:
                file.write("host all all all trust\n")
        return self.start_again()

    def kill(self) -> None:
        """Kill the server with -9. Its other processes end by themselves, which is waited for."""
        assert self._process is not None
        everybody = self._children()
        self._process.kill()
        self._process.wait()
        wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in everybody), "the server's end")

    def sessions(self) -> list[int]:
        """Return the processes that serve a connection."""
        return [each for each in self._children() if b" [local] " in _title(each) or b"(" in _title(each)]

    def _children(self) -> list[int]:
        assert self._process is not None
        return children_of(self._process.pid)

    def start_again(self) -> Self:
        """Start the server on the data that it has, as after a crash."""
        options = {**self._settings, "unix_socket_directories": str(self._folder)}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *arguments],
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # after the change of user, which would clear it
                start_new_session=True,  # Ctrl-C must only reach pytest, which then stops the server
                user=self._uid,
                group=self._gid,
            )
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": open connections are cut
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(STOP_TIMEOUT_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the server and its connections hang, as a machine does whose disk does not answer."""
        assert self._process is not None
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)  # first, so that no child is added
        everybody = [pid, *self._children()]
        try:
            for each in everybody:
                os.kill(each, signal.SIGSTOP)
            yield
        finally:
            for each in everybody:
                os.kill(each, signal.SIGCONT)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, name: str) -> str:
        return f"postgresql://{USER}@/{name}?host={self._folder}"

    def network_url(self, name: str) -> str:
        return f"postgresql://{USER}@{self._address}/{name}"

    def create(self, name: str, *, template: str = "template0") -> str:
        """Create a database as a copy of another one, and return its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run_statement(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, even while it is in use: a test that failed leaves connections open."""
        self._run_statement(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run_statement(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        if ready_in_time(self._accepts_connections, [self._process], timeout_s=START_TIMEOUT_S, poll_s=0.02):
            return
        log = (self._folder / "log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start within {START_TIMEOUT_S:.0f} s; its log says:\n{log}")

    def _accepts_connections(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run_program(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self._folder, user=self._uid, group=self._gid
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")

    @property
    def _uid(self) -> int | None:
        """The user to run as, because PostgreSQL refuses to run as root; None: the current user."""
        return self._owner.pw_uid if self._owner else None

    @property
    def _gid(self) -> int | None:
        return self._owner.pw_gid if self._owner else None


def _title(pid: int) -> bytes:
    """Return how a process of PostgreSQL calls itself; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL cannot run as root, and neither the user postgres nor nobody exists")


def die_with_parent() -> None:
    """Let the kernel send SIGQUIT to the server when pytest is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
