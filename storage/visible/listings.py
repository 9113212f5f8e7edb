"""The listings that a person may see: all, or those in which something of a visible company was found.

A search reads no text of a listing, with two exceptions that have bounds: whether the newest candidates have
a phrase, and the surroundings of what was found in the rows of one page.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from storage.alert_listings import AlertListing
from storage.alerts import Alert, AlertKind
from storage.captures import Capture
from storage.companies import Company
from storage.data_sets import first_offer_of
from storage.listing_filters import ListingFilters, find_rows
from storage.listing_tables import Attachment, Listing, ListingVersion
from storage.matches import MatchSummary
from storage.search import QueryText
from storage.sources import Source
from storage.visible.visibility import Visibility, sees_listing

PAGE = 50
#: Listings by which the figures beside a search are counted, the newest ones.
COUNTED = 1_000
#: Candidates of one page that are compared with a phrase, and characters of each.
COMPARED = 300
COMPARED_CHARS = 60_000
BATCH = 60
PRICED = 100_000  # ids of one page among which prices are compared
SNIPPET_CHARS = 20_000  # of a body, in which the surroundings of a hit are looked for
SAMPLE_CHARS = 5_000
VERSIONS = 50
CAPTURES = 50
OFFERS = 50
ATTACHMENTS = 50
FINDINGS = 20
VALUES = 12  # of one facet
NEAR = 2_000  # ids before and after a listing, among which replies of its thread are looked for


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A listing as lists show it. `around`: body and sample, in which words are looked for; "" without any.
    `compared`: whether the listing was found to have the phrases that were asked for.
    """

    listing: Listing
    source: str
    companies: tuple[str, ...]
    around: str = ""
    compared: bool = True


@dataclass(slots=True)
class ListingCounts:
    """How many listings there are of each kind among the newest `counted` ones that were found.

    `whole`: these are all.
    """

    counted: int = 0
    whole: bool = True
    sources: Sequence[tuple[str, int]] = ()
    lives: Sequence[tuple[str, int]] = ()
    companies: Sequence[tuple[str, str, int]] = ()  # slug, name, count
    currencies: Sequence[tuple[str, int]] = ()
    data_classes: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class ListingPage:
    """`after`: the id below which the next page begins; None: this is the last one. `cut`: the
    search stopped at a bound, and goes on with older listings there.
    """

    rows: Sequence[ListingRow]
    counts: ListingCounts
    after: int | None
    cut: bool = False


@dataclass(slots=True)
class _Hits:
    ids: list[int]
    whole: bool
    unsure: set[int] = field(default_factory=set)
    looked_at: int | None = None  # the last id that was compared
    facts: Sequence[Any] = ()


_FACTS: tuple[Any, ...] = (
    Listing.id,
    Listing.source_id,
    Listing.life,
    Listing.price_currency,
    Listing.data_classes,
)


def listing_page(
    session: Session, view: Visibility, words: str | None, filters: ListingFilters, *, limit: int = PAGE
) -> ListingPage:
    """Return one page of the listings that have all words and pass the filters, newest first."""
    seen = replace(filters, any_company=view.companies)
    asked = QueryText.of(words) if words is not None else None
    first = _hits(session, words, replace(seen, below_id=None), asked, limit)
    hits = first if filters.below_id is None else _hits(session, words, seen, asked, limit)
    counts = _counts(session, view, first)
    shown = hits.ids[:limit]
    rows = rows_of(session, view, shown, with_text=asked is not None, unsure=hits.unsure)
    after = shown[-1] if len(hits.ids) > limit else None
    if after is None and not hits.whole:
        after = hits.looked_at
    return ListingPage(rows, counts, after, cut=not hits.whole and len(hits.ids) <= limit)


def _hits(
    session: Session, words: str | None, filters: ListingFilters, asked: QueryText | None, limit: int
) -> _Hits:
    counted = COUNTED + 1 if filters.below_id is None else limit + 1
    many = max(counted, COMPARED + 1) if asked is not None and asked.phrases else counted
    facts_query: Select[Any] = select(*_FACTS)
    found = find_rows(session, facts_query, words, filters, enough=limit + 1, limit=many, most_priced=PRICED)
    facts = list(found.rows)
    ids = [row[0] for row in facts]
    if asked is None or not asked.phrases:
        return _Hits(ids, found.whole, looked_at=found.down_to, facts=facts)
    hits = _with_phrases(session, facts, asked, limit, whole=found.whole)
    if hits.looked_at is None:
        hits.looked_at = found.down_to
    return hits


