"""Which program a site runs, by one of its pages, and what a source file for it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.clean import Clock, line
from crawler.clean.zone import told_by
from crawler.sources.families import FAMILIES
from crawler.sources.families.family import Family, ForumBoard, SoftwareSign, UnknownPage
from crawler.sources.families.find import found
from crawler.sources.feed import entries_of
from crawler.sources.markup import text_of, tree
from crawler.sources.urls import canonical

#: Less than this speaks for a program in any page that links to one.
LEAST_WEIGHT = 3
#: How much of a sign is quoted.
MAX_QUOTED = 60
MAX_FEEDS = 10
MAX_FOOTER_CHARS = 400

_FEED_LINKS = (
    "link[rel=alternate][type='application/rss+xml'], link[rel=alternate][type='application/atom+xml'],"
    " link[rel=alternate][type='application/feed+json']"
)


@dataclass(frozen=True, slots=True)
class RecognisedFamily:
    """A family, how much speaks for it, and what."""

    family: Family
    weight: int
    signs: tuple[tuple[SoftwareSign, str], ...]


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What one page says about its site: the families, the likeliest first, and its feeds.

    `offset`: how far the clock that the page shows is ahead of UTC.
    """

    families: tuple[RecognisedFamily, ...]
    start: str
    boards: tuple[ForumBoard, ...] = ()
    feeds: tuple[str, ...] = ()
    offset: timedelta | None = None

    @property
    def kind(self) -> str | None:
        if self.families:
            return self.families[0].family.name
        return "feed" if self.feeds else None


def recognised(seen: UnknownPage) -> tuple[RecognisedFamily, ...]:
    """Return the families that enough speaks for, the likeliest first."""
    weighed = (_weighed(family, seen) for family in FAMILIES.values())
    likely = [each for each in weighed if each.weight >= LEAST_WEIGHT]
    return tuple(sorted(likely, key=lambda each: (-each.weight, each.family.name)))


def _weighed(family: Family, seen: UnknownPage) -> RecognisedFamily:
    hits = tuple((sign, hit) for sign in family.signs if (hit := sign.found(seen)) is not None)
    return RecognisedFamily(family, sum(sign.weight for sign, _ in hits), hits)


def detect(seen: UnknownPage, *, now: datetime) -> SiteReport:
    """Return what a page says about its site; `now` is when it was fetched."""
    families = recognised(seen)
    feeds = _feeds(seen)
    if not families:
        return SiteReport((), feeds[0] if feeds else seen.url, feeds=feeds)
    first = families[0].family
    return SiteReport(families, first.start(seen), first.boards(seen), feeds, _offset(seen, now))


def _feeds(seen: UnknownPage) -> tuple[str, ...]:
    """The feed that the page is, or those that it names for machines."""
    if entries_of(seen.text) is not None:
        return (seen.url,)
    hrefs = (each.get("href") for each in found(tree(seen.text), _FEED_LINKS))
    urls = (canonical(href, base=seen.url) for href in hrefs if href)
    return tuple(dict.fromkeys(url for url in urls if url))[:MAX_FEEDS]


def _offset(seen: UnknownPage, now: datetime) -> timedelta | None:
    """What the end of the page says about its zone; programs that say it say it there."""
    footer = text_of(tree(seen.text))[-MAX_FOOTER_CHARS:]
    lines = (told_by(each, Clock(now=now)) for each in footer.splitlines())
    zones = [clock.zone.utcoffset(now) for clock in lines if clock.zone is not None]
    return zones[-1] if zones else None


def detected_source_file(
    finding: SiteReport, *, mask: Callable[[str], str], via: str = "direct", private: Sequence[str] = ()
) -> str:
    """Return the source's TOML; what it was recognised by, and what else it could read, in comments.

    `mask` takes identifiers out of what is quoted.
    """
    reasons, starts = _reasons(finding, mask), _starts(finding, mask)
    lines = [*reasons, f"kind = {_string(finding.kind or '')}", *starts]
    lines += ['via = "tor"'] if via == "tor" else []
    lines += [f"allow_private_addresses = [{', '.join(map(_string, private))}]"] if private else []
    lines += _dates(finding)
    if finding.families and finding.feeds:
        lines.append(f'# Should its pages change: kind = "feed", start = {_string(finding.feeds[0])}')
    return "\n".join([*lines, "", "[schedule]", 'every = "15m"', 'jitter = "2m"', ""])


def _reasons(finding: SiteReport, mask: Callable[[str], str]) -> list[str]:
    if not finding.families:
        return ["# No program that is known here; its feed can be read."]
    first = finding.families[0]
    quoted = (f"{sign.where} {_string(_comment(hit, mask))}" for sign, hit in first.signs)
    others = ", ".join(each.family.title for each in finding.families[1:])
    return [
        f"# {first.family.title}, by {'; '.join(quoted)}",
        *([f"# Less likely: {others}"] if others else []),
    ]


def _starts(finding: SiteReport, mask: Callable[[str], str]) -> list[str]:
    others = [board for board in finding.boards if board.url != finding.start]
    if not others:
        return [f"start = {_string(finding.start)}"]
    names = {board.url: board.name for board in finding.boards}
    own = names.get(finding.start, "")
    return [
        "start = [",
        f"    {_string(finding.start)}," + (f"  # {_comment(own, mask)}" if own else ""),
        *(f"    # {_string(board.url)},  # {_comment(board.name, mask)}" for board in others),
        "]",
    ]


def _dates(finding: SiteReport) -> list[str]:
    """Not as a key: the pages say it themselves, and summer time would make an offset wrong."""
    if finding.offset is None:
        return []
    hours = finding.offset / timedelta(hours=1)
    return [f"# Its pages say UTC{hours:+g}, and are read so; a `timezone` would come first."]


def _comment(text: str, mask: Callable[[str], str]) -> str:
    return line(mask(text), limit=MAX_QUOTED)


def _string(text: str) -> str:
    """A basic string of TOML; JSON's escapes are among its own."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
