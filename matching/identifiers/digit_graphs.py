"""Functions of digit strings as graphs: a node is a state, an edge a digit, and equal nodes are one.

`phone_tables` builds the rules of a numbering plan with them. A graph is a number in a `Graphs`; what it says
of a string stands in the node that the string's digits lead to. As every graph is made node by node and equal
nodes are shared, it is as small as it can be.

Patterns are those of `phonenumbers`: digits, `\\d`, sets, groups, `|`, `?`, `{m,n}` and `$`. Alternatives are
preferred in the order in which `re` tries them, so that the first match is the same one.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Graph = int
Value = Any  # what a graph says: anything that can be a key; None is "no"

NO: Graph = 0  # says None of every string
_NOWHERE = (NO,) * 10


class PatternUnknown(ValueError):
    """A pattern has a part that is not among those named above."""


class Graphs:
    """A pool of nodes. A node without edges says its value of every string."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.edges: list[tuple[Graph, ...] | None] = []
        self._known: dict[tuple[Value, tuple[Graph, ...] | None], Graph] = {}
        self._either: dict[tuple[Graph, Graph], Graph] = {}
        self.constant(None)

    def constant(self, value: Value) -> Graph:
        return self._node(value, None)

    def node(self, value: Value, edges: Sequence[Graph]) -> Graph:
        """`value` of the empty string, else what the edge of the first digit says of the rest."""
        first = edges[0]
        if self.edges[first] is None and self.values[first] == value and all(one == first for one in edges):
            return first
        return self._node(value, tuple(edges))

    def _node(self, value: Value, edges: tuple[Graph, ...] | None) -> Graph:
        found = self._known.setdefault((value, edges), len(self.values))
        if found == len(self.values):
            self.values.append(value)
            self.edges.append(edges)
        return found

    def step(self, graph: Graph, digit: int) -> Graph:
        edges = self.edges[graph]
        return graph if edges is None else edges[digit]

    def walk(self, graph: Graph, digits: str) -> Graph:
        for digit in digits:
            graph = self.step(graph, int(digit))
        return graph

    def by_length(self, says: Callable[[int], Value], longest: int) -> Graph:
        """A function of the length; None from `longest` on."""
        graph = NO
        for length in range(longest - 1, -1, -1):
            graph = self.node(says(length), (graph,) * 10)
        return graph

    def behind(self, digits: str, graph: Graph) -> Graph:
        """`graph` of what follows `digits`; None of a string that does not begin with them."""
        for digit in reversed(digits):
            graph = self.node(None, [graph if str(other) == digit else NO for other in range(10)])
        return graph

    def combined(self, function: Callable[..., Value], *graphs: Graph) -> Graph:
        """Says `function` of what `graphs` say."""
        known: dict[tuple[Graph, ...], Graph] = {}

        def combine(group: tuple[Graph, ...]) -> Graph:
            found = known.get(group)
            if found is None:
                value = function(*(self.values[one] for one in group))
                ways = [self.edges[one] for one in group]
                if any(ways):
                    all_ways = (
                        (one,) * 10 if way is None else way for one, way in zip(group, ways, strict=True)
                    )
                    found = self.node(value, [combine(onward) for onward in zip(*all_ways, strict=True)])
                else:
                    found = self.constant(value)
                known[group] = found
            return found

        return combine(graphs)

    def either(self, one: Graph, other: Graph) -> Graph:
        """What the first says, and where that is None, what the other says."""
        if one == other or other == NO:
            return one
        if one == NO:
            return other
        found = self._either.get((one, other))
        if found is None:
            value = self.values[one]
            value = self.values[other] if value is None else value
            if self.edges[one] is None:
                found = one
            else:
                edges = [self.either(self.step(one, digit), self.step(other, digit)) for digit in range(10)]
                found = self.node(value, edges)
            self._either[one, other] = found
        return found

    def whole(self, pattern: str) -> Graph:
        """True of the strings that the pattern matches from end to end."""
        accept = self._node(True, _NOWHERE)
        return _Matcher(self, _parsed(pattern), lambda _match: accept, counting=False).graph(_START)

    def match(self, pattern: str, follow: "Callable[[PatternMatch], Graph]", tracked: Graph = NO) -> Graph:
        """What `follow` of the match at the string's beginning says of the rest; None where none is.

        What `follow` gives says something of every string: None would make the next alternative count.
        `tracked` is stepped along by the digits of the pattern's last group.
        """
        matcher = _Matcher(self, _parsed(pattern), follow, counting=True)
        return matcher.graph(_START._replace(tracked=tracked))


class PatternMatch(NamedTuple):
    """A state of matching, and at last the match: how many digits it took, and its last group."""

    step: int
    end: int
    group_start: int | None
    group_end: int | None  # None: the group took no part
    tracked: Graph


_START = PatternMatch(0, 0, None, None, NO)