def _with_phrases(
    session: Session, facts: Sequence[Any], asked: QueryText, limit: int, *, whole: bool
) -> _Hits:
    """Keep the listings that have the phrases. The index finds those that have their pairs of characters."""
    ids = [row[0] for row in facts]
    kept: list[int] = []
    unsure: set[int] = set()
    looked_at = None
    number = 0
    while number < min(len(ids), COMPARED) and len(kept) <= limit:
        batch = ids[number : number + BATCH]
        number += len(batch)
        looked_at = batch[-1]
        for listing_id, text, is_long in _texts(session, batch):
            if asked.has_phrases(text):
                kept.append(listing_id)
            elif is_long:
                kept.append(listing_id)
                unsure.add(listing_id)
    rest = number >= len(ids)
    wanted = set(kept)
    shown = [row for row in facts if row[0] in wanted]
    return _Hits([row[0] for row in shown], whole and rest, unsure, looked_at, shown)


def _texts(session: Session, ids: Sequence[int]) -> list[tuple[int, str, bool]]:
    """Return (id, searchable text, whether it is longer than what was read), in the order of the ids."""
    columns = (
        ListingVersion.listing_id,
        ListingVersion.title,
        ListingVersion.seller,
        func.substr(ListingVersion.body, 1, COMPARED_CHARS + 1),
        func.substr(ListingVersion.sample, 1, COMPARED_CHARS + 1),
    )
    found = {}
    for listing_id, title, seller, body, sample in session.execute(_of_last_version(ids, *columns)):
        is_long = max(len(body), len(sample)) > COMPARED_CHARS
        found[listing_id] = (listing_id, "\n".join((title, seller or "", body, sample)), is_long)
    return [found[each] for each in ids if each in found]


def _of_last_version(ids: Sequence[int], *columns: Any) -> Any:  # noqa: ANN401  (columns of any type)
    query = select(*columns).join(Listing, Listing.id == ListingVersion.listing_id)
    return query.where(ListingVersion.listing_id.in_(ids), ListingVersion.number == Listing.version_number)


def rows_of(
    session: Session,
    view: Visibility,
    ids: Sequence[int],
    *,
    with_text: bool = False,
    unsure: Collection[int] = (),
) -> list[ListingRow]:
    """Return listings by their ids, in that order. `unsure`: those that were not compared with a phrase."""
    if not ids:
        return []
    query = (
        select(Listing)
        .options(joinedload(Listing.source))
        .where(Listing.id.in_(ids), sees_listing(view, Listing.id))
    )
    found = {listing.id: listing for listing in session.scalars(query)}
    companies = _companies_of(session, view, ids)
    texts = {}
    if with_text:
        body = func.substr(ListingVersion.body, 1, SNIPPET_CHARS)
        sample = func.substr(ListingVersion.sample, 1, SAMPLE_CHARS)
        for listing_id, *parts in session.execute(
            _of_last_version(ids, ListingVersion.listing_id, body, sample)
        ):
            texts[listing_id] = "\n".join(parts)
    return [
        ListingRow(
            found[each],
            found[each].source.name,
            tuple(companies.get(each, ())),
            texts.get(each, ""),
            each not in unsure,
        )
        for each in ids
        if each in found
    ]


def _companies_of(session: Session, view: Visibility, ids: Sequence[int]) -> Mapping[int, list[str]]:
    """Return the names of the visible companies of which something was found, by listing."""
    query = select(MatchSummary.listing_id, Company.name).distinct()
    query = query.join(Company, Company.id == MatchSummary.company_id)
    query = query.where(MatchSummary.listing_id.in_(ids), view.of(MatchSummary.company_id))
    found: dict[int, list[str]] = {}
    for listing_id, name in session.execute(query.order_by(Company.name)):
        found.setdefault(listing_id, []).append(name)
    return found


