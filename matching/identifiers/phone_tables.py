"""The rules of `phones.e164` as tables that the native scanner walks, one step a digit.

`home_table` answers for the digits of a number as it is written in a region, `country_table` for what
follows a country code. The answer is a `Number` (which digits make it), or who knows it. A table is compiled
when it is first needed (5 to 300 ms) and kept for the process.

Both follow `phones` step by step, in the language of `digit_graphs`: what is a condition on one number there
is a graph of all numbers here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.identifiers.digit_graphs import NO, Graph, Graphs, PatternMatch, PatternUnknown, Value
from matching.identifiers.numbering_plans import (
    LONGEST_NSN,
    SHORTEST_NSN,
    NumberingPlan,
    NumberShape,
    home_plan,
    plans,
)

_COMPILING = Lock()  # graphs are shared, and two threads' scanners may need them at once
LONGEST = 18  # digits; more than this are never asked for


class Number(NamedTuple):
    """The national number: `literal`, then digits start..end, then the digits from `rest` on."""

    literal: str
    start: int
    end: int
    rest: int

    def behind(self, digits: int) -> "Number":
        """The same, counted from so many digits before."""
        return Number(self.literal, self.start + digits, self.end + digits, self.rest + digits)


class Dialled(NamedTuple):
    """An international prefix of so many digits: a country code follows."""

    digits: int


class AskPython(Enum):
    """No table can say; `phones.e164` does."""

    ASK = "ask"


WHOLE = Number("", 0, 0, 0)
ASK = AskPython.ASK


class _Facts(NamedTuple):
    """What `phones` asks of a number: matches the general pattern, has a possible length, is in use."""

    general: bool
    possible: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class PhoneAutomaton:
    """Row i: the states that digits 0 to 9 lead to, then the answer's index. Row 0 answers nothing, ever."""

    rows: NDArray[np.uint16]
    answers: tuple[Number | Dialled | AskPython | None, ...]


@cache
def _graphs(_code: str) -> Graphs:
    """The regions of a country code share much."""
    return Graphs()


@cache
def country_table(code: str) -> PhoneAutomaton:
    """Of the digits after a country code. Raises PatternUnknown."""
    with _COMPILING:
        graphs = _graphs(code)
        return _table(graphs, _national(graphs, plans(code)[0]))


@cache
def home_table(region: str) -> PhoneAutomaton:
    """Of digits as they are written in a region. Raises PatternUnknown.

    In the order of `phones`: the international prefix, the own country code without a +, a national number.
    """
    with _COMPILING:
        return _home_table(region)


def _home_table(region: str) -> PhoneAutomaton:
    home = home_plan(region)
    graphs = _graphs(home.code)
    general = graphs.whole(home.general.pattern.pattern)
    too_long = graphs.by_length(lambda length: home.too_long("0" * length), LONGEST)
    explicit = graphs.behind(home.code, _after_code(graphs, home, general))

    def says(
        dialled: Dialled | Literal[False] | None,
        matches: bool | None,
        long: bool | None,
        after_code: "_AfterCode | None",
        national: Number | AskPython | None,
    ) -> Number | Dialled | AskPython | None:
        if dialled:
            return dialled
        if after_code and (long or (after_code.general and not matches)):
            return (
                after_code.answer.behind(len(home.code))
                if isinstance(after_code.answer, Number)
                else after_code.answer
            )
        return national

    graph = graphs.combined(
        says, _dialled(graphs, home), general, too_long, explicit, _national(graphs, home)
    )
    return _table(graphs, graph)


def _dialled(graphs: Graphs, home: NumberingPlan) -> Graph:
    if home.international_prefix is None:
        return NO

    def follow(match: PatternMatch) -> Graph:
        found, nothing = graphs.constant(Dialled(match.end)), graphs.constant(False)
        return graphs.node(False, [nothing, *[found] * 9])  # no country code begins with 0

    return graphs.match(home.international_prefix.pattern, follow)


class _AfterCode(NamedTuple):
    general: bool  # without prefix it matches the home region's general pattern
    answer: Number | AskPython | None


def _after_code(graphs: Graphs, home: NumberingPlan, general: Graph) -> Graph:
    """What follows the own country code: stripped by the home rules, then read by the main region's."""
    main = _national(graphs, plans(home.code)[0])
    both = graphs.combined(lambda matches, answer: _AfterCode(bool(matches), answer), general, main)

    def chosen(stripped: _AfterCode, whole: _AfterCode) -> _AfterCode:
        keeps = stripped is None or (whole.general and not stripped.general)
        return whole if keeps else stripped

    return graphs.combined(chosen, _stripped(graphs, home, both, _moved_after_code), both)


def _moved_after_code(after: _AfterCode, by: Number) -> _AfterCode:
    return after._replace(answer=_moved(after.answer, by))


