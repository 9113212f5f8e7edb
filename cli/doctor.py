"""The checks of `spillwatch doctor`: each yields findings, a finding that is not well says what to do."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import cli
from alerts.settings import Channel, EmailChannel
from cli.context import App
from storage.errors import AlreadyRunning, SpillwatchError

PACKAGES = ("storage", "crawler", "matching", "alerts")
LOW_SPACE = 2 * 1024**3  # bytes free under the data, below which we warn
NO_SPACE = 200 * 1024**2
CLOCK_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # this version did not exist before
CLOCK_SKEW_S = 60.0  # between our clock and the database's
HEALTH_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5.0
_SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class CheckLevel(StrEnum):
    OK = "ok"
    NOTE = "note"  # worth knowing, nothing to do
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    check: str
    level: CheckLevel
    found: str
    advice: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


Told = Iterator[tuple[CheckLevel, str, str]]
Check = Callable[[App], Told]


def examine(app: App, names: Sequence[str]) -> list[CheckResult]:
    """Carry out the checks in order; one that cannot go on is a finding, and the others go on."""
    findings: list[CheckResult] = []
    for name in names:
        try:
            findings += [CheckResult(name, *told) for told in CHECKS[name](app)]
        except SpillwatchError as error:
            advice = "" if name == "configuration" else "Correct this, then run `spillwatch doctor` again."
            findings.append(CheckResult(name, CheckLevel.FAILED, str(error), advice))
    return findings


def _packages(_app: App) -> Told:
    """Another distribution that ships a package named like ours overwrites it without a word."""
    home = Path(cli.__file__).parents[1]
    strangers = {name: _place(name) for name in PACKAGES if _place(name) != home}
    if not strangers:
        yield CheckLevel.OK, f"all from {home}", ""
    for name, place in strangers.items():
        found = f"{name} is imported from {place or 'nowhere'}, not from {home}"
        yield CheckLevel.FAILED, found, "Install Spillwatch into an environment of its own."


def _place(name: str) -> Path | None:
    try:
        file = importlib.import_module(name).__file__
    except ImportError:
        return None
    return Path(file).parents[1] if file else None


def _configuration(app: App) -> Told:
    declared = app.configuration
    counts = f"{len(declared.sources)} sources, {len(declared.companies)} companies"
    yield CheckLevel.OK, f"{declared.file}: {counts}", ""
    if not declared.settings.alerts.channels:
        yield (
            CheckLevel.WARNING,
            "no alert channel",
            "Add one under [alerts.channels.NAME], or nobody hears of a finding.",
        )
    for company in declared.companies:
        if not company.value.terms and company.value.fingerprints.key_file is None:
            yield (
                CheckLevel.WARNING,
                f"{company.name} has neither terms nor fingerprints",
                f"Add some to {company.file}.",
            )


def _database(app: App) -> Told:
    from storage.database import schema

    database = app.database_unchecked
    found, wanted = schema.stored_revision(database), schema.newest_revision()
    if found == wanted:
        yield CheckLevel.OK, f"{database.place}, schema {found}", ""
    elif found is None:
        yield CheckLevel.NOTE, f"{database.place} is empty", "The first command that needs it sets it up."
    else:
        yield (
            CheckLevel.FAILED,
            f"{database.place} has schema {found}, not {wanted}",
            "Run `spillwatch db upgrade`.",
        )


def _clock(app: App) -> Told:
    now = app.clock()
    if now < CLOCK_EPOCH:
        yield (
            CheckLevel.FAILED,
            f"this machine's clock says {now:%Y-%m-%d}",
            "Set it (timedatectl set-ntp true).",
        )
        return
    skew_s = abs((_database_time(app) - now).total_seconds())
    if skew_s > CLOCK_SKEW_S:
        yield (
            CheckLevel.WARNING,
            f"the database's clock differs by {skew_s:.0f} s",
            "Synchronise both with NTP.",
        )
    else:
        yield CheckLevel.OK, f"{now:%Y-%m-%d %H:%M} UTC", ""


def _database_time(app: App) -> datetime:
    from sqlalchemy import func, select

    if app.database_unchecked.dialect == "sqlite":
        return app.clock()
    with app.database_unchecked.reading() as session:
        moment: datetime = session.scalars(select(func.now())).one()
    return moment.astimezone(UTC)


def _evidence(app: App) -> Told:
    folder = app.settings.storage.evidence_dir
    if not folder.exists():
        yield CheckLevel.NOTE, f"{folder} is not there yet", "The first run makes it."
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield CheckLevel.FAILED, f"{folder} cannot be written", "Give it to the user that Spillwatch runs as."
    yield from _exposed(folder, wanted=0o700)
    for file in folder.rglob("*.warc*"):
        yield from _exposed(file, wanted=0o600)
    yield CheckLevel.OK, f"{folder}", ""


def _exposed(path: Path, *, wanted: int) -> Told:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield (
            CheckLevel.FAILED,
            f"{path} has mode {mode:04o}",
            f"It holds personal data: chmod {wanted:04o} {path}",
        )


def _space(app: App) -> Told:
    for what, path in _data_places(app).items():
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        level = (
            CheckLevel.FAILED
            if free < NO_SPACE
            else CheckLevel.WARNING
            if free < LOW_SPACE
            else CheckLevel.OK
        )
        advice = "" if level is CheckLevel.OK else "Make room: a run that cannot store its evidence fails."
        yield level, f"{free / 1024**3:.1f} GiB free for the {what} ({there})", advice


def _data_places(app: App) -> dict[str, Path]:
    storage = app.settings.storage
    url = storage.database_url.get_secret_value()
    places = {"evidence": storage.evidence_dir}
    return (
        {**places, "database": Path(url.removeprefix("sqlite:///")).parent}
        if url.startswith("sqlite")
        else places
    )


_KEY_LACKS = "Copy it here, or write one: `spillwatch keygen`."


def _keys(app: App) -> Told:
    """Each source is read, as the daemon would; of an earlier key, whether a segment still needs it."""
    from matching.errors import KeyExposed
    from matching.fingerprints.keyring import Keyring, sources_of

    settings, checks = app.settings.matching, _key_checks(app)
    slugs = [slug for slug in sorted({*settings.keys, *settings.key_files}) if settings.keys.get(slug, True)]
    for slug in slugs:
        found = zip(sources_of(slug, settings), Keyring(settings).of(slug), strict=True)
        for number, (source, key) in enumerate(found):
            if isinstance(key, SpillwatchError):
                exposed = isinstance(key, KeyExposed)
                advice = "chmod 0600 it; whoever could read it until now has it." if exposed else _KEY_LACKS
                yield CheckLevel.FAILED, f"{slug}: {key}", advice
            elif number == 0:
                yield CheckLevel.OK, f"{slug}: key {key.id} from {source}", ""
            elif needing := [str(segment) for segment, check in checks[slug] if check == key.check]:
                found_ = f"{slug}: the earlier key {key.id} is needed by segment {', '.join(needing)}"
                yield CheckLevel.NOTE, found_, "Enrol again with the present key: docs, Enrol, A new key."
            else:
                advice = "Take it out of previous_keys, and destroy it."
                yield (
                    CheckLevel.WARNING,
                    f"{slug}: no segment needs the earlier key {key.id} any more",
                    advice,
                )
    if not slugs:
        yield CheckLevel.NOTE, "no company has a key", "Without one only terms are searched for."


def _key_checks(app: App) -> dict[str, list[tuple[int, str]]]:
    """By company, the segments in use and which key each was made with."""
    from storage import companies

    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    with app.database.reading() as session:
        for row in companies.active_segments(session):
            found[row.company.slug].append((row.id, row.key_check))
    return found


def _scanner(app: App) -> Told:
    from matching.scanning.scanner import scanner_engine

    app.choose_native()
    found = scanner_engine()
    if found.native:
        yield CheckLevel.OK, found.told, ""
    else:
        advice = "It finds the same. For large dumps install a C compiler, then Spillwatch again."
        yield CheckLevel.NOTE, found.told, advice


def _segments(app: App) -> Told:
    """Reads every byte."""
    from matching.enrolment.segment_intake import files_of
    from matching.fingerprints.segments import verify_segment
    from storage import companies

    with app.database.reading() as session:
        rows = companies.active_segments(session)
    for row in rows:
        for file in files_of(row):
            try:
                segment = verify_segment(app.settings.matching.segments_dir / file, company=row.company.slug)
            except SpillwatchError as error:
                advice = "Import it again: `spillwatch segment import FILE`."
                yield CheckLevel.FAILED, f"{row.company.slug}: {error}", advice
                continue
            if segment.outdated:
                found = (
                    f"{row.company.slug}: {file}: {', '.join(segment.outdated)} by older rules: not compared"
                )
                yield CheckLevel.WARNING, found, "Enroll again with this version."
            else:
                yield CheckLevel.OK, f"{row.company.slug}: {file}", ""
    if not rows:
        yield (
            CheckLevel.NOTE,
            "no segment is imported",
            "`spillwatch enroll` makes one on the company's premises.",
        )


def _daemon(app: App) -> Told:
    """Whether one runs is what its lock says; how it does is what /healthz says."""
    from storage.database.lock import DaemonLock

    try:
        with DaemonLock.acquire(app.database_unchecked):
            yield CheckLevel.WARNING, "no daemon runs", "Start it: `spillwatch run`."
            return
    except AlreadyRunning:
        pass
    address = app.settings.daemon.health_address
    if not address or address.endswith(":0"):
        yield CheckLevel.OK, "a daemon runs; its health address is not fixed, so it was not asked", ""
        return
    yield _health(address)


def _health(address: str) -> tuple[CheckLevel, str, str]:
    connection = HTTPConnection(address, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        ill = [str(state) for state in json.load(answer)["checks"].values() if state != "ok"]
    except (HTTPException, ValueError, KeyError, OSError) as error:
        found = f"a daemon runs, but {address} does not answer: {error}"
        return CheckLevel.FAILED, found, "Look at its log, and at [daemon] health_address."
    finally:
        connection.close()
    if ill:
        return CheckLevel.FAILED, f"the daemon is not well: {'; '.join(ill)}", "Look at its log."
    return CheckLevel.OK, f"a daemon runs and is well ({address})", ""


def _channels(app: App) -> Told:
    channels = app.settings.alerts.channels
    if not channels:
        yield CheckLevel.NOTE, "no channel is configured", ""
    for name, channel in channels.items():
        host, port = _peer(channel)
        try:
            socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
            yield (
                CheckLevel.OK,
                f"{name}: {host} accepts connections on port {port}",
                "`spillwatch alerts test` sends.",
            )
        except OSError as error:
            found = f"{name}: {host} port {port} cannot be reached: {error.strerror or error}"
            yield CheckLevel.FAILED, found, f"Look at [alerts.channels.{name}] and at the network."


def _peer(channel: Channel) -> tuple[str, int]:
    if isinstance(channel, EmailChannel):
        return channel.host, channel.port or _SMTP_PORTS[channel.security]
    parts = urlsplit(channel.url.get_secret_value())
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _tor(app: App) -> Told:
    from cli.doctor_tor import look

    told = list(look(app.configuration))
    for found, advice in told:
        yield (CheckLevel.OK, found, "") if advice is None else (CheckLevel.FAILED, found, advice)
    if not told:
        yield CheckLevel.NOTE, "no source goes out through Tor", ""


def _cookies(app: App) -> Told:
    from crawler.fetching.cookies import cookie_age_remark, read_cookies

    using = [each for each in app.configuration.sources if each.value.cookies_file is not None]
    for source in using:
        assert source.value.cookies_file is not None
        try:
            cookies = read_cookies(source.value.cookies_file)
        except SpillwatchError as error:
            yield CheckLevel.FAILED, f"{source.name}: {error}", "Until then the source is refused."
            continue
        told = cookie_age_remark(cookies, app.clock())
        if told is None:
            yield CheckLevel.OK, f"{source.name}: {len(cookies)} cookies", ""
        else:
            yield CheckLevel.WARNING, f"{source.name}: {told[1]}", "Log in, and export them again."
    if not using:
        yield CheckLevel.NOTE, "no source has a cookies_file", ""


def _tokens(app: App) -> Told:
    from crawler.fetching.api_token import token_of, token_refused

    using = [each for each in app.configuration.sources if token_of(each.value) is not None]
    for source in using:
        refused = token_refused(source.value)
        if refused is None:
            yield CheckLevel.OK, f"{source.name}: {token_of(source.value)}", ""
        else:
            yield CheckLevel.FAILED, f"{source.name}: {refused}", "Until then the source is refused."
    if not using:
        yield CheckLevel.NOTE, "no source has a token_file", ""


CHECKS: dict[str, Check] = {
    "packages": _packages,
    "configuration": _configuration,
    "database": _database,
    "clock": _clock,
    "evidence": _evidence,
    "space": _space,
    "keys": _keys,
    "scanner": _scanner,
    "segments": _segments,
    "cookies": _cookies,
    "tokens": _tokens,
    "tor": _tor,
    "daemon": _daemon,
    "channels": _channels,
}
