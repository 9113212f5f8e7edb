"""Personal data is in the evidence store and nowhere else.

A daemon with enrolled customers crawls a page of invented identifiers, alerts are sent, a run is interrupted,
and commands are run. Then every file, table, log line and message is searched for the identifiers.
"""

from __future__ import annotations

import gzip
import html
import re
import signal
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import MetaData, text

from demo.people import Customer, americans, mainlanders, write_csv
from storage.database.base import Database
from tests.cli.command import spillwatch
from tests.escapes import DISGUISES, ESCAPES
from tests.journeys.home import SECRET, Home, home_in, running
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Answer, Asked, Offer, Site, Writer, page
from tests.peers.webhook import WebhookPeer
from tests.waiting import wait_until
from text.escapes import undo

pytestmark = pytest.mark.timeout(300)  # two runs and about ten commands
CUSTOMERS = [*americans(6), *mainlanders(6)]
STRANGERS = [*americans(3, start=500), *mainlanders(3, start=500)]
PUBLISHED = CUSTOMERS + STRANGERS
FIRST, OTHER = CUSTOMERS[0], CUSTOMERS[6]
COMMANDS = (
    ("listings",),
    ("listings", "--json"),
    ("listings", "--csv"),
    ("runs", "--json"),
    ("alerts", "list"),
)


def values(customer: Customer) -> list[str]:
    found = (customer.email, customer.phone, customer.resident_id, customer.card, customer.iban)
    return [value for value in found if value]


def needles() -> set[str]:
    """Return each identifier as published, and without the separators between its digits."""
    published = {value for customer in PUBLISHED for value in values(customer)}
    return published | {re.sub(r"[ +-]", "", value) for value in published}


def rows(customers: list[Customer]) -> str:
    return "<br>".join(" | ".join(values(customer)) for customer in customers)


def escaped_rows(customer: Customer) -> list[str]:
    """Return lines with the identifiers in every escape, and the address in every disguise."""
    escaped = [" | ".join(map(escape, values(customer))) for escape in ESCAPES.values()]
    return escaped + [f"mail {disguise(customer.email)}, old one" for disguise in DISGUISES.values()]


def escaped_offers(site: Site) -> dict[str, Offer]:
    """Return an offer per escape, with it in title, body, sample, seller, price, attachment and links."""
    offers = {}
    for number, row in enumerate(escaped_rows(FIRST)):
        shown, address = html.escape(row), html.escape(row.partition(" | ")[0])
        offers[f"e{number}"] = Offer(
            title=f"inventedlender escaped {address}",
            body=f"inventedlender {shown}<br>{shown}<pre class='sample'>{shown}</pre>",
            seller=address,
            price=f"$500 {address}",
            attachments=[f"/files/escaped.txt?of={quote(row)}&number={number}"],
        )
    return offers


@page("/files/leak.txt")
async def leak(site: Site, asked: Asked, writer: Writer) -> Answer:
    """An attachment with every identifier, in UTF-8."""
    lines = "\n".join(",".join(values(customer)) for customer in PUBLISHED)
    return Answer(lines.encode(), content_type="text/plain; charset=utf-8")


@page("/files/escaped.txt")
async def escaped(site: Site, asked: Asked, writer: Writer) -> Answer:
    """An attachment with identifiers in every escape."""
    lines = "\n".join(line for customer in (FIRST, OTHER) for line in escaped_rows(customer))
    return Answer(lines.encode(), content_type="text/plain; charset=utf-8")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=0) as running_site:
        address = quote(FIRST.email)
        running_site.offers = {
            OTHER.phone: Offer(
                title=f"inventedlender: {FIRST.email} {OTHER.phone} {FIRST.card}",
                body=f"inventedlender<br>{rows(PUBLISHED)}<pre class='sample'>{rows(CUSTOMERS)}</pre>",
                seller=OTHER.email,
                price="$500",
                attachments=[f"/files/leak.txt?of={address}", f"/files/{address}/{OTHER.resident_id}.txt"],
            ),
            "2": Offer(title=f"Nothing of ours, ask {STRANGERS[0].email}", body=rows(STRANGERS)),
            **escaped_offers(running_site),
        }
        yield running_site


@pytest.fixture
def peers() -> Iterator[tuple[SmtpPeer, WebhookPeer]]:
    with SmtpPeer() as mail, WebhookPeer(SECRET) as hook:
        yield mail, hook


