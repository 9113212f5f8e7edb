"""The rules of `identifiers` as tables for the native library. No rule is defined here.

All tables live as long as the process, because the library keeps their addresses.
"""

import ctypes
import re
import sys
import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray

from matching.identifiers.cards import CARD_LENGTHS, ISSUERS
from matching.identifiers.ibans import BBAN
from matching.identifiers.mail_providers import PROVIDERS
from matching.identifiers.resident_ids import PROVINCES
from matching.native.library import DROPPED, IBAN_ROW, MailDomainRow, MailProviderRow
from text.fold_tables import fold_images

Bytes = NDArray[np.uint8]
# `functools.cache` lets two threads make the same table at once, and keeps only one of the two. The library
# would go on reading the other one at an address that has been freed.
MAKING_TABLES = threading.Lock()
_PAGE = 64  # code points


@cache
def fold_pages() -> tuple[Bytes, Bytes]:
    """Return the number of the page of each 64 code points, and the pages of images. Page 0: all stay."""
    narrow = fold_images("narrow")
    if bool((narrow.sizes > 1).any()) or bool((narrow.characters >= 0x80).any()):
        raise ValueError("the narrow fold makes something else than one ASCII character of a character")
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    table[narrow.points[narrow.sizes == 0]] = DROPPED
    table[narrow.points[narrow.sizes == 1]] = narrow.characters
    used = np.flatnonzero(np.bincount(narrow.points // _PAGE))
    if len(used) > 255:
        raise ValueError(f"the narrow fold has {len(used)} pages; the scanner's table has room for 255")
    pages = np.zeros(len(table) // _PAGE, dtype=np.uint8)
    pages[used] = np.arange(1, len(used) + 1)
    return pages, np.concatenate((np.zeros((1, _PAGE), np.uint8), table.reshape(-1, _PAGE)[used]))


@cache
def provinces() -> Bytes:
    table = np.zeros(100, dtype=np.uint8)
    table[[int(province) for province in PROVINCES]] = 1
    return table


@cache
def issuers() -> Bytes:
    """By the first four digits of a card, one bit per possible length."""
    table = np.zeros(10_000, dtype=np.uint8)
    for first, last, lengths in ISSUERS:
        bits = sum(1 << bit for bit, length in enumerate(CARD_LENGTHS) if length in lengths)
        table[int(first.ljust(4, "0")) : int(last.ljust(4, "9")) + 1] |= bits
    return table


@cache
def ibans() -> Bytes:
    table = np.zeros((26 * 26, IBAN_ROW), dtype=np.uint8)
    for country, structure in BBAN.items():
        kinds = "".join(kind * int(count) for count, kind in re.findall(r"(\d+)([nac])", structure))
        row = table[26 * (ord(country[0]) - ord("A")) + ord(country[1]) - ord("A")]
        row[0] = 4 + len(kinds)
        row[1 : 1 + len(kinds)] = np.frombuffer(kinds.encode(), dtype=np.uint8)
    return table


@cache
def providers() -> ctypes.Array[MailProviderRow]:
    return (MailProviderRow * len(PROVIDERS))(
        *(
            MailProviderRow(
                (one.tag or "\0").encode(),
                one.ignored.encode(),
                (one.mailbox or "").encode(),
                len(one.mailbox or ""),
                one.subdomain,
            )
            for one in PROVIDERS
        )
    )


@cache
def domains() -> ctypes.Array[MailDomainRow]:
    named = [(name, number) for number, one in enumerate(PROVIDERS) for name in one.domains.split()]
    return (MailDomainRow * len(named))(
        *(MailDomainRow(name.encode(), len(name), number) for name, number in named)
    )
