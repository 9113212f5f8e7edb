"""What a list of findings is restricted to, as an address says it, and how it is kept for a person.

An address always names whose findings it shows, so that an address without any choice is the bare first
screen: that shows what the person chose last. A search, a label and a moment are not kept: forgotten, they
would hide what is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlencode

from storage.alerts import Severity, TriageState
from storage.visible.findings import CLOSED, OPEN, WORDS, FindingFilter, FindingOrder, Ownership

KEPT = "finding_list"  # the preference that holds the last choice
CHOICES = ("severity", "state", "owner", "company", "source", "since", "label", "q", "order")
LONGEST = 200  # characters of one value
NOTHING = -1  # an id that no row has
STATES: Mapping[str, frozenset[TriageState]] = {
    "open": frozenset(OPEN),
    "closed": frozenset(CLOSED),
    "all": frozenset(TriageState),
    **{state.value: frozenset({state}) for state in TriageState},
}
HERE = "here"  # for `since`: the end of the person's last visit

E = TypeVar("E", Severity, Ownership, FindingOrder)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoice:
    """The choices of a person; `company` is a slug, `source` a name, "" for all of them."""

    severities: tuple[Severity, ...] = ()
    state: str = "open"
    ownership: Ownership = Ownership.MINE_AND_NOBODYS
    company: str = ""
    source: str = ""
    since: str = ""
    label: str = ""
    words: str = ""
    order: FindingOrder = FindingOrder.WORST
    after: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, values: Mapping[str, Sequence[str]]) -> Self:
        """Return the choices of an address. What is not known is left out."""

        def one(name: str) -> str:
            return next(iter(values.get(name, ())), "")[:LONGEST].strip()

        severities = {_member(Severity, each) for each in values.get("severity", ())[:10]}
        return cls(
            severities=tuple(each for each in Severity if each in severities),
            state=state if (state := one("state")) in STATES else "open",
            ownership=_member(Ownership, one("owner")) or Ownership.MINE_AND_NOBODYS,
            company=one("company"),
            source=one("source"),
            since=one("since"),
            label=one("label").lower(),
            words=one("q"),
            order=_member(FindingOrder, one("order")) or FindingOrder.WORST,
            after=one("after") or None,
        )

    @classmethod
    def of_query(cls, query: str) -> Self:
        return cls.of(parse_qs(query[:2000], max_num_fields=50))

    def query(self, **changes: Any) -> str:  # noqa: ANN401  (a field of this class each)
        """Return the part of an address after `?`, with some choices changed; without the page."""
        chosen = replace(self, **changes)
        pairs: list[tuple[str, str]] = [("owner", chosen.ownership.value)]
        pairs += [("severity", each.value) for each in chosen.severities]
        named = {
            "state": "" if chosen.state == "open" else chosen.state,
            "company": chosen.company,
            "source": chosen.source,
            "since": chosen.since,
            "label": chosen.label,
            "q": chosen.words,
            "order": "" if chosen.order is FindingOrder.WORST else chosen.order.value,
            "after": (chosen.after or "") if "after" in changes else "",
        }
        return urlencode(pairs + [(name, value) for name, value in named.items() if value])

    def address(self, **changes: Any) -> str:  # noqa: ANN401
        return f"/?{self.query(**changes)}"

    def kept(self) -> str:
        """Return what is kept for the person's next visit."""
        return self.query(since="", label="", words="")

    @property
    def hides(self) -> bool:
        """Whether open findings may be left out."""
        return self.query() != ListChoice(ownership=Ownership.ALL, order=self.order).query()

    def filter_for(
        self,
        user_id: int,
        *,
        companies: Mapping[str, int],
        sources: Mapping[str, int],
        here: datetime | None,
    ) -> FindingFilter:
        """Return the filter. A company or a source that may not be seen, or is not there, has no findings."""
        return FindingFilter(
            user_id=user_id,
            severities=frozenset(self.severities),
            states=STATES[self.state],
            ownership=self.ownership,
            company_id=companies.get(self.company, NOTHING) if self.company else None,
            source_id=sources.get(self.source, NOTHING) if self.source else None,
            changed_since=here if self.since == HERE else _moment(self.since),
            words=tuple(self.words.split()[:WORDS]),
            label=self.label or None,
        )


def _member(kind: type[E], value: str) -> E | None:
    return next((each for each in kind if each.value == value), None)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
