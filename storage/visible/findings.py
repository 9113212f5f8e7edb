"""The findings that a person may see: the list, its counters, and one of them by its reference.

A list is read in two steps: the ids of a page from an index in the page's order, and then these rows. It
reads no revision.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from storage.alerts import (
    CLOSED_FINDING,
    OPEN_FINDING,
    STANDING,
    Alert,
    AlertChange,
    AlertKind,
    AlertRevision,
    Severity,
    TriageState,
    lock_alert,
)
from storage.companies import Company
from storage.sources import Source
from storage.triage import FindingLabel, TriageEvent
from storage.users import User
from storage.visible.visibility import Visibility

CLOSED = (TriageState.RESOLVED, TriageState.FALSE_POSITIVE)
OPEN = tuple(state for state in TriageState if state not in CLOSED)
PAGE = 50  # rows of a list
WORDS = 5  # words of a title that are looked for
SEARCHED = 10_000  # findings whose titles are compared with words, in the list's order
COUNTED = 1_000  # closed findings and changes that are counted at most
NEWS = 200  # changed findings that one look of the live feed reads at most


class Ownership(StrEnum):
    """Whose findings are shown to a person."""

    MINE_AND_NOBODYS = "mine_and_nobodys"
    MINE = "mine"
    NOBODYS = "nobodys"
    OTHERS = "others"
    ALL = "all"


class FindingOrder(StrEnum):
    WORST = "worst"
    NEWEST = "newest"
    OLDEST = "oldest"
    SCORE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """What a list of findings is restricted to. `user_id`: whose list it is."""

    user_id: int
    severities: frozenset[Severity] = frozenset()  # empty: all
    states: frozenset[TriageState] = frozenset(OPEN)
    ownership: Ownership = Ownership.ALL
    company_id: int | None = None
    source_id: int | None = None
    changed_since: datetime | None = None  # opened, revised or triaged since then
    words: tuple[str, ...] = ()  # all of them are in the title
    label: str | None = None

    def admits(self, row: "FindingRow") -> bool:
        """Return whether a row is in the list. `changed_since` is not asked: the row has just changed."""
        owner = Ownership.NOBODYS if row.owner_id is None else Ownership.OTHERS
        owner = Ownership.MINE if row.owner_id == self.user_id else owner
        return (
            (not self.severities or row.severity in self.severities)
            and row.state in self.states
            and owner in _owners(self.ownership)
            and self.company_id in (None, row.company_id)
            and self.source_id in (None, row.source_id)
            and (self.label is None or self.label in row.labels)
            and all(word.lower() in row.title.lower() for word in self.words)
            and not row.merged
        )


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as lists show it. `title` is text from a site."""

    id: int
    reference: str
    title: str
    severity: Severity
    score: int
    state: TriageState
    verdict: str | None
    glance: dict[str, Any]
    opened_at: datetime
    updated_at: datetime
    revision: int
    held_changes: int
    owner_id: int | None
    acknowledged_by: str | None
    company_id: int | None
    source_id: int | None
    merged: bool
    company: str | None = None
    source: str | None = None
    owner: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def closed(self) -> bool:
        return self.state in CLOSED

    @property
    def title_without_company(self) -> str:
        """The title where the company stands beside it: titles begin with its name."""
        return self.title.removeprefix(f"{self.company}: ") if self.company else self.title

    @property
    def stamp(self) -> str:
        """What tells whether somebody changed the finding since it was shown."""
        return f"{self.reference}.{stamp_of(self.revision, self.updated_at)}"


@dataclass(frozen=True, slots=True)
class FindingPage:
    """`after`: the reference after which the next page begins; None: this is the last one. `cut`: only the
    first SEARCHED findings were compared with the words.
    """

    rows: Sequence[FindingRow]
    after: str | None
    cut: bool = False


@dataclass(slots=True)
class FindingCounts:
    """How many open findings there are of each kind, each under the other choices of a filter."""

    by_severity: dict[Severity, int] = field(default_factory=dict)
    by_state: dict[TriageState, int] = field(default_factory=dict)
    by_ownership: dict[Ownership, int] = field(default_factory=dict)
    by_company: dict[int | None, int] = field(default_factory=dict)
    fitting: int = 0  # under all choices
    open: int = 0  # under none but the source and the time


