"""Masking: what every crawled text goes through before it enters the database, a log or an alert.

Masked is every identifier that `identifiers` recognises, and every shape that could lead to a person though
a check digit is wrong: a telephone number that nobody was given, an 18-digit ID, 11 digits and more in a row.
Prices, record counts, dates and thread numbers stay readable. A company's domain is nobody's identifier.

    john.doe@mail.example  j***e@mail.example      138-0013-8000        138-****-8000
    110101199003070000     110101********0000      4111 1111 1111 1111  4111 11** **** 1111

Driving licences of digits alone have a check digit that one number of eleven has by chance: they are masked
as any 11 digits are, and in no URL.

Order: percent-encoded text, e-mails, travel documents, wallets, licences, IBANs, numbers, those until nothing
changes: masking again does nothing.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

from matching import identifiers
from matching.identifiers import IBAN_LENGTHS
from matching.identifiers.licences import driving_licences
from matching.identifiers.wallets import wallets
from text.folding import narrow_fold

_Replacement = tuple[int, int, str]  # a span of the narrowed text and what stands there instead
_Finder = Callable[[str], Iterator[_Replacement]]

_ROUNDS = 5  # more than two were never needed


def mask_text(text: str) -> str:
    """The text without a person's identifiers; safe on any input, linear in its length."""
    return _masked(_decoded(text, _numbers), _numbers)


def mask_url(url: str) -> str:
    """A URL for the database: only what is recognised as an identifier goes, so that ids of threads stay."""
    return _masked(_decoded(url, _recognised_numbers), _recognised_numbers)


def _masked(text: str, numbers: _Finder) -> str:
    """Numbers several times: what is left beside a masked one may be a shape of its own."""
    text = _PASSWORD.sub(r"\1***", _replaced(text, _emails))
    for find in (_zones, _wallets, _licences, _ibans):
        text = _replaced(text, find)
    for _ in range(_ROUNDS):
        before, text = text, _replaced(text, numbers)
        if text == before:
            break
    return text


def _replaced(text: str, find: _Finder) -> str:
    narrow = narrow_fold()(text)
    pieces, at = [], 0
    for start, end, mask in find(narrow.text):
        first, last = narrow.span(start, end)
        if first >= at and text[first:last] != mask:
            pieces += [text[at:first], mask]
            at = last
    return "".join([*pieces, text[at:]]) if pieces else text


# --- percent-encoded

_ESCAPED_RUN = re.compile(r"[!-$&-~]*+(?:%[0-9A-Fa-f]{2}[!-$&-~]*+)++")
_UNESCAPE_DEPTH = 3  # %2540 is %40 is @
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


def _decoded(text: str, numbers: _Finder) -> str:
    return _ESCAPED_RUN.sub(lambda run: _unescaped(run, numbers), text) if "%" in text else text


def _unescaped(run: re.Match[str], numbers: _Finder) -> str:
    """The run as it is, unless something in it is masked once it is decoded."""
    decoded = run[0]
    for _ in range(_UNESCAPE_DEPTH):
        further = unquote(decoded)
        if further == decoded:
            break
        decoded = further
        masked = _masked(decoded, numbers)
        if masked != decoded:
            return quote(masked, safe=_PRINTABLE)
    return run[0]


# --- e-mail

# Only the local part is a person's, so the domain needs no end: whatever way its dots are written.
_AT = re.compile(r"@|&(?:#64|#x40|commat);|[\[({<【] ?(?:@|at|AT|At) ?[\])}>】]")
_SPELT_AT = re.compile(r"at ?[\])}>】]", re.IGNORECASE)
_SPELT_OUT = re.compile(
    r"(?<![\w*])([\w.+%-]{1,64}) (?:at|AT) (?=[\d_-]{0,63}[^\W\d_][\w-]{0,63} (?:dot|DOT) \w)"
)
_LOCAL_BACKWARDS = re.compile(r" ?((?:[A-Za-z0-9_.%+*!$'^`~]|-(?!-)){1,1024})")
_FOREIGN_LOCAL_BACKWARDS = re.compile(r"((?:[\w.%+*!$'^`~]|-(?!-)){1,1024})")
_DOMAIN_START = re.compile(r" ?(?:[\w-]{0,63}[^\W\d]|\d{1,3}\.\d)")
_FOREIGN_DOMAIN = re.compile(r"[\w-]{1,63}\.\w")  # a name of another script before `@word` is no address
_MASKED_LOCAL = re.compile(r".?\*{3}.?")
_PASSWORD = re.compile(r"(\*\*\*.?@[\w.-]{1,253}:)(?!//)\S+")  # address:password, the custom of combo lists
_LOCAL_WINDOW = 1024


