"""The families: programs that many sites run, with a module per program, and the table of all of them.

- `forums`: forum programs whose HTML pages are read by a table of selectors.
- `json_interfaces`: programs and services with a JSON interface.
- `pastes`: paste sites with an interface of their own.
- `telegram`: the preview of public channels.

`family` defines what is known about a program. `detect` recognises the program of a site and writes a
source file for it.

To add a forum program:

1. Add its name to `FamilyName` in `crawler.sources.definition`.
2. Write its module. In `forums` this is a `ForumProgram` (addresses, feeds, selectors) and its
   `SoftwareSign`s, joined by `forum_family`, as in `forums.phpbb`. A program with a JSON interface is a
   `ThreadFamily` in `json_interfaces`, as in `json_interfaces.nodebb`.
3. Add the family to `_ALL_FAMILIES` below.
4. Add a practice site to `tests.peers.forums` (templates) or `tests.peers.programs` (JSON), and a test module
   beside the others in `tests.crawler.sources.families`.
5. Write its page in `docs/reference/families`.
"""

from __future__ import annotations

from collections.abc import Mapping

from crawler.sources.definition import FamilyName
from crawler.sources.families.family import Family
from crawler.sources.families.forums.discuz import DISCUZ
from crawler.sources.families.forums.mybb import MYBB
from crawler.sources.families.forums.phpbb import PHPBB
from crawler.sources.families.forums.smf import SMF
from crawler.sources.families.forums.vbulletin import VBULLETIN
from crawler.sources.families.forums.xenforo import XENFORO
from crawler.sources.families.json_interfaces.discourse import DISCOURSE
from crawler.sources.families.json_interfaces.flarum import FLARUM
from crawler.sources.families.json_interfaces.nodebb import NODEBB
from crawler.sources.families.json_interfaces.ransomlook import RANSOMLOOK
from crawler.sources.families.json_interfaces.ransomware_live import RANSOMWARE_LIVE
from crawler.sources.families.json_interfaces.wordpress import WORDPRESS
from crawler.sources.families.pastes.gists import GISTS
from crawler.sources.families.pastes.pastebin import PASTEBIN
from crawler.sources.families.pastes.privatebin import PRIVATEBIN
from crawler.sources.families.telegram import TELEGRAM

#: Sorted by name. The order has no effect: recognition compares weights.
_ALL_FAMILIES: tuple[Family, ...] = (
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

FAMILIES: Mapping[FamilyName, Family] = {family.name: family for family in _ALL_FAMILIES}
