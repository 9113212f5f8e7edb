"""Signing in by a real OpenID provider, which then does one thing wrong after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import delete, select

from configuration.oidc_settings import OidcSettings, SigningAlgorithm
from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage import users
from storage.audit_log import AuditEntry
from storage.database import schema
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.sign_in_limits import SignInLimit
from storage.users import Role
from tests.alerts.world import World
from tests.clocks import Clock
from tests.docs.pages import places
from tests.peers.browser import opened
from tests.peers.openid import CLIENT_SECRET, OpenIdProvider, openid_provider
from tests.web.running import RunningConsole, form_token, running_console
from web.access.passwords import hash_of
from web.oidc.refusal import OidcReason
from web.oidc.round_trip import COOKIE
from web.serving import listening_socket
from web.wording import texts

pytestmark = pytest.mark.needs("node")
ACCOUNTS: dict[str, dict[str, Any]] = {
    "s-anna": {"preferred_username": "Anna", "groups": ["leak-analysts", "everybody"]},
    "s-twin": {"preferred_username": "ANNA"},
    "s-bob": {"preferred_username": "bob", "groups": ["leak-admins", "leak-viewers"]},
    "s-carl": {"preferred_username": "carl", "groups": "leak-viewers"},
    "s-dora": {"preferred_username": "dora", "groups": ["everybody"]},
    "s-eve": {"preferred_username": "eve"},
    "s-odd": {"preferred_username": "<b>odd</b>"},
    "s-mail": {"email": "fay@lender.example", "email_verified": True},
    "s-loose": {"email": "root@lender.example", "email_verified": False},
}
GRANTS = [
    {"value": "leak-analysts", "role": "analyst", "company": "qudian"},
    {"value": "leak-viewers", "role": "viewer", "company": "qudian"},
    {"value": "leak-admins", "role": "admin"},
    {"value": "everybody", "role": "viewer", "company": "unknown"},
]


@dataclass
class Place:
    """A console and a provider that know each other. What tests change is theirs alone: people, clock."""

    console: RunningConsole
    provider: OpenIdProvider
    clock: Clock

    def configure(self, **changes: Any) -> None:
        """Give the console other settings of [web.oidc]."""
        base = {
            "issuer": self.provider.issuer,
            "client_id": "spillwatch",
            "client_secret": CLIENT_SECRET,
            "label": "Lender SSO",
            "timeout_s": 5.0,
        }
        oidc = OidcSettings.model_validate(base | changes)
        settings = Settings(web=WebSettings(listen="127.0.0.1:0", public_url=self.console.url, oidc=oidc))
        self.console.app.state.console = replace(self.console.console, settings=settings)

    def knows(self, name: str) -> bool:
        with self.console.database.reading() as session:
            return users.user_by_name(session, name) is not None

    def invite(self, name: str) -> None:
        """Add a person, an admin of the installation, unless an earlier test has."""
        if not self.knows(name):
            self.console.add_person(name)

    def sign_in(
        self, account: str, *, mischief: str = "", page: str = "", client: httpx.Client | None = None
    ) -> httpx.Response:
        """Return the console's answer to the browser that comes back."""
        browser = client or self.console.client()
        left = browser.get("/oidc/sign-in", params={"next": page} if page else {})
        back = self.provider.sign_in(left.headers["location"], account)
        self.provider.mischief(mischief)
        try:
            return browser.get(back)
        finally:
            self.provider.mischief()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("oidc")
    clock = Clock()
    with closing(Database.open(f"sqlite:///{folder / 'spillwatch.db'}")) as database:
        schema.upgrade_schema(database)
        World(database, clock=clock)
        listening = listening_socket("127.0.0.1:0")
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(web=WebSettings(listen="127.0.0.1:0", public_url=url))
        evidence = EvidenceStore(folder / "evidence")
        with (
            running_console(database, evidence, clock, settings=settings, listening=listening) as console,
            openid_provider(f"{url}/oidc/answer", ACCOUNTS) as provider,
        ):
            yield Place(console, provider, clock)


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    running.configure()
    yield running
    with running.console.database.transaction() as session:
        session.execute(delete(SignInLimit))  # so that no test is refused for what another one tried