def _emails(text: str) -> Iterator[_Replacement]:
    if any(sign in text for sign in "@&") or _SPELT_AT.search(text):
        for sign in _AT.finditer(text):
            if _DOMAIN_START.match(text, sign.end()):
                yield from _local_before(text, sign)
    if " dot " in text or " DOT " in text:
        for spelt in _SPELT_OUT.finditer(text):
            yield _masked_local(text, *spelt.span(1))


def _local_before(text: str, sign: re.Match[str]) -> Iterator[_Replacement]:
    before = text[max(0, sign.start() - _LOCAL_WINDOW) : sign.start()][::-1]
    local = _LOCAL_BACKWARDS.match(before)
    if local is None and _FOREIGN_DOMAIN.match(text, sign.end()):
        local = _FOREIGN_LOCAL_BACKWARDS.match(before)
    if local is not None:
        yield _masked_local(text, sign.start() - local.end(1), sign.start() - local.start(1))


def _masked_local(text: str, start: int, end: int) -> _Replacement:
    local = text[start:end]
    if _MASKED_LOCAL.fullmatch(local):
        return start, end, local
    return start, end, f"{local[0]}***{local[-1]}" if len(local) > 3 else f"{local[0]}***"


# --- travel documents

# Whatever has fillers and the length of a line is one: names stand in lines without a check digit.
_ZONE_LINE = re.compile(r"(?<![A-Z0-9<])[A-Z0-9<]{28,}+", re.ASCII)
_ZONE_MIDDLE = re.compile(r"\d{7}[MFX<]\d{7}", re.ASCII)  # birth date, sex, expiry
_FEWEST_ZONE_SIGNS = 5  # letters and digits of a line; fewer is a rule drawn with `<`


def _zones(text: str) -> Iterator[_Replacement]:
    for line in _ZONE_LINE.finditer(text):
        written = line[0]
        if "<<" not in written and not _ZONE_MIDDLE.search(written):
            continue
        if len(written) - written.count("<") >= _FEWEST_ZONE_SIGNS:
            yield line.start(), line.end(), _starred(written, 4, 0)


# --- wallets and licences

# In one case, too: what a text does not prove to be a wallet can be one.
_ETHEREUM = re.compile(r"(?<![A-Za-z0-9])0x[0-9a-fA-F]{40}(?![A-Za-z0-9])", re.ASCII)


def _wallets(text: str) -> Iterator[_Replacement]:
    found = {(start, end) for _, _, start, end in wallets(text)}
    found.update(one.span() for one in _ETHEREUM.finditer(text))
    for start, end in sorted(found):
        yield start, end, _starred(text[start:end], 4, 4)


def _licences(text: str) -> Iterator[_Replacement]:
    for _, number, start, end in driving_licences(text):
        if not number.isdigit():
            yield start, end, _starred(text[start:end], 3, 2)


# --- IBAN


def _ibans(text: str) -> Iterator[_Replacement]:
    """Right country and length are enough."""
    for run in identifiers.IBAN_RUN.finditer(text):
        length = IBAN_LENGTHS.get(run[0][:2].upper())
        end = identifiers.end_of_iban(run[0], length) if length else None
        if end is not None and sum(map(str.isdigit, run[0][:end])) >= _FEWEST_IBAN_DIGITS:
            yield run.start(), run.start() + end, _starred(run[0][:end], 4, 4)


_FEWEST_IBAN_DIGITS = 8


# --- numbers

