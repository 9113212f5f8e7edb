"""Spellings: the other ways to write a name, with something else between its letters or words.

A name is a row of characters with gaps between them. `reading` compares the gaps of a written form with the
term's own. Order of rules:

1. **Letters apart** (`q.u.d.i.a.n`, `趣*店`): the same gap between all characters. Four cased letters are
   needed, or two characters of a script without case.
2. **Words**: the gap between two words of the term may be another one: `consumer_bank`, `consumer.bank`. No
   gap at all needs CamelCase, or a name of three words or ten letters. `&` may have blanks.
3. **Scripts**: a blank may stand where a letter with case meets one without (`趣店 pay`), and nowhere else in
   a word, except that
4. **a line may end** inside a word: after a hyphen (`Kel-⏎bridge`), or between Han (`榆岭⏎小贷`).

`fits` then looks at the original text, where capitals and line ends are still there.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

SEPARATORS = " _-.*'~/\\,+=&^#:`>"
_SPELLED = frozenset("*_~^#=+`\\")  # between two Han characters, none of these stands in ordinary text
_LONGEST_GAP = 3
_LISTING = frozenset({", "})  # between the letters of a list
_APART_LETTERS = 4
_JOINED_LETTERS = 10
_JOINED_WORDS = 3
_SHORT_NAME = 6  # letters, below which `h&m` is not found as `hm` or `h_m`
_LETTER_WORD = 7  # letters of a name in which a word of one letter may be set off by a blank: `o kestrel`
_DIVIDED = 5  # letters of a word that may be divided at a line's end
_HAN_WORD = 4  # characters without case that may be divided in two by a blank
_WRAPPED_LINE = 20  # characters of a line that ends because it is full

_HUMP_LETTERS = 6  # letters of a name that ends at a capital anywhere: `QudianUsers`
_FILE_LETTERS = 4  # letters of a name that ends at a capital in the name of a file: `AllyUsers.csv`
_INNER_LETTERS = 6  # letters of a name inside such a file's name: `LeakQudian.zip`
_ACRONYM = 3  # letters, in the name of a file
_TWIN_LETTERS = 5
_NUMBER = 3  # digits that divide words: `qudian2024leak`

#: A regular expression.
FILE_ENDINGS = (
    "7z|accdb|apk|bak|bz2|cfg|conf|csv|dat|db|dbf|dmp|docx?|dump|eml|exe|gz|html?|ini|ipa|jpe?g|jsonl?|key|log|lz4"
    "|mbox|md|mdb|mdf|msg|msi|odt|ods|parquet|pdf|pem|php|png|pptx?|pst|rar|rtf|sql|sqlite3?|tar|tgz|tsv|txt|vcf"
    "|xlsx?|xml|xz|yaml|yml|zip|zst"
)
_FILE_NAME = 80  # characters of a file's name
_SMALL_WORD = re.compile("[a-z]{4}")
_FILE_ENDING = re.compile(rf"[\w-]*\.(?:{FILE_ENDINGS})\b", re.IGNORECASE)

_WORD_GAPS = frozenset(
    {"", " ", "_", "-", ".", "+", "*", "- ", "__", "--", "~", "* ", "** ", " **", "__ ", " __"}
)
_HYPHENATED = 7  # letters of a name whose hyphen may be missing: `tmobile`
_ABBREVIATION = 2  # letters of a word that a dot may follow: `St. Aldhelm`
# SQL writes an apostrophe twice or behind a backslash.
_APOSTROPHE_GAPS = frozenset({"", " ", "_", "-", "'", "`", "''", "\\'", "\\\\'"})
_AND_GAPS = frozenset({"&", " &", "& ", " & ", "+", " + ", "_&_", "-&-"})
_AND_JOINTS = frozenset({"", "_", "-", " "})
_DOT_GAPS = frozenset({"", "_", "-", "."})
#: The sign before each line of a quotation or a comment.
_LINE_SIGN = r"(?:(?:> ?){1,4}|#{1,4}|//|\*|--)"
_LINE_END = re.compile(rf"[-‐‑]?[ \t]*\r?\n[ \t\u3000]*(?:{_LINE_SIGN}[ \t\u3000]*)?")
_LINE_GAP = re.compile(rf"(?P<hyphen>-)? {_LINE_SIGN} ?")


@cache
def has_case(character: str) -> bool:
    return unicodedata.category(character) in {"Ll", "Lu", "Lt"}


@dataclass(frozen=True, slots=True)
class Form:
    """A folded name without its gaps, and the gap behind each character but the last."""

    characters: str
    gaps: tuple[str, ...]
    places: tuple[int, ...] = ()  # of the characters

    @property
    def words(self) -> int:
        return 1 + sum(gap != "" for gap in self.gaps)


@dataclass(slots=True)
class Reading:
    """How a name is written. Places are those of characters in the written form."""

    apart: str | None = None  # the gap between all letters
    joints: list[tuple[int, int]] = field(default_factory=list)  # words without a gap
    dots: list[tuple[int, int]] = field(default_factory=list)  # words with a dot between them
    line_ends: list[tuple[int, int]] = field(default_factory=list)  # a line has to end here
    needs_full_line: bool = False
    needs_capitals: bool = False


def form_of(folded: str) -> Form:
    characters: list[str] = []
    gaps: list[str] = []
    places: list[int] = []
    gap = ""
    for place, character in enumerate(folded):
        if character in SEPARATORS:
            gap += character
            continue
        if characters:
            gaps.append(gap)
        characters.append(character)
        places.append(place)
        gap = ""
    return Form("".join(characters), tuple(gaps), tuple(places))


def reading(form: Form, written: Form) -> Reading | None:
    """Return how `written` reads as the name; None: it does not. Both have the same number of characters."""
    spelled = _letters_apart(form, written)
    if spelled is not None:
        return spelled
    got = Reading()
    letters = len(form.characters)
    for at, (own, gap) in enumerate(zip(form.gaps, written.gaps, strict=True)):
        if gap == own:
            continue
        places = written.places[at], written.places[at + 1]
        if own:
            if not _word_gap(form, at, own, gap, places, got):
                return None
        elif not _inner_gap(form, at, gap, places, got):
            return None
    if len(got.line_ends) > 1:
        return None
    all_joined = not any(written.gaps)
    got.needs_capitals = not (all_joined and (form.words >= _JOINED_WORDS or letters >= _JOINED_LETTERS))
    return got


def _letters_apart(form: Form, written: Form) -> Reading | None:
    """Rule 1."""
    inner = {other for own, other in zip(form.gaps, written.gaps, strict=True) if not own}
    gap = inner.pop() if len(inner) == 1 else ""
    if not gap or len(gap) > _LONGEST_GAP or gap in _LISTING:
        return None
    # Between two words the gap may be another one: `Q.U.I.L. M.A.R.S.H`.
    if any(not other or len(other) > _LONGEST_GAP for other in written.gaps):
        return None
    if any(character.isdigit() for character in form.characters):
        return None
    with_case = sum(map(has_case, form.characters))
    return Reading(apart=gap) if with_case == 0 or len(form.characters) >= _APART_LETTERS else None


def _word_gap(form: Form, at: int, own: str, gap: str, places: tuple[int, int], got: Reading) -> bool:
    """Rule 2: whether `gap` may stand for the term's own gap behind character `at`."""
    letters = len(form.characters)
    left, right = form.characters[at], form.characters[at + 1]
    if _LINE_GAP.fullmatch(gap):
        got.line_ends.append(places)
        return "-" not in gap[:1]
    if not (has_case(left) and has_case(right)) and gap in {"", " "}:
        return not (left.isdigit() and right.isdigit())
    core = own.strip()
    if core in {"&", "+"}:
        return gap in _AND_GAPS or (letters >= _SHORT_NAME and gap in _AND_JOINTS)
    if core == "'":
        shortest = {" ": _LETTER_WORD, "_": _SHORT_NAME, "-": _SHORT_NAME}.get(gap, 0)
        return gap in _APOSTROPHE_GAPS and letters >= shortest
    if core == "." and own == ".":
        allowed = _DOT_GAPS | {". "} if _is_single_letter(form, at) else _DOT_GAPS  # `U. S. Bank`
    elif core == "-":
        allowed = _WORD_GAPS
        if gap == " " and _is_single_letter(form, at) and letters < _LETTER_WORD:
            return False
    elif core == "/":
        allowed = _WORD_GAPS | {"/", " / ", "/ ", " /"}
    elif core in {"", ".", "*", ","}:
        allowed = _WORD_GAPS
    else:
        return False
    if gap == ". " and allowed is _WORD_GAPS and letters >= _SHORT_NAME:
        return _word_length(form, at) <= _ABBREVIATION
    if gap not in allowed:
        return False
    if gap == "" and own == "." and _is_single_letter(form, at):  # `A.B.C.` is written `ABC`
        got.dots.append(places)
    elif gap == "" and not (core == "-" and letters >= _HYPHENATED):
        got.joints.append(places)
    elif gap == ".":
        got.dots.append(places)
    elif gap == "- ":
        got.line_ends.append(places)
    return True


