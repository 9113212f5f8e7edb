"""Starts the OpenID provider of `openid_provider/`, and signs people in there as a browser does."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-provider"
SERVER = Path(__file__).parent / "openid_provider/server.mjs"
START_S = 60
STOP_S = 10
#: With signs that a client has to encode (RFC 6749, 2.3.1).
CLIENT_SECRET = "a client's secret: with + and % of the tests, long enough"
#: Names of clients, and how each shows its secret.
CLIENTS = {
    "spillwatch": "client_secret_basic",
    "spillwatch post": "client_secret_post",
    "public": "none",
}
CLAIMS = {
    "openid": ["sub"],
    "profile": ["preferred_username", "groups"],
    "email": ["email", "email_verified"],
}


@dataclass(frozen=True)
class OpenIdProvider:
    """A running provider. Whoever signs in there is the account of the name that is typed."""

    issuer: str

    def mischief(self, what: str = "") -> list[str]:
        """Make the provider do something wrong ("": nothing); return what it was asked for since then."""
        answer = httpx.post(f"{self.issuer}/test/mischief", content=what, trust_env=False)
        return list(answer.json())

    def sign_in(self, address: str, account: str, *, cancel: bool = False) -> str:
        """Follow the address that a browser was sent to, as an account; return where it is sent back."""
        with httpx.Client(trust_env=False, timeout=20) as browser:
            answer = browser.get(address)
            for _ in range(20):
                if answer.is_redirect:
                    there = str(answer.url.join(answer.headers["location"]))
                    if not there.startswith(self.issuer):
                        return there
                    answer = browser.get(there)
                elif cancel:
                    answer = browser.get(f"{answer.url}/abort")
                else:
                    prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                    assert prompt, answer.text
                    form = {"prompt": prompt[1], "login": account, "password": "any"}
                    answer = browser.post(str(answer.url), data=form)
        raise AssertionError("the provider sends the browser around")


@contextmanager
def openid_provider(
    redirect_uri: str, accounts: Mapping[str, Mapping[str, Any]], *, conform: bool = False
) -> Iterator[OpenIdProvider]:
    """Run the provider. `conform`: claims of people are at its userinfo address, not in ID tokens."""
    if not (FOLDER / "node_modules").exists():
        raise RuntimeError(f"{FOLDER} is missing. `make test` makes it from package-lock.json.")
    clients = [
        {
            "client_id": name,
            "token_endpoint_auth_method": method,
            "redirect_uris": [redirect_uri],
            **({} if method == "none" else {"client_secret": CLIENT_SECRET}),
        }
        for name, method in CLIENTS.items()
    ]
    settings = {"accounts": accounts, "clients": clients, "claims": CLAIMS, "conform": conform}
    process = subprocess.Popen(
        ["node", str(SERVER), str(FOLDER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(settings))
        process.stdin.close()
        ready, _, _ = select([process.stdout], [], [], START_S)
        issuer = process.stdout.readline().strip() if ready else ""
        assert issuer.startswith("http://127.0.0.1:"), "the provider did not start"
        yield OpenIdProvider(issuer)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