@pytest.fixture
def home(tmp_path: Path, database_url: str, peers: tuple[SmtpPeer, WebhookPeer], site: Site) -> Home:
    """A company with an imported segment. Its customer list is in another folder, its premises."""
    mail, hook = peers
    folder, premises = tmp_path / "home", tmp_path / "premises"
    premises.mkdir()
    (tmp_path / "temporary").mkdir()
    made = home_in(folder, smtp=mail.port, webhook=hook.url("/ok"), database_url=database_url)
    made.settings["TMPDIR"] = str(tmp_path / "temporary")
    made.settings["SPILLWATCH_DAEMON__LOG_LEVEL"] = "debug"
    made.source("market", f"{site.url}/offers")
    with (folder / "sources/market.toml").open("a") as source:
        source.write('sample = "pre.sample"\n')
    write_csv(premises / "customers.csv", CUSTOMERS)
    key, segment = folder / "invented-lender.key", folder / "invented-lender.segment"
    company = folder / "companies/invented-lender.toml"
    company.write_text(f'{company.read_text()}\n[fingerprints]\nkey_file = "{key}"\ndefault_region = "US"\n')
    made.ask("keygen", str(key))
    made.ask(
        "enroll", str(premises / "customers.csv"), "--key", str(key), "--out", str(segment), "--region", "US"
    )
    made.ask("segment", "import", str(segment))
    return made


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file that is not evidence, including the database and its WAL."""
    for path in folder.rglob("*"):
        if path.is_file() and "evidence" not in path.parts:
            yield str(path), path.read_bytes()


def tables(url: str) -> Iterator[tuple[str, bytes]]:
    """Yield every row of every table, including those of the full-text index and of migrations."""
    database = Database.open(url)
    metadata = MetaData()
    metadata.reflect(database.engine)
    with database.reading() as session:
        for table in metadata.tables.values():
            for row in session.execute(text(f'SELECT * FROM "{table.name}"')):
                yield f"table {table.name}", repr(tuple(row)).encode()
    database.close()


def messages(mail: SmtpPeer, hook: WebhookPeer) -> Iterator[tuple[str, bytes]]:
    """Yield e-mails, raw and decoded, and webhooks with their headers."""
    for raw, message in zip(mail.raw, mail.received, strict=True):
        yield "an e-mail", raw
        yield from (("a part of an e-mail", part) for part in parts(message))
    for call in hook.received:
        yield "a webhook", call.body + repr(dict(call.headers)).encode()


def parts(message: EmailMessage) -> Iterator[bytes]:
    yield "\n".join(str(value) for value in message.values()).encode()
    for part in message.walk():
        if not part.is_multipart():
            yield part.get_payload(decode=True)  # type: ignore[misc]  # bytes, of a part that holds no parts


def command_output(home: Home) -> Iterator[tuple[str, bytes]]:
    """Yield what commands print."""
    alerts = home.ask("alerts", "list")
    listed = alerts if isinstance(alerts, list) else alerts["alerts"]
    shown = [("alerts", "show", str(alert["id"])) for alert in listed]
    for arguments in (*COMMANDS, *shown):
        ran = spillwatch(home.folder, *arguments, extra=home.settings)
        assert ran.returncode == 0, ran.stderr
        yield f"spillwatch {' '.join(arguments)}", (ran.stdout + ran.stderr).encode()


def leaks(found: Iterator[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """Return (place, identifier) for each identifier found, in UTF-8, UTF-16, or in any escape."""
    forms = {needle: (needle.encode(), needle.encode("utf-16-le")) for needle in needles()}
    return {
        (place, needle)
        for place, content in found
        for view in (content, undone(content))
        for needle, spellings in forms.items()
        if any(spelling in view for spelling in spellings)
    }


def undone(content: bytes) -> bytes:
    """Return what the escapes in a file, a row or a message stand for."""
    escapes = undo(content.decode(errors="replace"), addresses=True)
    return escapes.text.encode(errors="replace") if escapes else b""


def evidence(home: Home) -> bytes:
    folder = home.folder / "var/evidence"
    return b"".join(gzip.decompress(path.read_bytes()) for path in folder.rglob("*.gz"))


def test_identifiers_are_in_the_evidence_store_and_nowhere_else(
    home: Home, site: Site, peers: tuple[SmtpPeer, WebhookPeer], database_url: str, tmp_path: Path
) -> None:
    """After crawling, matching, alerts, an interruption and commands, only the evidence has identifiers."""
    mail, hook = peers
    with running(home) as daemon:
        mail.wait(1, 60)
        hook.wait(1, 60)
        wait_until(lambda: home.ask("runs")[0]["state"] == "finished", "the run's end")
        site.offers[OTHER.phone].title += f" now with {STRANGERS[1].email}"
        home.source("hanging", f"{site.url}/hangs")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "/hangs" in site.paths, "the run that is interrupted")
        daemon.stop()
    logs = "\n".join(map(repr, daemon.heard())).encode()
    printed = list(command_output(home))

    stored = evidence(home)
    assert all(value.encode() in stored for value in values(FIRST) + values(OTHER))
    assert b"/files/leak.txt" in stored
    assert any("fingerprint" in str(row) or "hits" in str(row) for row in tables(database_url))
    assert leaks(iter([("the daemon's log", logs)])) == set()
    assert leaks(messages(mail, hook)) == set()
    assert leaks(iter(printed)) == set()
    assert leaks(tables(database_url)) == set()
    assert leaks(files(tmp_path / "temporary")) == set()
    assert leaks(files(home.folder)) == set()
    assert not any((tmp_path / "temporary").iterdir())
