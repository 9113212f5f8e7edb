# ruff: noqa: E501 - a page stands as a site sends it
"""Walls in the form that real software gives them, and pages that only look like one. All synthetic.

The words come from the language files of each program; names, numbers and addresses are invented.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NAV = "".join(f'<li><a href="/{name}">{name}</a></li>' for name in ("portal", "search", "members", "help"))
FOOTER = "".join(f'<a href="/{name}">{name}</a> ' for name in ("contact", "rules", "archive", "rss", "top"))
PASSWORD = '<input type="text" name="username"><input type="password" name="password">'


@dataclass(frozen=True)
class Wall:
    """A page, and the reason that a run should record for it. None: the page is not a wall."""

    reason: str | None
    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def mybb(content: str, *, title: str = "Forum") -> str:
    """MyBB 1.8: the header of each page contains a hidden form, the quick login."""
    return f"""<!DOCTYPE html><html><head><title>{title}</title>
<script src="/jscripts/general.js?ver=1827"></script></head><body><div id="container"><a name="top"></a>
<div id="header"><div id="logo"><a href="/index.php">Forum</a></div><ul class="menu top_links">{NAV}</ul>
<div class="upper"><span class="welcome">Hello There, Guest! <a href="/member.php?action=login">Login</a>
<a href="/member.php?action=register">Register</a></span></div>
<div class="modal" id="quick_login" style="display: none;"><form method="post" action="/member.php">
<input name="action" type="hidden" value="do_login">{PASSWORD}</form></div></div>
<div class="navigation"><a href="/index.php">Forum</a> &rsaquo; <a href="/f-2.html">Databases</a></div>
{content}<div id="footer">{FOOTER}<div id="powered_by">Powered By MyBB</div></div></div></body></html>"""


def phpbb(content: str, *, title: str = "Forum - Databases") -> str:
    """phpBB 3.3, prosilver: a login line above the list of online users."""
    return f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title></head>
<body id="phpbb" class="nojs notouch"><div id="wrap"><div id="page-header"><h1>Forum</h1>
<ul id="nav-main">{NAV}<li><a href="./ucp.php?mode=login">Login</a></li></ul></div>
<div id="page-body">{content}</div>
<form method="post" action="./ucp.php?mode=login" class="headerspace"><h3><a href="./ucp.php?mode=login">Login</a>
</h3><fieldset class="quick-login">{PASSWORD}</fieldset></form>
<div id="page-footer">{FOOTER}Powered by phpBB</div></div></body></html>"""


def xenforo(content: str, *, title: str = "Databases | Forum") -> str:
    """XenForo 2: links in the bar, and the reCAPTCHA script on each page if registration uses it."""
    return f"""<!DOCTYPE html><html id="XF" data-app="public" data-logged-in="false"><head><title>{title}</title>
<script src="https://captcha.example/recaptcha/api.js" async></script></head><body>
<header class="p-header"><a href="/">Forum</a></header><nav class="p-nav"><ul>{NAV}</ul>
<a class="p-navgroup-link" href="/login/">Log in</a><a class="p-navgroup-link" href="/register/">Register</a></nav>
<div class="p-body">{content}</div><footer class="p-footer">{FOOTER}</footer></body></html>"""


def market_login(extra: str = "") -> str:
    """The front page of an onion market: a name, a login form, and a warning of copies of the site."""
    return f"""<html><head><title>Nebula</title></head><body><h1>Nebula</h1>
<p>Verify the address with our key before you enter your mnemonic. Beware of copies.</p>
<form method="post" action="/">{PASSWORD}{extra}<button>Enter</button></form>
<a href="/register">Register</a> <a href="/recover">Recover</a> <a href="/pgp.txt">PGP</a></body></html>"""