def stamp_of(revision: int, updated_at: datetime) -> str:
    return f"{revision}.{int(updated_at.timestamp() * 1_000_000)}"


def finding_by_reference(session: Session, view: Visibility, reference: str) -> Alert | None:
    """Return a finding; None: there is none of that name, or it may not be seen."""
    query = select(Alert).where(
        Alert.reference == reference, Alert.kind == AlertKind.FINDING, view.of(Alert.company_id)
    )
    return session.scalar(query)


def lock_finding(session: Session, view: Visibility, reference: str) -> Alert | None:
    """Return a finding, locked for the rest of the transaction; None as `finding_by_reference`."""
    found = finding_by_reference(session, view, reference)
    return None if found is None else lock_alert(session, found.id)


def finding_page(
    session: Session,
    view: Visibility,
    chosen: FindingFilter,
    *,
    order: FindingOrder = FindingOrder.WORST,
    after: str | None = None,
    limit: int = PAGE,
) -> FindingPage:
    """Return one page of the findings that a filter leaves.

    It begins after the finding of that reference, as it stands now; from the start if there is none.
    """
    begin = None if after is None else finding_by_reference(session, view, after)
    found: list[tuple[int, ...]] = []
    cut = False
    for part, states in ((OPEN_FINDING, OPEN), (CLOSED_FINDING, CLOSED)):
        wanted = chosen.states & set(states)
        if not wanted:
            continue
        some_of_them = () if len(wanted) == len(states) else (Alert.state.in_(sorted(wanted)),)
        query = select(Alert.id, Alert.priority, Alert.score)
        query = query.where(text(part), *some_of_them, *_conditions(view, chosen))
        if begin is not None:
            query = query.where(_beyond(order, begin))
        query = query.order_by(*_ordering(order))
        if chosen.words:
            some = query.add_columns(Alert.title).limit(SEARCHED).subquery()
            query = select(some.c.id, some.c.priority, some.c.score)
            query = query.where(*_named(some.c.title, chosen.words))
        ids = [tuple(row) for row in session.execute(query.limit(limit + 1))]
        cut = cut or (bool(chosen.words) and len(ids) <= limit and _is_more(session, some))
        found += ids
    found.sort(key=_SORTING[order], reverse=order is not FindingOrder.OLDEST)
    rows = finding_rows(session, view, [each[0] for each in found[:limit]])
    return FindingPage(rows, rows[-1].reference if len(found) > limit and rows else None, cut)


def _is_more(session: Session, some: Subquery) -> bool:
    return session.scalar(select(func.count()).select_from(some)) == SEARCHED


def finding_rows(session: Session, view: Visibility, ids: Sequence[int]) -> Sequence[FindingRow]:
    """Return findings by their ids, in that order."""
    if not ids:
        return []
    query: Select[Any] = select(*_COLUMNS, Company.name, Source.name, User.name)
    query = query.outerjoin(Company, Company.id == Alert.company_id)
    query = query.outerjoin(Source, Source.id == Alert.source_id)
    query = query.outerjoin(User, User.id == Alert.owner_id)
    query = query.where(Alert.id.in_(ids), Alert.kind == AlertKind.FINDING, view.of(Alert.company_id))
    labels: dict[int, list[str]] = {}
    of_these = select(FindingLabel.alert_id, FindingLabel.label).where(FindingLabel.alert_id.in_(ids))
    for alert_id, label in session.execute(of_these.order_by(FindingLabel.label)):
        labels.setdefault(alert_id, []).append(label)
    found = [FindingRow(*row) for row in session.execute(query)]
    labelled = {row.id: replace(row, labels=tuple(labels.get(row.id, ()))) for row in found}
    return [labelled[each] for each in ids if each in labelled]


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """How many open findings there are of one kind."""

    company_id: int | None
    severity: Severity
    state: TriageState
    owner_id: int | None
    count: int


def latest_change(session: Session, view: Visibility) -> datetime | None:
    """Return when any alert changed last. While it is the same, so are all answers about findings."""
    return session.scalar(select(func.max(Alert.updated_at, type_=Alert.updated_at.type)))


