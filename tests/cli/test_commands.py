"""Commands that need no site: their output and exit codes."""

from __future__ import annotations

import csv
import io
import json
import shutil
import socket
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import cli.commands
from cli.exits import Exit
from storage import listings, runs, sources
from storage.database.base import Database
from storage.database.lock import DaemonLock
from storage.listings import ListingRecord
from tests.cli.command import SPILLWATCH, TIMEOUT_S, answer, environment, spillwatch

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that `spillwatch init` writes."""
    folder = tmp_path / "home"
    assert spillwatch(tmp_path, "init", "home").returncode == Exit.OK
    return folder


@pytest.fixture
def filled(home: Path, sqlite_template: Path) -> Path:
    """A database with a source and two listings, one of them hostile."""
    (home / "var").mkdir()
    shutil.copy(sqlite_template, home / "var/spillwatch.db")
    database = Database.open(f"sqlite:///{home}/var/spillwatch.db")
    with database.transaction() as session:
        sources.sync_declared_sources(
            session, [sources.DeclaredSource("market", "html", {}, "market.toml")], NOW
        )
        source = sources.source_by_name(session, "market")
        assert source is not None
        run = runs.enqueue_run(session, source.id, slot="1", trigger=runs.RunTrigger.SCHEDULE, now=NOW)
        assert run is not None
        listings.upsert_many(
            session, source.id, [listing("1", "出售华为数据"), listing("2", "=1+1\x1b[2J\u202eevil")], NOW
        )
    database.close()
    return home


def listing(key: str, title: str) -> ListingRecord:
    return ListingRecord(
        key=key, url=f"https://market.example/{key}", title=title, body="", content_digest=key
    )


def test_what_init_writes_passes_check(home: Path) -> None:
    """A new configuration has no mistakes, and its example source is disabled."""
    found = answer(home, "check")

    expected = {"ok": True, "sources": 1, "enabled": 0, "companies": 1, "terms": 2, "channels": 0}
    assert {key: found[key] for key in expected} == expected


def test_check_remarks_on_common_words_and_proposes_aliases(home: Path) -> None:
    """They are no mistakes, and a declined alias is not proposed again."""
    company = """name = "移动钱包有限公司"
    declined_aliases = ["ydqb"]
    [[terms]]
    text = "移动"
    owner = "x"
    reason = "x"
    [[terms]]
    text = "qudian.example"
    kind = "domain"
    owner = "x"
    reason = "x"
    """
    (home / "companies" / "wallet.toml").write_text(company, encoding="utf-8")
    found = answer(home, "check")

    assert [remark[:21] for remark in found["remarks"]] == ['wallet: the term "移动"']
    assert [proposal["text"] for proposal in found["proposals"]] == [
        "qudian",
        "yidongqianbao",
        "yi dong qian bao",
        "yidong",
        "yi dong",
        "qu dian",
    ]
    assert '"qu dian" (the syllables of "qudian")' in spillwatch(home, "check").stdout


def test_init_writes_a_company_with_proposals_as_comments(tmp_path: Path) -> None:
    """The operator accepts an alias by removing its comment signs."""
    answer(tmp_path, "init", "--company", "趣店集团有限公司", "--domain", "qudian.example")
    file = tmp_path / "companies" / "company.toml"
    before = answer(tmp_path, "check")
    comments = file.read_text(encoding="utf-8")
    accepted = [line.removeprefix("# ") for line in comments.splitlines() if "Aliases that" not in line]
    file.write_text("\n".join(accepted), encoding="utf-8")
    after = answer(tmp_path, "check")

    assert (before["terms"], len(before["proposals"]) > 0) == (2, True)
    assert (after["terms"], after["proposals"]) == (2 + len(before["proposals"]), [])


def test_init_overwrites_nothing(home: Path) -> None:
    """A second init is refused and leaves every file unchanged."""
    (home / "spillwatch.toml").write_text("# mine\n")
    again = spillwatch(home, "init")

    assert (again.returncode, (home / "spillwatch.toml").read_text()) == (Exit.REFUSED, "# mine\n")
    assert "exists" in again.stderr and "Traceback" not in again.stderr


def test_init_keeps_keys_and_data_out_of_a_repository(home: Path) -> None:
    """Git ignores the data folder, keys and files of secrets in what init writes."""
    subprocess.run(["git", "init", "-q", home], check=True)
    names = ["var/x.db", "a.key", "smtp-password", "webhook-secrets"]
    ignored = subprocess.run(
        ["git", "check-ignore", *names], cwd=home, capture_output=True, text=True, check=False
    )

    assert ignored.stdout.split() == names


def test_check_prints_every_mistake_as_a_line(home: Path) -> None:
    """The output names file, key, what was found and what was wanted."""
    (home / "spillwatch.toml").write_text("[daemon]\nlog_levle = 1\nmatch_workers = 0\n")
    ran = spillwatch(home, "check")

    assert ran.returncode == Exit.CONFIGURATION
    assert f"{home}/spillwatch.toml: daemon.log_levle" in ran.stderr
    assert '"log_level"' in ran.stderr
    assert "daemon.match_workers: found 0; wanted at least 1" in ran.stderr


def test_check_json_has_the_mistakes_as_objects(home: Path) -> None:
    """The JSON has file, key, found, wanted and hint as separate fields."""
    (home / "spillwatch.toml").write_text("[daemon]\nlog_levle = 1\n")
    (mistake,) = answer(home, "check", code=Exit.CONFIGURATION)["mistakes"]

    assert (mistake["key"], mistake["found"]) == ("daemon.log_levle", "an unknown key")
    assert mistake["file"] == str(home / "spillwatch.toml")


@pytest.mark.parametrize("arguments", [("runs",), ("crawl", "x"), ("run",), ("doctor", "--only", "space")])
def test_a_command_without_a_configuration_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The message names the searched file, without a traceback."""
    ran = spillwatch(tmp_path, "--config", "absent.toml", *arguments)

    assert ran.returncode in (Exit.CONFIGURATION, Exit.NEGATIVE)
    assert "absent.toml" in ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments", [("nosuch",), ("runs", "--nosuch"), ("listings", "--since", "soon"), ("crawl",)]
)
def test_a_wrong_command_line_is_a_usage_error(home: Path, arguments: tuple[str, ...]) -> None:
    """Unknown commands and options, missing arguments and invalid values end with 2."""
    ran = spillwatch(home, *arguments)

    assert ran.returncode == Exit.USAGE
    assert "Traceback" not in ran.stderr


