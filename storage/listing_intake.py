"""Storing listings: a batch of masked records becomes listings, versions and search entries.

The rules for each batch, in order:
1. If two records have the same key, the later one counts.
2. An unknown key becomes a listing with version 1. It is a re-post if a listing with equal content exists.
   Replies are never re-posts, because many of them have the same text ("thanks").
3. A known key with equal content is recorded as seen again; if the listing was gone, it is back.
4. A known key with different content gets a new version that says what changed. If it was last read before
   the source's file changed, it was read in another way and not edited (`reread` among the changes). A field
   that is empty because its selector found nothing on the whole page (`lost`) keeps its stored value.
Storing a batch twice has the same result as storing it once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.orm import Session

from storage import search
from storage.captures import place_columns
from storage.database.base import BATCH, insert_new, new_ids
from storage.database.columns import MAX_INTEGER, amount, clean
from storage.evidence.warc import RecordPlace
from storage.listing_tables import (
    Attachment,
    Life,
    Listing,
    ListingVersion,
    MatchState,
    of_source,
    stored_key,
)

MAX_CHANGE_CHARS = 300  # of each side of a change; the two versions have the whole text
PRICE_FIELDS = frozenset({"price_amount", "price_currency"})
ON_LISTING = ("title", "seller", "price_amount", "price_currency", "claimed_records", "data_classes")
KNOWN_COLUMNS = (
    "id",
    "key",
    "life",
    "row_digest",
    "content_digest",
    "version_number",
    "gone_at",
    "posted_at",
    "checked_at",
)
COMPARED = (*ON_LISTING, "body", "sample")
LOST_COLUMNS = {"price": ("price_amount", "price_currency")}  # of a field that is not one column
IN_DIGEST = frozenset({"title", "body", "sample"})
REREAD_FIELD = "reread"  # field of a change if the listing was read in another way, not edited
UNMASKED_FIELD = "unmasked_text"  # field of a change if only masked characters or an attachment differ


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    name: str
    content_type: str | None
    size: int
    place: RecordPlace | None
    capture_id: int | None = None


@dataclass(frozen=True, slots=True)
class ListingRecord:
    """A listing as an item page showed it, masked.

    `content_digest` is that of the unmasked title, body, sample and attachments, without price and seller, so
    that the same text offered again elsewhere has the same digest. Price, seller and the other fields are
    compared one by one. The date is not compared, because "two hours ago" changes with every visit.
    """

    key: str
    url: str
    title: str
    body: str
    content_digest: str
    row_digest: str = ""
    seller: str | None = None
    price_amount: Decimal | None = None
    price_currency: str | None = None
    claimed_records: int | None = None
    posted_at: datetime | None = None
    posted_at_uncertain: bool = False
    data_classes: tuple[str, ...] = ()
    sample: str = ""
    links: tuple[str, ...] = ()
    attachments: tuple[AttachmentRecord, ...] = ()
    capture_id: int | None = None
    place: RecordPlace | None = None  # the record with the unmasked text
    lost: frozenset[str] = frozenset()  # fields that the site's pages no longer show where they did
    thread_key: str | None = None  # key of the listing that this one replies to
    reread_before: datetime | None = None  # one that was last read before this is read in another way


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """The result for one key. `version_id` is the new version, if any; `life` is None if it was only seen
    again.
    """

    key: str
    listing_id: int
    version_id: int | None
    life: Life | None


Fields = dict[str, Any]


def upsert_many(
    session: Session,
    source_id: int,
    records: Sequence[ListingRecord],
    now: datetime,
    *,
    match_state: MatchState = MatchState.PENDING,
) -> list[IntakeResult]:
    """Store records; return one result per key, in the order in which the keys first occur.

    `match_state`: of new versions; UNSEALED until `release_sealed` is called for the file of their evidence.
    """
    latest = {stored_key(record.key): record for record in records}
    keys = list(latest)
    stored: dict[str, IntakeResult] = {}
    for start in range(0, len(keys), BATCH):
        batch = {key: latest[key] for key in keys[start : start + BATCH]}
        stored |= _Batch(session, source_id, batch, now, match_state).store()
    return [stored[key] for key in keys]


def fields_of(record: ListingRecord) -> Fields:
    """Return the fields of a record that are compared and stored, limited to what a column can hold."""
    price = amount(record.price_amount)
    claimed = record.claimed_records
    return {
        "title": clean(record.title),
        "body": clean(record.body),
        "seller": None if record.seller is None else clean(record.seller),
        "price_amount": price,
        "price_currency": None if price is None else record.price_currency,
        "claimed_records": claimed if claimed is not None and 0 <= claimed <= MAX_INTEGER else None,
        "data_classes": [clean(name) for name in record.data_classes],
        "sample": clean(record.sample),
        "links": [clean(link) for link in record.links],
    }


class _Batch:
    """One batch that is being stored: at most BATCH records with different keys."""

    def __init__(
        self,
        session: Session,
        source_id: int,
        records: dict[str, ListingRecord],
        now: datetime,
        match_state: MatchState,
    ) -> None:
        self.session = session
        self.source_id = source_id
        self.records = records
        self.now = now
        self.match_state = match_state
        self.fields = {key: fields_of(record) for key, record in records.items()}
        self.versions: list[Fields] = []
        self.lives: dict[str, tuple[int, Life | None]] = {}

    def store(self) -> dict[str, IntakeResult]:
        known = self._lock_known_rows(self.records)
        new = [key for key in self.records if key not in known]
        stored_by_others = self._add_new_listings(new)
        known |= self._lock_known_rows(stored_by_others)
        self._update_known_listings(known)
        numbers = self._add_versions()
        return {
            key: IntakeResult(self.records[key].key, listing_id, numbers.get(listing_id), life)
            for key, (listing_id, life) in self.lives.items()
        }

    def _lock_known_rows(self, keys: Sequence[str] | dict[str, ListingRecord]) -> dict[str, RowMapping]:
        if not keys:
            return {}
        query = select(*(getattr(Listing, name) for name in (*KNOWN_COLUMNS, *ON_LISTING)))
        query = query.where(of_source(self.source_id), Listing.key.in_(list(keys)))
        # FOR NO KEY UPDATE: the matcher may go on inserting rows that refer to these.
        # An expression, so that SQLite looks for the keys and does not read all of the source in order.
        locked = query.order_by(Listing.id + 0).with_for_update(key_share=True)
        rows = self.session.execute(locked).mappings()
        return {row["key"]: row for row in rows}

    # --- unknown keys

    def _add_new_listings(self, keys: Sequence[str]) -> list[str]:
        """Store unknown keys; return those that another writer has stored in the meantime."""
        if not keys:
            return []
        originals = self._stored_originals(keys)
        ids = dict(zip(keys, new_ids(self.session, Listing, len(keys)), strict=True))
        rows = [
            self._listing_row(key, listing_id, originals.get(self._repost_digest(key)))
            for key, listing_id in ids.items()
        ]
        statement = insert_new(self.session, Listing).execution_options(preserve_rowcount=True)
        if self.session.connection().execute(statement, rows).rowcount != len(rows):
            ids = self._ids_stored_by_us(ids)
        reposts = self._mark_reposts_in_batch(ids, originals)
        for key, listing_id in ids.items():
            copied = listing_id in reposts or self._repost_digest(key) in originals
            self.lives[key] = (listing_id, Life.REPOSTED if copied else Life.NEW)
            self.versions.append(self._version_row(key, listing_id, 1, []))
        return [key for key in keys if key not in ids]

    def _ids_stored_by_us(self, ids: dict[str, int]) -> dict[str, int]:
        stored = set(self.session.scalars(select(Listing.id).where(Listing.id.in_(ids.values()))))
        return {key: listing_id for key, listing_id in ids.items() if listing_id in stored}

    def _stored_originals(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the first stored listing per content digest."""
        digests = {self._repost_digest(key) for key in keys} - {""}
        first = func.min(func.coalesce(Listing.repost_of_id, Listing.id)).label("root")
        query = (
            select(Listing.content_digest, first)
            .where(Listing.content_digest.in_(digests), Listing.thread_key.is_(None))
            .group_by(Listing.content_digest)
        )
        return {row.content_digest: row.root for row in self.session.execute(query)}

    def _repost_digest(self, key: str) -> str:
        """Return the digest that a re-post shares with its original; "" for a reply, which is never a
        re-post.
        """
        record = self.records[key]
        return "" if record.thread_key is not None else record.content_digest

    def _listing_row(self, key: str, listing_id: int, original: int | None) -> Fields:
        record = self.records[key]
        return {
            "id": listing_id,
            "source_id": self.source_id,
            "key": key,
            "url": record.url,
            "thread_key": None if record.thread_key is None else stored_key(record.thread_key),
            "life": Life.NEW if original is None else Life.REPOSTED,
            "row_digest": record.row_digest,
            "content_digest": record.content_digest,
            "repost_of_id": original,
            "version_number": 1,
            "first_seen_at": self.now,
            "last_seen_at": self.now,
            "checked_at": self.now,
            "gone_at": None,
            "posted_at": record.posted_at,
            "posted_at_uncertain": record.posted_at_uncertain,
            **{name: self.fields[key][name] for name in ON_LISTING},
        }

    def _mark_reposts_in_batch(self, ids: dict[str, int], originals: dict[str, int]) -> dict[int, int]:
        """Mark re-posts of listings of the same batch, the first of which is the original; return their
        originals.
        """
        firsts: dict[str, int] = {}
        reposts: dict[int, int] = {}
        for key, listing_id in ids.items():
            digest = self._repost_digest(key)
            first = firsts.setdefault(digest, listing_id)
            if digest and digest not in originals and first != listing_id:
                reposts[listing_id] = first
        for listing_id, first in reposts.items():
            values = {"repost_of_id": first, "life": Life.REPOSTED}
            self.session.execute(update(Listing).where(Listing.id == listing_id).values(values))
        return reposts

    # --- known keys

    def _update_known_listings(self, known: dict[str, RowMapping]) -> None:
        self._keep_lost(known)
        changed = {key: row for key, row in known.items() if self._differs(key, row)}
        previous = self._current_versions([row["id"] for row in changed.values()])
        updates, untouched = [], []
        for key, row in known.items():
            changes = self._field_changes(key, row, previous[row["id"]]) if key in changed else []
            since = self.records[key].reread_before
            if changes and since is not None and row["checked_at"] < since:
                changes = [{"field": REREAD_FIELD, "before": None, "after": None}, *changes]
            life = _life_after(changes, gone=row["gone_at"] is not None)
            self.lives[key] = (row["id"], life)
            if not changes and life is None and row["row_digest"] == self.records[key].row_digest:
                untouched.append(row["id"])
                continue
            number = row["version_number"] + bool(changes)
            updates.append(self._seen_row(key, row, number, life))
            if changes:
                self.versions.append(self._version_row(key, row["id"], number, changes))
        self._write_seen(updates, untouched)

    def _keep_lost(self, known: Mapping[str, RowMapping]) -> None:
        """Give empty fields whose selectors are lost the values of the stored version."""
        lost = {key: row for key, row in known.items() if self.records[key].lost}
        previous = self._current_versions([row["id"] for row in lost.values()])
        for key, row in lost.items():
            record, fields = self.records[key], self.fields[key]
            names = {name for each in record.lost for name in LOST_COLUMNS.get(each, (each,))}
            kept = {name for name in names if name in COMPARED and not fields[name]}
            fields.update({name: previous[row["id"]][name] for name in kept})
            if kept & IN_DIGEST:
                self.records[key] = replace(record, content_digest=row["content_digest"])

    def _differs(self, key: str, row: RowMapping) -> bool:
        fields = self.fields[key]
        return row["content_digest"] != self.records[key].content_digest or any(
            row[name] != fields[name] for name in ON_LISTING
        )

    def _current_versions(self, listing_ids: Sequence[int]) -> dict[int, RowMapping]:
        if not listing_ids:
            return {}
        columns = (ListingVersion.listing_id, *(getattr(ListingVersion, name) for name in COMPARED))
        query = select(*columns).join(Listing, Listing.id == ListingVersion.listing_id)
        query = query.where(Listing.id.in_(listing_ids), ListingVersion.number == Listing.version_number)
        return {row["listing_id"]: row for row in self.session.execute(query).mappings()}

    def _field_changes(self, key: str, row: RowMapping, previous: RowMapping) -> list[Fields]:
        fields = self.fields[key]
        different = [name for name in COMPARED if previous[name] != fields[name]]
        if not different and row["content_digest"] != self.records[key].content_digest:
            return [{"field": UNMASKED_FIELD, "before": None, "after": None}]
        return [
            {"field": name, "before": _shortened(previous[name]), "after": _shortened(fields[name])}
            for name in different
        ]

    def _seen_row(self, key: str, row: RowMapping, number: int, life: Life | None) -> Fields:
        record = self.records[key]
        return {
            "id": row["id"],
            "url": record.url,
            "life": life or row["life"],
            "row_digest": record.row_digest,
            "content_digest": record.content_digest,
            "version_number": number,
            "last_seen_at": self.now,
            "checked_at": self.now,
            "gone_at": None,
            "posted_at": row["posted_at"] or record.posted_at,
            **{name: self.fields[key][name] for name in ON_LISTING},
        }

    def _write_seen(self, updates: list[Fields], untouched: list[int]) -> None:
        if updates:
            self.session.execute(update(Listing), updates)
        if untouched:
            seen = update(Listing).where(Listing.id.in_(untouched))
            self.session.execute(seen.values(last_seen_at=self.now, checked_at=self.now))

    # --- versions

    def _version_row(self, key: str, listing_id: int, number: int, changes: list[Fields]) -> Fields:
        record = self.records[key]
        return {
            "listing_id": listing_id,
            "source_id": self.source_id,
            "number": number,
            "capture_id": record.capture_id,
            "seen_at": self.now,
            "posted_at": record.posted_at,
            "posted_at_uncertain": record.posted_at_uncertain,
            "changes": changes,
            "match_state": self.match_state,
            "match_attempts": 0,
            **self.fields[key],
            **place_columns(record.place),
        }

    def _add_versions(self) -> dict[int, int]:
        """Store the new versions with their attachments and search entries; return version ids by listing."""
        if not self.versions:
            return {}
        version_ids = new_ids(self.session, ListingVersion, len(self.versions))
        for row, version_id in zip(self.versions, version_ids, strict=True):
            row["id"] = version_id
        self.session.connection().execute(insert(ListingVersion), self.versions)
        ids = {row["listing_id"]: row["id"] for row in self.versions}
        keys = {listing_id: key for key, (listing_id, _) in self.lives.items()}
        attachments = [
            _attachment_row(version_id, item)
            for listing_id, version_id in ids.items()
            for item in self.records[keys[listing_id]].attachments
        ]
        if attachments:
            self.session.connection().execute(insert(Attachment), attachments)
        search.index_listings(
            self.session,
            [(row["listing_id"], searchable_text(row)) for row in self.versions],
            new={row["listing_id"] for row in self.versions if row["number"] == 1},
        )
        return ids


def _life_after(changes: list[Fields], *, gone: bool) -> Life | None:
    if gone:
        return Life.BACK
    if not changes or changes[0]["field"] == REREAD_FIELD:
        return None
    return Life.PRICE_CHANGED if {change["field"] for change in changes} <= PRICE_FIELDS else Life.EDITED


def _shortened(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value[:MAX_CHANGE_CHARS] if isinstance(value, str) else value


def searchable_text(version: Mapping[str, Any]) -> str:
    """Return the masked text by which a search finds a listing, from the fields of its current version."""
    parts = (version["title"], version["seller"] or "", version["body"], version["sample"])
    return "\n".join(parts)


def _attachment_row(version_id: int, item: AttachmentRecord) -> Fields:
    return {
        "version_id": version_id,
        "capture_id": item.capture_id,
        "name": item.name,
        "content_type": item.content_type,
        "size": item.size,
        **place_columns(item.place),
    }