def _moved(answer: Number | AskPython | None, by: Number) -> Number | AskPython | None:
    """An answer about what a prefix left, in digits of the number with it."""
    if not isinstance(answer, Number) or (by.literal == "" == answer.literal and by.start == by.end):
        return answer.behind(by.rest) if isinstance(answer, Number) else answer
    return by if answer == WHOLE else ASK


@cache
def _national(graphs: Graphs, plan: NumberingPlan) -> Graph:
    """The answer about a number of this plan's region, with or without national prefix."""
    facts = graphs.combined(
        lambda general, possible, valid: _Facts(bool(general), bool(possible), bool(valid)),
        graphs.whole(plan.general.pattern.pattern),
        graphs.by_length(lambda length: plan.possible("0" * length), LONGEST),
        _valid(graphs, plan.code),
    )

    def chosen(stripped: tuple[_Facts, Number] | None, whole: _Facts) -> Number | None:
        if stripped is not None:
            rest, answer = stripped
            if rest.possible and not (whole.general and not rest.general):
                return answer if rest.valid else None
        return WHOLE if whole.valid else None

    return graphs.combined(chosen, _stripped(graphs, plan, facts, lambda rest, by: (rest, by)), facts)


def _stripped(
    graphs: Graphs, plan: NumberingPlan, graph: Graph, made: Callable[[Any, Number], object]
) -> Graph:
    """`made` of what `graph` says of the number without national prefix, and of how it lies in the digits."""
    if plan.national_prefix is None:
        return NO
    literal = _literal(plan)
    tracked = graphs.walk(graph, literal or "")

    def follow(match: PatternMatch) -> Graph:
        if literal is None or match.group_end is None or match.group_start is None:
            rest, lies = graph, Number("", 0, 0, match.end)
        else:
            rest, lies = match.tracked, Number(literal, match.group_start, match.group_end, match.end)
        return graphs.combined(lambda said: made(said, lies), rest)

    return graphs.match(plan.national_prefix.pattern, follow, tracked)


def _literal(plan: NumberingPlan) -> str | None:
    r"""The digits of a transform rule such as `9\1`; None where the plan has no rule."""
    if not plan.transform or plan.national_prefix is None:
        return None
    rule = re.fullmatch(r"(\d*)\\(\d)", plan.transform)
    if rule is None or int(rule[2]) != plan.national_prefix.groups:
        raise PatternUnknown(
            f"the transform rule {plan.transform!r} of +{plan.code} is not digits and the last group"
        )
    return rule[1]


@cache
def _valid(graphs: Graphs, code: str) -> Graph:
    """True of the numbers in use under a country code. The first region that a number leads to decides."""
    regions = plans(code)
    found = NO
    for plan in reversed(regions):
        own = _in_use(graphs, plan)
        if plan.leading is None or len(regions) == 1:
            found = graphs.either(own, found)
        else:
            leads = graphs.match(plan.leading.pattern, lambda _match: graphs.constant(True))
            found = graphs.combined(lambda led, mine, others: mine if led else others, leads, own, found)
    return found


def _in_use(graphs: Graphs, plan: NumberingPlan) -> Graph:
    kinds = NO
    for kind in plan.kinds:
        kinds = graphs.either(kinds, _shape(graphs, kind))
    lengths = graphs.by_length(lambda length: SHORTEST_NSN <= length <= LONGEST_NSN or None, LONGEST)
    return graphs.combined(_all, _shape(graphs, plan.general), kinds, lengths)


def _shape(graphs: Graphs, shape: NumberShape) -> Graph:
    matching = graphs.whole(shape.pattern.pattern)
    if not shape.lengths:
        return matching
    return graphs.combined(
        _all, matching, graphs.by_length(lambda length: length in shape.lengths or None, LONGEST)
    )


def _all(*said: bool | None) -> bool | None:
    return all(said) or None


def _table(graphs: Graphs, graph: Graph) -> PhoneAutomaton:
    """The nodes that a graph leads to, numbered in the order in which they are met; 0 says no."""
    numbers: dict[Graph, int] = {NO: 0, graph: 1}
    order = [NO, graph]
    for one in order:
        for onward in graphs.edges[one] or ():
            if onward not in numbers:
                numbers[onward] = len(order)
                order.append(onward)
    answers: dict[Value, int] = {None: 0}
    rows = np.zeros((len(order), 11), dtype=np.uint16)
    for number, one in enumerate(order):
        edges = graphs.edges[one]
        rows[number, :10] = number if edges is None else [numbers[onward] for onward in edges]
        rows[number, 10] = answers.setdefault(graphs.values[one], len(answers))
    return PhoneAutomaton(rows, tuple(answers))
