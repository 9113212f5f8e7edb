"""Walls: pages that a site shows instead of its content. They are recognised and reported, never
circumvented.

A login, a captcha, a waiting queue, a ban or an age check is recognised by `SIGNS`: words and markup that the
software in the last column sends, from its own templates and language files. A page of a forum has a login
form too, and its posts may quote any of these words. So only two kinds of page are checked: those that the
source's selectors did not recognise, and those reached by a redirect to a login. They must also be as short
as a wall.

Order: a header; where a redirect ended; the signs in the order of the table; a login form that stands alone.
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

#: A wall is small; bytes beyond this limit are ignored.
MAX_BYTES = 256 << 10
#: Error pages of forums have the usual header and footer, 2,000 to 4,000 characters; a list page has more.
MAX_CHARS = 6_000
#: Limits of a captcha or login that stands alone; a forum page that shows one beside its content has more.
BARE_CHARS = 1_500
BARE_LINKS = 8
MARKUP_CHARS = 60_000

#: URLs of login pages, for the programs in docs/reference/outcomes.md.
_LOGIN_ADDRESS = re.compile(
    r"/(?:log-?in|sign-?in|auth|wp-login|account/login|user/login|users/sign_in)(?:[./?]|$)"
    r"|[?&;](?:action|act|mode|mod|do)=(?:login|signin|logging)\b",
    re.IGNORECASE,
)
#: A whole part of a title: "Log in | Forum", "Forum - Login"; not the "login" in an offer's title.
_LOGIN_TITLE = re.compile(
    r"(?:^|[-|–—:·»/])\s*(?:log ?in|sign ?in|authori[sz]ation|anmelden|connexion|вход|авторизация"
    r"|用户登录|登录|登入)\s*(?:$|[-|–—:·«/])"
)


@dataclass(frozen=True, slots=True)
class RawPage:
    """A response, decompressed; `requested_url` is the URL before any redirect."""

    url: str
    requested_url: str
    headers: Mapping[str, str]
    body: bytes
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class _PageText:
    """The parts of a page that are searched, in lower case, and its element tree."""

    root: Element
    title: str
    text: str
    markup: str

    @property
    def is_bare(self) -> bool:
        """Whether the page holds little more than what a wall has."""
        return len(self.text) <= BARE_CHARS and len(self.root.findall(".//a[@href]")) <= BARE_LINKS


class WallSign(NamedTuple):
    """`found` searches one part of the page for `words`, which `software` sends."""

    kind: type[Walled]
    found: Callable[[_PageText, str], bool]
    words: str
    software: str


def _in_title(page: _PageText, words: str) -> bool:
    return page.title.startswith(words)


def _in_text(page: _PageText, words: str) -> bool:
    return words in page.text


def _in_short_text(page: _PageText, words: str) -> bool:
    return words in page.text and len(page.text) <= BARE_CHARS


def _in_markup(page: _PageText, words: str) -> bool:
    return words in page.markup


def _in_bare_markup(page: _PageText, words: str) -> bool:
    return words in page.markup and page.is_bare and _password_field(page) is None


def _in_picture(page: _PageText, words: str) -> bool:
    """Return whether an image, or an input beside it, is named so; the word alone may stand anywhere."""
    if not _in_bare_markup(page, words):
        return False
    fields = (*page.root.iter("img"), *page.root.iter("input"))
    return any(words in str(value).lower() for each in fields for value in each.attrib.values())


#: The first sign found decides: a ban often comes with a login form.
SIGNS = (
    WallSign(Banned, _in_title, "attention required! | cloudflare", "Cloudflare, blocked by a rule"),
    WallSign(Banned, _in_text, "sorry, you have been blocked", "Cloudflare"),
    WallSign(Banned, _in_text, "the owner of this website has banned", "Cloudflare 1006 to 1008"),
    WallSign(Banned, _in_text, "you are banned from using this forum", "SMF"),
    WallSign(Banned, _in_text, "banned from this board", "phpBB"),
    WallSign(Banned, _in_text, "a ban has been issued on your", "phpBB"),
    WallSign(Banned, _in_text, "you are currently banned", "MyBB"),
    WallSign(Banned, _in_text, "you have been banned for the following reason", "vBulletin"),
    WallSign(Banned, _in_text, "your ip address has been banned", "XenForo, MyBB"),
    WallSign(Banned, _in_short_text, "you have been banned", "XenForo, NodeBB"),
    WallSign(Banned, _in_text, "您的 ip 地址不在被允许的范围内", "Discuz!"),
    WallSign(Banned, _in_text, "您的ip地址不在被允许的范围内", "Discuz!"),
    WallSign(Banned, _in_text, "ip 已经被屏蔽", "Discuz!"),
    WallSign(WaitingQueue, _in_title, "just a moment...", "Cloudflare"),
    WallSign(WaitingQueue, _in_title, "ddos-guard", "DDoS-Guard"),
    WallSign(WaitingQueue, _in_text, "you have been placed in a queue", "EndGame"),
    WallSign(WaitingQueue, _in_text, "awaiting forwarding to the platform", "EndGame"),
    WallSign(WaitingQueue, _in_text, "checking your browser before accessing", "Cloudflare, DDoS-Guard"),
    WallSign(WaitingQueue, _in_text, "verify you are human by completing the action", "Cloudflare"),
    WallSign(WaitingQueue, _in_text, "needs to review the security of your connection", "Cloudflare"),
    WallSign(WaitingQueue, _in_text, "making sure you're not a bot", "Anubis"),
    WallSign(WaitingQueue, _in_markup, "/.within.website/x/cmd/anubis/", "Anubis"),
    WallSign(WaitingQueue, _in_markup, "/orchestrate/chl_page", "Cloudflare (/jsd/ is in ordinary pages)"),
    WallSign(WaitingQueue, _in_markup, "/.basedflare/", "haproxy-protection"),
    WallSign(Captcha, _in_text, "enter the letter or number you see within the circle", "EndGame"),
    WallSign(Captcha, _in_bare_markup, "g-recaptcha", "reCAPTCHA"),
    WallSign(Captcha, _in_bare_markup, "recaptcha/api", "reCAPTCHA"),
    WallSign(Captcha, _in_bare_markup, "h-captcha", "hCaptcha"),
    WallSign(Captcha, _in_bare_markup, "hcaptcha.com/1/", "hCaptcha"),
    WallSign(Captcha, _in_bare_markup, "cf-turnstile", "Turnstile"),
    WallSign(Captcha, _in_bare_markup, "challenges.cloudflare.com/turnstile", "Turnstile"),
    WallSign(Captcha, _in_bare_markup, "frc-captcha", "Friendly Captcha"),
    WallSign(Captcha, _in_bare_markup, "geetest", "GeeTest"),
    WallSign(Captcha, _in_picture, "captcha", "image captchas of onion markets"),
    WallSign(LoginWall, _in_text, "you are either not logged in or do not have permission to view", "MyBB"),
    WallSign(LoginWall, _in_text, "вы не вошли в систему или у вас нет прав", "MyBB"),
    WallSign(LoginWall, _in_text, "requires you to be registered and logged in to", "phpBB"),
    WallSign(LoginWall, _in_text, "required permissions to view or read topics within this forum", "phpBB"),
    WallSign(LoginWall, _in_text, "you must be logged in to view", "phpBB, XenForo add-ons"),
    WallSign(LoginWall, _in_text, "you must be logged-in to do that", "XenForo 2"),
    WallSign(LoginWall, _in_text, "you must log in or register to", "XenForo"),
    WallSign(
        LoginWall, _in_text, "you are not logged in or you do not have permission to access", "vBulletin"
    ),
    WallSign(LoginWall, _in_text, "only registered members are allowed to access this section", "SMF"),
    WallSign(LoginWall, _in_text, "您尚未登录", "Discuz!"),
    WallSign(LoginWall, _in_text, "您需要登录后才可以", "Discuz!"),
    WallSign(LoginWall, _in_text, "需要先登录才能", "Discuz!"),
    WallSign(LoginWall, _in_text, "您没有权限访问该版块", "Discuz!"),
    WallSign(LoginWall, _in_text, "本版块只有特定用户组可以访问", "Discuz!"),
    WallSign(LoginWall, _in_text, "需要升级您所在的用户组后才能访问", "Discuz!"),
    WallSign(LoginWall, _in_text, "you need to be logged in to do that", "Discourse"),
    WallSign(LoginWall, _in_markup, '"error_type":"not_logged_in"', "Discourse's API"),
    WallSign(LoginWall, _in_markup, '"code":"not_authenticated"', "Flarum's API"),
    WallSign(AgeGate, _in_text, "you must be 18 or older to enter", "age gates"),
    WallSign(AgeGate, _in_text, "you must be at least 18 years old to enter", "age gates"),
    WallSign(AgeGate, _in_short_text, "please confirm that you are 18", "age gates"),
    WallSign(AgeGate, _in_short_text, "are you over 18?", "age gates"),
)  # fmt: skip

SENTENCES = {
    LoginWall: "requires a login. Nothing is done to get past it. cookies_file may give an account.",
    Captcha: "shows a captcha. Nothing is done to get past it.",
    WaitingQueue: "shows a waiting queue or a check of the browser. Nothing is done to get past it.",
    Banned: "says that access is banned. Nothing is done to get past it.",
    AgeGate: "asks for an age. Nothing is done to get past it.",
}


def wall_of(page: RawPage, *, recognised: bool = False) -> Walled | None:
    """Return the error for the wall that a page is; None for any other page.

    A `recognised` page is only a wall if it was reached by a redirect to a login.
    """
    kind = _login_by_redirect(page) if recognised else _wall_kind(page)
    return kind(f"{urlsplit(page.url).hostname} {SENTENCES[kind]}") if kind else None


def _wall_kind(page: RawPage) -> type[Walled] | None:
    if page.headers.get("cf-mitigated", "").strip().lower() == "challenge":
        return WaitingQueue
    if (login := _login_by_redirect(page)) is not None:
        return login
    content = _page_text(page)
    if content is None or len(content.text) > MAX_CHARS:
        return None
    signs = (sign.kind for sign in SIGNS if sign.found(content, sign.words))
    return next(signs, None) or (LoginWall if _is_login_form(content) else None)


def _login_by_redirect(page: RawPage) -> type[Walled] | None:
    if page.url == page.requested_url:
        return None
    here, there = _path_and_query(page.url), _path_and_query(page.requested_url)
    return LoginWall if _LOGIN_ADDRESS.search(here) and not _LOGIN_ADDRESS.search(there) else None


def _path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _page_text(page: RawPage) -> _PageText | None:
    text = decode_page(page.body[:MAX_BYTES], declared=page.charset).text
    try:
        root = tree(text)
    except (PageRefused, PageUnreadable):
        return None
    title = root.find(".//title")
    return _PageText(
        root=root,
        title=line(title.text or "").lower() if title is not None else "",
        text=" ".join(text_of(root).lower().split()),
        markup=text[:MARKUP_CHARS].lower(),
    )


def _is_login_form(page: _PageText) -> bool:
    """Return whether the page is there for a password form, by its title or because it holds little else."""
    form = _password_field(page)
    if form is None:
        return False
    return bool(_LOGIN_TITLE.search(page.title)) or (page.is_bare and not _is_in_header(form))


def _password_field(page: _PageText) -> Element | None:
    for field in page.root.iter("input"):
        if (field.get("type") or "").lower() == "password":
            return field
    return None


def _is_in_header(element: Element) -> bool:
    return any(above.tag in ("header", "nav") for above in element.iterancestors())
