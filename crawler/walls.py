"""Walls: pages that a site shows instead of its own, which are told and never climbed.

A login, a captcha, a waiting queue, a ban or an age gate is told by the signs in `SIGNS`: words and markup
that the software in the last column sends, as its own templates and language files have them. A page of a
forum has a login form too, and its posts may quote any of these words: so only a page that the source's
selectors did not recognise is judged, or one that a redirect to a login led to, and only one that says as
little as a wall does.

Order: a header; where a redirect ended; then the signs in the order of the table; then a bare login form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from crawler.clean import line
from crawler.errors import AgeGate, Banned, Captcha, LoginWall, WaitingQueue, Walled
from crawler.sources.errors import PageRefused, PageUnreadable
from crawler.sources.markup import Element, text_of, tree
from text.charset import decode_page

#: A wall is small; what is behind this is not looked at.
MAX_BYTES = 256 << 10
#: Error pages of forums bring their header and footer along, 2,000 to 4,000 characters; a list has more.
MAX_CHARS = 6_000
#: A captcha or a login that stands alone. A page of a forum that has one beside other things has more.
BARE_CHARS = 1_500
BARE_LINKS = 8
SEARCHED = 60_000

#: Where a redirect to a login ends, of the programs in docs/reference/outcomes.md.
_LOGIN_ADDRESS = re.compile(
    r"/(?:log-?in|sign-?in|auth|wp-login|account/login|user/login|users/sign_in)(?:[./?]|$)"
    r"|[?&;](?:action|act|mode|mod|do)=(?:login|signin|logging)\b",
    re.IGNORECASE,
)
#: A whole part of a title: "Log in | Forum", "Forum - Login"; not the "login" in what is for sale.
_LOGIN_TITLE = re.compile(
    r"(?:^|[-|–—:·»/])\s*(?:log ?in|sign ?in|authori[sz]ation|anmelden|connexion|вход|авторизация"
    r"|用户登录|登录|登入)\s*(?:$|[-|–—:·«/])"
)


@dataclass(frozen=True, slots=True)
class RawPage:
    """A response as it came, decompressed; `asked` is the address before any redirect."""

    url: str
    asked: str
    headers: Mapping[str, str]
    body: bytes
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is looked at of a page: lower case, but for the tree."""

    root: Element
    title: str
    text: str
    markup: str

    @property
    def bare(self) -> bool:
        return len(self.text) <= BARE_CHARS and len(self.root.findall(".//a[@href]")) <= BARE_LINKS


class WallSign(NamedTuple):
    """`found` looks for `words` in one part of the page; `software` sends them."""

    kind: type[Walled]
    found: Callable[[_Seen, str], bool]
    words: str
    software: str


def _title(seen: _Seen, words: str) -> bool:
    return seen.title.startswith(words)


def _text(seen: _Seen, words: str) -> bool:
    return words in seen.text


def _short_text(seen: _Seen, words: str) -> bool:
    return words in seen.text and len(seen.text) <= BARE_CHARS


def _markup(seen: _Seen, words: str) -> bool:
    return words in seen.markup


def _bare(seen: _Seen, words: str) -> bool:
    return words in seen.markup and seen.bare and _password(seen) is None


def _pictured(seen: _Seen, words: str) -> bool:
    """An image, or a field for what it shows, that is called so; the word alone may stand anywhere."""
    if not _bare(seen, words):
        return False
    asked = (*seen.root.iter("img"), *seen.root.iter("input"))
    return any(words in str(value).lower() for each in asked for value in each.attrib.values())


