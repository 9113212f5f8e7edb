"""Listings: queries of the crawler, of people and of the matching, and the life of each listing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, and_, func, or_, select, text, update
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, selectinload

from storage.database.base import lock_in_order, state_moved
from storage.erased_listings import erased_keys
from storage.errors import EvidenceExpired
from storage.listing_filters import ListingFilters, recent_listings, search_listings
from storage.listing_intake import AttachmentRecord, IntakeResult, ListingRecord, upsert_many
from storage.listing_tables import (
    UNMATCHED,
    UNREAD,
    Attachment,
    Life,
    Listing,
    ListingVersion,
    MatchState,
    of_source,
    stored_key,
)
from storage.nodes import may_claim, not_locked

__all__ = [
    "Attachment",
    "AttachmentRecord",
    "IntakeResult",
    "KnownListing",
    "Life",
    "Listing",
    "ListingFilters",
    "ListingRecord",
    "ListingVersion",
    "MatchState",
    "recent_listings",
    "search_listings",
    "upsert_many",
]

MAX_KEYS = 10_000  # per statement; SQLite accepts 32,766 parameters
MATCH_LEASE = timedelta(minutes=10)  # after it a claimed version without a result is due again


@dataclass(frozen=True, slots=True)
class KnownListing:
    row_digest: str
    first_seen_at: datetime
    last_seen_at: datetime
    gone: bool
    checked_at: datetime | None = None
    erased: bool = False  # its row is gone, and it is not to be stored again


# --- queries of the crawler


def known_listings(session: Session, source_id: int, keys: Collection[str]) -> dict[str, KnownListing]:
    """Return the keys that are listings of this source already, and those of erased listings."""
    names = ("key", "row_digest", "first_seen_at", "last_seen_at", "gone_at", "checked_at")
    columns = [getattr(Listing, name) for name in names]
    keys_by_stored = {stored_key(key): key for key in keys}
    erased = {
        key: KnownListing("", at, at, gone=False, erased=True)
        for key, at in erased_keys(session, source_id, keys).items()
    }
    return erased | {
        keys_by_stored[row.key]: KnownListing(
            row.row_digest, row.first_seen_at, row.last_seen_at, row.gone_at is not None, row.checked_at
        )
        for condition in _key_conditions(source_id, keys_by_stored)
        for row in session.execute(select(*columns).where(condition))
    }


def _key_conditions(source_id: int, keys: Collection[str]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions for the listings with these keys, each for at most MAX_KEYS keys."""
    stored = [stored_key(key) for key in keys]
    for start in range(0, len(stored), MAX_KEYS):
        yield and_(of_source(source_id), Listing.key.in_(stored[start : start + MAX_KEYS]))


def lock_listings(session: Session, source_id: int, keys: Collection[str]) -> None:
    """Lock these listings until the commit: see `lock_in_order`.

    Call it before the first change of a transaction that changes listings by more than one function.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    ids: list[int] = []
    for condition in _key_conditions(source_id, keys):
        ids += session.scalars(select(Listing.id).where(condition))
    lock_in_order(session, Listing, ids)


def listings_to_recheck(session: Session, source_id: int, limit: int) -> list[tuple[str, str]]:
    """Return (key, url) of the listings whose item page was read longest ago.

    Listings that are gone are left out, and replies, which are read with their thread.
    """
    query = (
        select(Listing.key, Listing.url)
        .where(_is_on_lists(source_id))
        .order_by(Listing.checked_at, Listing.id)
        .limit(limit)
    )
    return [(row.key, row.url) for row in session.execute(query)]


def _is_on_lists(source_id: int) -> ColumnElement[bool]:
    """Condition for the listings that a source's lists should show: not gone, and not a reply."""
    return and_(Listing.source_id == source_id, Listing.gone_at.is_(None), Listing.thread_key.is_(None))


def mark_seen(session: Session, source_id: int, keys: Collection[str], now: datetime) -> Sequence[int]:
    """Record that a list page shows these listings unchanged; return the ids of those that had been gone."""
    returned: list[int] = []
    for condition in _key_conditions(source_id, keys):
        gone = update(Listing).where(condition, Listing.gone_at.is_not(None))
        returned += session.scalars(gone.values(gone_at=None, life=Life.BACK).returning(Listing.id))
        session.execute(update(Listing).where(condition).values(last_seen_at=now))
    return returned