def _reason(answer: httpx.Response) -> str:
    """Return the reason of a refusal; "" if the browser is signed in."""
    if answer.status_code == 303:
        return ""
    found = re.search(r'<p class="quiet">(oidc_\w+)</p>', answer.text)
    assert found, answer.text
    assert answer.status_code == 403
    assert "eyJ" not in answer.text
    return found[1]


def _roles(place: Place, name: str) -> dict[int | None, Role]:
    with place.console.database.reading() as session:
        user = users.user_by_name(session, name)
        assert user
        return {grant.company_id: grant.role for grant in users.grants_of(session, user.id)}


def _entries(place: Place, action: str) -> list[AuditEntry]:
    with place.console.database.reading() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


@pytest.mark.parametrize("client", ["spillwatch", "spillwatch post", "public"])
def test_a_known_person_signs_in(place: Place, client: str) -> None:
    """With the secret in the header, in the form, or without one; always with PKCE, state and nonce."""
    if client == "public":
        place.configure(client_id="public", client_secret=None)
    elif client == "spillwatch post":
        place.configure(client_id=client, client_authentication="post")
    place.invite("anna")
    browser = place.console.client()

    answer = place.sign_in("s-anna", page="/tokens?x=1", client=browser)

    assert (answer.status_code, answer.headers["location"]) == (303, "/tokens?x=1")
    assert browser.get("/tokens").status_code == 200
    assert COOKIE not in browser.cookies
    last = _entries(place, "sign_in")[-1]
    assert (last.actor, last.detail["method"]) == ("anna", "provider")


def test_what_the_provider_is_asked(place: Place) -> None:
    """State, nonce and challenge differ each time, and none of them tells another."""
    seen: set[str] = set()
    for _ in range(2):
        asked = parse_qs(urlsplit(place.console.client().get("/oidc/sign-in").headers["location"]).query)
        assert asked["response_type"] == ["code"]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["openid profile email"]
        assert asked["redirect_uri"] == [f"{place.console.url}/oidc/answer"]
        seen |= {asked[name][0] for name in ("state", "nonce", "code_challenge")}
    assert len(seen) == 6


def test_each_mischief_is_refused_with_its_reason(place: Place) -> None:
    """And a provider that only changes its keys, or leaves out what it may, is not."""
    place.invite("anna")
    found = {what: _reason(place.sign_in("s-anna", mischief=what)) for what in MISCHIEF}

    assert found == MISCHIEF


#: What the provider does, and the reason; "": that is allowed.
MISCHIEF = {
    "wrong_nonce": "oidc_nonce_wrong",
    "no_nonce": "oidc_nonce_wrong",
    "wrong_audience": "oidc_audience_wrong",
    "two_audiences": "oidc_audience_wrong",
    "two_audiences_ours": "",
    "wrong_party": "oidc_audience_wrong",
    "wrong_issuer": "oidc_issuer_wrong",
    "expired": "oidc_token_expired",
    "no_expiry": "oidc_token_expired",
    "expiry_no_number": "oidc_token_expired",
    "not_yet": "oidc_claims_unusable",
    "no_subject": "oidc_claims_unusable",
    "long_subject": "oidc_claims_unusable",
    "wrong_access_token": "oidc_claims_unusable",
    "none": "oidc_algorithm_refused",
    "none_cased": "oidc_algorithm_refused",
    "hs256_public_key": "oidc_algorithm_refused",
    "es256": "oidc_algorithm_refused",
    "key_in_header": "oidc_signature_wrong",
    "other_key": "oidc_signature_wrong",
    "unknown_key": "oidc_key_unknown",
    "not_a_token": "oidc_claims_unusable",
    "no_json": "oidc_answer_unusable",
    "packed": "oidc_answer_unusable",
    "endless": "oidc_answer_unusable",
    "redirect": "oidc_unreachable",
    "no_key_name": "",
    "": "",
}


def test_new_keys_are_fetched_and_only_once(place: Place) -> None:
    """A symmetric key among the published ones is no key."""
    place.invite("anna")
    place.configure(leeway_s=61)  # a provider that has fetched nothing yet
    place.provider.mischief()
    assert _reason(place.sign_in("s-anna")) == ""
    assert _reason(place.sign_in("s-anna", mischief="new_key")) == ""
    place.configure(leeway_s=62)
    assert _reason(place.sign_in("s-anna", mischief="shared_key")) == "oidc_answer_unusable"