def test_version_is_printed(tmp_path: Path) -> None:
    """--version needs no configuration."""
    assert spillwatch(tmp_path, "--version").stdout == "spillwatch 0.1.0\n"


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """--debug prints the traceback of an error."""
    ran = spillwatch(tmp_path, "--debug", "--config", "absent.toml", "runs")

    assert ran.returncode == Exit.CONFIGURATION
    assert "Traceback" in ran.stderr


def test_a_database_that_is_none_is_a_sentence(home: Path) -> None:
    """A file that is not an SQLite database ends with exit code 4 and one line."""
    (home / "var").mkdir()
    (home / "var/spillwatch.db").write_bytes(b"this is not a database, despite its name" * 100)
    ran = spillwatch(home, "runs")

    assert ran.returncode == Exit.DATABASE
    assert len(ran.stderr.splitlines()) == 1


def test_an_unreachable_postgresql_is_a_sentence_without_the_password(home: Path) -> None:
    """The message contains neither the password nor a traceback."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    url = f"postgresql://watcher:hunter2@127.0.0.1:{port}/x"
    ran = spillwatch(home, "runs", extra={"SPILLWATCH_STORAGE__DATABASE_URL": url})

    assert ran.returncode == Exit.DATABASE
    assert "hunter2" not in ran.stderr and "Traceback" not in ran.stderr


def test_runs_are_listed(filled: Path) -> None:
    """A queued run is in the table and in the JSON."""
    (run,) = answer(filled, "runs")

    assert (run["source"], run["state"], run["outcome"]) == ("market", "queued", None)
    assert "market" in spillwatch(filled, "runs").stdout


def test_an_unknown_source_is_refused(filled: Path) -> None:
    """A misspelt source or company is refused and does not give an empty list."""
    for arguments in (("runs", "--source", "markte"), ("listings", "--source", "markte")):
        assert spillwatch(filled, *arguments).returncode == Exit.REFUSED
    assert spillwatch(filled, "listings", "--company", "nobody").returncode == Exit.REFUSED


def test_listings_are_found_by_two_chinese_characters(filled: Path) -> None:
    """The search finds 华为 in a title."""
    assert [found["key"] for found in answer(filled, "listings", "华为")] == ["1"]


def test_a_title_can_do_nothing_to_the_terminal(filled: Path) -> None:
    """Escape sequences and bidi overrides of a title are not printed."""
    printed = spillwatch(filled, "listings").stdout

    assert "=1+1" in printed
    assert "\x1b" not in printed and "\u202e" not in printed


def test_a_title_can_do_nothing_to_a_spreadsheet(filled: Path) -> None:
    """A title that is a formula is text in the CSV output."""
    rows = list(csv.DictReader(io.StringIO(spillwatch(filled, "listings", "--csv").stdout)))

    assert [row["title"] for row in rows] == ["'=1+1[2Jevil", "出售华为数据"]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (("--since", "2026-05-01T00:00+00:00"), ["2", "1"]),
        (("--since", "1h"), []),
        (("--life", "gone"), []),
        (("--there",), ["2", "1"]),
        (("--gone",), []),
        (("--min-price", "5", "--currency", "usd"), []),
        (("--seller", "nobody"), []),
        (("--min-records", "1"), []),
        (("--limit", "1"), ["2"]),
    ],
)
def test_listings_are_filtered(filled: Path, options: tuple[str, ...], keys: list[str]) -> None:
    """Each filter selects the listings it describes."""
    assert [found["key"] for found in answer(filled, "listings", *options)] == keys


def without_reader(folder: Path, *arguments: str) -> tuple[int, bytes]:
    """Run a command whose reader has left; return its exit code and what it wrote to standard error."""
    with subprocess.Popen(
        [SPILLWATCH, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as writing:
        assert writing.stdout and writing.stderr
        writing.stdout.close()
        errors = writing.stderr.read()
        return writing.wait(timeout=60), errors


def test_a_reader_that_goes_away_is_no_error(filled: Path) -> None:
    """`spillwatch listings --json | head -1` ends without a traceback."""
    code, errors = without_reader(filled, "listings", "--json")

    assert (code, errors) == (Exit.OK, b"")


@pytest.mark.parametrize(
    ("form", "text", "code"),
    [((), "sold by Kelbridge\n", Exit.OK), (("--json",), "sold\n", Exit.NEGATIVE)],
)
def test_a_reader_that_goes_away_changes_no_exit_code(
    filled: Path, form: tuple[str, ...], text: str, code: Exit
) -> None:
    """`spillwatch match FILE | head -1` still says whether something was found."""
    (filled / "companies" / "k.toml").write_text(
        'name = "K"\n[[terms]]\ntext = "Kelbridge"\nkind = "name"\nowner = "t"\nreason = "t"\n'
    )
    (filled / "post.txt").write_text(text * 300)
    ended, errors = without_reader(filled, "match", "--limit", "300", *form, "post.txt")

    assert (ended, b"Traceback" in errors, b"BrokenPipe" in errors) == (code, False, False)


def test_reveal_goes_on_without_a_reader(filled: Path) -> None:
    """An ordinal that is not in the list is refused although nobody reads the customers before it."""
    (filled / "list.csv").write_text("name\n" + "Avery Quill\n" * 2_000)
    (filled / "found.csv").write_text("ordinal\n" + "".join(f"{number}\n" for number in range(1, 1_900)))
    options = ("--customers", "list.csv", "--out", "-")

    whole = without_reader(filled, "reveal", "found.csv", *options)
    (filled / "found.csv").write_text((filled / "found.csv").read_text() + "2001\n")
    code, errors = without_reader(filled, "reveal", "found.csv", *options)

    assert whole == (Exit.OK, b"1899 customers.\n")
    assert (code, b"BrokenPipe" in errors) == (Exit.REFUSED, False)


def test_a_rematch_is_queued(filled: Path) -> None:
    """A rematch becomes a row for the daemon, and an unknown company is refused."""
    assert answer(filled, "rematch", "--scope", "terms")["rematch"] == 1
    assert spillwatch(filled, "rematch", "--company", "nobody").returncode == Exit.REFUSED


def test_db_revision_and_upgrade(home: Path) -> None:
    """An upgrade brings an empty database to this version's schema, and a second upgrade changes nothing."""
    before = answer(home, "db", "revision", code=Exit.NEGATIVE)
    upgraded = answer(home, "db", "upgrade")
    after = answer(home, "db", "revision")

    assert (before["revision"], before["current"], upgraded["before"]) == (None, False, None)
    assert upgraded["after"] == after["revision"] == after["head"]
    assert "already" in spillwatch(home, "db", "upgrade").stdout


