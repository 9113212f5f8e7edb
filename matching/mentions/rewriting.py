r"""Text with what stands inside a name taken out, so that every other character stays in its place.

| written | searched as |
|---|---|
| `Zel<wbr>brant`, `<b>Quil</b> Marsh`, `[b]Quil[/b] Marsh`, `<!-- -->` | without the tags |
| `Quil<br>Marsh` | with spaces |
| `xn--grnfelden-q9a` | out of punycode: `grünfelden` |
| `=?utf-8?B?6Laj5bqX?=` | the encoded word of a mail's header, decoded |
| `U&'\8da3\5e97'`, `UNISTR('\8da3\5e97')` | SQL's Unicode literals, decoded |
| `q|u|d|i|a|n`, `[q][u][d]`, `(q)(u)(d)` | with `/` between the letters |
| `qu€dian`, `§old` | with the letters that the signs look like |
| a soft hyphen at a line's end | with a hyphen |
| the sign of a quotation or a comment behind such a line end | with spaces |

What is shorter than before is filled up with zero-width spaces, which the fold drops: places in this text are
places in the original. Nothing is longer than before. A mention counts only if something in it was rewritten.
"""

import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.header import decode_header

_FILL = "\u200b"
_TAG = re.compile(
    r"<(?:/?(?:a|abbr|b|bdi|bdo|big|code|del|em|font|i|ins|kbd|label|mark|nobr|s|small|span|strike|strong|sub|sup"
    r"|tt|u|wbr)(?:\s[^<>]{0,300})?/?|!--[^<>]{0,200}--)>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_FORUM_TAG = re.compile(
    r"\[/?(?:b|i|u|s|color|colour|size|url|font|center)(?:=[^\[\]]{0,200})?\]", re.IGNORECASE
)
_PUNYCODE = re.compile(r"xn--[a-z0-9-]{1,59}", re.IGNORECASE)
_WORD = r"=\?[\w-]{2,20}\?[bBqQ]\?[!->@-~]{1,200}\?="
_ENCODED_WORD = re.compile(rf"{_WORD}(?:\r?\n?[ \t]{{1,4}}{_WORD}){{0,8}}", re.ASCII)
_LITERAL = re.compile(r"(?:[uU]&|UNISTR\(|unistr\()'[^']{0,800}\\[0-9A-Fa-f]{4}[^']{0,800}'")
_UNIT = re.compile(r"\\([0-9A-Fa-f]{4})")
_LINE_SIGN = re.compile(r"(-\r?\n[ \t]{0,40})(>[> ]{0,8}|#{1,4} |// |\* )")
_BARS = re.compile(r"\|[^\W_]\|[^\W_]")
_SQUARE = re.compile(r"\]\[[^\W_]\]\[")
#: In a word, or where it begins or ends; not with a price.
_CURRENCY = re.compile(r"(?<=[^\W\d_])[€£¢§¥](?!\d)|(?<!\w)[€£¢§¥](?=[^\W\d_]{3})")
_LETTER_OF = {"€": "e", "£": "l", "¢": "c", "§": "s", "¥": "y"}
_ROUND = re.compile(r"\)\([^\W_]\)\(")


def rewritten(text: str) -> str | None:
    """Return the text with what stands inside names taken out; None: there is nothing of that kind."""
    view = text
    for guards, rewrite in _REWRITINGS:
        if any(guard in view for guard in guards):
            view = rewrite(view)
    return view if view != text else None


def filled_end(view: str, end: int) -> int:
    """Return where what was rewritten ends, if its characters stand before `end`."""
    while view.startswith(_FILL, end):
        end += 1
    return end


def _without(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: pattern.sub(lambda found: _FILL * len(found[0]), text)


def _decoded(pattern: re.Pattern[str], read: Callable[[str], str]) -> Callable[[str], str]:
    def replace(found: re.Match[str]) -> str:
        written, image = found[0], read(found[0])
        return image + _FILL * (len(written) - len(image)) if len(image) <= len(written) else written

    return lambda text: pattern.sub(replace, text)


def _with_slashes(pattern: re.Pattern[str], sign: str) -> Callable[[str], str]:
    return lambda text: text.replace(sign, "/" * len(sign)) if pattern.search(text) else text


def _read_punycode(written: str) -> str:
    try:
        return written[4:].lower().encode("ascii").decode("punycode")
    except (UnicodeError, IndexError, OverflowError, ValueError):
        return written


def _read_encoded_words(written: str) -> str:
    try:
        return "".join(
            part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
            for part, charset in decode_header(written)
        )
    except (HeaderParseError, LookupError, ValueError):
        return written


def _read_literal(written: str) -> str:
    return _UNIT.sub(lambda found: chr(int(found[1], 16)) + 4 * _FILL, written)


def _without_tags(text: str) -> str:
    text = _BREAK.sub(lambda found: " " * len(found[0]), text)
    return _TAG.sub(lambda found: _FILL * len(found[0]), text)


def _without_line_signs(text: str) -> str:
    return _LINE_SIGN.sub(lambda found: found[1] + " " * len(found[2]), text)


def _with_letters(text: str) -> str:
    return _CURRENCY.sub(lambda found: _LETTER_OF[found[0]], text)


def _with_hyphens(text: str) -> str:
    return text.replace("\xad\n", "-\n").replace("\xad\r\n", "-\r\n")


#: Each with what a text must have: looking for that is all that most texts cost.
_REWRITINGS: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
    (("\xad",), _with_hyphens),
    (tuple(_LETTER_OF), _with_letters),
    (("=?",), _decoded(_ENCODED_WORD, _read_encoded_words)),
    (("&'", "STR('", "str('"), _decoded(_LITERAL, _read_literal)),
    (("xn--", "XN--"), _decoded(_PUNYCODE, _read_punycode)),
    (("<",), _without_tags),
    (("[/",), _without(_FORUM_TAG)),
    (("|",), _with_slashes(_BARS, "|")),
    (("][",), _with_slashes(_SQUARE, "][")),
    ((")(",), _with_slashes(_ROUND, ")(")),
    (("-\n", "-\r"), _without_line_signs),
)
