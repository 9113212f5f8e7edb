"""A real PostgreSQL server for the tests, started as root or as a user, gone when the tests are.

It listens on a Unix socket only, so there is no port to race for. Nothing it holds outlives the session, so
it never waits for the disk.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

PLACES = "/usr/lib/postgresql/*/bin"
MISSING = (
    "PostgreSQL was not found: install it (Debian: apt-get install postgresql), or set"
    " SPILLWATCH_TESTS_WITHOUT=postgresql to leave its tests out."
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
    """The folder of the newest `initdb` and `postgres` there is."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/").glob(PLACES.lstrip("/")), key=_version, reverse=True)
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


def _version(folder: Path) -> float:
    name = folder.parent.name
    return float(name) if name.replace(".", "", 1).isdigit() else 0.0


class PostgresServer:
    """One server for a test session. `url(name)` is what a person would put into database_url."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._owner = _unprivileged() if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="spillwatch-pg-"))  # short: a socket's path has 107 bytes
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        if self._owner is not None:
            os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
        data = str(self._data)
        self._run("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        options = {**SETTINGS, "unix_socket_directories": str(self._folder)}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *arguments],
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # after the change of user, which would clear it
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server in order
                user=self._uid,
                group=self._gid,
            )
        self._wait()
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

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, name: str) -> str:
        return f"postgresql://{USER}@/{name}?host={self._folder}"

    def create(self, name: str, *, template: str = "template0") -> str:
        """A new database as a copy of another; its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Also while it is in use: a test that failed leaves connections."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        log = (self._folder / "log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start within {START_TIMEOUT_S:.0f} s; its log says:\n{log}")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self._folder, user=self._uid, group=self._gid
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")

    @property
    def _uid(self) -> int | None:
        """PostgreSQL refuses to run as root; None: run it as we are."""
        return self._owner.pw_uid if self._owner else None

    @property
    def _gid(self) -> int | None:
        return self._owner.pw_gid if self._owner else None


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no user to run PostgreSQL as: wanted one called postgres or nobody")


def _die_with_parent() -> None:
    """A killed pytest leaves no server: the kernel sends it SIGQUIT."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
