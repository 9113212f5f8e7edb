"""Debian's Chromium, driven by playwright, with nothing but loopback within its reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.web.running import RunningConsole
from web.access.signed_in import COOKIE

#: Without them Chromium looks for its maker's hosts.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
WIDTHS = {"phone": 360, "laptop": 1280, "wide": 1920}


def chromium() -> Path | None:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return None if found is None else Path(found)


@contextmanager
def running_browser() -> Iterator[Browser]:
    program = chromium()
    assert program, "found no chromium; install the package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser,
    console: RunningConsole,
    token: str | None = None,
    *,
    width: int = WIDTHS["laptop"],
    scripts: bool = True,
    expected: str = "\0",
    **options: Any,
) -> Iterator[Page]:
    """Give a page of a new context, signed in if there is a token. `options`: color_scheme, locale, ...

    Every error in the page's console and every blocked request is one of the test's own: it fails, unless the
    message contains `expected`.
    """
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900},
        java_script_enabled=scripts,
        base_url=console.url,
        **options,
    )
    if token is not None:
        context.add_cookies([{"name": COOKIE, "value": token, "url": console.url}])
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    wrong = [message for message in wrong if expected not in message]
    assert not wrong, wrong