#: The first that is found decides: who is banned is often shown a login as well.
SIGNS = (
    WallSign(Banned, _title, "attention required! | cloudflare", "Cloudflare, blocked by a rule"),
    WallSign(Banned, _text, "sorry, you have been blocked", "Cloudflare"),
    WallSign(Banned, _text, "the owner of this website has banned", "Cloudflare 1006 to 1008"),
    WallSign(Banned, _text, "you are banned from using this forum", "SMF"),
    WallSign(Banned, _text, "banned from this board", "phpBB"),
    WallSign(Banned, _text, "a ban has been issued on your", "phpBB"),
    WallSign(Banned, _text, "you are currently banned", "MyBB"),
    WallSign(Banned, _text, "you have been banned for the following reason", "vBulletin"),
    WallSign(Banned, _text, "your ip address has been banned", "XenForo, MyBB"),
    WallSign(Banned, _short_text, "you have been banned", "XenForo, NodeBB"),
    WallSign(Banned, _text, "您的 ip 地址不在被允许的范围内", "Discuz!"),
    WallSign(Banned, _text, "您的ip地址不在被允许的范围内", "Discuz!"),
    WallSign(Banned, _text, "ip 已经被屏蔽", "Discuz!"),
    WallSign(WaitingQueue, _title, "just a moment...", "Cloudflare"),
    WallSign(WaitingQueue, _title, "ddos-guard", "DDoS-Guard"),
    WallSign(WaitingQueue, _text, "you have been placed in a queue", "EndGame"),
    WallSign(WaitingQueue, _text, "awaiting forwarding to the platform", "EndGame"),
    WallSign(WaitingQueue, _text, "checking your browser before accessing", "Cloudflare, DDoS-Guard"),
    WallSign(WaitingQueue, _text, "verify you are human by completing the action", "Cloudflare"),
    WallSign(WaitingQueue, _text, "needs to review the security of your connection", "Cloudflare"),
    WallSign(WaitingQueue, _text, "making sure you're not a bot", "Anubis"),
    WallSign(WaitingQueue, _markup, "/.within.website/x/cmd/anubis/", "Anubis"),
    WallSign(WaitingQueue, _markup, "/orchestrate/chl_page", "Cloudflare (/jsd/ is in ordinary pages)"),
    WallSign(WaitingQueue, _markup, "/.basedflare/", "haproxy-protection"),
    WallSign(Captcha, _text, "enter the letter or number you see within the circle", "EndGame"),
    WallSign(Captcha, _bare, "g-recaptcha", "reCAPTCHA"),
    WallSign(Captcha, _bare, "recaptcha/api", "reCAPTCHA"),
    WallSign(Captcha, _bare, "h-captcha", "hCaptcha"),
    WallSign(Captcha, _bare, "hcaptcha.com/1/", "hCaptcha"),
    WallSign(Captcha, _bare, "cf-turnstile", "Turnstile"),
    WallSign(Captcha, _bare, "challenges.cloudflare.com/turnstile", "Turnstile"),
    WallSign(Captcha, _bare, "frc-captcha", "Friendly Captcha"),
    WallSign(Captcha, _bare, "geetest", "GeeTest"),
    WallSign(Captcha, _pictured, "captcha", "image captchas of onion markets"),
    WallSign(LoginWall, _text, "you are either not logged in or do not have permission to view", "MyBB"),
    WallSign(LoginWall, _text, "вы не вошли в систему или у вас нет прав", "MyBB"),
    WallSign(LoginWall, _text, "requires you to be registered and logged in to", "phpBB"),
    WallSign(LoginWall, _text, "required permissions to view or read topics within this forum", "phpBB"),
    WallSign(LoginWall, _text, "you must be logged in to view", "phpBB, XenForo add-ons"),
    WallSign(LoginWall, _text, "you must be logged-in to do that", "XenForo 2"),
    WallSign(LoginWall, _text, "you must log in or register to", "XenForo"),
    WallSign(LoginWall, _text, "you are not logged in or you do not have permission to access", "vBulletin"),
    WallSign(LoginWall, _text, "only registered members are allowed to access this section", "SMF"),
    WallSign(LoginWall, _text, "您尚未登录", "Discuz!"),
    WallSign(LoginWall, _text, "您需要登录后才可以", "Discuz!"),
    WallSign(LoginWall, _text, "需要先登录才能", "Discuz!"),
    WallSign(LoginWall, _text, "您没有权限访问该版块", "Discuz!"),
    WallSign(LoginWall, _text, "本版块只有特定用户组可以访问", "Discuz!"),
    WallSign(LoginWall, _text, "需要升级您所在的用户组后才能访问", "Discuz!"),
    WallSign(LoginWall, _text, "you need to be logged in to do that", "Discourse"),
    WallSign(LoginWall, _markup, '"error_type":"not_logged_in"', "Discourse's API"),
    WallSign(LoginWall, _markup, '"code":"not_authenticated"', "Flarum's API"),
    WallSign(AgeGate, _text, "you must be 18 or older to enter", "age gates"),
    WallSign(AgeGate, _text, "you must be at least 18 years old to enter", "age gates"),
    WallSign(AgeGate, _short_text, "please confirm that you are 18", "age gates"),
    WallSign(AgeGate, _short_text, "are you over 18?", "age gates"),
)  # fmt: skip

SENTENCES = {
    LoginWall: "wants a login. Nothing is done to get past it; cookies_file names cookies of an account.",
    Captcha: "shows a captcha. Nothing is done to get past it.",
    WaitingQueue: "shows a waiting queue or a check of the browser. Nothing is done to get past it.",
    Banned: "says that we are banned. Nothing is done to get past it.",
    AgeGate: "asks for an age. Nothing is done to get past it.",
}


def wall(answer: RawPage, *, recognised: bool = False) -> Walled | None:
    """Return the wall that `answer` is, as the error it is told as; None for any other page.

    A `recognised` page is one only where a redirect to a login led to it.
    """
    kind = _login_led_to(answer) if recognised else _kind(answer)
    return kind(f"{urlsplit(answer.url).hostname} {SENTENCES[kind]}") if kind else None


def _kind(answer: RawPage) -> type[Walled] | None:
    if answer.headers.get("cf-mitigated", "").strip().lower() == "challenge":
        return WaitingQueue
    if (led_to := _login_led_to(answer)) is not None:
        return led_to
    seen = _look(answer)
    if seen is None or len(seen.text) > MAX_CHARS:
        return None
    signs = (sign.kind for sign in SIGNS if sign.found(seen, sign.words))
    return next(signs, None) or (LoginWall if _login(seen) else None)


def _login_led_to(answer: RawPage) -> type[Walled] | None:
    here, there = _address(answer.url), _address(answer.asked)
    return LoginWall if _LOGIN_ADDRESS.search(here) and not _LOGIN_ADDRESS.search(there) else None


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _look(answer: RawPage) -> _Seen | None:
    text = decode_page(answer.body[:MAX_BYTES], declared=answer.charset).text
    try:
        root = tree(text)
    except (PageRefused, PageUnreadable):
        return None
    title = root.find(".//title")
    return _Seen(
        root=root,
        title=line(title.text or "").lower() if title is not None else "",
        text=" ".join(text_of(root).lower().split()),
        markup=text[:SEARCHED].lower(),
    )


def _login(seen: _Seen) -> bool:
    """A form with a password which is what the page is there for, by its title or for want of more."""
    form = _password(seen)
    if form is None:
        return False
    return bool(_LOGIN_TITLE.search(seen.title)) or (seen.bare and not _in_header(form))


def _password(seen: _Seen) -> Element | None:
    for field in seen.root.iter("input"):
        if (field.get("type") or "").lower() == "password":
            return field
    return None


def _in_header(element: Element) -> bool:
    return any(above.tag in ("header", "nav") for above in element.iterancestors())
