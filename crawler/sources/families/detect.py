"""Recognises the program of a site by one of its pages, and writes a source file for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.clean import Clock, line
from crawler.clean.zone import clock_from_words
from crawler.sources.families import FAMILIES
from crawler.sources.families.family import (
    MAX_SEARCHED_CHARS,
    Family,
    ForumBoard,
    SoftwareSign,
    UnknownPage,
)
from crawler.sources.families.forums.element_reader import find_elements
from crawler.sources.kinds.feed import read_feed
from crawler.sources.markup import text_of, tree
from crawler.sources.urls import canonical_url

#: A smaller weight is also reached by pages that only link to a site of the program.
MIN_WEIGHT = 3
#: Length to which the text of a sign is cut.
MAX_QUOTED_CHARS = 60
MAX_FEEDS = 10
MAX_FOOTER_CHARS = 400

_FEED_LINKS = (
    "link[rel=alternate][type='application/rss+xml'], link[rel=alternate][type='application/atom+xml'],"
    " link[rel=alternate][type='application/feed+json']"
)


#: Programs that are recognised and not read, by their own names in the markup.
_UNREAD_PROGRAMS = {
    "vBulletin 5 or later": re.compile(
        r"name=[\"']generator[\"'] content=[\"']vBulletin [5-9]|Powered by (?:<[^>]{0,200}>)?vBulletin&reg; "
        r"Version [5-9]|\bvBulletin\.version = '[5-9]|/core/clientscript/|\bpageData\.baseurl_core\b|"
        r"\bvb-?5\b[^<>]{0,80}js-login",
        re.IGNORECASE,
    ),
    "phpBB 2": re.compile(
        r"Powered by <a [^>]{0,200}phpbb[^>]{0,200}>phpBB</a> (?:2\.|&copy; 2001)|"
        r"subSilver/\w+\.css[^>]{0,200}>(?:(?!<body).){0,4000}<!--\s*phpBB 2",
        re.IGNORECASE | re.DOTALL,
    ),
    "XenForo 1": re.compile(
        r"<html[^>]{0,200}\bid=[\"']XenForo[\"']|\bXenForo\.(?:init|create)\(|_xfVersion[^<>]{0,20}[\"']1\."
    ),
    "Invision Community": re.compile(
        r"\bid=[\"']ipsLayout_(?:body|contentArea|mainArea)[\"']|<body\b[^>]{0,400}\bipsApp\b|"
        r"\bid=[\"']ipboard_body[\"']|>Powered by Invision Community<",
        re.IGNORECASE,
    ),
    "VerticalScope (Fora)": re.compile(
        r"\bverticalscope\.com/[^<>]{0,200}(?:fora|platform)|\bwindow\.__?fora\b|\bdata-fora-|"
        r"\bVerticalScope Inc\.?, 111 Peter\b",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True, slots=True)
class RecognisedFamily:
    """A family with the signs that were found, and the sum of their weights."""

    family: Family
    weight: int
    signs: tuple[tuple[SoftwareSign, str], ...]


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What one page shows about its site: the families, the likeliest first, and the feeds.

    `offset`: how far the clock on the page is ahead of UTC; None: it shows no time zone.
    """

    families: tuple[RecognisedFamily, ...]
    start: str
    boards: tuple[ForumBoard, ...] = ()
    feeds: tuple[str, ...] = ()
    offset: timedelta | None = None
    #: The program of the site, if it is known and no family reads it.
    unread_program: str = ""

    @property
    def kind(self) -> str | None:
        if self.families:
            return self.families[0].family.name
        return "feed" if self.feeds else None


def recognised(page: UnknownPage) -> tuple[RecognisedFamily, ...]:
    """Return the families whose signs weigh enough, the likeliest first."""
    weighed = (_weigh_family(family, page) for family in FAMILIES.values())
    likely = [each for each in weighed if each.weight >= MIN_WEIGHT]
    return tuple(sorted(likely, key=lambda each: (-each.weight, each.family.name)))


def unread_program(page: UnknownPage) -> str:
    """Return the name of the page's program if no family reads it; "" for every other page."""
    text = page.text[:MAX_SEARCHED_CHARS]
    return next((name for name, sign in _UNREAD_PROGRAMS.items() if sign.search(text)), "")


def _weigh_family(family: Family, page: UnknownPage) -> RecognisedFamily:
    hits = tuple((sign, hit) for sign in family.signs if (hit := sign.found(page)) is not None)
    return RecognisedFamily(family, sum(sign.weight for sign, _ in hits), hits)


