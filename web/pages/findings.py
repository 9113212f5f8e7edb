"""The first screen. It answers five questions without a click:

1. what needs a person now
2. what has changed since this person was last here
3. what is not covered
4. what was held back
5. how long it takes until somebody acknowledges
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse

from storage import users
from storage.alerts import REFERENCE_SIGNS, Severity, TriageState
from storage.database.base import Database
from storage.users import Role
from storage.visible.findings import (
    COUNTED,
    OPEN,
    PAGE,
    SEARCHED,
    FindingCounts,
    FindingNews,
    FindingOrder,
    FindingPage,
    OpenGroup,
    Ownership,
    Waiting,
    closed_count,
    companies_of_findings,
    count_findings,
    finding_groups,
    finding_news,
    finding_page,
    latest_change,
    sources_of_findings,
    waiting_between,
)
from storage.visible.gaps import Gaps, gaps
from storage.visible.held_back import HeldBack, held_back
from storage.visible.people import people_of
from storage.visible.searches import SearchRow, searches_of
from storage.visible.visibility import Visibility
from web.access.signed_in import Person, SignedIn
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.finding.clocks import next_clock
from web.finding_list import CHOICES, KEPT, LONGEST, ListChoice
from web.kept_answers import KeptAnswers
from web.rendering import render
from web.visits import VISITS, LastVisit, seen_all

router = APIRouter()

#: The times whose waits are compared with the time before them, in days.
TIMES = (30, 90)
#: What many findings can be set to, apart from acknowledged, which has a button.
NEW_STATES = tuple(
    state.value for state in TriageState if state not in (TriageState.NEW, TriageState.ACKNOWLEDGED)
)
RESULTS = ("changed", "same", "stale", "refused", "none")


@dataclass(frozen=True, slots=True)
class WaitComparison:
    days: int
    now: Waiting
    before: Waiting


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """What the first screen shows. `here`: when the person's last visit ended; None: this is the first."""

    choice: ListChoice
    page: FindingPage
    counts: FindingCounts
    closed: int
    here: datetime | None
    news: FindingNews | None
    gaps: Gaps
    held: HeldBack
    waits: tuple[WaitComparison, ...]
    companies: tuple[tuple[int, str, str], ...]
    sources: tuple[str, ...]
    searches: tuple[SearchRow, ...]


@router.get("/")
def first_screen(request: Request, console: ConsoleParts, person: Person) -> HTMLResponse:
    now = console.clock()
    chosen = any(name in request.query_params for name in CHOICES)
    values = {name: request.query_params.getlist(name) for name in (*CHOICES, "after")}
    choice = ListChoice.of(values) if chosen else _kept_choice(person.preferences)
    visit = LastVisit.of(person.preferences).at(now)
    with console.database.reading() as session:
        screen = _read_screen(session, console, person, choice, visit, now)
        people = people_of(session, person.view)
        counted = console.settings.web.clocks
        clocks = next_clock(session, person.view, [row.id for row in screen.page.rows], counted)
    _keep(request, console, person, choice if chosen else None, visit, now)
    if choice.words and choice.after is None:
        found = len(screen.page.rows)
        console.database.write(partial(_note_search, console, person, choice, found))
    return render(
        request,
        "findings.html",
        person=person,
        screen=screen,
        may_triage=any(role.rank >= Role.ANALYST.rank for role in person.roles.values()),
        clocks=clocks,
        with_clocks=bool(counted),
        analyst=Role.ANALYST,
        may_share_all=person.may(Role.ANALYST),
        results=_results(request),
        left=_left(request),
        new_states=NEW_STATES,
        people=people,
        several_companies=len(screen.companies) != 1,
        since_hours=lambda hours: _hours_ago(now, hours),
        everything=ListChoice(ownership=Ownership.ALL, order=choice.order).address(),
        all_owners=Ownership.ALL,
        severities=tuple(reversed(tuple(Severity))),
        ownerships=tuple(Ownership),
        open_states=OPEN,
        states=("open", "closed", "all", *(state.value for state in TriageState)),
        orders=tuple(FindingOrder),
        counted=COUNTED,
        searched=SEARCHED,
        most=PAGE,
        live="" if choice.after else f"/live?{choice.query()}&{urlencode({'at': now.isoformat()})}",
    )


@router.post("/findings/seen")
def seen(console: ConsoleParts, person: Person) -> RedirectResponse:
    """Note that the person knows everything up to now: "since you were here" begins again."""
    visit = seen_all(console.clock()).preference
    console.database.write(lambda session: users.set_preference(session, person.user_id, VISITS, visit))
    return RedirectResponse("/", 303)


