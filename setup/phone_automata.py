"""Compiles the rules of `numbering_plans.e164` to automata that the native scanner walks digit by digit.

`home_automaton` answers for the digits of a number as it is dialled in a region, `country_automaton` for the
digits after a country code. The answer is a `Number` (which digits make it up), or who can give it.

Both follow `e164` step by step, in the language of `digit_graphs`: what is a condition on one number there is
a graph over all numbers here. Compiling one takes 5 to 300 ms.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.identifiers.numbering_plans import (
    LONGEST_NSN,
    SHORTEST_NSN,
    NumberingPlan,
    NumberShape,
    home_plan,
    plans,
)
from setup.digit_graphs import NO, Graph, Graphs, PatternMatch, PatternUnknown, Value

LONGEST = 18  # digits; the scanner gives 17 at most, so a longer number has no answer


class Number(NamedTuple):
    """The national number: `literal`, then digits start..end, then the digits from `rest` on."""

    literal: str
    start: int
    end: int
    rest: int

    def behind(self, digits: int) -> "Number":
        """The same number when this many digits stand before it."""
        return Number(self.literal, self.start + digits, self.end + digits, self.rest + digits)


class Dialled(NamedTuple):
    """An international prefix of this many digits: a country code follows."""

    digits: int


class AskPython(Enum):
    """No table can answer; `e164` does."""

    ASK = "ask"


WHOLE = Number("", 0, 0, 0)
ASK = AskPython.ASK


class _Facts(NamedTuple):
    """What `e164` checks of a number: matches the general pattern, has a possible length, is in use."""

    general: bool
    possible: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class PhoneAutomaton:
    """Row i: the states that digits 0 to 9 lead to, then the answer's index. Row 0 never answers.

    A number begins in row 1.
    """

    rows: NDArray[np.uint16]
    answers: tuple[Number | Dialled | AskPython | None, ...]


@cache
def _shared_graphs(_code: str) -> Graphs:
    """One pool per country code, because its regions have much in common."""
    return Graphs()


def country_automaton(code: str) -> PhoneAutomaton:
    """Compile the plan for the digits after a country code. Raises PatternUnknown."""
    graphs = _shared_graphs(code)
    return _automaton(graphs, _national(graphs, plans(code)[0]))


def home_automaton(region: str) -> PhoneAutomaton:
    """Compile the plan for digits as they are dialled in a region. Raises PatternUnknown.

    In the order of `e164`: the international prefix, the own country code without a +, a national number.
    """
    home = home_plan(region)
    graphs = _shared_graphs(home.code)
    general = graphs.whole(home.general.pattern.pattern)
    too_long = graphs.by_length(lambda length: home.too_long("0" * length), LONGEST)
    own_code = graphs.behind(home.code, _after_own_code(graphs, home, general))

    def decide(
        dialled: Dialled | Literal[False] | None,
        matches: bool | None,
        long: bool | None,
        after_code: "_AfterCode | None",
        national: Number | AskPython | None,
    ) -> Number | Dialled | AskPython | None:
        if dialled:
            return dialled
        if after_code and (long or (after_code.general and not matches)):
            answer = after_code.answer
            return answer.behind(len(home.code)) if isinstance(answer, Number) else answer
        return national

    dialled = _international_prefix(graphs, home)
    graph = graphs.combined(decide, dialled, general, too_long, own_code, _national(graphs, home))
    return _automaton(graphs, graph)


def _international_prefix(graphs: Graphs, home: NumberingPlan) -> Graph:
    """Dialled where the digits begin with the region's prefix and a country code may follow, else no."""
    if home.international_prefix is None:
        return NO

    def follow(match: PatternMatch) -> Graph:
        found, nothing = graphs.constant(Dialled(match.end)), graphs.constant(False)
        return graphs.node(False, [nothing, *[found] * 9])  # no country code begins with 0

    return graphs.match(home.international_prefix.pattern, follow)


