"""The checks of `spillwatch doctor`. Each check yields results; a result that is not OK says what to do."""

from __future__ import annotations

import importlib
import json
import secrets
import socket
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import cli
from alerts.settings import AppriseChannel, EmailChannel, WebhookChannel
from cli.command_context import App
from network.proxy_address import parse_proxy
from storage.errors import AlreadyRunning, SpillwatchError, StoreFileExists
from storage.stores.byte_store import ByteStore

PACKAGES = ("storage", "crawler", "matching", "alerts")
LOW_SPACE = 2 * 1024**3  # bytes free for data, below which doctor warns
NO_SPACE = 200 * 1024**2  # bytes free for data, below which the check fails
SAMPLE = 50  # newest rows of each table whose record is read
FILES_SHOWN = 5
CLOCK_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # this version did not exist before; an earlier clock is wrong
CLOCK_SKEW_S = 60.0  # tolerated difference between our clock and the database's
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


Findings = Iterator[tuple[CheckLevel, str, str]]
Check = Callable[[App], Findings]


def run_checks(app: App, names: Sequence[str]) -> list[CheckResult]:
    """Run checks in order. A check that raises an error is a failed result, and the others still run."""
    findings: list[CheckResult] = []
    for name in names:
        try:
            findings += [CheckResult(name, *result) for result in CHECKS[name](app)]
        except SpillwatchError as error:
            advice = "" if name == "configuration" else "Correct this, then run `spillwatch doctor` again."
            findings.append(CheckResult(name, CheckLevel.FAILED, str(error), advice))
    return findings


def _check_packages(_app: App) -> Findings:
    """Another distribution that ships a package named like ours overwrites it silently."""
    home = Path(cli.__file__).parents[1]
    strangers = {name: _package_folder(name) for name in PACKAGES if _package_folder(name) != home}
    if not strangers:
        yield CheckLevel.OK, f"all packages are imported from {home}", ""
    for name, place in strangers.items():
        found = f"{name} is imported from {place}, not from {home}" if place else f"{name} cannot be imported"
        yield CheckLevel.FAILED, found, "Install Spillwatch into an environment of its own."


def _package_folder(name: str) -> Path | None:
    try:
        file = importlib.import_module(name).__file__
    except ImportError:
        return None
    return Path(file).parents[1] if file else None


def _check_configuration(app: App) -> Findings:
    declared = app.configuration
    counts = f"{len(declared.sources)} sources, {len(declared.companies)} companies"
    yield CheckLevel.OK, f"{declared.file}: {counts}", ""
    if not declared.settings.alerts.channels:
        yield (
            CheckLevel.WARNING,
            "no alert channel is configured, so nobody is told about a finding",
            "Add one under [alerts.channels.NAME].",
        )
    for company in declared.companies:
        if not company.value.terms and company.value.fingerprints.key_file is None:
            yield (
                CheckLevel.WARNING,
                f"{company.name} has neither watch terms nor a key for fingerprints",
                f"Add one of them to {company.file}.",
            )


def _check_database(app: App) -> Findings:
    from storage.database import revisions
    from storage.write_probe import require_writable_database

    database = app.database_unchecked
    found, wanted = revisions.stored_revision(database), revisions.newest_revision()
    if found == wanted:
        require_writable_database(database)
        yield CheckLevel.OK, f"{database.place}, schema {found}, can be written", ""
    elif found is None:
        yield CheckLevel.NOTE, f"{database.place} is empty", "Nothing to do: the next command sets it up."
    else:
        yield (
            CheckLevel.FAILED,
            f"{database.place} has schema {found}; this version needs {wanted}",
            "Run `spillwatch db upgrade`.",
        )


