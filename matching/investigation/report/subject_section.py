"""What was investigated: its digests, and for a listing when and where it was seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from matching.investigation.report.document import Block, Cell, Code, FactList, TableBlock
from matching.investigation.report.wording import Wording
from matching.investigation.subject import SeenAlert, SeenCapture, SeenListing, Subject

_PARTS_SHOWN = 20
_OFFERS_SHOWN = 20


def subject_section(words: Wording, subject: Subject, made_at: datetime) -> Iterator[Block]:
    single = subject.part_count == 1 and subject.listing is None
    facts: list[tuple[str, Cell]] = [
        (words.say("kind"), words.say(f"kind_{subject.kind.value}")),
        (words.say("name"), subject.name),
        (words.say("sha256" if single else "sha256_of_list"), Code(subject.sha256)),
        (words.say("parts"), words.count(subject.part_count)),
        (words.say("answered_at"), words.moment(made_at)),
    ]
    if subject.alert is not None:
        facts += _alert_facts(words, subject.alert)
    if subject.listing is not None:
        facts += _listing_facts(words, subject.listing)
    yield FactList(facts)
    if subject.listing is not None and subject.listing.captures:
        yield _captures(words, subject.listing)
    if subject.parts:
        yield _parts(words, subject)


def _alert_facts(words: Wording, alert: SeenAlert) -> Iterator[tuple[str, Cell]]:
    yield words.say("alert"), str(alert.id)
    yield words.say("severity"), words.say(f"severity_{alert.severity}")
    yield words.say("state"), words.say(f"state_{alert.state}")
    yield words.say("opened_at"), words.moment(alert.opened_at)
    yield words.say("messages"), words.count(alert.messages)
    if alert.acknowledged_at is not None:
        yield words.say("acknowledged_at"), words.moment(alert.acknowledged_at)


def _listing_facts(words: Wording, listing: SeenListing) -> Iterator[tuple[str, Cell]]:
    claimed = listing.claimed_records
    yield words.say("listing"), str(listing.id)
    yield words.say("source"), listing.source
    yield words.say("url"), Code(listing.url)
    yield words.say("listing_title"), listing.title
    yield words.say("seller"), listing.seller or words.say("not_known")
    yield words.say("price"), listing.price or words.say("not_known")
    yield words.say("claimed_records"), words.say("not_known") if claimed is None else words.count(claimed)
    yield words.say("posted_at"), words.moment(listing.posted_at)
    yield words.say("first_seen_at"), words.moment(listing.first_seen_at)
    yield words.say("last_seen_at"), words.moment(listing.last_seen_at)
    if listing.gone_at is not None:
        yield words.say("gone_at"), words.moment(listing.gone_at)
    yield words.say("versions"), words.count(listing.versions)
    if listing.same_offers:
        shown = [str(one) for one in listing.same_offers[:_OFFERS_SHOWN]]
        yield words.say("same_offers"), words.several(shown)


def _captures(words: Wording, listing: SeenListing) -> TableBlock:
    return TableBlock(
        words.say("captures"),
        [words.say(key) for key in ("fetched_at", "url", "checked", "size", "sha256")],
        [
            [
                words.moment(one.fetched_at),
                Code(one.url),
                _checked(words, one),
                words.say("bytes", bytes=one.bytes),
                Code(one.sha256),
            ]
            for one in listing.captures
        ],
    )


def _checked(words: Wording, capture: SeenCapture) -> str:
    """Say whether the stored bytes, read again, have the digest that was written when they arrived."""
    if capture.gone:
        return words.say("capture_gone", why=capture.gone)
    if capture.fault:
        return words.say("capture_fault", why=capture.fault)
    return words.say("capture_agrees" if capture.file else "not_known")


def _parts(words: Wording, subject: Subject) -> TableBlock:
    shown = subject.parts[:_PARTS_SHOWN]
    caption = words.say("parts_caption")
    if subject.part_count > len(shown):
        cut = words.say("parts_cut", shown=len(shown), all=subject.part_count)
        caption = words.sentences([caption + words.say("stop"), cut])
    return TableBlock(
        caption,
        [words.say("name"), words.say("size"), words.say("sha256")],
        [
            [one.name, words.say("bytes", bytes=one.bytes), Code(one.sha256) if one.sha256 else "-"]
            for one in shown
        ],
        numeric=frozenset({1}),
    )