class _AfterCode(NamedTuple):
    general: bool  # without prefix it matches the home region's general pattern
    answer: Number | AskPython | None


def _after_own_code(graphs: Graphs, home: NumberingPlan, general: Graph) -> Graph:
    """An _AfterCode for what follows the own country code.

    The prefix is removed by the home region's rules, the rest is read by those of the code's main region.
    """
    main = _national(graphs, plans(home.code)[0])
    both = graphs.combined(lambda matches, answer: _AfterCode(bool(matches), answer), general, main)

    def choose(stripped: _AfterCode, whole: _AfterCode) -> _AfterCode:
        keeps_prefix = stripped is None or (whole.general and not stripped.general)
        return whole if keeps_prefix else stripped

    return graphs.combined(choose, _without_prefix(graphs, home, both, _moved_after_code), both)


def _moved_after_code(after: _AfterCode, by: Number) -> _AfterCode:
    return after._replace(answer=_moved(after.answer, by))


def _moved(answer: Number | AskPython | None, by: Number) -> Number | AskPython | None:
    """Express an answer about the digits that a prefix left in terms of the digits with the prefix.

    A Number holds one literal and two ranges: where both the prefix and the answer rearrange digits, no
    Number can say it, so Python is asked.
    """
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

    def choose(stripped: tuple[_Facts, Number] | None, whole: _Facts) -> Number | None:
        if stripped is not None:
            rest, answer = stripped
            if rest.possible and not (whole.general and not rest.general):
                return answer if rest.valid else None
        return WHOLE if whole.valid else None

    return graphs.combined(
        choose, _without_prefix(graphs, plan, facts, lambda rest, number: (rest, number)), facts
    )


def _without_prefix(
    graphs: Graphs, plan: NumberingPlan, graph: Graph, pair: Callable[[Any, Number], object]
) -> Graph:
    """`pair(value, number)`: what `graph` says of the digits without national prefix, and which digits
    those are. None where there is no such prefix.
    """
    if plan.national_prefix is None:
        return NO
    literal = _literal(plan)
    tracked = graphs.walk(graph, literal or "")

    def follow(match: PatternMatch) -> Graph:
        if literal is None or match.group_end is None or match.group_start is None:
            rest, number = graph, Number("", 0, 0, match.end)
        else:
            rest = match.tracked
            number = Number(literal, match.group_start, match.group_end, match.end)
        return graphs.combined(lambda value: pair(value, number), rest)

    return graphs.match(plan.national_prefix.pattern, follow, tracked)


def _literal(plan: NumberingPlan) -> str | None:
    r"""Return the digits of a transform rule such as `9\1`; None where the plan has no rule."""
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
    return graphs.combined(_all_true, _shape(graphs, plan.general), kinds, lengths)


def _shape(graphs: Graphs, shape: NumberShape) -> Graph:
    matching = graphs.whole(shape.pattern.pattern)
    if not shape.lengths:
        return matching
    lengths = graphs.by_length(lambda length: length in shape.lengths or None, LONGEST)
    return graphs.combined(_all_true, matching, lengths)


def _all_true(*values: bool | None) -> bool | None:
    return all(values) or None


def _automaton(graphs: Graphs, graph: Graph) -> PhoneAutomaton:
    """Number the nodes that a graph leads to in the order in which they are met; 0 says no."""
    numbers: dict[Graph, int] = {NO: 0, graph: 1}
    order = [NO, graph]
    for node in order:  # grows while it is read
        for onward in graphs.edges[node] or ():
            if onward not in numbers:
                numbers[onward] = len(order)
                order.append(onward)
    answers: dict[Value, int] = {None: 0}
    rows = np.zeros((len(order), 11), dtype=np.uint16)
    for number, node in enumerate(order):
        edges = graphs.edges[node]
        rows[number, :10] = number if edges is None else [numbers[onward] for onward in edges]
        rows[number, 10] = answers.setdefault(graphs.values[node], len(answers))
    return PhoneAutomaton(rows, tuple(answers))