def finding_groups(session: Session, view: Visibility, chosen: FindingFilter) -> Sequence[OpenGroup]:
    """Count the open findings of a filter's source and moment, from one index alone."""
    columns = (Alert.company_id, Alert.severity, Alert.state, Alert.owner_id)
    query = select(*columns, func.count()).where(text(OPEN_FINDING), view.of(Alert.company_id))
    if chosen.source_id is not None:
        query = query.where(Alert.source_id == chosen.source_id)
    if chosen.changed_since is not None:
        query = query.where(Alert.updated_at >= chosen.changed_since)
    return [OpenGroup(*row) for row in session.execute(query.group_by(*columns))]


def count_findings(groups: Sequence[OpenGroup], chosen: FindingFilter) -> FindingCounts:
    """Return the counters of a filter. Its words and its label do not change them."""
    counts = FindingCounts()
    for group in groups:
        owner = Ownership.NOBODYS if group.owner_id is None else Ownership.OTHERS
        owner = Ownership.MINE if group.owner_id == chosen.user_id else owner
        _count_into(counts, chosen, (group.company_id, group.severity, group.state, owner), group.count)
    return counts


_Group = tuple[int | None, Severity, TriageState, Ownership]


def _count_into(counts: FindingCounts, chosen: FindingFilter, group: _Group, count: int) -> None:
    company, severity, state, owner = group
    fits = (
        chosen.company_id in (None, company),
        not chosen.severities or severity in chosen.severities,
        state in chosen.states or not chosen.states & set(OPEN),
        owner in _owners(chosen.ownership),
    )
    counts.open += count
    counts.fitting += count if all(fits) else 0
    if all(fits[1:]):
        counts.by_company[company] = counts.by_company.get(company, 0) + count
    if fits[0] and all(fits[2:]):
        counts.by_severity[severity] = counts.by_severity.get(severity, 0) + count
    if all(fits[:2]) and fits[3]:
        counts.by_state[state] = counts.by_state.get(state, 0) + count
    if all(fits[:3]):
        for each in Ownership:
            if owner in _owners(each):
                counts.by_ownership[each] = counts.by_ownership.get(each, 0) + count


def _owners(ownership: Ownership) -> frozenset[Ownership]:
    if ownership is Ownership.ALL:
        return frozenset((Ownership.MINE, Ownership.NOBODYS, Ownership.OTHERS))
    if ownership is Ownership.MINE_AND_NOBODYS:
        return frozenset((Ownership.MINE, Ownership.NOBODYS))
    return frozenset((ownership,))


def closed_count(session: Session, view: Visibility) -> int:
    """Return how many findings are closed; COUNTED if there are at least as many."""
    some = select(Alert.id).where(text(CLOSED_FINDING), view.of(Alert.company_id))
    return session.scalar(select(func.count()).select_from(some.limit(COUNTED).subquery())) or 0


@dataclass(frozen=True, slots=True)
class FindingNews:
    """What happened to findings since a moment: how many were opened, how many became stronger or were
    reopened, how many have other news, and how many other people triaged. `more`: there are more than
    COUNTED.
    """

    opened: int
    stronger: int
    updated: int
    triaged: int
    more: bool

    @property
    def any(self) -> bool:
        return bool(self.opened or self.stronger or self.updated or self.triaged)


def finding_news(session: Session, view: Visibility, *, since: datetime, apart_from: str) -> FindingNews:
    """Count what changed since a moment. `apart_from`: the person whose own acts do not count."""
    query = select(Alert.id, Alert.opened_at).where(
        Alert.updated_at >= since, text(STANDING), view.of(Alert.company_id)
    )
    rows = session.execute(query.order_by(Alert.updated_at.desc()).limit(COUNTED)).all()
    opened = {row.id for row in rows if row.opened_at >= since}
    older = [row.id for row in rows if row.opened_at < since]
    revised = select(AlertRevision.alert_id, AlertRevision.change).where(
        AlertRevision.alert_id.in_(older), AlertRevision.at >= since
    )
    by_change: dict[bool, set[int]] = {True: set(), False: set()}
    for alert_id, change in session.execute(revised) if older else ():
        by_change[change in (AlertChange.ESCALATED, AlertChange.REOPENED)].add(alert_id)
    triaged = select(TriageEvent.alert_id).where(
        TriageEvent.alert_id.in_([row.id for row in rows]),
        TriageEvent.at >= since,
        TriageEvent.by != apart_from,
    )
    others = set(session.scalars(triaged)) if rows else set()
    stronger = by_change[True]
    return FindingNews(
        len(opened), len(stronger), len(by_change[False] - stronger), len(others), len(rows) == COUNTED
    )