def test_an_algorithm_counts_only_if_it_is_configured(place: Place) -> None:
    """The same signature of a key that is not published, with ES256 allowed: another reason."""
    place.configure(algorithms=[SigningAlgorithm.ES256])
    assert _reason(place.sign_in("s-anna")) == "oidc_algorithm_refused"
    assert _reason(place.sign_in("s-anna", mischief="es256")) == "oidc_key_unknown"


def test_a_provider_that_drips_is_left_in_time(place: Place) -> None:
    place.configure(timeout_s=0.5)
    assert _reason(place.sign_in("s-anna", mischief="dripping")) == "oidc_unreachable"


def test_an_answer_counts_once_in_the_browser_that_asked(place: Place) -> None:
    place.invite("anna")
    browser = place.console.client()
    there = browser.get("/oidc/sign-in").headers["location"]
    cookie = browser.cookies[COOKIE]
    back = place.provider.sign_in(there, "s-anna")

    assert _reason(place.console.client().get(back)) == "oidc_state_missing"
    other = place.console.client()
    other.get("/oidc/sign-in")
    assert _reason(other.get(back)) == "oidc_state_wrong"
    for changed in (back.replace("iss=", "iss=x"), re.sub(r"iss=[^&]*", "", back)):
        same = place.console.client()
        same.cookies.set(COOKIE, cookie)
        assert _reason(same.get(changed)) == "oidc_issuer_wrong"
    assert _reason(browser.get(back)) == ""
    assert _reason(browser.get(back)) == "oidc_state_missing"
    stolen = place.console.client()
    stolen.cookies.set(COOKIE, cookie)
    assert _reason(stolen.get(back)) == "oidc_code_refused"
    stolen.cookies.set(COOKIE, cookie)
    assert _reason(stolen.get(place.provider.sign_in(there, "s-anna"))) == "oidc_state_used"

    late = place.console.client()
    back = place.provider.sign_in(late.get("/oidc/sign-in").headers["location"], "s-anna")
    place.clock.advance(minutes=10)
    assert _reason(late.get(back)) == "oidc_state_expired"
    place.clock.advance(minutes=-10)
    denied = place.provider.sign_in(late.get("/oidc/sign-in").headers["location"], "s-anna", cancel=True)
    assert _reason(late.get(denied)) == "oidc_denied"
    for cookie in ("", "x", "1.2.3", f"{'9' * 12}.{'a' * 43}.", f"1.{'a' * 43}.%00"):
        late.cookies.set(COOKIE, cookie)
        assert _reason(late.get("/oidc/answer?state=x&code=y")) in ("oidc_state_missing", "oidc_state_wrong")


def test_who_is_not_known_is_not_let_in(place: Place) -> None:
    """A name counts once; then the subject does, whatever the name becomes."""
    place.invite("anna")
    assert _reason(place.sign_in("s-anna")) == ""
    assert _reason(place.sign_in("s-twin")) == "oidc_name_taken"
    assert _reason(place.sign_in("s-eve")) == "oidc_person_unknown"
    assert _reason(place.sign_in("s-odd")) == "oidc_name_unusable"
    place.configure(name_claim="email")
    assert _reason(place.sign_in("s-loose")) == "oidc_name_unusable"
    assert _reason(place.sign_in("s-mail")) == "oidc_person_unknown"
    place.invite("fay@lender.example")
    assert _reason(place.sign_in("s-mail")) == ""
    with place.console.database.transaction() as session:
        user = users.user_by_name(session, "fay@lender.example")
        assert user
        user.active = False
    assert _reason(place.sign_in("s-mail")) == "oidc_person_disabled"
    failed = _entries(place, "sign_in_failed")
    assert {each.actor for each in failed} == {"stranger"}
    assert failed[-1].detail == {"method": "provider", "reason": "oidc_person_disabled"}