def newest_versions(session: Session, source_id: int, keys: Collection[str]) -> dict[str, ListingVersion]:
    """Return the current version of each key, with its listing."""
    query = select(ListingVersion).join(Listing).options(contains_eager(ListingVersion.listing))
    query = query.where(ListingVersion.number == Listing.version_number)
    keys_by_stored = {stored_key(key): key for key in keys}
    return {
        keys_by_stored[version.listing.key]: version
        for condition in _key_conditions(source_id, keys_by_stored)
        for version in session.scalars(query.where(condition))
    }


def mark_recheck_failed(session: Session, source_id: int, keys: Collection[str], now: datetime) -> None:
    """Record that item pages could not be read: `listings_to_recheck` returns other listings first."""
    for condition in _key_conditions(source_id, keys):
        session.execute(update(Listing).where(condition).values(checked_at=now))


def request_reread(session: Session, source_id: int, keys: Collection[str]) -> None:
    """Record that listings were not read completely: the next list page that shows them has them read
    again.
    """
    for condition in _key_conditions(source_id, keys):
        session.execute(update(Listing).where(condition).values(row_digest=""))


def mark_read_whole(session: Session, source_id: int, digests: Mapping[str, str]) -> None:
    """Record that listings were read completely while their rows had these digests (by key)."""
    for key, digest in digests.items():
        condition = (Listing.source_id == source_id, Listing.key == stored_key(key))
        session.execute(update(Listing).where(*condition).values(row_digest=digest))


def mark_gone(session: Session, source_id: int, keys: Collection[str], now: datetime) -> Sequence[int]:
    """Record that the site said so (404, 410); return the ids of those that were not gone yet.

    `row_digest` becomes "", as after every failure of an item page, because a list may still show the row.
    """
    lock_listings(session, source_id, keys)
    newly_gone: list[int] = []
    for condition in _key_conditions(source_id, keys):
        there = update(Listing).where(condition, Listing.gone_at.is_(None))
        gone = there.values(gone_at=now, life=Life.GONE)
        newly_gone += session.scalars(gone.returning(Listing.id))
        session.execute(update(Listing).where(condition).values(checked_at=now, row_digest=""))
    return newly_gone


def count_absent(session: Session, source_id: int, *, seen_since: datetime) -> tuple[int, int]:
    """Return how many listings were not seen since then, and how many there are, without those that are
    gone.
    """
    unseen = func.count().filter(Listing.last_seen_at < seen_since)
    there = select(unseen, func.count()).where(_is_on_lists(source_id))
    row = session.execute(there).one()
    return row[0], row[1]


def copied_listings(session: Session, source_id: int, *, since: datetime) -> int:
    """Count the listings first seen since then whose text this source had before under another key, without
    replies.
    """
    earlier = aliased(Listing)
    # One subquery for all: one query per listing took an hour for 100,000 new listings.
    before = select(earlier.content_digest).where(
        earlier.source_id == source_id, earlier.first_seen_at < since, earlier.content_digest != ""
    )
    new = select(func.count()).where(_is_on_lists(source_id), Listing.first_seen_at >= since)
    return session.scalar(new.where(Listing.content_digest.in_(before))) or 0


def mark_absent_gone(
    session: Session, source_id: int, *, seen_since: datetime, now: datetime
) -> Sequence[int]:
    """Mark the listings that were not seen since then as gone; return their ids.

    Call it after a list was read to its end without an error; `seen_since` is when reading it began.
    """
    absent = (_is_on_lists(source_id), Listing.last_seen_at < seen_since)
    lock_in_order(session, Listing, session.scalars(select(Listing.id).where(*absent)).all())
    gone = update(Listing).where(*absent).values(gone_at=now, life=Life.GONE)
    return session.scalars(gone.returning(Listing.id)).all()


# --- queries of people


def listing_by_id(session: Session, listing_id: int) -> Listing | None:
    """Return a listing with its source."""
    return session.scalar(select(Listing).where(Listing.id == listing_id).options(joinedload(Listing.source)))


def listing_by_key(session: Session, source_id: int, key: str) -> Listing | None:
    return session.scalar(select(Listing).where(Listing.source_id == source_id, Listing.key == key))