def changed_since(
    session: Session, view: Visibility, *, since: datetime, limit: int = NEWS
) -> Sequence[tuple[int, str]]:
    """Return the ids of findings that were opened or changed since a moment, each with what tells its changes
    apart; the newest change first.
    """
    query = select(Alert.id, Alert.revision, Alert.updated_at).where(
        Alert.updated_at >= since, Alert.kind == AlertKind.FINDING, view.of(Alert.company_id)
    )
    rows = session.execute(query.order_by(Alert.updated_at.desc(), Alert.id.desc()).limit(limit))
    return [(number, stamp_of(revision, at)) for number, revision, at in rows]


@dataclass(frozen=True, slots=True)
class Wait:
    """`at_least`: nobody has looked yet, so that it is a lower bound."""

    time: timedelta
    at_least: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long the findings of a time waited for a person. Those that still wait count with their age."""

    findings: int
    still: int  # nobody has looked at them yet
    median: Wait | None
    ninetieth: Wait | None
    cut: bool  # only the newest MEASURED of them were read


MEASURED = 500  # findings of one time that are read, the newest ones


def waiting_between(
    session: Session, view: Visibility, *, since: datetime, until: datetime, now: datetime
) -> Waiting:
    """Measure the findings that were opened in [since, until): how long until a state was first given."""
    first = select(func.min(TriageEvent.at, type_=TriageEvent.at.type)).where(
        TriageEvent.alert_id == Alert.id
    )
    at = func.coalesce(first.scalar_subquery(), Alert.acknowledged_at, type_=TriageEvent.at.type)
    query = select(Alert.opened_at, at, Alert.state).where(
        Alert.kind == AlertKind.FINDING,
        Alert.opened_at >= since,
        Alert.opened_at < until,
        view.of(Alert.company_id),
    )
    rows = session.execute(query.order_by(Alert.opened_at.desc()).limit(MEASURED)).all()
    waits = sorted(((row[1] or now) - row[0], row[1] is None) for row in rows)
    still = sum(waiting for _, waiting in waits)
    return Waiting(len(waits), still, _quantile(waits, 0.5), _quantile(waits, 0.9), len(rows) == MEASURED)


def _quantile(waits: Sequence[tuple[timedelta, bool]], part: float) -> Wait | None:
    return Wait(*waits[min(len(waits) - 1, int(len(waits) * part))]) if waits else None


def companies_of_findings(session: Session, view: Visibility) -> Sequence[tuple[int, str, str]]:
    """Return (id, slug, name) of the companies that may be seen, by name."""
    query = select(Company.id, Company.slug, Company.name).where(view.of(Company.id))
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(Company.name).limit(1000))]


def sources_of_findings(session: Session, view: Visibility) -> Sequence[tuple[int, str]]:
    """Return (id, name) of the sources by which a person may filter, by name: those of their open findings,
    or all sources for who sees everything.
    """
    if view.companies is None:
        names = select(Source.id, Source.name).order_by(Source.name).limit(1000)
        return [(row[0], row[1]) for row in session.execute(names)]
    found = select(Alert.source_id).where(text(OPEN_FINDING), view.of(Alert.company_id)).distinct()
    query = select(Source.id, Source.name).where(Source.id.in_(found)).order_by(Source.name).limit(1000)
    return [(row[0], row[1]) for row in session.execute(query)]


_COLUMNS = (
    Alert.id,
    Alert.reference,
    Alert.title,
    Alert.severity,
    Alert.score,
    Alert.state,
    Alert.verdict,
    Alert.glance,
    Alert.opened_at,
    Alert.updated_at,
    Alert.revision,
    Alert.held_changes,
    Alert.owner_id,
    Alert.acknowledged_by,
    Alert.company_id,
    Alert.source_id,
    Alert.merged_into_id.is_not(None),
)


def _conditions(view: Visibility, chosen: FindingFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [view.of(Alert.company_id)]
    if chosen.severities:
        found.append(Alert.severity.in_(sorted(chosen.severities)))
    if chosen.company_id is not None:
        found.append(Alert.company_id == chosen.company_id)
    if chosen.source_id is not None:
        found.append(Alert.source_id == chosen.source_id)
    if chosen.changed_since is not None:
        found.append(Alert.updated_at >= chosen.changed_since)
    if chosen.label is not None:
        labelled = select(FindingLabel.alert_id).where(FindingLabel.label == chosen.label)
        found.append(Alert.id.in_(labelled))
    owned = _owned(chosen)
    return found if owned is None else [*found, owned]


def _owned(chosen: FindingFilter) -> ColumnElement[bool] | None:
    mine, nobodys = Alert.owner_id == chosen.user_id, Alert.owner_id.is_(None)
    return {
        Ownership.MINE_AND_NOBODYS: or_(mine, nobodys),
        Ownership.MINE: mine,
        Ownership.NOBODYS: nobodys,
        Ownership.OTHERS: and_(~nobodys, Alert.owner_id != chosen.user_id),
    }.get(chosen.ownership)


def _named(title: ColumnElement[str], words: Collection[str]) -> list[ColumnElement[bool]]:
    return [title.icontains(word, autoescape=True) for word in list(words)[:WORDS]]


def _ordering(order: FindingOrder) -> tuple[ColumnElement[Any], ...]:
    return {
        FindingOrder.WORST: (Alert.priority.desc(), Alert.id.desc()),
        FindingOrder.SCORE: (Alert.score.desc(), Alert.id.desc()),
        FindingOrder.NEWEST: (Alert.id.desc(),),
        FindingOrder.OLDEST: (Alert.id.asc(),),
    }[order]


#: The same orders, of (id, priority, score).
_SORTING: dict[FindingOrder, Callable[[tuple[int, ...]], tuple[int, ...]]] = {
    FindingOrder.WORST: lambda row: (row[1], row[0]),
    FindingOrder.SCORE: lambda row: (row[2], row[0]),
    FindingOrder.NEWEST: lambda row: row[:1],
    FindingOrder.OLDEST: lambda row: row[:1],
}


def _beyond(order: FindingOrder, begin: Alert) -> ColumnElement[bool]:
    if order is FindingOrder.WORST:
        return tuple_(Alert.priority, Alert.id) < tuple_(literal(begin.priority), literal(begin.id))
    if order is FindingOrder.SCORE:
        return tuple_(Alert.score, Alert.id) < tuple_(literal(begin.score), literal(begin.id))
    return Alert.id < begin.id if order is FindingOrder.NEWEST else Alert.id > begin.id


# --- findings as the API and the commands show them


@dataclass(frozen=True, slots=True)
class AlertNames:
    """The names of what some alerts refer to by number; `labels` by the alert's."""

    companies: Mapping[int, str]
    sources: Mapping[int, str]
    owners: Mapping[int, str]
    merged_into: Mapping[int, str]
    labels: Mapping[int, Sequence[str]]