def _counts(session: Session, view: Visibility, hits: _Hits) -> ListingCounts:
    facts = hits.facts[:COUNTED]
    ids = [row[0] for row in facts]
    by_source = Counter(row[1] for row in facts)
    names = _names(session, [each for each, _ in by_source.most_common(VALUES)])
    classes = Counter(each for row in facts for each in set(row[4][:20]))
    return ListingCounts(
        counted=len(facts),
        whole=hits.whole and len(hits.facts) <= COUNTED,
        sources=[(names[each], n) for each, n in by_source.most_common(VALUES) if each in names],
        lives=[(life.value, n) for life, n in Counter(row[2] for row in facts).most_common()],
        companies=_company_counts(session, view, ids),
        currencies=Counter(row[3] for row in facts if row[3]).most_common(VALUES),
        data_classes=classes.most_common(VALUES),
    )


def _names(session: Session, source_ids: Sequence[int]) -> Mapping[int, str]:
    query = select(Source.id, Source.name).where(Source.id.in_(source_ids))
    return {row[0]: row[1] for row in session.execute(query)} if source_ids else {}


def _company_counts(session: Session, view: Visibility, ids: Sequence[int]) -> Sequence[tuple[str, str, int]]:
    if not ids:
        return []
    count = func.count(MatchSummary.listing_id.distinct())
    query = select(Company.slug, Company.name, count).join(Company, Company.id == MatchSummary.company_id)
    query = query.where(MatchSummary.listing_id.in_(ids), view.of(MatchSummary.company_id))
    query = query.group_by(Company.slug, Company.name).order_by(count.desc(), Company.name).limit(VALUES)
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def companies_to_search(session: Session, view: Visibility) -> Sequence[tuple[str, str]]:
    """Return (slug, name) of the companies that may be seen, by name."""
    query = select(Company.slug, Company.name).where(view.of(Company.id)).order_by(Company.name).limit(1000)
    return [(row[0], row[1]) for row in session.execute(query)]


# --- one listing


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """A version without its text. `changes` are against the version before."""

    number: int
    seen_at: datetime
    title: str
    seller: str | None
    price_amount: Decimal | None
    price_currency: str | None
    claimed_records: int | None
    changes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FindingName:
    reference: str
    title: str
    severity: str
    state: str
    company: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingDetail:
    """A listing with what its page shows; each list has a bound, and `more` names those that were cut."""

    listing: Listing
    companies: Sequence[str]
    version: ListingVersion | None  # the one that is shown
    before: ListingVersion | None  # the one before it
    versions: Sequence[VersionFacts]
    captures: Sequence[Capture]
    offers: Sequence[Listing]  # others of the same data
    thread: Sequence[Listing]  # the listing that it replies to, and the replies
    findings: Sequence[FindingName]
    more: frozenset[str]


def visible_listing(session: Session, view: Visibility, listing_id: int) -> Listing | None:
    """Return a listing with its source; None: it does not exist, or may not be seen."""
    query = select(Listing).where(Listing.id == listing_id, sees_listing(view, Listing.id))
    return session.scalar(query.options(joinedload(Listing.source)))


def listing_detail(
    session: Session, view: Visibility, listing_id: int, *, number: int | None = None
) -> ListingDetail | None:
    """Return a listing with one of its versions, the last one without a number; None: neither is there."""
    listing = visible_listing(session, view, listing_id)
    if listing is None:
        return None
    version = _version(session, listing.id, listing.version_number if number is None else number)
    if version is None and number is not None:
        return None
    before = (
        None if version is None or version.number < 2 else _version(session, listing.id, version.number - 1)
    )
    versions = _versions(session, listing.id)
    captures = _captures(session, listing.id)
    offers = _same_data(session, view, listing)
    thread = _thread(session, view, listing)
    findings = findings_about(session, view, [listing.id])
    parts: dict[str, tuple[Sequence[Any], int]] = {
        "versions": (versions, VERSIONS),
        "captures": (captures, CAPTURES),
        "offers": (offers, OFFERS),
        "thread": (thread, OFFERS),
        "findings": (findings, FINDINGS),
    }
    return ListingDetail(
        listing=listing,
        companies=_companies_of(session, view, [listing.id]).get(listing.id, []),
        version=version,
        before=before,
        versions=versions[:VERSIONS],
        captures=captures[:CAPTURES],
        offers=offers[:OFFERS],
        thread=thread[:OFFERS],
        findings=findings[:FINDINGS],
        more=frozenset(name for name, (rows, most) in parts.items() if len(rows) > most),
    )