_MASKED = re.compile(
    r"(?<!\d)\d{1,6}[ \-.()/]{0,2}\*(?:[ \-.()/]{0,2}\*)*+[ \-.()/]{0,2}\d{0,3}[\dXx](?!\d)", re.ASCII
)
_RUN = re.compile(r"\+?\(?\d(?:[ \-.()/]{0,2}\d){6,}+[Xx]?", re.ASCII)
_DAY = re.compile(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?(?: \d\d?)?", re.ASCII)

_DATE = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_DATE_TIME = re.compile(_DATE + r"(?:(?:[01]\d|2[0-3])(?:[0-5]\d){1,2})?")
_FREE = r"(?<!\d)"
_END = r"(?!\d)"
# Name -> shape, and how many digits stay readable at its beginning and its end. The first that fits counts.
_SHAPES: dict[str, tuple[str, int, int]] = {
    "international": (r"\+\(?\d(?:[ \-.()/]{0,2}\d){6,16}" + _END, 4, 3),
    "resident_id": (_FREE + r"\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx]" + _END, 6, 4),
    "mobile": (
        _FREE
        + r"(?:(?:00)?86[ -]?)?1[3-9]\d"
        + r"(?:[ .-]?\d{4}[ .-]?\d{4}|\d[ -]\d{3}[ -]\d{4}|[ -]\d{3}[ -]\d{5})"
        + _END,
        3,
        4,
    ),
    "card": (
        _FREE + r"[3-6]\d{3}(?:(?:[ -]\d{4}){2,3}[ -]\d{1,4}|[ -]\d{6}[ -]\d{4,5})" + _END,
        6,
        4,
    ),
    "long": (_FREE + r"\d{11,}" + _END, 3, 4),
    "north_american": (
        _FREE + rf"(?!{_DATE})(?:1[ .-]?)?\(?[2-9]\d\d\)?[ .-]{{0,2}}[2-9]\d\d[ .-]?\d{{4}}" + _END,
        3,
        2,
    ),
    "national": (
        _FREE
        + r"\(?0(?!\d[ -./]\d\d[ -./](?:19|20)\d\d(?!\d))[1-9]\d{0,3}\)?(?:[ .-]{0,2}\d{2,8}){1,4}"
        + _END,
        3,
        2,
    ),
}
_SHAPE = re.compile("|".join(f"(?P<{name}>{shape})" for name, (shape, _, _) in _SHAPES.items()), re.ASCII)
_NATIONAL_DIGITS = range(9, 13)
_GROUPED_DIGITS = 13
_LABEL = re.compile(
    r"(?:tel|phone|mobile|mob|cell|whatsapp|手机|手機|电话|電話|联系|聯繫|тел|телефон)\w{0,6}\W{0,4}\Z",
    re.IGNORECASE,
)
_LABEL_WINDOW = 24


def _runs(text: str) -> Iterator[re.Match[str]]:
    """Runs of seven digits and more that are no day."""
    return (run for run in _RUN.finditer(text) if not _DAY.fullmatch(run[0]))


def _numbers(text: str) -> Iterator[_Replacement]:
    for run in _runs(text):
        found = _both(text, _shapes(text, run, _ALL_SHAPES), _grouped(text, run))
        yield from _labelled(text, run.start(), found[0][0] if found else run.end())
        yield from found


def _recognised_numbers(text: str) -> Iterator[_Replacement]:
    """Telephone numbers with + and mainland mobiles by shape, cards and IDs only with right check digits."""
    for run in _runs(text):
        yield from _both(text, _shapes(text, run, _RECOGNISED), _grouped(text, run))


_ALL_SHAPES = frozenset(_SHAPES)
_RECOGNISED = frozenset({"international", "mobile"})


def _both(text: str, shapes: list[_Replacement], grouped: list[_Replacement]) -> list[_Replacement]:
    """In order of place; of two at one place the longer stands, and what overlaps is masked as one."""
    if not grouped:
        return shapes
    merged: list[_Replacement] = []
    for one in sorted(shapes + grouped):
        if not merged or one[0] >= merged[-1][1]:
            merged.append(one)
        elif one[0] == merged[-1][0]:  # sorted, so this one is the longer
            merged[-1] = one
        elif one[1] > merged[-1][1]:
            start, end = merged[-1][0], one[1]
            merged[-1] = (start, end, _starred(text[start:end], 3, 4))
    return merged


def _shapes(text: str, run: re.Match[str], wanted: frozenset[str]) -> list[_Replacement]:
    found = []
    at = run.start()
    while match := _SHAPE.search(text, at, run.end()):
        name = match.lastgroup or ""
        written = _national(match[0]) if name == "national" else match[0]
        if name not in wanted or not written or _DATE_TIME.fullmatch(written):
            at = match.start() + 1
            continue
        at = match.start() + len(written)
        _, first, last = _SHAPES[name]
        found.append((match.start(), at, _starred(written, first, last)))
    return found


def _national(written: str) -> str:
    """As many of the groups as make 9 to 12 digits; empty where that cannot be."""
    ends = [group.end() for group in re.finditer(r"[0-9]+", written)]
    fitting = [end for end in ends if sum(map(str.isdigit, written[:end])) in _NATIONAL_DIGITS]
    return written[: fitting[-1]] if fitting else ""


def _grouped(text: str, run: re.Match[str]) -> list[_Replacement]:
    """Cards and IDs in groups that no shape foresees, if they are real."""
    if run.end() - run.start() < _GROUPED_DIGITS:
        return []
    return [
        (start, end, _starred(text[start:end], 6, 4))
        for digits, start, end in identifiers.stretches(text, run)
        if identifiers.card(digits.rstrip("Xx")) or identifiers.resident_id(digits)
    ]


def _labelled(text: str, start: int, end: int) -> Iterator[_Replacement]:
    """Seven digits and more behind a word such as `phone`, whatever their shape."""
    run = _RUN.match(text, start, end)
    if run and _LABEL.search(text, max(0, start - _LABEL_WINDOW), start):
        yield run.start(), run.end(), _starred(run[0], 2, 2)


def _starred(written: str, first: int, last: int) -> str:
    """Letters and digits become stars, but for the `first` and the `last` ones; separators stay."""
    if written.isalnum():
        return written[:first] + "*" * (len(written) - first - last) + written[len(written) - last :]
    places = [place for place, character in enumerate(written) if character.isalnum()]
    hidden = set(places[first : len(places) - last])
    return "".join("*" if place in hidden else character for place, character in enumerate(written))