def test_db_upgrade_is_refused_while_a_daemon_runs(filled: Path) -> None:
    """The schema is not upgraded while a daemon holds the lock."""
    database = Database.open(f"sqlite:///{filled}/var/spillwatch.db")
    with DaemonLock.acquire(database):
        ran = spillwatch(filled, "db", "upgrade")
    database.close()

    assert ran.returncode == Exit.ALREADY_RUNNING


def test_db_copy_takes_every_row_to_postgresql(filled: Path, empty_postgres_url: str) -> None:
    """The new database has the rows of the old file, and a second copy is refused."""
    postgresql = {"SPILLWATCH_STORAGE__DATABASE_URL": empty_postgres_url}
    copied = answer(filled, "db", "copy", "var/spillwatch.db", extra=postgresql)
    found = answer(filled, "listings", "华为", extra=postgresql)
    again = spillwatch(filled, "db", "copy", "var/spillwatch.db", extra=postgresql)

    assert copied["rows"]["listings"] == 2
    assert [one["title"] for one in found] == ["出售华为数据"]
    assert again.returncode == Exit.DATABASE
    assert "empty" in again.stderr


def findings(home: Path, *arguments: str, code: int) -> dict[str, str]:
    """Return the worst level of each check."""
    order = ["ok", "note", "warning", "failed"]
    worst: dict[str, str] = {}
    for finding in answer(home, "doctor", *arguments, code=code)["findings"]:
        worst[finding["check"]] = max(worst.get(finding["check"], "ok"), finding["level"], key=order.index)
    return worst