def _check_clock(app: App) -> Findings:
    now = app.clock()
    if now < CLOCK_EPOCH:
        yield (
            CheckLevel.FAILED,
            f"this machine's clock shows {now:%Y-%m-%d}, which is in the past",
            "Set the clock: timedatectl set-ntp true.",
        )
        return
    skew_s = abs((_database_time(app) - now).total_seconds())
    if skew_s > CLOCK_SKEW_S:
        yield (
            CheckLevel.WARNING,
            f"the database's clock differs from this machine's by {skew_s:.0f} s",
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


def _check_evidence(app: App) -> Findings:
    from storage.database.revisions import stored_revision
    from storage.write_probe import require_known_evidence, require_writable_evidence

    folder, shared = app.evidence.folder, app.evidence.shared
    if stored_revision(app.database_unchecked) is not None:
        require_known_evidence(app.database_unchecked, folder, shared)
    require_writable_evidence(folder)
    if shared is not None:
        yield from _check_bucket(app, shared)
    if not folder.exists():
        yield CheckLevel.NOTE, f"{folder} does not exist yet", "Nothing to do: the first run makes it."
        return
    yield from _check_mode(folder, wanted=0o700)
    for file in (file for kept in (folder, app.evidence.earlier) if kept for file in kept.rglob("*.warc*")):
        yield from _check_mode(file, wanted=0o600)
    yield CheckLevel.OK, f"{folder} can be written", ""
    yield from _check_records(app)


def _check_bucket(app: App, shared: ByteStore) -> Findings:
    """Write, read and delete an object, compare the key, and count what waits to be stored."""
    from storage.evidence.digest import require_shared_key
    from storage.evidence.sealing import unsealed_files_here

    name, content = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)
    shared.create(name, content)
    if shared.read(name, 8, 8) != content[8:16]:
        advice = "Use a server that answers ranged reads of S3."
        yield CheckLevel.FAILED, f"{shared.place} returns other bytes than were stored", advice
    try:
        shared.create(name, content[::-1])
    except StoreFileExists:
        yield CheckLevel.OK, f"{shared.place} can be written, read, and overwrites nothing unasked", ""
    else:
        found = f"{shared.place} ignores `If-None-Match: *`: it overwrites what is to be written once"
        yield CheckLevel.WARNING, found, "Use a server, or a version of it, that knows conditional writes."
    shared.delete(name)
    require_shared_key(app.evidence.folder, shared)
    waiting = unsealed_files_here(app.evidence)
    if waiting:
        megabytes = sum(waiting.values()) / 1e6
        found = f"{len(waiting)} evidence files are on this machine only ({megabytes:.1f} MB)"
        yield CheckLevel.WARNING, found, "A running daemon stores them within a minute; if not, see its log."


def _check_records(app: App) -> Findings:
    """Compare every file's length with the rows, and the hashes of the newest records."""
    from storage.database.revisions import newest_revision, stored_revision
    from storage.evidence.verification import (
        files_elsewhere,
        newest_evidence_rows,
        short_files,
        verify_record,
    )

    if stored_revision(app.database_unchecked) != newest_revision():
        return
    with app.database_unchecked.reading() as session:
        lost = list(short_files(session, app.evidence))
        elsewhere = files_elsewhere(session, app.evidence, {file for file, _ in lost})
        sample = newest_evidence_rows(session, SAMPLE)
    gone = {file for file, _ in lost}
    lost = [(file, what) for file, what in lost if file not in elsewhere]
    faults = [
        fault
        for row in sample
        if row.place.file not in gone and (fault := verify_record(app.evidence, row)) is not None
    ]
    advice = (
        "Restore it from a backup of the evidence folder. `spillwatch evidence verify` checks every record."
    )
    for file, what in lost[:FILES_SHOWN]:
        yield CheckLevel.FAILED, f"{file}: {what}", advice
    if len(lost) > FILES_SHOWN:
        more = len(lost) - FILES_SHOWN
        yield CheckLevel.FAILED, f"{more:,} more evidence files are missing or too short", advice
    for fault in faults[:FILES_SHOWN]:
        yield CheckLevel.FAILED, fault.message, advice
    if elsewhere:
        found = f"{len(elsewhere)} evidence files are on another machine only, such as {min(elsewhere)}"
        yield CheckLevel.WARNING, found, "Its daemon stores them; if it is lost, so are their texts."
    elif not lost and not faults:
        yield CheckLevel.OK, f"every evidence file is there; {len(sample):,} newest records are unchanged", ""


def _check_mode(path: Path, *, wanted: int) -> Findings:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield (
            CheckLevel.FAILED,
            f"{path} has mode {mode:04o}",
            f"It holds personal data: chmod {wanted:04o} {path}",
        )