class _Matcher:
    """Follows a pattern's steps through all strings at once; what is equal is followed once."""

    def __init__(
        self, graphs: Graphs, pattern: "_Pattern", follow: Callable[[PatternMatch], Graph], *, counting: bool
    ) -> None:
        self._graphs = graphs
        self._pattern = pattern
        self._follow = follow
        self._counting = counting  # False: nobody asks where the match ends, so places need not differ
        self._known: dict[PatternMatch, Graph] = {}

    def graph(self, state: PatternMatch) -> Graph:
        found = self._known.get(state)
        if found is None:
            found = self._known[state] = self._followed(state)
        return found

    def _followed(self, state: PatternMatch) -> Graph:
        if state.step == len(self._pattern.steps):
            return self._follow(state)
        kind, argument = self._pattern.steps[state.step]
        onward = state._replace(step=state.step + 1)
        if kind == "digit":
            return self._graphs.node(None, [self._read(onward, digit, argument) for digit in range(10)])
        if kind == "choose":
            found = NO
            for step in reversed(argument):
                found = self._graphs.either(self.graph(state._replace(step=step)), found)
            return found
        if kind == "end":
            return self._graphs.node(self._graphs.values[self.graph(onward)], _NOWHERE)
        if argument != self._pattern.groups or not self._counting:
            return self.graph(onward)
        return self.graph(onward._replace(**{f"group_{'start' if kind == 'open' else 'end'}": state.end}))

    def _read(self, state: PatternMatch, digit: int, wanted: frozenset[int]) -> Graph:
        if digit not in wanted:
            return NO
        if not self._counting:
            return self.graph(state)
        inside = state.group_start is not None and state.group_end is None
        tracked = self._graphs.step(state.tracked, digit) if inside else state.tracked
        return self.graph(state._replace(end=state.end + 1, tracked=tracked))


_Step = tuple[
    str, Any
]  # digit (which ones), choose (steps, the preferred one first), open, close (a group), end


class _Pattern(NamedTuple):
    steps: tuple[_Step, ...]
    groups: int


def _parsed(pattern: str) -> _Pattern:
    parser = _Parser(pattern)
    steps = parser.alternatives()
    if parser.tokens:
        raise PatternUnknown(f"the pattern {pattern[:60]!r} has a parenthesis too many")
    return _Pattern(tuple(_absolute(steps)), parser.groups)


def _absolute(steps: list[_Step]) -> "list[_Step]":
    """While a pattern is parsed its choices count from themselves; so parts can be moved and repeated."""
    return [
        (kind, tuple(place + way for way in argument)) if kind == "choose" else (kind, argument)
        for place, (kind, argument) in enumerate(steps)
    ]


_TOKEN = re.compile(r"\(\?:|\\d|\{\d+(?:,\d+)?\}|\[[0-9-]+\]|[0-9()|?$]")


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.tokens = _TOKEN.findall(pattern)[::-1]  # the next one last
        self.groups = 0
        if "".join(reversed(self.tokens)) != pattern:
            raise PatternUnknown(f"the pattern {pattern[:60]!r} has a part that digit graphs do not know")

    def alternatives(self) -> list[_Step]:
        ways = [self._sequence()]
        while self.tokens and self.tokens[-1] == "|":
            self.tokens.pop()
            ways.append(self._sequence())
        return _chosen(ways)

    def _sequence(self) -> list[_Step]:
        steps: list[_Step] = []
        while self.tokens and self.tokens[-1] not in "|)":
            atom = self._atom()
            part = self.tokens[-1] if self.tokens else ""
            if part == "?" or part.startswith("{"):
                self.tokens.pop()
                fewest, most = (0, 1) if part == "?" else _counts(part)
                atom = _repeated(atom, fewest, most)
            steps += atom
        return steps

    def _atom(self) -> list[_Step]:
        part = self.tokens.pop()
        if part not in ("(", "(?:"):
            return [("end", None)] if part == "$" else [("digit", _digits(part))]
        number = 0
        if part == "(":
            self.groups += 1
            number = self.groups
        inner = self.alternatives()
        self.tokens.pop()  # its parenthesis
        return [("open", number), *inner, ("close", number)] if number else inner


def _chosen(ways: list[list[_Step]]) -> list[_Step]:
    if len(ways) == 1:
        return ways[0]
    starts, at = [], 1
    for way in ways:
        starts.append(at)
        at += len(way) + 1
    steps: list[_Step] = [("choose", tuple(starts))]
    for way in ways:
        steps += way
        steps.append(("choose", (at - len(steps),)))
    return steps


def _repeated(atom: list[_Step], fewest: int, most: int) -> list[_Step]:
    """As often as can be: each optional round is a choice between it and the end."""
    steps = atom * fewest
    for left in range(most - fewest, 0, -1):
        steps = [*steps, ("choose", (1, left * (len(atom) + 1))), *atom]
    return steps


def _counts(part: str) -> tuple[int, int]:
    fewest, _, most = part[1:-1].partition(",")
    return int(fewest), int(most or fewest)


def _digits(part: str) -> frozenset[int]:
    if part == "\\d":
        return frozenset(range(10))
    if not part.startswith("["):
        return frozenset({int(part)})
    ranges = re.findall(r"(\d)(?:-(\d))?", part)
    return frozenset(digit for first, last in ranges for digit in range(int(first), int(last or first) + 1))
