"""The fields of `--json` are those of the table in docs/reference/commands.md, command by command."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from storage import audit_log, companies, nodes, triage
from storage.alerts import TriageState
from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.database import schema
from storage.database.base import Database
from storage.sample_verdicts import SampleRecord, VerdictRecord
from tests.alerts.samples import SECRET, webhook_channel
from tests.alerts.world import World
from tests.docs.pages import ROOT
from tests.matching.customers import as_csv, customers
from tests.matching.invoked import invoke
from tests.matching.test_commands import COMPANY, NOW
from tests.storage import given

PAGE = ROOT / "docs/reference/commands.md"
HEADING = "## What `--json` contains"
KEY = RootKey("k1", bytes(range(32)))
SETTINGS = f"""
[storage]
database_url = "sqlite:///spillwatch.db"

[alerts.channels.hook]
transport = "webhook"
url = "http://localhost:9/x"
secrets = ["{SECRET}"]
allow_private_addresses = ["localhost"]
"""
#: Commands whose answer has the same form as another one's, which their own tests run.
SAME = {"crawl": "runs"}
#: In the order in which they can run: each leaves what the next ones need.
COMMANDS = (
    *("check", "init x", "keygen other.key", "db revision", "db upgrade", "runs", "nodes", "listings search"),
    *("listings show 1", "alerts list", "alerts show 1", "alerts deliveries", "alerts deliveries 1"),
    *("alerts ack 1 --by soc", "alerts retry", "alerts test", "coverage", "source list", "source health"),
    *(
        "rematch",
        "evidence verify",
        "audit list",
        "audit verify",
        "hold add 2026-17 --listing 1 --reason order",
        "hold list",
        "hold release 1 --reason closed",
        "retention --history",
        "doctor --only clock",
        "user invite anna",
        "user list",
        "user disable anna",
        "user end-sessions anna",
        "user reset anna",
        "enroll customers.csv --company qudian --key quillmere.key --out q.segment",
    ),
    *("segment show q.segment", "segment verify q.segment", "segment import q.segment", "segment list"),
    *("match dump.csv --ordinals found", "reveal found/qudian.csv --customers customers.csv --out names.csv"),
    *("canary new --system crm", "canary rotate --system crm", "canary list", "canary odds --rows 5 --of 9"),
    *("canary export --out planted.csv", "canary expire --system crm"),
    *("canary enroll --key quillmere.key",),
    *(
        "segment remove 2",
        "erase listing 1 --reason request --yes",
        "erase finish",
    ),
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each command of COMMANDS writes, by the command without its arguments."""
    home = tmp_path_factory.mktemp("json")
    (home / "companies").mkdir()
    (home / "companies" / "qudian.toml").write_text(COMPANY)
    rows = as_csv(customers(30))
    (home / "customers.csv").write_text(rows)
    (home / "dump.csv").write_text(rows)
    write_key(KEY, home / "quillmere.key", NOW)
    (home / "spillwatch.toml").write_text(SETTINGS)
    database = Database.open(f"sqlite:///{home}/spillwatch.db")
    schema.upgrade_schema(database)
    world = World(database, channels={"hook": webhook_channel("http://localhost:9/x")})
    segment_id = world.enrol(customers=1, purpose="canaries")
    canary = CanaryRecord(
        segment_id, CanaryEvidence.CERTAIN, "crm", NOW.date(), None, 1, ("email",), 1, "body:1"
    )
    verdict = VerdictRecord("too_little", 2, more_rows=8)
    world.add_finding(canary_records=[canary], sample=SampleRecord(2, 1), verdict=verdict)
    with database.transaction() as session:
        companies.retire_segment(session, segment_id)
    world.deliver_due()
    with database.transaction() as session:
        nodes.join(session, given.profile(), lease=timedelta(minutes=5), now=datetime.now(UTC))
        audit_log.write_entry(session, actor="anna", action="sign_in", now=datetime.now(UTC))
        triage.set_triage_state(session, 1, by="anna", state=TriageState.INVESTIGATING, now=datetime.now(UTC))
    database.close()
    return {_name(command): _answer(home, command) for command in COMMANDS}


def _name(command: str) -> str:
    """Return the command without paths, options and what follows them; a number is a kind of its own."""
    words = command.partition(" -")[0].split()
    plain = [word for word in words if re.fullmatch(r"[a-z]+(-[a-z]+)?", word) and word not in ("x", "anna")]
    return " ".join(plain) + (" DELIVERY" if command == "alerts deliveries 1" else "")


def _answer(home: Path, command: str) -> Any:
    ran = invoke(home, *command.split(), "--json")
    assert ran.code in (0, 1), f"{command}: {ran.output}"
    return json.loads(ran.output)


def _promised() -> dict[tuple[str, str], set[str]]:
    """Return the fields of the table by command and by the field below which they stand ("": at the top)."""
    section = PAGE.read_text().split(HEADING)[1].split("\n## ")[0]
    promised = {}
    for line in section.splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[0]:
            for command in cells[0]:
                promised[command, cells[1][0] if cells[1] else ""] = set(cells[2])
    return promised


def _fields(value: Any) -> set[str]:
    """Return the keys of an object, or of all objects of a list."""
    objects = value if isinstance(value, list) else [value]
    return {key for each in objects for key in each}


def test_each_field_of_each_answer_is_in_the_table_and_no_other(answers: dict[str, Any]) -> None:
    """A field that the table promises is there, and a new field gets its place in the table."""
    promised = _promised()
    wrong = {}
    for (command, below), fields in promised.items():
        whole = answers[SAME.get(command, command)]
        found = _fields(whole[below] if below else whole)
        if found != fields:
            wrong[f"{command} {below}"] = sorted(found ^ fields)

    assert wrong == {}
    assert {command for command, _ in promised} - SAME.keys() == answers.keys()