def _check_space(app: App) -> Findings:
    """Compare the free space with the floor of the daemon, and say when it will be reached."""
    from storage.database.revisions import newest_revision, stored_revision
    from storage.disk_space import MIB, daily_growth, data_places, forecasts

    growth, now, daemon = None, app.clock(), app.settings.daemon
    if stored_revision(app.database_unchecked) == newest_revision():
        with app.database_unchecked.reading() as session:
            growth = daily_growth(session, now=now)
    places = data_places(app.settings.storage)
    for disk in forecasts(places, daemon.disk_floor_mb * MIB, growth, now=now):
        level = CheckLevel.OK
        found = f"{disk.free / 1024**3:.1f} GiB free for {' and '.join(disk.what)} ({disk.path})"
        if disk.growth is not None:
            found += f", which change by {disk.growth / MIB:,.1f} MiB per day"
        if disk.floor_at is not None:
            found += f" and reach disk_floor_mb ({daemon.disk_floor_mb:,}) on {disk.floor_at:%Y-%m-%d}"
            if disk.floor_at <= now + timedelta(days=daemon.disk_warning_days):
                level = CheckLevel.WARNING
        if disk.free < max(disk.floor, NO_SPACE):
            level = CheckLevel.FAILED
            found += ". Below disk_floor_mb the daemon takes no new work" if disk.free < disk.floor else ""
        elif disk.free < LOW_SPACE:
            level = CheckLevel.WARNING
        advice = "" if level is CheckLevel.OK else SPACE_ADVICE
        yield level, found, advice


SPACE_ADVICE = "Free some space: `spillwatch retention` shows what goes, and how fast the disk fills."
_KEY_ADVICE = "Copy the key here, or write a new one: `spillwatch keygen`."


def _check_keys(app: App) -> Findings:
    """Read every company's keys as the daemon does, and find earlier keys that no segment needs."""
    from matching.errors import KeyExposed
    from matching.fingerprints.keyring import Keyring, sources_of

    settings, checks = app.settings.matching, _key_checks(app)
    slugs = [slug for slug in sorted({*settings.keys, *settings.key_files}) if settings.keys.get(slug, True)]
    for slug in slugs:
        found = zip(sources_of(slug, settings), Keyring(settings).of(slug), strict=True)
        for number, (source, key) in enumerate(found):
            if isinstance(key, SpillwatchError):
                exposed = isinstance(key, KeyExposed)
                advice = (
                    "Set its mode with chmod 0600. If others have read it, write a new key and enrol again."
                    if exposed
                    else _KEY_ADVICE
                )
                yield CheckLevel.FAILED, f"{slug}: {key}", advice
            elif number == 0:
                yield CheckLevel.OK, f"{slug}: key {key.id} from {source}", ""
            elif needing := [str(segment) for segment, check in checks[slug] if check == key.check]:
                used = f"{slug}: the earlier key {key.id} is needed by segment {', '.join(needing)}"
                yield (
                    CheckLevel.NOTE,
                    used,
                    "Enrol again with the current key: docs/how-to/enrol-customers.md.",
                )
            else:
                yield (
                    CheckLevel.WARNING,
                    f"{slug}: no segment needs the earlier key {key.id} any more",
                    "Remove it from previous_keys, and destroy it.",
                )
    if not slugs:
        yield (
            CheckLevel.NOTE,
            "no company has a key, so only watch terms are searched for",
            "To find customers, see docs/how-to/enrol-customers.md.",
        )


def _key_checks(app: App) -> dict[str, list[tuple[int, str]]]:
    """Return (segment id, check value of its key) for each active segment, by company."""
    from storage import companies

    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    with app.database.reading() as session:
        for row in companies.active_segments(session):
            found[row.company.slug].append((row.id, row.key_check))
    return found


def _check_scanner(app: App) -> Findings:
    from matching.scanning.scanner import scanner_engine

    app.choose_native()
    found = scanner_engine()
    if found.native:
        yield CheckLevel.OK, found.description, ""
    else:
        advice = (
            "It finds the same, more slowly. For large dumps, install a C compiler and reinstall Spillwatch."
        )
        yield CheckLevel.NOTE, found.description, advice


