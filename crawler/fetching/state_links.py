"""Links that change something at the site, which are never requested: `/logout`, `?action=delete`.

A run only reads. A GET of such a link may end the session that the operator's cookies stand for, or vote, buy
or report in the operator's name.

Rules, in order:
1. A segment of the path, without the extension of a program (`.php`), that is a verb. The verbs in
   `SESSION_VERBS` count everywhere, those in `ACTION_VERBS` as well, and those in `NOUNS`, which name content
   too (`/post/12`, `/report/2026`), only at the end of a path that has another segment before them
   (`/threads/5/report`), or in a form's name (`report.php`).
2. The value of a parameter that is a verb: one that ends a session in any parameter, another one where the
   parameter names an action (`action=`, `do=`, `mode=`).
3. The name of a parameter that is a verb: `?logout`, `?add-to-cart=12`.

A title is no verb: a segment that holds more than the verb (`forced-logout-in-the-app.6`), or follows a word
that stands before a title (`/tag/vote`, `/wiki/Logout`), and the words of a search (`?q=logout`).
"""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import unquote_plus, urlsplit

#: Verbs without hyphens and underscores: `sign-out`, `log_out` and `logOut` are the same.
SESSION_VERBS = frozenset(
    ["logout", "logoff", "signout", "signoff", "dologout", "userlogout", "endsession", "unsubscribe"]
)
ACTION_VERBS = frozenset(
    """
    delete deletepost deletethread remove destroy vote upvote downvote addvote ratepost buy buynow purchase
    checkout cart addtocart placeorder reportpost reportthread reportcontent
    """.split()  # noqa: SIM905 - one word per line would be 20 lines
)
NOUNS = frozenset(["post", "report", "order"])
_VERBS = SESSION_VERBS | ACTION_VERBS
#: Parameters that name what the site is to do.
_ACTION_PARAMETERS = re.compile(
    r"(?:a|ac|act|action|cmd|command|do|event|func|function|method|mod|mode|module|op|operation|task|todo)",
    re.IGNORECASE,
)
#: Parameters that hold a word of somebody's text, or an address to come back to.
_TEXT_PARAMETERS = re.compile(
    r"(?:q|s|k|query|search|keywords?|terms?|title|subject|tags?|name|text|slug|topic|thread|t|label|category"
    r"|return\w*|redirect\w*|next|continue|url|uri|to|ref|referer|from|back)",
    re.IGNORECASE,
)
#: Segments that stand before the title, or the name, of something to read.
_BEFORE_TITLE = frozenset(["t", "d", "tag", "tags", "wiki", "search", "label", "labels", "category"])
#: The same, unless something follows: `/posts/delete/5` is an action.
_BEFORE_LAST_TITLE = frozenset(
    ["thread", "threads", "topic", "topics", "post", "posts", "discussion", "discussions", "news", "article"]
)
_PROGRAM = re.compile(r"\.(?:php\d?|html?|aspx?|jsp|do|action|cgi|pl|cfm)$", re.IGNORECASE)
_COMPOUND = re.compile(r"(delete|remove|vote|upvote|downvote|buy|logout|signout)[_:./-]", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_]")


def verbs_of(url: str) -> frozenset[str]:
    """Return the verbs in a URL that a source's file names: its own lists may be at `/buy/`.

    Never those that end a session.
    """
    parts = urlsplit(url)
    words = re.split(r"[/?&;=]", f"{parts.path}?{parts.query}")
    return frozenset(map(_verb, words)) & (ACTION_VERBS | NOUNS)


def changes_state(url: str, *, meant: frozenset[str] = frozenset()) -> bool:
    """Return whether a link does something at the site instead of showing something.

    `meant`: verbs that the source's file names itself, which do not count.
    """
    parts = urlsplit(url)
    segments = [unquote_plus(each).partition(";")[0] for each in parts.path.split("/")]
    pairs = [each.partition("=") for each in re.split("[&;]", parts.query)]
    named = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    return _is_action_path([each for each in segments if each], bool(parts.query), meant) or any(
        _is_action(name, value, meant) for name, value in named
    )


def _is_action_path(segments: list[str], has_query: bool, meant: frozenset[str]) -> bool:
    last = len(segments) - 1
    for at, (before, segment) in enumerate(pairwise(["", *segments])):
        verb, program = _verb(segment), bool(_PROGRAM.search(segment))
        titled = before.lower() in _BEFORE_TITLE or (
            before.lower() in _BEFORE_LAST_TITLE and at == last and not has_query and not program
        )
        if verb in meant:
            continue
        if verb in _VERBS and not titled:
            return True
        # A report or a post at the end, behind the number of what it is about.
        if verb in NOUNS and at == last and before.isdecimal():
            return True
        if verb == "report" and program and at == last:
            return True
    return False


def _is_action(name: str, value: str, meant: frozenset[str]) -> bool:
    verb = _verb(value)
    if verb in meant or _verb(name) in meant:
        return False
    if _verb(name) in _VERBS and name.lower() not in ("order", "remove"):
        return True
    if _ACTION_PARAMETERS.fullmatch(name):
        return verb in _VERBS | NOUNS or _COMPOUND.match(value) is not None
    if "/" in value:
        # The address of a page within the site, as in `?route=account/logout` and `?q=user/logout`.
        inside = not value.startswith("/") and "://" not in value
        return inside and _verb(value.split("/")[-1]) in SESSION_VERBS
    return verb in SESSION_VERBS and not _TEXT_PARAMETERS.fullmatch(name)


def _verb(word: str) -> str:
    """Return a word as the tables have it: without `Special:`, the extension of a program, and hyphens."""
    return _SEPARATORS.sub("", _PROGRAM.sub("", word.rpartition(":")[2])).lower()