def test_a_claim_gives_roles_and_takes_them(place: Place) -> None:
    """The highest one for each company; a group of a company that does not exist gives nothing."""
    place.configure(grants_claim="groups", grants=GRANTS)
    place.invite("anna")
    assert _reason(place.sign_in("s-anna")) == ""
    assert _reason(place.sign_in("s-bob")) == ""
    assert _reason(place.sign_in("s-carl")) == ""
    assert _reason(place.sign_in("s-dora")) == "oidc_no_role"
    assert _roles(place, "anna") == {1: Role.ANALYST}
    assert _roles(place, "bob") == {None: Role.ADMIN, 1: Role.VIEWER}
    assert _roles(place, "carl") == {1: Role.VIEWER}
    assert not place.knows("dora")

    carl = place.console.client()
    place.sign_in("s-carl", client=carl)
    assert carl.get("/").status_code == 200
    place.configure(grants_claim="groups", grants=GRANTS[:1])
    assert _reason(place.sign_in("s-carl")) == "oidc_no_role"
    assert _roles(place, "carl") == {}
    assert carl.get("/").status_code == 303
    changed = [each for each in _entries(place, "person_changed") if each.subject == "person:carl"]
    assert [each.detail["roles"] for each in changed] == [{"1": "viewer"}, {}]
    assert {each.actor for each in changed} == {"provider"}
    place.console.database.write(  # anna is an admin again, for the other tests
        lambda session: users.set_role(session, 1, None, Role.ADMIN)
    )


def test_claims_may_be_at_the_userinfo_address(place: Place) -> None:
    """Those of somebody else are refused."""
    place.invite("anna")
    with openid_provider(f"{place.console.url}/oidc/answer", ACCOUNTS, conform=True) as other:
        there = Place(place.console, other, place.clock)
        there.configure()
        assert _reason(there.sign_in("s-anna")) == ""
        there.configure(name_claim="email")  # of a person who is known, no name is needed
        assert _reason(there.sign_in("s-anna", mischief="other_userinfo")) == "oidc_claims_unusable"


def test_a_provider_that_is_away_or_is_another_one(place: Place, tmp_path: Path) -> None:
    closed = listening_socket("127.0.0.1:0")
    place.configure(issuer=f"http://127.0.0.1:{closed.getsockname()[1]}", timeout_s=0.3)
    assert _reason(place.console.client().get("/oidc/sign-in")) == "oidc_unreachable"
    closed.close()
    assert _reason(place.console.client().get("/oidc/sign-in")) == "oidc_unreachable"
    place.configure(issuer=f"{place.provider.issuer}/")
    assert _reason(place.console.client().get("/oidc/sign-in")) == "oidc_issuer_wrong"
    place.configure(issuer=place.provider.issuer.replace("http:", "https:"))
    assert _reason(place.console.client().get("/oidc/sign-in")) == "oidc_unreachable"


def test_with_only_there_is_no_other_way(place: Place) -> None:
    place.console.add_person("gus", password_hash=hash_of("a long password of gus"))
    form = {"name": "gus", "password": "a long password of gus"}
    for only in (False, True):
        place.configure(only=only)
        browser = place.console.client()
        page = browser.get("/sign-in?next=/tokens")
        assert 'href="/oidc/sign-in?next=%2Ftokens"' in page.text
        assert "Sign in with Lender SSO" in page.text
        assert ('name="password"' in page.text) is not only
        answer = browser.post("/sign-in", data={"csrf": form_token(page), **form})
        assert answer.headers["location"] == ("/sign-in?problem=refused" if only else "/")


def test_without_a_provider_there_is_no_such_page(place: Place) -> None:
    place.console.app.state.console = place.console.console
    for address in ("/oidc/sign-in", "/oidc/answer"):
        assert place.console.client().get(address).status_code == 404
    assert "oidc" not in place.console.client().get("/sign-in").text


def test_every_reason_is_said_and_has_its_place() -> None:
    reasons = {reason.value for reason in OidcReason}
    assert {f"oidc.{reason}" for reason in reasons} <= texts().keys()
    assert reasons <= places("reference")


@pytest.mark.needs("chromium")
def test_in_a_browser(place: Place, browser: Browser) -> None:
    """From the page for signing in, over the provider's own pages, to the page that was wanted."""
    place.invite("anna")
    with opened(browser, place.console) as page:
        page.route(re.compile("^https:"), lambda route: route.fulfill(body=""))  # a font of the provider's
        page.goto("/tokens")
        page.get_by_role("link", name="Sign in with Lender SSO").click()
        page.fill("input[name=login]", "s-anna")
        page.fill("input[name=password]", "any")
        page.click("button[type=submit]")
        page.click("button[type=submit]")
        expect(page).to_have_url(f"{place.console.url}/tokens")
        expect(page.get_by_role("link", name="anna")).to_be_visible()