CLOUDFLARE = """<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body><noscript>
Enable JavaScript and cookies to continue</noscript><script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1">
</script></body></html>"""
ENDGAME_QUEUE = """<html><head><meta http-equiv="refresh" content="12"><title>Nebula Access Queue</title></head>
<body><div class="inner"><p>You have been placed in a queue, awaiting forwarding to the platform.</p>
<p>Your estimated wait time is 00:12. Please do not refresh the page.</p></div></body></html>"""
ENDGAME_CAPTCHA = """<html><head><title>DDOS Protection</title></head><body><div class="tagline">Nebula</div><p>Select
each text box and enter the letter or number you see within the circle below.</p><form class="ddos_form" method="post">
<input class="ch" type="text" name="c1" maxlength="1"><input class="ch" type="text" name="c2" maxlength="1">
<div class="image" style="background: url(data:image/png;base64,iVBORw0KGgo=)"></div></form></body></html>"""
DISCUZ_LOGIN = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>提示信息 - 论坛 - Powered by Discuz!</title></head>
<body id="nv_forum"><div id="nv"><ul><li><a href="forum.php">论坛</a></li></ul></div><div id="messagetext"
class="alert_error"><p>抱歉，您尚未登录，没有权限访问该版块</p></div><div id="messagelogin"></div></body></html>"""
DISCUZ_GROUP = DISCUZ_LOGIN.replace(
    "抱歉，您尚未登录，没有权限访问该版块</p></div>", "抱歉，您没有权限访问该版块</p></div><div></p></div>"
)

WALLS = {
    "mybb-no-permission": Wall(
        "login_wall",
        mybb(
            "<table class='tborder'><tr><td>You are either not logged in or do not have permission to view this "
            "page. This could be because one of the following reasons:<ol><li>You are not logged in or registered."
            f"</li></ol><form action='member.php'>{PASSWORD}</form></td></tr></table>"
        ),
    ),
    "phpbb-viewforum": Wall(
        "login_wall",
        phpbb(
            "<h2>Login</h2><p>The board requires you to be registered and logged in to view this forum.</p>",
            title="Forum - User Control Panel - Login",
        ),
    ),
    "phpbb-board-unread": Wall(
        "login_wall",
        phpbb(
            """<h2 class="forum-title"><a href="./viewforum.php?f=2">Databases</a></h2><div class="panel"><div class="inner">