def _results(request: Request) -> dict[str, int]:
    """Return what a change of many findings did, as the address says."""
    told = {name: request.query_params.get(f"done_{name}", "") for name in RESULTS}
    return {name: int(n) for name, n in told.items() if n.isascii() and n.isdecimal() and len(n) < 6}


def _left(request: Request) -> list[str]:
    """Return the findings that it left alone."""
    named = request.query_params.get("left", "")[:LONGEST].split(".")
    return [each for each in named if each and set(each) <= set(REFERENCE_SIGNS)]


def _hours_ago(now: datetime, hours: int) -> str:
    """Return a moment as `since` has it, to the hour, so that the same choice stays the same for a while."""
    return (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0).isoformat()


def _kept_choice(preferences: Mapping[str, object]) -> ListChoice:
    kept = preferences.get(KEPT)
    return ListChoice.of_query(kept) if isinstance(kept, str) else ListChoice()


def _read_screen(
    session: Session,
    console: Console,
    person: SignedIn,
    choice: ListChoice,
    visit: LastVisit,
    now: datetime,
) -> FirstScreen:
    view = person.view
    companies = companies_of_findings(session, view)
    sources = sources_of_findings(session, view)
    chosen = choice.filter_for(
        person.user_id,
        companies={slug: number for number, slug, _ in companies},
        sources={name: number for number, name in sources},
        here=visit.before,
    )
    here, database = visit.before, console.database
    changed = latest_change(session, view)
    groups = GROUPS.get(
        database,
        view,
        now,
        lambda: finding_groups(session, view, chosen),
        question=(changed, chosen.source_id, chosen.changed_since),
    )
    news = None
    if here is not None:
        news = NEWS.get(
            database,
            view,
            now,
            lambda: finding_news(session, view, since=here, apart_from=person.name),
            question=(changed, here, person.name),
        )
    return FirstScreen(
        choice=choice,
        page=finding_page(session, view, chosen, order=choice.order, after=choice.after),
        counts=count_findings(groups, chosen),
        closed=closed_count(session, view),
        here=here,
        news=news,
        gaps=GAPS.get(database, view, now, lambda: gaps(session, view, now=now)),
        held=HELD.get(database, view, now, lambda: held_back(session, view, now=now), question=changed),
        waits=WAITS.get(database, view, now, lambda: _waits(session, view, now)),
        companies=tuple(companies),
        sources=tuple(name for _, name in sources),
        searches=tuple(searches_of(session, view, user_id=person.user_id)),
    )


def _waits(session: Session, view: Visibility, now: datetime) -> tuple[WaitComparison, ...]:
    found = []
    for days in TIMES:
        since = now - timedelta(days=days)
        found.append(
            WaitComparison(
                days,
                waiting_between(session, view, since=since, until=now, now=now),
                waiting_between(session, view, since=since - timedelta(days=days), until=since, now=now),
            )
        )
    return tuple(found)


def _note_search(
    console: Console, person: SignedIn, choice: ListChoice, found: int, session: Session
) -> None:
    audit(
        session,
        person,
        AuditAction.SEARCH,
        console.clock(),
        words=choice.words,
        filters=choice.query(words=""),
        found=found,
    )


def _keep(
    request: Request,
    console: Console,
    person: SignedIn,
    choice: ListChoice | None,
    visit: LastVisit,
    now: datetime,
) -> None:
    """Store the choice and the visit, if they differ. A link on another site changes no choice: it could hide
    findings for ever.
    """
    changed: dict[str, object] = {}
    if choice is not None and request.headers.get("sec-fetch-site", "same-origin") == "same-origin":
        kept = choice.kept()
        if kept != person.preferences.get(KEPT):
            changed[KEPT] = kept
    if LastVisit.of(person.preferences).is_due(now):
        changed[VISITS] = visit.preference

    def write(session: Session) -> None:
        for key, value in changed.items():
            users.set_preference(session, person.user_id, key, value)

    if changed:
        console.database.write(write)


#: Kept until the newest change of any alert is another one, and no longer than the time that is named: a
#: change that is committed late, or by a node whose clock is behind, is not the newest one.
GROUPS: KeptAnswers[Sequence[OpenGroup]] = KeptAnswers(timedelta(seconds=5))
NEWS: KeptAnswers[FindingNews] = KeptAnswers(timedelta(seconds=5))
HELD: KeptAnswers[HeldBack] = KeptAnswers(timedelta(seconds=5))
#: Kept for that time, whatever changes.
GAPS: KeptAnswers[Gaps] = KeptAnswers(timedelta(seconds=10))
WAITS: KeptAnswers[tuple[WaitComparison, ...]] = KeptAnswers(timedelta(minutes=5))


def forget_counts(database: Database) -> None:
    """Count anew on the next page. For whoever has changed findings."""
    for kept in (GROUPS, NEWS, HELD):
        kept.forget(database)