def _is_single_letter(form: Form, at: int) -> bool:
    """Whether the word before or after the gap behind character `at` is one letter."""
    before = at == 0 or form.gaps[at - 1] != ""
    after = at + 1 == len(form.gaps) or form.gaps[at + 1] != ""
    return before or after


def _word_length(form: Form, at: int) -> int:
    """Return the letters of the word that ends with character `at`."""
    begin = at
    while begin and not form.gaps[begin - 1]:
        begin -= 1
    return at + 1 - begin


def _inner_gap(form: Form, at: int, gap: str, places: tuple[int, int], got: Reading) -> bool:
    """Rules 3 and 4: whether `gap` may stand inside a word of the term, behind character `at`."""
    left, right = form.characters[at], form.characters[at + 1]
    letters, head = len(form.characters), at + 1
    tail = letters - head
    line = _LINE_GAP.fullmatch(gap)
    if has_case(left) and has_case(right):
        got.line_ends.append(places)
        return (gap == "- " or bool(line and line["hyphen"])) and letters >= _DIVIDED and min(head, tail) >= 2
    if has_case(left) or has_case(right):
        if left.isdigit() or right.isdigit():
            return gap == " " or (gap in {"_", "-"} and letters >= _SHORT_NAME)  # `area51_bank`
        return gap in {" ", "-", "_", "*"}
    if left.isdigit() or right.isdigit():
        is_joined = gap in {"_", "-"} and letters >= _SHORT_NAME  # `area51_bank`
        return (gap == " " or is_joined) and not (left.isdigit() and right.isdigit())
    if letters >= _HAN_WORD and min(head, tail) >= 2 and gap in {" ", "-", "_", "*"}:
        return True
    got.line_ends.append(places)
    got.needs_full_line = letters < _HAN_WORD
    return gap == " " or bool(line and not line["hyphen"])