def versions_of(session: Session, listing_id: int) -> Sequence[ListingVersion]:
    """Return the versions of a listing with their attachments, oldest first."""
    query = select(ListingVersion).where(ListingVersion.listing_id == listing_id)
    return session.scalars(
        query.options(selectinload(ListingVersion.attachments)).order_by(ListingVersion.number)
    ).all()


def version_by_id(session: Session, version_id: int) -> ListingVersion | None:
    """Return a version with its listing, the listing's source, its attachments, and their captures."""
    query = select(ListingVersion).where(ListingVersion.id == version_id)
    return session.scalar(
        query.options(
            joinedload(ListingVersion.listing).joinedload(Listing.source),
            joinedload(ListingVersion.capture),
            selectinload(ListingVersion.attachments).joinedload(Attachment.capture),
        )
    )


def latest_version(session: Session, listing_id: int) -> ListingVersion | None:
    """Return the current version of a listing, loaded as by `version_by_id`."""
    latest = select(ListingVersion.id).join(Listing, Listing.id == ListingVersion.listing_id)
    found = session.scalar(
        latest.where(Listing.id == listing_id, ListingVersion.number == Listing.version_number)
    )
    return None if found is None else version_by_id(session, found)


def reposts_of(session: Session, listing_id: int) -> Sequence[Listing]:
    """Return all listings with the content of this one, the first one first, each with its source."""
    root = select(func.coalesce(Listing.repost_of_id, Listing.id)).where(Listing.id == listing_id)
    original = root.scalar_subquery()
    query = select(Listing).where(or_(Listing.id == original, Listing.repost_of_id == original))
    return session.scalars(query.options(joinedload(Listing.source)).order_by(Listing.id)).all()


# --- queries of the matching


