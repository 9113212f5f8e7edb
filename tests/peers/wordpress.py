"""WordPress as packaged by Debian, with its own MariaDB, on loopback and in a folder of the test.

WordPress's installer makes the tables, its functions make the posts (`sites/wordpress.php`), and PHP's web
server serves it. `setup/test-programs.sh` installs the programs.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.patience import ready_in_time

ROOT = Path(__file__).parents[2]
#: Folders of the package's files: unpacked beside the other test software, or installed.
FILE_FOLDERS = (ROOT / ".venv-peers/wordpress/usr/share/wordpress", Path("/usr/share/wordpress"))
FILL_SCRIPT = Path(__file__).parent / "sites/wordpress.php"
MISSING = (
    "WordPress, PHP or MariaDB is missing. setup/test-programs.sh installs them on Debian;"
    " SPILLWATCH_TESTS_WITHOUT=wordpress skips its tests."
)
START_S = 60
STOP_S = 10
CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:%s');
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', 'http://' . ($_SERVER['HTTP_HOST'] ?? '127.0.0.1'));
define('WP_SITEURL', WP_HOME);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
"""


@dataclass(frozen=True)
class WordPress:
    """A running blog."""

    folder: Path
    url: str

    def write(self, posts: Sequence[dict[str, Any]]) -> None:
        """Create posts, or change those with the same `id`: title, content, author, date (UTC)."""
        _run_php(self.folder, FILL_SCRIPT, input=json.dumps(posts))


@contextmanager
def wordpress(folder: Path) -> Iterator[WordPress]:
    """Run an empty blog."""
    files = next((place for place in FILE_FOLDERS if (place / "wp-load.php").exists()), None)
    if files is None or shutil.which("php") is None or _mariadbd() is None:
        raise RuntimeError(MISSING)
    with ExitStack() as running:
        running.enter_context(_database_server(folder))
        _document_root(folder, files)
        _run_php(folder, FILL_SCRIPT, input="[]")
        yield WordPress(folder, running.enter_context(_http_server(folder)))


def _mariadbd() -> str | None:
    return shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")


def _document_root(folder: Path, files: Path) -> None:
    """Link all files of the package except its configuration, which would read /etc."""
    root = folder / "www"
    root.mkdir()
    for each in files.iterdir():
        if each.name not in ("wp-config.php", ".htaccess"):
            (root / each.name).symlink_to(each)
    (root / "wp-config.php").write_text(CONFIG % (folder / "mysql.sock"))
    # PHP resolves symbolic links before it reports the path of a file, so ABSPATH must be set.
    (folder / "prepend.php").write_text(f"<?php define('ABSPATH', {json.dumps(f'{root}/')});\n")


def _run_php(folder: Path, script: Path, *, input: str) -> None:
    command = ["php", *_php_settings(folder), str(script), str(folder / "www")]
    done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=START_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"WordPress could not store the posts: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _php_settings(folder: Path) -> list[str]:
    values = {"auto_prepend_file": folder / "prepend.php", "mail.add_x_header": 0, "sendmail_path": "true"}
    return [part for name, value in values.items() for part in ("-d", f"{name}={value}")]


@contextmanager
def _database_server(folder: Path) -> Iterator[None]:
    data, me = folder / "mysql", f"--user={pwd.getpwuid(os.geteuid()).pw_name}"
    common = ["--no-defaults", f"--datadir={data}"]
    make = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db", me]
    subprocess.run(make, check=True, capture_output=True, timeout=START_S)
    address = folder / "mysql.sock"
    with (folder / "mysql.log").open("w") as log:
        process = subprocess.Popen(
            [_mariadbd() or "mariadbd", *common, f"--socket={address}", "--skip-networking", me],
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_ready(lambda: _is_listening(socket.AF_UNIX, str(address)), process, folder / "mysql.log")
        yield
    finally:
        process.terminate()
        process.wait(STOP_S)


@contextmanager
def _http_server(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["php", *_php_settings(folder), "-S", f"127.0.0.1:{port}", "-t", str(folder / "www")]
    with (folder / "php.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_until_ready(
            lambda: _is_listening(socket.AF_INET, ("127.0.0.1", port)), process, folder / "php.log"
        )
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_S)


def _is_listening(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as caller:
        return caller.connect_ex(address) == 0


def _wait_until_ready(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    if not ready_in_time(ready, [process], timeout_s=START_S):
        raise RuntimeError(f"the program did not start; its log says: {log.read_text()[-2000:]}")