def fits(text: str, place: Callable[[int], int], got: Reading) -> bool:
    """Return whether the original text agrees with the reading; `place` leads from written to original."""
    for left, right in got.line_ends:
        start, end = place(left) + 1, place(right)
        if not _LINE_END.fullmatch(text, start, end):
            return False
        if got.needs_full_line and start - text.rfind("\n", 0, start) <= _WRAPPED_LINE:
            return False
    first = text[place(0)]
    # Code writes `setUp`, and names of files `ConsumerBank`.
    has_humps = first.isupper() and all(_is_hump(text, place(right)) for _, right in got.joints)
    if got.joints and got.needs_capitals and not has_humps:
        return False
    return not any(text[place(right)].isupper() != first.isupper() for _, right in got.dots)


def _is_hump(text: str, at: int) -> bool:
    """Whether a word begins here by its capital, as in `ConsumerBank` or `ABCBank`."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return text[at].isupper() and (not before.isupper() or after.islower())


#: Two characters without case, with a line's end between them.
DIVIDED_PAIR = Reading(line_ends=[(0, 2)], needs_full_line=True)


def stands_alone(got: Reading, letters: str, before: str, after: str) -> bool:
    """Return whether letters apart are all of the row of letters; `before`, `after`: the text around them.

    Two Han characters with a blank, a dot or a comma between them may be the ends of two words.
    """
    gap = got.apart or ""
    longer = _is_one_more(before[::-1], gap[::-1]) or _is_one_more(after, gap)
    if has_case(letters[0]) and has_case(letters[-1]):
        return not longer
    if len(letters) == 2 and not set(gap) <= _SPELLED:
        return not (longer or before[-1:].isalnum() or after[:1].isalnum())
    return True


def _is_one_more(beside: str, gap: str) -> bool:
    """Whether another single letter follows behind the same gap, read outward."""
    if not beside.startswith(gap):
        return False
    rest = beside[len(gap) :]
    return rest[:1].isalpha() and not rest[1:2].isalnum()


def has_word_border(text: str, start: int, end: int, *, left: bool, right: bool) -> bool:
    """Return whether the original has borders of a word that folding hides, on the sides asked for.

    A border is a capital, a number of three digits or more, or a letter of another style beside the name
    (`Qudian🇨🇳`).
    """
    letters = sum(map(str.isalpha, text[start:end]))
    if letters < (_ACRONYM if text[start:end].isupper() else _FILE_LETTERS):
        return False
    has_humps = any(text[at].isupper() and text[at - 1].islower() for at in range(start + 1, end))
    if has_humps and letters < _INNER_LETTERS:  # `OrIn` is two words
        return False
    is_file = _FILE_ENDING.match(text, end, end + _FILE_NAME) is not None
    if right and is_file and text[start:end].isupper() and _SMALL_WORD.match(text, end):  # `KZBclients.xlsx`
        right = False
    return (not left or _begins_word(text, start, is_file and letters >= _INNER_LETTERS)) and (
        not right or _ends_word(text, start, end, is_file or letters >= _HUMP_LETTERS)
    )


def is_twin(text: str, at: int, letters: int) -> bool:
    """Return whether the letter looks like the one that it is written for: `QuiIlmere`, `QUlLL`, `lnnova`.

    `I` looks like an l among small letters. `l` looks like an I among capitals, and where a name of five
    letters begins (`lola` is not Iola).
    """
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if text[at] == "I":
        return before.islower() or after.islower()
    is_first = letters >= _TWIN_LETTERS and not before.isalpha()
    return text[at] == "l" and (before.isupper() or after.isupper() or is_first)


def is_file_of(text: str, start: int, end: int) -> bool:
    """Return whether a file is named after a domain with underscores: `quirrel_example_users.sql`."""
    written = text[start:end]
    return (
        "_" in written and " " not in written and _FILE_ENDING.match(text, end, end + _FILE_NAME) is not None
    )


def _begins_word(text: str, start: int, may_be_hump: bool) -> bool:
    first, before = text[start], text[start - 1]
    if _is_other_style(first, before):
        return True
    if before.isdigit():
        if may_be_hump and first.isupper() and text[start + 1 : start + 2].islower():  # `v2Quirrel.csv`
            return True
        return start >= _NUMBER and text[start - _NUMBER : start].isdigit()
    return may_be_hump and first.isupper() and before.islower()


def _ends_word(text: str, start: int, end: int, may_be_hump: bool) -> bool:
    last, after = text[end - 1], text[end]
    if _is_other_style(last, after):
        return True
    if after.isdigit():
        number = text[end : end + _NUMBER]
        return len(number) == _NUMBER and number.isdigit()
    is_acronym = text[start:end].isupper() and text[end + 1 : end + 2].islower()
    return may_be_hump and after.isupper() and (last.islower() or is_acronym)


def _is_other_style(inside: str, beside: str) -> bool:
    return unicodedata.category(beside) == "So" and unicodedata.category(inside) != "So"