def test_doctor_finds_a_new_installation_usable(home: Path) -> None:
    """No check fails after init; missing parts are notes and warnings."""
    found = findings(home, code=Exit.OK)

    assert found["packages"] == "ok"
    assert (found["configuration"], found["daemon"]) == ("warning", "warning")
    assert "failed" not in found.values()


def test_doctor_reports_every_problem_and_what_to_do(filled: Path) -> None:
    """A wrong mode and a missing key are failures with advice, and the exit code is 1."""
    evidence = filled / "var/evidence"
    evidence.mkdir(mode=0o755)
    evidence.chmod(0o755)
    company = filled / "companies/example-lender.toml"
    company.write_text(company.read_text() + '\n[fingerprints]\nkey_file = "absent.key"\n')
    found = answer(filled, "doctor", code=Exit.NEGATIVE)["findings"]
    failed = {one["check"]: one for one in found if one["level"] == "failed"}

    assert set(failed) == {"evidence", "keys"}
    assert f"chmod 0700 {evidence}" in failed["evidence"]["advice"]
    assert "absent.key" in failed["keys"]["found"] and "keygen" in failed["keys"]["advice"]


def test_doctor_goes_on_where_a_check_cannot(home: Path) -> None:
    """With a broken configuration, checks that need it fail and the others still run."""
    (home / "spillwatch.toml").write_text("[daemon]\nlog_levle = 1\n")
    found = findings(home, code=Exit.NEGATIVE)

    assert (found["packages"], found["configuration"]) == ("ok", "failed")


def test_doctor_only_daemon_is_a_health_check(home: Path) -> None:
    """Without a daemon, `doctor --only daemon` ends with 1, as a container's health check needs."""
    assert findings(home, "--only", "daemon", code=Exit.NEGATIVE) == {"daemon": "warning"}


def test_doctor_looks_at_key_modes(home: Path) -> None:
    """A key that others can read is a failure, and the advice names the right mode."""
    key = home / "lender.key"
    key.write_text("synthetic")
    key.chmod(0o644)
    company = home / "companies/example-lender.toml"
    company.write_text(company.read_text() + '\n[fingerprints]\nkey_file = "../lender.key"\n')
    (finding,) = answer(home, "doctor", "--only", "keys", code=Exit.NEGATIVE)["findings"]

    assert stat.S_IMODE(key.stat().st_mode) == 0o644
    assert (finding["level"], "chmod 0600" in finding["advice"]) == ("failed", True)