def detect(page: UnknownPage, *, now: datetime) -> SiteReport:
    """Return what a page shows about its site. `now` is when it was fetched."""
    feeds = _feed_urls(page)
    if unread := unread_program(page):
        return SiteReport((), feeds[0] if feeds else page.url, feeds=feeds, unread_program=unread)
    families = recognised(page)
    if not families:
        return SiteReport((), feeds[0] if feeds else page.url, feeds=feeds)
    first = families[0].family
    return SiteReport(families, first.start(page), first.boards(page), feeds, _clock_offset(page, now))


def _feed_urls(page: UnknownPage) -> tuple[str, ...]:
    """Return the address of the page if it is a feed, else the feeds that it names in `link` elements."""
    if read_feed(page.text) is not None:
        return (page.url,)
    hrefs = (each.get("href") for each in find_elements(tree(page.text), _FEED_LINKS))
    urls = (canonical_url(href, base=page.url) for href in hrefs if href)
    return tuple(dict.fromkeys(url for url in urls if url))[:MAX_FEEDS]


def _clock_offset(page: UnknownPage, now: datetime) -> timedelta | None:
    """Return the time zone that the end of the page states. Programs that state it do so there."""
    footer = text_of(tree(page.text))[-MAX_FOOTER_CHARS:]
    lines = (clock_from_words(each, Clock(now=now)) for each in footer.splitlines())
    zones = [clock.zone.utcoffset(now) for clock in lines if clock.zone is not None]
    return zones[-1] if zones else None


def detected_source_file(
    finding: SiteReport, *, mask: Callable[[str], str], via: str = "direct", private: Sequence[str] = ()
) -> str:
    """Return a source file in TOML. Comments name the signs of the program, and other boards and feeds.

    `mask` removes identifiers from quoted text.
    """
    reasons, starts = _reason_comments(finding, mask), _start_lines(finding, mask)
    lines = [*reasons, f"kind = {_toml_string(finding.kind or '')}", *starts]
    lines += ['via = "tor"'] if via == "tor" else []
    lines += [f"allow_private_addresses = [{', '.join(map(_toml_string, private))}]"] if private else []
    lines += _zone_comment(finding)
    if finding.families and finding.feeds:
        lines.append(
            f'# If its pages become unreadable: kind = "feed", start = {_toml_string(finding.feeds[0])}'
        )
    return "\n".join([*lines, "", "[schedule]", 'every = "15m"', 'jitter = "2m"', ""])


def _reason_comments(finding: SiteReport, mask: Callable[[str], str]) -> list[str]:
    if not finding.families:
        known = (
            f"is {finding.unread_program}, which is not read" if finding.unread_program else "is not known"
        )
        return [f"# The program of this site {known}, but its feed can be read."]
    first = finding.families[0]
    quoted = (f"{sign.where} {_toml_string(_masked_quote(hit, mask))}" for sign, hit in first.signs)
    others = ", ".join(each.family.title for each in finding.families[1:])
    return [
        f"# {first.family.title}, recognised by {'; '.join(quoted)}",
        *([f"# Less likely: {others}"] if others else []),
    ]


def _start_lines(finding: SiteReport, mask: Callable[[str], str]) -> list[str]:
    others = [board for board in finding.boards if board.url != finding.start]
    if not others:
        return [f"start = {_toml_string(finding.start)}"]
    names = {board.url: board.name for board in finding.boards}
    own = names.get(finding.start, "")
    return [
        "start = [",
        f"    {_toml_string(finding.start)}," + (f"  # {_masked_quote(own, mask)}" if own else ""),
        *(f"    # {_toml_string(board.url)},  # {_masked_quote(board.name, mask)}" for board in others),
        "]",
    ]


def _zone_comment(finding: SiteReport) -> list[str]:
    """Return a comment with the offset of the site.

    A `timezone` key would take precedence over the pages, and a fixed offset would be wrong in summer.
    """
    if finding.offset is None:
        return []
    hours = finding.offset / timedelta(hours=1)
    return [f"# Its pages state UTC{hours:+g}, which is used. A `timezone` would take precedence."]


def _masked_quote(text: str, mask: Callable[[str], str]) -> str:
    return line(mask(text), limit=MAX_QUOTED_CHARS)


def _toml_string(text: str) -> str:
    """Return a TOML basic string. JSON's escapes are valid in it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