def alert_names(session: Session, view: Visibility, alerts: Sequence[Alert]) -> AlertNames:
    """Return the names for alerts that may be seen, with one query per kind."""
    companies = {each.company_id for each in alerts if each.company_id is not None}
    sources = {each.source_id for each in alerts if each.source_id is not None}
    owners = {each.owner_id for each in alerts if each.owner_id is not None}
    merged = {each.merged_into_id for each in alerts if each.merged_into_id is not None}
    labels: defaultdict[int, list[str]] = defaultdict(list)
    of_alerts = select(FindingLabel.alert_id, FindingLabel.label)
    of_alerts = of_alerts.where(FindingLabel.alert_id.in_([each.id for each in alerts]))
    for alert_id, label in session.execute(of_alerts.order_by(FindingLabel.label)) if alerts else ():
        labels[alert_id].append(label)
    seen = select(Alert.id, Alert.reference).where(Alert.id.in_(merged), view.of(Alert.company_id))
    return AlertNames(
        _pairs(session, select(Company.id, Company.slug).where(Company.id.in_(companies)), companies),
        _pairs(session, select(Source.id, Source.name).where(Source.id.in_(sources)), sources),
        _pairs(session, select(User.id, User.name).where(User.id.in_(owners)), owners),
        _pairs(session, seen, merged),
        labels,
    )


def _pairs(session: Session, query: Select[int, str], ids: Collection[int]) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(query)} if ids else {}
