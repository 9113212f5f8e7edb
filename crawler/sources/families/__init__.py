"""The families of sites: a module for each program, and the table of them all."""

from __future__ import annotations

from collections.abc import Mapping

from crawler.sources.definition import FamilyName
from crawler.sources.families.discourse import DISCOURSE
from crawler.sources.families.discuz import DISCUZ
from crawler.sources.families.family import Family
from crawler.sources.families.flarum import FLARUM
from crawler.sources.families.gists import GISTS
from crawler.sources.families.mybb import MYBB
from crawler.sources.families.nodebb import NODEBB
from crawler.sources.families.pastebin import PASTEBIN
from crawler.sources.families.phpbb import PHPBB
from crawler.sources.families.privatebin import PRIVATEBIN
from crawler.sources.families.ransomlook import RANSOMLOOK
from crawler.sources.families.ransomware_live import RANSOMWARE_LIVE
from crawler.sources.families.smf import SMF
from crawler.sources.families.telegram import TELEGRAM
from crawler.sources.families.vbulletin import VBULLETIN
from crawler.sources.families.wordpress import WORDPRESS
from crawler.sources.families.xenforo import XENFORO

#: A line for each program; recognition goes by weight, so that their order means nothing.
_ALL: tuple[Family, ...] = (
    DISCOURSE,
    DISCUZ,
    FLARUM,
    GISTS,
    MYBB,
    NODEBB,
    PASTEBIN,
    PHPBB,
    PRIVATEBIN,
    RANSOMLOOK,
    RANSOMWARE_LIVE,
    SMF,
    TELEGRAM,
    VBULLETIN,
    WORDPRESS,
    XENFORO,
)

FAMILIES: Mapping[FamilyName, Family] = {family.name: family for family in _ALL}