def _version(session: Session, listing_id: int, number: int) -> ListingVersion | None:
    query = select(ListingVersion).where(
        ListingVersion.listing_id == listing_id, ListingVersion.number == number
    )
    some = selectinload(ListingVersion.attachments).joinedload(Attachment.capture)
    return session.scalar(query.options(some))


def _versions(session: Session, listing_id: int) -> Sequence[VersionFacts]:
    names = ("number", "seen_at", "title", "seller", "price_amount", "price_currency", "claimed_records")
    columns = [getattr(ListingVersion, name) for name in (*names, "changes")]
    query: Select[Any] = select(*columns)
    query = query.where(ListingVersion.listing_id == listing_id).order_by(ListingVersion.number.desc())
    return [VersionFacts(*row) for row in session.execute(query.limit(VERSIONS + 1))]


def _captures(session: Session, listing_id: int) -> Sequence[Capture]:
    ids = select(ListingVersion.capture_id).where(
        ListingVersion.listing_id == listing_id, ListingVersion.capture_id.is_not(None)
    )
    newest = session.scalars(ids.order_by(ListingVersion.number.desc()).limit(CAPTURES + 1)).all()
    query = select(Capture).where(Capture.id.in_([each for each in newest if each is not None]))
    return session.scalars(query.order_by(Capture.id.desc())).all()


def _same_data(session: Session, view: Visibility, listing: Listing) -> Sequence[Listing]:
    """Return the other offers of the data set, oldest first. Each part is read by its index."""
    root = first_offer_of(listing)
    parts = (Listing.id == root, Listing.data_set_id == root, Listing.repost_of_id == root)
    found: dict[int, Listing] = {}
    for part in parts:
        query = select(Listing).options(joinedload(Listing.source))
        query = query.where(part, Listing.id != listing.id, sees_listing(view, Listing.id))
        rows = session.scalars(query.order_by((Listing.id + 0).asc()).limit(OFFERS + 1))
        found |= {row.id: row for row in rows}
    return [found[each] for each in sorted(found)][: OFFERS + 1]


def _thread(session: Session, view: Visibility, listing: Listing) -> Sequence[Listing]:
    """Return the listing that this one replies to, and the other replies to it or to this one.

    No index has the threads: replies are looked for among the source's listings that are near by number.
    """
    key = listing.thread_key or listing.key
    near = and_(Listing.id >= listing.id - NEAR, Listing.id <= listing.id + NEAR)
    query = (
        select(Listing)
        .options(joinedload(Listing.source))
        .where(
            Listing.source_id == listing.source_id, Listing.id != listing.id, sees_listing(view, Listing.id)
        )
    )
    replies = query.where(Listing.thread_key == key, near).order_by(Listing.id).limit(OFFERS + 1)
    found = list(session.scalars(replies))
    if listing.thread_key is not None:
        first = session.scalar(query.where(Listing.key == listing.thread_key))
        found = [*([first] if first is not None else []), *found]
    return found[: OFFERS + 1]


def findings_about(session: Session, view: Visibility, listing_ids: Sequence[int]) -> Sequence[FindingName]:
    """Return the findings about some listings, the newest first, one more than are shown."""
    told = select(AlertListing.alert_id).where(AlertListing.listing_id.in_(listing_ids))
    begun = select(Alert.id).where(Alert.listing_id.in_(listing_ids))
    ids = set(session.scalars(told.limit(500))) | set(session.scalars(begun.limit(500)))
    columns = (Alert.reference, Alert.title, Alert.severity, Alert.state, Company.name)
    query = select(*columns).outerjoin(Company, Company.id == Alert.company_id)
    query = query.where(Alert.id.in_(ids), Alert.kind == AlertKind.FINDING, view.of(Alert.company_id))
    rows = session.execute(query.order_by(Alert.id.desc()).limit(FINDINGS + 1))
    return [FindingName(row[0], row[1], row[2].value, row[3].value, row[4]) for row in rows]
