"""Fields that the pages of known listings lack: an edit, or a selector that finds nothing any more.

One page cannot tell. So a known listing whose page lacks a field is held back until another page of the run
has the field, or the run ends. A field that no page of the run has, although several were read, says nothing
about the listings: it keeps its stored value.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from crawler.listing import ParsedListing
from crawler.sources import FieldFinding

#: This many pages must lack a field.
SEVERAL = 2
#: Listings that are held back at once; the first ones are decided earlier.
MAX_HELD = 100
#: Fields that a page may lack although it is recognised.
OPTIONAL_FIELDS = frozenset({"title", "body", "seller", "price", "claimed_records", "data_classes", "sample"})


class HeldListing(Protocol):
    """A listing as the spider hands it over to be stored; a frozen dataclass."""

    @property
    def listing(self) -> ParsedListing:
        """What its page says."""


Held = TypeVar("Held", bound=HeldListing)


@dataclass(slots=True)
class MissingFields(Generic[Held]):
    """What the pages of one run have and lack, and the listings that wait for it."""

    _tried: Counter[str] = field(default_factory=Counter)
    _found: Counter[str] = field(default_factory=Counter)
    _held: deque[tuple[Held, frozenset[str]]] = field(default_factory=deque)

    def note(self, findings: Iterable[FieldFinding]) -> frozenset[str]:
        """Record the page of a listing, and return the fields that this page and all before it lack."""
        mine = [each for each in findings if each.part == "item" and each.field in OPTIONAL_FIELDS]
        for each in mine:
            self._tried[each.field] += 1
            self._found[each.field] += bool(each.found)
        return frozenset(each.field for each in mine if not self._found[each.field])

    def hold(self, found: Held, lacked: frozenset[str]) -> list[Held]:
        """Hold a known listing back whose page lacks fields; return those that are decided meanwhile."""
        self._held.append((found, lacked))
        decided = [self._decided(*self._held.popleft()) for _ in range(len(self._held) - MAX_HELD)]
        waiting = [each for each in self._held if not self._is_decided(each[1])]
        decided += [self._decided(*each) for each in self._held if self._is_decided(each[1])]
        self._held = deque(waiting)
        return decided

    def release(self) -> list[Held]:
        """Return the listings that are still held back, because the run ends."""
        decided = [self._decided(*each) for each in self._held]
        self._held.clear()
        return decided

    def _is_decided(self, lacked: frozenset[str]) -> bool:
        """Return whether other pages have each of these fields, so that a page without it is an edit."""
        return all(self._found[name] for name in lacked)

    def _decided(self, found: Held, lacked: frozenset[str]) -> Held:
        lost = {name for name in lacked if not self._found[name] and self._tried[name] >= SEVERAL}
        listing = replace(found.listing, lost=found.listing.lost | lost)
        return replace(found, listing=listing)  # type: ignore[type-var]  # see `HeldListing`