def test_doctor_tries_channels_only_when_asked(home: Path) -> None:
    """--channels connects to each channel, and a closed port is a failure."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        channel = (
            "[alerts.channels.soc]\n"
            f'transport = "email"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
            'from = "watch@lender.example"\nto = ["soc@lender.example"]\n'
        )
        (home / "spillwatch.toml").write_text(channel)
        open_port = findings(home, "--channels", "--only", "channels", code=Exit.OK)
    closed = findings(home, "--only", "channels", code=Exit.NEGATIVE)

    assert (open_port, closed) == ({"channels": "ok"}, {"channels": "failed"})
    assert "channels" not in findings(home, code=Exit.OK)


def test_every_command_has_help_and_json(home: Path) -> None:
    """Every command except `run` and `web`, which serve, has --json."""
    from cli.main import walk

    without = {
        name
        for name, command in walk()
        if not getattr(command, "commands", None)
        and "--json" not in {o for p in command.params for o in p.opts}
    }

    assert without <= {"run", "web"}
    assert json.loads(spillwatch(home, "check", "--json").stdout)["ok"]


def test_the_list_of_commands_says_what_their_own_help_says() -> None:
    """Each line of `spillwatch --help` is how the command's own help begins, and every command has a line."""
    from cli.main import COMMANDS, walk

    own = {name: " ".join((command.help or "").split()) for name, command in walk() if " " not in name}
    modules = {path.stem for path in Path(cli.commands.__path__[0]).glob("*.py")}

    assert own.keys() == COMMANDS.keys()
    assert {name for name, line in COMMANDS.items() if not own[name].startswith(line)} == set()
    assert own.keys() <= modules


def test_a_listing_is_shown_whole(filled: Path) -> None:
    """`listings show` has the text and each version with its changes; for people everything is defanged."""
    database = Database.open(f"sqlite:///{filled}/var/spillwatch.db")
    with database.transaction() as session:
        market = sources.source_by_name(session, "market")
        assert market is not None
        dearer = replace(listing("1", "出售华为数据"), body="see https://files.example/a", content_digest="3")
        listings.upsert_many(session, market.id, [dearer], NOW + timedelta(hours=1))
    database.close()

    found = answer(filled, "listings", "show", "1")
    printed = spillwatch(filled, "listings", "show", "1").stdout
    hostile = spillwatch(filled, "listings", "show", "2").stdout

    assert (found["key"], found["body"]) == ("1", "see https://files.example/a")
    assert [version["number"] for version in found["versions"]] == [1, 2]
    assert [change["field"] for change in found["versions"][1]["changes"]] == ["body"]
    assert [offer["id"] for offer in found["offers"]] == [1]
    assert "see hxxps://files[.]example/a" in printed
    assert "https://" not in printed
    assert not {"\x1b", "\u202e"} & set(hostile)


def test_an_unknown_listing_is_refused(filled: Path) -> None:
    """`listings show` of a number that no listing has ends with exit code 6."""
    assert spillwatch(filled, "listings", "show", "77").returncode == Exit.REFUSED


def test_words_are_searched_without_naming_the_command(filled: Path) -> None:
    """`listings WORDS` and `listings --limit 1` are searches; `listings search show` searches for "show"."""
    assert answer(filled, "listings", "search", "华为") == answer(filled, "listings", "华为")
    assert len(answer(filled, "listings", "--limit", "1")) == 1
    assert answer(filled, "listings", "search", "show") == []


def test_help_imports_no_command(tmp_path: Path) -> None:
    """`--help` and `--version` import neither a command nor a library that only commands use."""
    shown = (
        "import sys; from cli.main import app; app(sys.argv[1:], standalone_mode=False); "
        "print(*sys.modules, file=sys.stderr)"
    )
    for option in ("--help", "--version"):
        ran = subprocess.run(
            [sys.executable, "-c", shown, option],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
        packages = {module.split(".")[0] for module in ran.stderr.split()}

        assert "cli.commands" not in ran.stderr
        assert (
            packages & {"crawler", "matching", "storage", "sqlalchemy", "scrapy", "numpy", "httpx"} == set()
        )


WITHOUT_SMTP_SERVER = """
import sys
sys.modules["aiosmtpd"] = None
from cli.main import main
main()
"""


def test_the_demo_says_which_extra_is_missing(tmp_path: Path) -> None:
    """Without the SMTP library, `demo` ends with exit code 6 and one line that says what to install."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_SMTP_SERVER, "demo"],
        cwd=tmp_path,
        env=environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert ran.returncode == Exit.REFUSED
    assert "spillwatch[demo]" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
