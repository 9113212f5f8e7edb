"""Masking: every crawled text passes through it before it enters the database, a log or an alert.

Masked are all identifiers that `identifiers` recognises, and everything of such a shape even if its check
digit is wrong, because it could still lead to a person: a telephone number that nobody was given, an 18-digit
ID, 11 or more digits in a row. Prices, record counts, dates and thread numbers stay readable. A company's
domain identifies no person and stays.

    john.doe@mail.example  j***e@mail.example      138-0013-8000        138-****-8000
    110101199003070000     110101********0000      4111 1111 1111 1111  4111 11** **** 1111

One in eleven numbers passes the check digit of a driving licence of digits alone by chance. So those licences
are masked only as any 11 digits are, and not in URLs.

Order: e-mails with the passwords behind them, travel documents, wallets, licences, IBANs, and then numbers
until nothing changes. Each of them is looked for in the text as it is written and with its escapes undone
(`text.escapes`), and masked where it is written. Masking a masked text changes nothing.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from operator import itemgetter

import numpy as np

from matching import identifiers
from matching.identifiers import IBAN_LENGTHS
from matching.identifiers.licences import driving_licences
from matching.identifiers.national_ids import national_ids
from matching.identifiers.wallets import wallets
from matching.native.escape_signs import undo_natively
from matching.native.library import LibraryMissing
from matching.native.mask_finder import ALL_KINDS, URL_KINDS, MaskKind, PlacesToMask, places_to_mask
from text.escapes import BESIDE, POSSIBLE, Undone
from text.folding import Folded, narrow_fold

_Replacement = tuple[int, int, str]  # a span of the narrowed text and what stands there instead
_Finder = Callable[[str], Iterator[_Replacement]]

_ROUNDS = 5  # more than two were never needed; the bound keeps hostile text from taking longer


def mask_text(text: str) -> str:
    """Return the text with all identifiers of persons masked; any input, in time linear in its length."""
    return _mask_all(text, is_url=False)


def mask_url(url: str) -> str:
    """Return a URL with recognised identifiers masked; other long numbers, such as thread ids, stay."""
    return _mask_all(url, is_url=True)


def _mask_all(text: str, *, is_url: bool) -> str:
    """Mask all kinds in their order; numbers several times, because the rest of a run may be a shape, too.

    In a text with escapes, what is masked may end one and begin another, so all of it is done until nothing
    changes.
    """
    masking = _Masking(text, is_url=is_url)
    if masking.has_nothing:
        return text
    for _ in range(_ROUNDS):
        before = masking.text
        for kind in _FINDERS:
            masking.replace(kind)
        for _ in range(_ROUNDS):
            if not masking.replace(MaskKind.NUMBER):
                break
        if masking.text == before or not masking.had_escapes:
            break
    return masking.text


class _Masking:
    """A text that is being masked, and its parts that have escapes, undone."""

    def __init__(self, text: str, *, is_url: bool) -> None:
        self._is_url = is_url
        self.had_escapes = True
        self._set(text)
        self.had_escapes = self._undone is not None

    def _set(self, text: str) -> None:
        self.text = text
        self._found = _Found(text, is_url=self._is_url)
        self._undone = undo_natively(text, addresses=True) if self.had_escapes else None
        self._found_undone = _Found(self._undone.text, is_url=self._is_url) if self._undone else None

    @property
    def has_nothing(self) -> bool:
        """Whether nothing is to be masked; False where that is not known yet."""
        return self._found.is_nothing and (self._found_undone is None or self._found_undone.is_nothing)

    def replace(self, kind: MaskKind) -> bool:
        """Mask what is found in the text or in the undone text; return whether anything changed."""
        found = self._found.of(kind)
        if self._undone is not None and self._found_undone is not None:
            found = _with_undone(self.text, found, self._undone, self._found_undone.of(kind))
        pieces, at = [], 0
        for start, end, mask in found:
            if start >= at and mask not in (self.text[start:end], _AS_IT_IS):
                pieces += [self.text[at:start], mask]
                at = end
        if pieces:
            self._set("".join([*pieces, self.text[at:]]))
        return bool(pieces)


class _Found:
    """What is to be masked in a text, by kind: found by the native library, or without it by the finders."""

    def __init__(self, text: str, *, is_url: bool) -> None:
        self._text = text
        self._find_numbers = _find_recognised_numbers if is_url else _find_numbers
        self._places: dict[MaskKind, PlacesToMask] | None
        try:
            self._places = places_to_mask(text, URL_KINDS if is_url else ALL_KINDS)
        except LibraryMissing:
            self._places = None

    @property
    def is_nothing(self) -> bool:
        return self._places is not None and not self._places

    def of(self, kind: MaskKind) -> list[_Replacement]:
        """Return what is found, in places of the text as it is written."""
        if self._places is not None:
            found = self._at_places(kind, self._places)
        elif kind is MaskKind.NUMBER:
            found = list(self._find_numbers(self._narrow.text))
        else:
            found = list(_FINDERS[kind](self._narrow.text))
        if not found or self._narrow.is_original:
            return found
        return [(*self._narrow.span(start, end), mask) for start, end, mask in found]

    @cached_property
    def _narrow(self) -> Folded:
        return narrow_fold()(self._text)

    def _at_places(self, kind: MaskKind, places: dict[MaskKind, PlacesToMask]) -> list[_Replacement]:
        """Return what the finder finds, which is looked for only where the library found something."""
        if kind is MaskKind.EMAIL and MaskKind.SPELT_ADDRESS in places:
            return list(_find_emails(self._narrow.text))
        if kind is MaskKind.NUMBER and MaskKind.LABELLED_NUMBER in places:
            labelled = _mask_labelled(self._narrow.text, places[MaskKind.LABELLED_NUMBER].spans)
            numbers = places[kind].masked() if kind in places else ()
            return sorted([*labelled, *numbers])
        if kind not in places:
            return []
        spans = places[kind].spans
        if kind is MaskKind.NUMBER:
            return list(places[kind].masked())
        text = self._narrow.text
        if kind is MaskKind.EMAIL:
            return [_mask_local_part(text, start, end) for start, end in spans]
        if kind is MaskKind.PASSWORD:
            return [(start, end, _STARS) for start, end in spans]
        if kind is MaskKind.NATIONAL_ID:
            return list(_find_national_ids(text, [start for start, _ in spans]))
        return [
            (start + first, start + last, mask)
            for start, end in spans
            for first, last, mask in _FINDERS[kind](text[start:end])
        ]


_AS_IT_IS = ""  # instead of a mask: this place is masked already


def _with_undone(
    text: str, found: list[_Replacement], undone: Undone, found_undone: list[_Replacement]
) -> list[_Replacement]:
    """Return what is to be masked in the text as it is written and with its escapes undone, in order."""
    others = _in_original(undone, found_undone)
    if not others:
        return found
    escapes = [edit[:2] for edit in undone.edits if edit.kind != POSSIBLE]
    first_end, last_start = itemgetter(1), itemgetter(0)
    kept = []
    for start, end, mask in found:
        low = bisect_right(others, start, key=first_end)
        high = bisect_left(others, end, key=last_start)
        if low >= high:
            kept.append((start, end, mask))
            continue
        at = bisect_right(escapes, start, key=first_end)
        known = [
            *(each[:2] for each in others[low:high]),
            *escapes[at : bisect_left(escapes, end, key=last_start)],
        ]
        if _has_left_over(text, start, end, known):
            # Each reading sees something that the other one does not.
            first, last = min(start, others[low][0]), max(end, others[high - 1][1])
            others[low:high] = [(first, last, f"{text[first]}***")]
    return sorted(kept + others)


def _in_original(undone: Undone, found: list[_Replacement]) -> list[_Replacement]:
    """Return what is found in the undone text only, in places of the original, in order and disjoint."""
    if not found:
        return []
    starts, ends = np.array([each[:2] for each in found], np.int64).T
    news = np.flatnonzero(undone.touches(starts, ends, beside=BESIDE))
    firsts, lasts = undone.spans(starts[news], ends[news])
    others: list[_Replacement] = []
    for at, first, last in zip(news.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        start, end, mask = found[at]
        if not others or first >= others[-1][1]:
            others.append((first, last, _AS_IT_IS if undone.text[start:end] == mask else mask))
    return others


def _has_left_over(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    """Return whether a letter or digit of text[start:end] is in none of the spans."""
    for first, last in sorted(spans):
        if any(map(str.isalnum, text[start:first])):
            return True
        start = max(start, last)
    return any(map(str.isalnum, text[start:end]))


# --- e-mail

# Only the local part identifies a person, so it does not matter where the domain ends.
_AT_SIGN = re.compile(r"@|&(?:#64|#x40|commat);|[\[({<【] ?(?:@|at|AT|At) ?[\])}>】]")
_BRACKETED_AT = re.compile(r"at ?[\])}>】]", re.IGNORECASE)
_SPELT_OUT_ADDRESS = re.compile(
    r"(?<![\w*])([\w.+%-]{1,64}) (?:at|AT) (?=[\d_-]{0,63}[^\W\d_][\w-]{0,63} (?:dot|DOT) \w)"
)
# Behind a blank, `@word` is the handle of somebody, and needs a dot to be a domain.
_DOMAIN_BEHIND_BLANK = re.compile(r" ?(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2}")
_SERVICE = re.compile(
    r"(?:telegram|tele|tg|wechat|wx|discord|instagram|insta|ig|twitter|snapchat|snap|skype|icq|signal|session|wire"
    r"|vk|line|contact|dm|pm|jabber|xmpp|matrix|by|from|via)\Z",
    re.IGNORECASE,
)
_LOCAL_BACKWARDS = re.compile(r" ?((?:[A-Za-z0-9_.%+*!$'^`~]|-(?!-)){1,1024})")
_FOREIGN_LOCAL_BACKWARDS = re.compile(r"((?:[\w.%+*!$'^`~]|-(?!-)){1,1024})")
_DOMAIN_START = re.compile(r" ?(?:[\w-]{0,63}[^\W\d]|\d{1,3}\.\d|[\d-]{1,63}\.[^\W\d_])")
_FOREIGN_DOMAIN = re.compile(r"[\w-]{1,63}\.\w")  # letters of another script before `@word` are a handle
_MASKED_LOCAL_PART = re.compile(r".?\*{3}.?")
_PASSWORD = re.compile(r"(\*\*\*.?@[\w.-]{1,253}:)(?!//)\S+")  # address:password, as in combo lists
_STARS = "***"
_LOCAL_WINDOW = 1024


def _find_emails(text: str) -> Iterator[_Replacement]:
    if any(sign in text for sign in "@&") or _BRACKETED_AT.search(text):
        for sign in _AT_SIGN.finditer(text):
            if _DOMAIN_START.match(text, sign.end()):
                yield from _find_local_part(text, sign)
    if " dot " in text or " DOT " in text:
        for spelt in _SPELT_OUT_ADDRESS.finditer(text):
            yield _mask_local_part(text, *spelt.span(1))


def _find_passwords(text: str) -> Iterator[_Replacement]:
    for found in _PASSWORD.finditer(text):
        yield found.end(1), found.end(), _STARS


def _find_local_part(text: str, sign: re.Match[str]) -> Iterator[_Replacement]:
    before = text[max(0, sign.start() - _LOCAL_WINDOW) : sign.start()][::-1]
    local = _LOCAL_BACKWARDS.match(before)
    if local is None and _FOREIGN_DOMAIN.match(text, sign.end()):
        local = _FOREIGN_LOCAL_BACKWARDS.match(before)
    if local is None or (local[0][0] == " " and sign[0] == "@" and _is_handle(text, sign, local[1][::-1])):
        return
    yield _mask_local_part(text, sign.start() - local.end(1), sign.start() - local.start(1))


def _is_handle(text: str, sign: re.Match[str], before: str) -> bool:
    """Return whether the word behind a blank and an @ is the name of an account: `telegram @darkseller`."""
    if not _DOMAIN_BEHIND_BLANK.match(text, sign.end()):
        return True
    return not text.startswith(" ", sign.end()) and _SERVICE.match(before) is not None


def _mask_local_part(text: str, start: int, end: int) -> _Replacement:
    local = text[start:end]
    if _MASKED_LOCAL_PART.fullmatch(local):
        return start, end, local
    return start, end, f"{local[0]}***{local[-1]}" if len(local) > 3 else f"{local[0]}***"


# --- travel documents

# Every line with fillers and of that length is masked: the line of names has no check digit.
_ZONE_LINE = re.compile(r"(?<![A-Z0-9<])[A-Z0-9<]{28,}+", re.ASCII)
_ZONE_MIDDLE = re.compile(r"\d{7}[MFX<]\d{7}", re.ASCII)  # birth date, sex, expiry
_MIN_ZONE_CHARACTERS = 5  # letters and digits of a line; a line with fewer is a ruler drawn with `<`


def _find_travel_documents(text: str) -> Iterator[_Replacement]:
    for line in _ZONE_LINE.finditer(text):
        written = line[0]
        if "<<" not in written and not _ZONE_MIDDLE.search(written):
            continue
        if len(written) - written.count("<") >= _MIN_ZONE_CHARACTERS:
            yield line.start(), line.end(), _star_out(written, 4, 0)


# --- wallets, licences and national numbers

# Also in one case, which has no checksum: it can be a wallet.
_ETHEREUM = re.compile(r"(?<![A-Za-z0-9])0x[0-9a-fA-F]{40}(?![A-Za-z0-9])", re.ASCII)


def _find_wallets(text: str) -> Iterator[_Replacement]:
    found = {(start, end) for _, _, start, end in wallets(text)}
    found.update(one.span() for one in _ETHEREUM.finditer(text))
    for start, end in sorted(found):
        yield start, end, _star_out(text[start:end], 4, 4)


def _find_licences(text: str) -> Iterator[_Replacement]:
    for _, number, start, end in driving_licences(text):
        if not number.isdigit():
            yield start, end, _star_out(text[start:end], 3, 2)


def _find_national_ids(text: str, places: Iterable[int] | None = None) -> Iterator[_Replacement]:
    """Yield national numbers in a form that shows them; digits alone are masked as any other numbers.

    `places`: where the digits begin that are looked at; None: all.
    """
    masked_until = 0
    for _, _, start, end in national_ids(text, plain=False, places=places):
        if start >= masked_until:
            masked_until = end
            yield start, end, _star_out(text[start:end], 3, 2)


# --- IBAN


def _find_ibans(text: str) -> Iterator[_Replacement]:
    """Yield what has a country code and the length of its IBANs; the check digits may be wrong."""
    for run in identifiers.IBAN_RUN.finditer(text):
        length = IBAN_LENGTHS.get(run[0][:2].upper())
        end = identifiers.end_of_iban(run[0], length) if length else None
        if end is not None and sum(map(str.isdigit, run[0][:end])) >= _MIN_IBAN_DIGITS:
            yield run.start(), run.start() + end, _star_out(run[0][:end], 4, 4)


_MIN_IBAN_DIGITS = 8


# --- numbers

_DIGIT_RUN = re.compile(r"\+?\(?\d(?:[ \-.()/_]{0,2}\d){6,}+[Xx]?", re.ASCII)
_CALENDAR_DAY = re.compile(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?(?: \d\d?)?", re.ASCII)

_DATE = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_DATE_TIME = re.compile(_DATE + r"(?:(?:[01]\d|2[0-3])(?:[0-5]\d){1,2})?")
_NO_DIGIT_BEFORE = r"(?<!\d)"
_NO_DIGIT_AFTER = r"(?!\d)"
# Name -> shape, and how many digits stay readable at its beginning and its end. The first match counts.
_SHAPES: dict[str, tuple[str, int, int]] = {
    "international": (r"\+\(?\d(?:[ \-.()/_]{0,2}\d){6,16}" + _NO_DIGIT_AFTER, 4, 3),
    "resident_id": (_NO_DIGIT_BEFORE + r"\d{6}[ _-]?\d{8}[ _-]?\d{3}[\dXx]" + _NO_DIGIT_AFTER, 6, 4),
    "mobile": (
        _NO_DIGIT_BEFORE
        + r"(?:(?:00)?86[ _-]?)?1[3-9]\d"
        + r"(?:[ ._-]?\d{4}[ ._-]?\d{4}|\d[ _-]\d{3}[ _-]\d{4}|[ _-]\d{3}[ _-]\d{5})"
        + _NO_DIGIT_AFTER,
        3,
        4,
    ),
    "card": (
        _NO_DIGIT_BEFORE
        + r"[3-6]\d{3}(?:(?:[ _-]\d{4}){2,3}[ _-]\d{1,4}|[ _-]\d{6}[ _-]\d{4,5})"
        + _NO_DIGIT_AFTER,
        6,
        4,
    ),
    "long": (_NO_DIGIT_BEFORE + r"\d{11,}" + _NO_DIGIT_AFTER, 3, 4),
    "north_american": (
        _NO_DIGIT_BEFORE
        + rf"(?!{_DATE})(?:1[ ._-]?)?\(?[2-9]\d\d\)?[ ._-]{{0,2}}[2-9]\d\d[ ._-]?\d{{4}}"
        + _NO_DIGIT_AFTER,
        3,
        2,
    ),
    "national": (
        _NO_DIGIT_BEFORE
        + r"\(?0(?!\d[ -./]\d\d[ -./](?:19|20)\d\d(?!\d))[1-9]\d{0,3}\)?(?:[ ._/-]{0,2}\d{2,8}){1,4}"
        + _NO_DIGIT_AFTER,
        3,
        2,
    ),
}
_SHAPE = re.compile("|".join(f"(?P<{name}>{shape})" for name, (shape, _, _) in _SHAPES.items()), re.ASCII)
_NATIONAL_DIGITS = range(9, 13)
_MIN_GROUPED_LENGTH = 13
_LABEL = re.compile(
    r"(?:tel|phone|mobile|mob|cell|whatsapp|手机|手機|电话|電話|联系|聯繫|тел|телефон)\w{0,6}\W{0,4}\Z",
    re.IGNORECASE,
)
_LABEL_WINDOW = 24


def _digit_runs(text: str) -> Iterator[re.Match[str]]:
    """Yield the runs of seven or more digits that hold no ordinary number and are not a calendar day."""
    return (run for run in identifiers.runs_to_mask(text) if not _CALENDAR_DAY.fullmatch(run[0]))


def _find_numbers(text: str) -> Iterator[_Replacement]:
    for run in _digit_runs(text):
        found = _merge_overlapping(text, _find_shapes(text, run, _ALL_SHAPES), _find_grouped(text, run))
        yield from _find_labelled(text, run.start(), found[0][0] if found else run.end())
        yield from found


def _find_recognised_numbers(text: str) -> Iterator[_Replacement]:
    """Yield telephones with + and mainland mobiles by shape; cards and IDs with correct check digits."""
    for run in _digit_runs(text):
        yield from _merge_overlapping(
            text, _find_shapes(text, run, _RECOGNISED_SHAPES), _find_grouped(text, run)
        )


_ALL_SHAPES = frozenset(_SHAPES)
_RECOGNISED_SHAPES = frozenset({"international", "mobile"})


def _merge_overlapping(
    text: str, shapes: list[_Replacement], grouped: list[_Replacement]
) -> list[_Replacement]:
    """Return both in order of place; of two at one place the longer, and overlapping ones masked as one."""
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
            merged[-1] = (start, end, _star_out(text[start:end], 3, 4))
    return merged


def _find_shapes(text: str, run: re.Match[str], wanted: frozenset[str]) -> list[_Replacement]:
    found = []
    at = run.start()
    while match := _SHAPE.search(text, at, run.end()):
        name = match.lastgroup or ""
        written = _national_number(match[0]) if name == "national" else match[0]
        if name not in wanted or not written or _DATE_TIME.fullmatch(written):
            at = match.start() + 1
            continue
        at = match.start() + len(written)
        _, first, last = _SHAPES[name]
        found.append((match.start(), at, _star_out(written, first, last)))
    return found


def _national_number(written: str) -> str:
    """Return the longest beginning of whole groups that has 9 to 12 digits; "" if there is none."""
    ends = [group.end() for group in re.finditer(r"[0-9]+", written)]
    fitting = [end for end in ends if sum(map(str.isdigit, written[:end])) in _NATIONAL_DIGITS]
    return written[: fitting[-1]] if fitting else ""


_APART = re.compile(r"\d(?:[ ._-]{1,2}\d){6,18}", re.ASCII)  # digits one by one


def _find_grouped(text: str, run: re.Match[str]) -> list[_Replacement]:
    """Return cards and IDs in groups that no shape has, if their check digits are correct; digits apart."""
    if run.end() - run.start() < _MIN_GROUPED_LENGTH:
        return []
    found = []
    for digits, start, end in identifiers.stretches(text, run):
        if digits.isdigit() and _APART.fullmatch(text, start, end):
            found.append((start, end, _star_out(text[start:end], 3, 2)))
        elif identifiers.card(digits.rstrip("Xx")) or identifiers.resident_id(digits):
            found.append((start, end, _star_out(text[start:end], 6, 4)))
    return found


def _find_labelled(text: str, start: int, end: int) -> Iterator[_Replacement]:
    """Yield seven or more digits of any shape behind a word such as `phone`."""
    run = _DIGIT_RUN.match(text, start, end)
    if run:
        yield from _mask_labelled(text, [run.span()])


def _mask_labelled(text: str, runs: list[tuple[int, int]]) -> Iterator[_Replacement]:
    for start, end in runs:
        if _LABEL.search(text, max(0, start - _LABEL_WINDOW), start):
            yield start, end, _star_out(text[start:end], 2, 2)


def _star_out(written: str, first: int, last: int) -> str:
    """Replace letters and digits by stars, except the `first` and the `last` ones; separators stay."""
    if written.isalnum():
        return written[:first] + "*" * (len(written) - first - last) + written[len(written) - last :]
    places = [place for place, character in enumerate(written) if character.isalnum()]
    hidden = set(places[first : len(places) - last])
    return "".join("*" if place in hidden else character for place, character in enumerate(written))


# Numbers come behind these.
_FINDERS: dict[MaskKind, _Finder] = {
    MaskKind.EMAIL: _find_emails,
    MaskKind.PASSWORD: _find_passwords,
    MaskKind.TRAVEL_DOCUMENT: _find_travel_documents,
    MaskKind.WALLET: _find_wallets,
    MaskKind.LICENCE: _find_licences,
    MaskKind.NATIONAL_ID: _find_national_ids,
    MaskKind.IBAN: _find_ibans,
}