def _check_segments(app: App) -> Findings:
    """Verify every byte of each active segment and its deltas."""
    from matching.enrolment.segment_intake import files_of, segment_folder
    from matching.fingerprints.segments import verify_segment
    from matching.masked_samples.masked_base import check_mask_version
    from storage import companies

    with app.database.reading() as session:
        rows = companies.active_segments(session)
    folder = segment_folder(app.settings.matching)
    for row in rows:
        for file, digest in files_of(row).items():
            try:
                folder.fetch(file, digest, company=row.company.slug)
                segment = verify_segment(folder.path / file, company=row.company.slug)
            except SpillwatchError as error:
                advice = "Import it again: `spillwatch segment import FILE`."
                yield CheckLevel.FAILED, f"{row.company.slug}: {error}", advice
                continue
            if segment.outdated:
                found = (
                    f"{row.company.slug}: {file}: not compared, because older rules made its values: "
                    f"{', '.join(segment.outdated)}"
                )
                yield CheckLevel.WARNING, found, "Enrol again with this version."
            else:
                yield CheckLevel.OK, f"{row.company.slug}: {file}", ""
            if file == row.file:
                try:
                    check_mask_version(segment.header, Path(file))
                except SpillwatchError as error:
                    yield CheckLevel.NOTE, f"{row.company.slug}: masked samples are not compared: {error}", ""
    if not rows:
        yield (
            CheckLevel.NOTE,
            "no segment is imported",
            "`spillwatch enroll` makes one on the company's premises.",
        )


def _check_daemon(app: App) -> Findings:
    """Ask the lock whether a daemon runs, and /healthz whether it is healthy."""
    from storage.database.lock import DaemonLock

    try:
        with DaemonLock.acquire(app.database_unchecked):
            yield CheckLevel.WARNING, "no daemon is running", "Start one: `spillwatch run`."
            return
    except AlreadyRunning:
        pass
    address = app.settings.daemon.health_address
    if not address or address.endswith(":0"):
        yield CheckLevel.OK, "a daemon is running; without a fixed health_address its health is unknown", ""
        return
    yield _check_health(address)


