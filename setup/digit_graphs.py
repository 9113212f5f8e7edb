"""Functions of digit strings as graphs: a node is a state, an edge a digit, and equal nodes are one.

`phone_automata` builds the rules of a numbering plan with them. A graph is a number in a `Graphs`; its value
for a string stands in the node that the string's digits lead to. As every graph is made node by node and
equal nodes are shared, it is as small as it can be.

Patterns are those of `phonenumbers`: digits, `\\d`, sets, groups, `|`, `?`, `{m,n}` and `$`. Alternatives are
preferred in the order in which `re` tries them, so that the first match is the same one.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Graph = int
Value = Any  # the value of a graph for a string: anything that can be a key; None is "no"

NO: Graph = 0  # None for every string
_ALL_TO_NO = (NO,) * 10


class PatternUnknown(ValueError):
    """A pattern has a part that is not among those named above."""


class Graphs:
    """A pool of nodes. A node without edges has its value for every string."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.edges: list[tuple[Graph, ...] | None] = []
        self._known: dict[tuple[Value, tuple[Graph, ...] | None], Graph] = {}
        self._either: dict[tuple[Graph, Graph], Graph] = {}
        self.constant(None)

    def constant(self, value: Value) -> Graph:
        return self._node(value, None)

    def node(self, value: Value, edges: Sequence[Graph]) -> Graph:
        """`value` for the empty string, else the value for the rest behind the edge of the first digit."""
        first = edges[0]
        if self.edges[first] is None and self.values[first] == value and all(edge == first for edge in edges):
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

    def by_length(self, value_of: Callable[[int], Value], longest: int) -> Graph:
        """A function of the string's length; None from `longest` on."""
        graph = NO
        for length in range(longest - 1, -1, -1):
            graph = self.node(value_of(length), (graph,) * 10)
        return graph

    def behind(self, digits: str, graph: Graph) -> Graph:
        """`graph` of what follows `digits`; None for a string that does not begin with them."""
        for digit in reversed(digits):
            graph = self.node(None, [graph if str(other) == digit else NO for other in range(10)])
        return graph

    def combined(self, function: Callable[..., Value], *graphs: Graph) -> Graph:
        """`function` of the values of `graphs`, for every string.

        Walks all graphs at once and visits each group of nodes that some string leads to once.
        """
        known: dict[tuple[Graph, ...], Graph] = {}

        def combine(group: tuple[Graph, ...]) -> Graph:
            found = known.get(group)
            if found is None:
                value = function(*(self.values[node] for node in group))
                ways = [self.edges[node] for node in group]
                if any(ways):
                    all_ways = (
                        (node,) * 10 if way is None else way for node, way in zip(group, ways, strict=True)
                    )
                    found = self.node(value, [combine(onward) for onward in zip(*all_ways, strict=True)])
                else:
                    found = self.constant(value)
                known[group] = found
            return found

        return combine(graphs)

    def either(self, preferred: Graph, other: Graph) -> Graph:
        """The value of the first graph, and where that is None, the value of the other."""
        if preferred == other or other == NO:
            return preferred
        if preferred == NO:
            return other
        found = self._either.get((preferred, other))
        if found is None:
            value = self.values[preferred]
            value = self.values[other] if value is None else value
            if self.edges[preferred] is None:
                found = preferred
            else:
                edges = [
                    self.either(self.step(preferred, digit), self.step(other, digit)) for digit in range(10)
                ]
                found = self.node(value, edges)
            self._either[preferred, other] = found
        return found

    def whole(self, pattern: str) -> Graph:
        """True for the strings that the pattern matches from end to end."""
        accept = self._node(True, _ALL_TO_NO)
        return _Matcher(self, _parsed(pattern), lambda _match: accept, counting=False).graph(_START)

    def match(self, pattern: str, follow: "Callable[[PatternMatch], Graph]", tracked: Graph = NO) -> Graph:
        """The value that `follow(match)` has for the rest behind a match at the string's beginning.

        None where the pattern does not match. A graph that `follow` returns must have a value for every
        string: None would make the next alternative count. `tracked` is stepped along by the digits of the
        pattern's last group.
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
    """Follows a pattern's steps through all strings at once; equal states are followed once."""

    def __init__(
        self, graphs: Graphs, pattern: "_Pattern", follow: Callable[[PatternMatch], Graph], *, counting: bool
    ) -> None:
        """`counting` False: the match's end is not needed, so states need not differ by it."""
        self._graphs = graphs
        self._pattern = pattern
        self._follow = follow
        self._counting = counting
        self._known: dict[PatternMatch, Graph] = {}

    def graph(self, state: PatternMatch) -> Graph:
        found = self._known.get(state)
        if found is None:
            found = self._known[state] = self._graph_from(state)
        return found

    def _graph_from(self, state: PatternMatch) -> Graph:
        if state.step == len(self._pattern.steps):
            return self._follow(state)
        kind, argument = self._pattern.steps[state.step]
        onward = state._replace(step=state.step + 1)
        if kind == "digit":
            return self._graphs.node(
                None, [self._after_digit(onward, digit, argument) for digit in range(10)]
            )
        if kind == "choose":
            found = NO
            for step in reversed(argument):
                found = self._graphs.either(self.graph(state._replace(step=step)), found)
            return found
        if kind == "end":
            return self._graphs.node(self._graphs.values[self.graph(onward)], _ALL_TO_NO)
        if argument != self._pattern.groups or not self._counting:
            return self.graph(onward)
        return self.graph(onward._replace(**{f"group_{'start' if kind == 'open' else 'end'}": state.end}))

    def _after_digit(self, state: PatternMatch, digit: int, allowed: frozenset[int]) -> Graph:
        if digit not in allowed:
            return NO
        if not self._counting:
            return self.graph(state)
        inside = state.group_start is not None and state.group_end is None
        tracked = self._graphs.step(state.tracked, digit) if inside else state.tracked
        return self.graph(state._replace(end=state.end + 1, tracked=tracked))


# digit (which ones), choose (steps, the preferred one first), open or close (the number of a group), end
_Step = tuple[str, Any]


class _Pattern(NamedTuple):
    steps: tuple[_Step, ...]
    groups: int


def _parsed(pattern: str) -> _Pattern:
    parser = _Parser(pattern)
    steps = parser.alternatives()
    if parser.tokens:
        raise PatternUnknown(f"the pattern {pattern[:60]!r} has an unexpected closing parenthesis")
    return _Pattern(tuple(_with_absolute_steps(steps)), parser.groups)


def _with_absolute_steps(steps: list[_Step]) -> "list[_Step]":
    """While a pattern is parsed, a choice counts from its own place, so that parts can be moved and repeated.
    Return the steps with choices that count from the pattern's beginning.
    """
    return [
        (kind, tuple(place + way for way in argument)) if kind == "choose" else (kind, argument)
        for place, (kind, argument) in enumerate(steps)
    ]


_TOKEN = re.compile(r"\(\?:|\\d|\{\d+(?:,\d+)?\}|\[[0-9-]+\]|[0-9()|?$]")


class _Parser:
    """Recursive descent over the tokens of a pattern."""

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
        return _choice(ways)

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
        self.tokens.pop()  # the closing parenthesis
        return [("open", number), *inner, ("close", number)] if number else inner


def _choice(ways: list[list[_Step]]) -> list[_Step]:
    """Steps that choose one of the ways: a choice between their beginnings, and a jump behind each."""
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
    """As often as possible: each optional round is a choice between it and the end."""
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