<strong>You do not have the required permissions to view or read topics within this forum.</strong></div></div>
<form action="./ucp.php?mode=login" method="post"><div class="panel"><div class="inner"><div class="content">
<h3><a href="./ucp.php?mode=login">Login</a></h3><fieldset class="fields1"><dl><dt>Username:</dt><dd><input type="text"
name="username"></dd></dl><dl><dt>Password:</dt><dd><input type="password" name="password"></dd></dl></fieldset></div></div>
</div></form>""",
        ).replace('<body id="phpbb" class="', '<body id="phpbb" class="section-viewforum '),
    ),
    "phpbb-login": Wall(
        "login_wall", phpbb("<h2>Login</h2>", title="Forum - User Control Panel - Login")
    ),
    "xenforo-403": Wall(
        "login_wall",
        xenforo("<div class='blockMessage'>You must be logged-in to do that.</div>", title="Log in | Forum"),
        status=403,
    ),
    "smf-kick-guest": Wall(
        "login_wall",
        "<html><title>Forum</title><div id='fatal_error'><h3>Warning!</h3><p>Only registered members are allowed "
        f"to access this section.<br>Please login below.</p><form>{PASSWORD}</form></div></html>",
    ),
    "vbulletin": Wall(
        "login_wall",
        "<html><head><title>Forum</title></head><body><table><tr><td class='panelsurround'>You are not logged in or you do not have permission "
        "to access this page. This could be due to one of several reasons:</td></tr></table></body></html>",
    ),
    "discuz-gbk": Wall("login_wall", DISCUZ_LOGIN),
    "discuz-gbk-group": Wall("login_wall", DISCUZ_GROUP),
    "discourse-api": Wall(
        "login_wall",
        '{"errors":["You need to be logged in to do that."],"error_type":"not_logged_in"}',
        status=403,
    ),
    "flarum-api": Wall(
        "login_wall", '{"errors":[{"status":"401","code":"not_authenticated"}]}', status=401
    ),
    "market-login": Wall("login_wall", market_login()),
    "market-login-with-captcha": Wall(
        "login_wall", market_login('<img src="/captcha.png"><input name="captcha">')
    ),
    "market-captcha": Wall(
        "captcha",
        "<html><title>Nebula</title><form method='post'><img src='/captcha?1' alt='captcha'><input name='captcha'>"
        "</form></html>",
    ),
    "recaptcha": Wall("captcha", "<html><form><div class='g-recaptcha' data-sitekey='x'></div></form></html>"),
    "hcaptcha": Wall("captcha", "<html><form><div class='h-captcha' data-sitekey='x'></div></form></html>"),
    "turnstile": Wall("captcha", "<html><form><div class='cf-turnstile'></div></form></html>", status=403),
    "endgame-captcha": Wall("captcha", ENDGAME_CAPTCHA),
    "endgame-queue": Wall("queue", ENDGAME_QUEUE),
    "cloudflare-challenge": Wall("queue", CLOUDFLARE, 403, {"cf-mitigated": "challenge"}),
    "cloudflare-without-header": Wall("queue", CLOUDFLARE, 503),
    "ddos-guard": Wall(
        "queue",
        "<html><head><title>DDoS-Guard</title></head><body><h1>Checking your browser before accessing "
        "market.example</h1></body></html>",
        503,
    ),
    "anubis": Wall(
        "queue",
        "<html><title>Making sure you&#39;re not a bot!</title><script src='/.within.website/x/cmd/anubis/static/"
        "js/main.mjs'></script></html>",
    ),
    "smf-ban": Wall(
        "banned",
        "<html><title>An Error Has Occurred!</title><div id='fatal_error'>Sorry Guest, you are banned from using "
        "this forum!<br>This ban is not set to expire.</div></html>",
        403,
    ),
    "phpbb-ban": Wall(
        "banned",
        phpbb(
            "<p>You have been <strong>permanently</strong> banned from this board.</p><p><em>A ban has been issued "
            "on your IP address.</em></p>",
            title="Forum - Information",
        ),
    ),
    "cloudflare-ban": Wall(
        "banned",
        "<html><title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1></html>",
        403,
    ),
    "age-gate": Wall(
        "age_gate",
        "<html><title>Nebula</title><p>You must be 18 or older to enter this site.</p><a href='?ok'>Enter</a></html>",
    ),
}  # fmt: skip

THREADS = "".join(
    f"<tr class='inline_row'><td><a href='/thread-{n}.html'>Fresh database number {n}, all rows verified</a></td>"
    f"<td><a href='/user-{n}.html'>vendor {n}</a></td></tr>"
    for n in range(1, 21)
)
#: A list page that is longer than any wall, and quotes walls.
QUOTES = (
    "<p>You have been banned? Sorry, you have been blocked? Just a moment... You must be logged-in to do that.</p>"
    + "<p>What people tell each other about getting past a captcha.</p>" * 120
)
ORDINARY = {
    "mybb-list": Wall(None, mybb(f"<table>{THREADS}</table>", title="Forum - Databases")),
    "mybb-empty-list": Wall(None, mybb("<table><tr><td>Nothing here yet.</td></tr></table>")),
    "phpbb-list": Wall(None, phpbb(f"<table>{THREADS}</table>")),
    "phpbb-deleted-topic": Wall(
        None, phpbb("<p>The requested topic does not exist.</p>", title="Forum - Information")
    ),
    "xenforo-list": Wall(None, xenforo(f"<table>{THREADS}</table>")),
    "xenforo-empty-list": Wall(None, xenforo("<div class='blockMessage'>There are no threads.</div>")),
    "a-login-for-sale": Wall(None, phpbb(f"<table>{THREADS}</table>", title="Fresh login data - Market")),
    "quotes": Wall(None, mybb(QUOTES)),
    "redesigned": Wall(None, "<html><body><main>Welcome to our new market!</main></body></html>"),
    "boasts": Wall(None, "<html><body><main>Our new market: no captcha, no login!</main></body></html>"),
    "empty": Wall(None, ""),
    "json": Wall(None, '{"rows": []}'),
}