def _check_health(address: str) -> tuple[CheckLevel, str, str]:
    connection = HTTPConnection(address, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        problems = [str(state) for state in json.load(answer)["checks"].values() if state != "ok"]
    except (HTTPException, ValueError, KeyError, OSError) as error:
        found = f"a daemon is running, but {address} does not answer: {error}"
        return CheckLevel.FAILED, found, "Check its log, and health_address in [daemon]."
    finally:
        connection.close()
    if problems:
        return CheckLevel.FAILED, f"the daemon is not healthy: {'; '.join(problems)}", "Check its log."
    return CheckLevel.OK, f"a daemon is running and healthy ({address})", ""


def _check_channels(app: App) -> Findings:
    channels = app.settings.alerts.channels
    if not channels:
        yield CheckLevel.NOTE, "no channel is configured", ""
    for name, channel in channels.items():
        if isinstance(channel, AppriseChannel):
            yield from _check_apprise(name, channel)
            continue
        what, host, port = _channel_address(channel)
        if (trouble := _connection_problem(host, port)) is None:
            yield (
                CheckLevel.OK,
                f"{name}: {what} accepts connections on port {port}",
                "`spillwatch alerts test` sends a test alert.",
            )
        else:
            found = f"{name}: {what} port {port} cannot be reached: {trouble}"
            yield CheckLevel.FAILED, found, f"Check [alerts.channels.{name}] and the network."


def _check_apprise(name: str, channel: AppriseChannel) -> Findings:
    """Apprise alone knows to which host a URL leads, so that nothing is connected here."""
    from alerts.transports.apprise import apprise_problem

    if (problem := apprise_problem(channel)) is None:
        found = f"{name}: Apprise accepts the url ({channel.scheme}://)"
        yield CheckLevel.OK, found, "`spillwatch alerts test` sends a test alert."
    else:
        yield CheckLevel.FAILED, f"{name}: {problem}", f"Check [alerts.channels.{name}]."


def _connection_problem(host: str, port: int) -> str | None:
    """Return why nothing accepts connections there; None if something does."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _channel_address(channel: EmailChannel | WebhookChannel) -> tuple[str, str, int]:
    """Return what a channel connects to, in words, with its host and port."""
    if isinstance(channel, EmailChannel):
        return channel.host, channel.host, channel.port or _SMTP_PORTS[channel.security]
    if channel.proxy is not None:
        proxy = parse_proxy(channel.proxy.get_secret_value())
        return f"its proxy {proxy.host}", proxy.host, proxy.port
    parts = urlsplit(channel.url.get_secret_value())
    host = parts.hostname or ""
    return host, host, parts.port or (443 if parts.scheme == "https" else 80)


def _check_proxies(app: App) -> Findings:
    """Check that the proxies of the sources accept connections. Whether they let a site through, a trial
    tells.
    """
    from crawler.fetching.outgoing_proxy import proxy_of

    users: dict[str, list[str]] = defaultdict(list)
    places: dict[str, tuple[str, int]] = {}
    for source in app.configuration.sources:
        try:
            proxy = proxy_of(source.value, app.settings.crawler) if source.value.enabled else None
        except SpillwatchError as error:
            advice = "Correct this; until then the source is not crawled."
            yield CheckLevel.FAILED, f"{source.name}: {error}", advice
            continue
        if proxy is not None:
            users[str(proxy)].append(source.name)
            places[str(proxy)] = (proxy.host, proxy.port)
    for name, place in places.items():
        count = f"{len(users[name])} source{'s' if len(users[name]) != 1 else ''}"
        if (trouble := _connection_problem(*place)) is None:
            advice = f"`spillwatch source try` shows whether it lets a site through: {users[name][0]}."
            yield CheckLevel.OK, f"{name} accepts connections ({count})", advice
        else:
            found = f"{name} cannot be reached ({count}): {trouble}"
            yield CheckLevel.FAILED, found, "Start the proxy, or correct `proxy` in [crawler] or the source."
    if not users:
        yield CheckLevel.NOTE, "no source is fetched through an HTTP proxy", ""


def _check_tor(app: App) -> Findings:
    from cli.doctor_tor import check_tor

    findings = list(check_tor(app.configuration))
    for found, advice in findings:
        yield (CheckLevel.OK, found, "") if advice is None else (CheckLevel.FAILED, found, advice)
    if not findings:
        yield CheckLevel.NOTE, "no source is fetched through Tor", ""


def _check_cookies(app: App) -> Findings:
    from crawler.fetching.cookies import cookie_age_remark, read_cookies

    using = [each for each in app.configuration.sources if each.value.cookies_file is not None]
    for source in using:
        assert source.value.cookies_file is not None
        try:
            cookies = read_cookies(source.value.cookies_file)
        except SpillwatchError as error:
            yield (
                CheckLevel.FAILED,
                f"{source.name}: {error}",
                "Correct this; until then the source is not crawled.",
            )
            continue
        remark = cookie_age_remark(cookies, app.clock())
        if remark is None:
            yield CheckLevel.OK, f"{source.name}: {len(cookies)} cookies", ""
        else:
            yield CheckLevel.WARNING, f"{source.name}: {remark[1]}", "Log in and export the cookies again."
    if not using:
        yield CheckLevel.NOTE, "no source has a cookies_file", ""


def _check_tokens(app: App) -> Findings:
    from crawler.fetching.api_token import token_of, token_refused

    using = [each for each in app.configuration.sources if token_of(each.value) is not None]
    for source in using:
        refused = token_refused(source.value)
        if refused is None:
            yield CheckLevel.OK, f"{source.name}: {token_of(source.value)}", ""
        else:
            yield (
                CheckLevel.FAILED,
                f"{source.name}: {refused}",
                "Correct this; until then the source is not crawled.",
            )
    if not using:
        yield CheckLevel.NOTE, "no source has a token_file", ""


CHECKS: dict[str, Check] = {
    "packages": _check_packages,
    "configuration": _check_configuration,
    "database": _check_database,
    "clock": _check_clock,
    "evidence": _check_evidence,
    "space": _check_space,
    "keys": _check_keys,
    "scanner": _check_scanner,
    "segments": _check_segments,
    "cookies": _check_cookies,
    "tokens": _check_tokens,
    "proxies": _check_proxies,
    "tor": _check_tor,
    "daemon": _check_daemon,
    "channels": _check_channels,
}