def versions_due_for_matching(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of versions that are due to be matched, oldest first."""
    waiting = select(ListingVersion.id).where(text(UNMATCHED), _is_due_for_matching(now))
    return session.scalars(waiting.order_by(ListingVersion.id).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class MatchClaim:
    """The claim of a version. `epoch` must be given back with each result; `attempt` counts from 1."""

    version_id: int
    epoch: int
    attempt: int


def claim_for_matching(
    session: Session, version_id: int, *, now: datetime, node_id: int | None = None
) -> MatchClaim | None:
    """Claim a version for a node.

    None: the version is matched already, or another worker has claimed it. A claim without a result ends
    after MATCH_LEASE, or when its node is gone, by `release_claims`.
    """
    waiting = update(ListingVersion).where(
        ListingVersion.id == version_id, _is_due_for_matching(now), may_claim(node_id)
    )
    claimed = waiting.values(
        match_attempts=ListingVersion.match_attempts + 1,
        match_epoch=ListingVersion.match_epoch + 1,
        match_node_id=node_id,
        match_not_before=now + MATCH_LEASE,
    )
    columns = (ListingVersion.match_epoch, ListingVersion.match_attempts)
    row = session.execute(claimed.returning(*columns)).one_or_none()
    return None if row is None else MatchClaim(version_id, row[0], row[1])


def _update_of_claimed_version(claim: MatchClaim) -> Update:
    return update(ListingVersion).where(
        ListingVersion.id == claim.version_id,
        ListingVersion.match_epoch == claim.epoch,
        ListingVersion.match_state == MatchState.PENDING,
    )


def lock_claimed_version(session: Session, claim: MatchClaim) -> bool:
    """Lock a version until the commit; return whether it still belongs to this claim."""
    query = select(ListingVersion.id).where(
        ListingVersion.id == claim.version_id, ListingVersion.match_epoch == claim.epoch
    )
    return session.scalar(query.with_for_update(key_share=True)) is not None


def release_sealed(session: Session, file: str) -> Sequence[int]:
    """Make the versions due for matching whose evidence is in this file, which every node can read now.

    Returns their ids.
    """
    waiting = update(ListingVersion).where(
        text(UNMATCHED),
        ListingVersion.match_state == MatchState.UNSEALED,
        ListingVersion.evidence_file == file,
    )
    return session.scalars(waiting.values(match_state=MatchState.PENDING).returning(ListingVersion.id)).all()


def waits_to_be_sealed(session: Session, *, since: datetime) -> bool:
    """Return whether a version has waited for its evidence to be sealed since then, or for longer."""
    waiting = select(ListingVersion.id).where(
        text(UNMATCHED),
        ListingVersion.match_state == MatchState.UNSEALED,
        ListingVersion.seen_at <= since,
    )
    return session.scalar(waiting.limit(1)) is not None


def unsealed_files(session: Session) -> dict[str, int]:
    """Return the files whose versions wait to be released, and up to which byte versions point into each."""
    end = func.max(ListingVersion.evidence_offset + ListingVersion.evidence_length)
    query = select(ListingVersion.evidence_file, end)
    query = query.where(text(UNMATCHED), ListingVersion.match_state == MatchState.UNSEALED)
    found = session.execute(query.group_by(ListingVersion.evidence_file)).all()
    return {file: end for file, end in found if file is not None and end is not None}


def record_matching_failure(
    session: Session, claim: MatchClaim, *, reason: str, retry_at: datetime | None, now: datetime
) -> bool:
    """Record a failure, to be tried again at `retry_at`; None: never. False: the version is no longer
    pending, or no longer belongs to this claim.
    """
    claimed = _update_of_claimed_version(claim).values(match_reason=reason, match_node_id=None)
    if retry_at is not None:
        return state_moved(session, claimed.values(match_not_before=retry_at))
    return state_moved(session, claimed.values(match_state=MatchState.FAILED, matched_at=now))


def postpone_matching(session: Session, claim: MatchClaim, *, reason: str, retry_at: datetime) -> bool:
    """End a claim whose attempt does not count, and make the version due again at `retry_at`.

    False: it is no longer pending, or no longer belongs to this claim.
    """
    claimed = _update_of_claimed_version(claim).where(ListingVersion.match_attempts > 0)
    values = {"match_reason": reason, "match_not_before": retry_at, "match_node_id": None}
    attempts = ListingVersion.match_attempts - 1
    return state_moved(session, claimed.values(**values, match_attempts=attempts))


def note_unread_evidence(session: Session, reasons: Mapping[int, str | None]) -> None:
    """Record why the evidence of matched versions could not be read when they were matched again.

    None: it was read. The version stays matched: what was found before is kept.
    """
    for reason in set(reasons.values()):
        ids = [version_id for version_id, each in reasons.items() if each == reason]
        matched = update(ListingVersion).where(
            ListingVersion.id.in_(ids), ListingVersion.match_state == MatchState.MATCHED
        )
        differs = ListingVersion.match_reason.is_distinct_from(reason)
        session.execute(matched.where(differs).values(match_reason=reason))


def count_unread_evidence(session: Session, *, until_version_id: int) -> int:
    """Return the number of matched versions whose evidence could not be read at the last rematch, without
    those whose evidence retention has deleted.
    """
    unread = select(func.count()).select_from(ListingVersion)
    unread = unread.where(
        text(UNREAD),
        ListingVersion.match_state == MatchState.MATCHED,
        ListingVersion.match_reason != EvidenceExpired.reason,
        ListingVersion.id <= until_version_id,
    )
    return session.scalar(unread) or 0


def release_claims(session: Session, *, gone: ColumnElement[bool] | None = None) -> Sequence[int]:
    """End the claims of which `gone` is true; return the ids of their versions.

    None: all of them. Call it like this at start, under the daemon's lock, when nothing is being matched.
    """
    claimed = and_(
        text(UNMATCHED),
        ListingVersion.match_state == MatchState.PENDING,
        ListingVersion.match_not_before.is_not(None),
    )
    if gone is not None:
        lost = select(ListingVersion.id).where(claimed, ListingVersion.match_node_id.is_not(None), gone)
        claimed = ListingVersion.id.in_(not_locked(session, lost))
    free = update(ListingVersion).where(claimed)
    free = free.values(match_epoch=ListingVersion.match_epoch + 1, match_node_id=None, match_not_before=None)
    return session.scalars(free.returning(ListingVersion.id)).all()


def _is_due_for_matching(now: datetime) -> ColumnElement[bool]:
    not_before = ListingVersion.match_not_before
    return and_(
        ListingVersion.match_state == MatchState.PENDING, or_(not_before.is_(None), not_before <= now)
    )
