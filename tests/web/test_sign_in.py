"""Signing in by name and password, invitations, limits and cookies, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage.evidence.warc import EvidenceStore
from storage.invitations import Invitation
from storage.sign_in_limits import RULES, LimitKind, SignInLimit
from storage.users import User, UserSession, digest_of
from tests.alerts.world import World
from tests.clocks import Clock
from tests.web.people import GUESS, PASSWORD, entries, invite, is_signed_in, join, send, sign_in
from tests.web.running import RunningConsole, form_token, running_console
from web.access import passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little work: these tests hash a hundred times."""
    monkeypatch.setattr(passwords, "HASHER", CHEAP)


@pytest.fixture
def clock(world: World) -> Clock:
    return world.clock


def test_an_invitation_sets_a_password_once(console: RunningConsole, clock: Clock) -> None:
    """Opening the link uses nothing up. The rows hold digests of token and password only."""
    assert "spillwatch user invite" in console.client().get("/sign-in").text
    link = invite(console, "anna")
    client = console.client()
    assert "spillwatch user invite" not in client.get("/sign-in").text
    assert [client.get(link).status_code for _ in range(2)] == [200, 200]
    weak = send(client, link, name="anna", password="short", again="short")
    different = send(client, link, name="anna", password=PASSWORD, again=GUESS)
    assert (weak.status_code, different.status_code) == (422, 422)

    assert send(client, link, name="Anna.B", password=PASSWORD, again=PASSWORD).status_code == 303
    assert is_signed_in(client)
    assert console.client().get(link).status_code == 410
    with console.database.reading() as session:
        user, made = session.scalars(select(User)).one(), session.scalars(select(Invitation)).one()
        assert (user.name, made.token_digest) == ("anna.b", digest_of(link.rpartition("/")[2]))
        assert PASSWORD not in (user.password_hash or PASSWORD)
    assert entries(console) == [
        ("cli:root", "person_invited", "person:anna"),
        ("anna.b", "person_changed", "person:anna.b"),
        ("anna.b", "sign_in", "person:anna.b"),
    ]


def test_an_old_invitation_is_gone(console: RunningConsole, clock: Clock) -> None:
    link = invite(console, "anna")
    clock.advance(hours=24)
    assert console.client().get(link).status_code == 410
    assert console.client().get("/welcome/" + "x" * 300).status_code == 410


def test_a_person_signs_in_and_out(console: RunningConsole) -> None:
    """Each sign-in has a new session; the earlier one of this browser ends. Signing out ends it."""
    join(console, "anna")
    client = console.client()
    assert sign_in(client, "  ANNA ", next="/findings/K7QX2M9D?x=1") == "/findings/K7QX2M9D?x=1"
    assert is_signed_in(client)
    first = client.cookies["spillwatch_session"]
    page = client.get("/")
    client.cookies.delete("spillwatch_session")
    client.cookies.set("spillwatch_session", first)
    assert client.get("/sign-in").headers["location"] == "/"

    out = client.post("/sign-out", data={"csrf": form_token(page)})

    assert out.headers["location"] == "/sign-in?done=signed_out"
    assert not is_signed_in(console.client(first))
    assert entries(console)[-2:] == [
        ("anna", "sign_in", "person:anna"),
        ("anna", "sign_out", "person:anna"),
    ]


def test_every_refusal_looks_the_same(console: RunningConsole) -> None:
    """Unknown, wrong, disabled and without a password: one answer. The log knows the difference, and holds
    no name that nobody has.
    """
    join(console, "anna")
    join(console, "gone")
    invite(console, "new")
    with console.database.transaction() as session:
        session.execute(update(User).where(User.name == "gone").values(active=False))
    before = len(entries(console))

    answers = {
        sign_in(console.client(), name, password)
        for name, password in (
            ("anna", GUESS),
            ("gone", PASSWORD),
            ("new", ""),
            ("new", "x"),
            ("nobody", GUESS),
            ("\x00", GUESS),
        )
    }

    assert answers == {"/sign-in?problem=refused"}
    assert {subject for _, _, subject in entries(console)[before:]} == {
        "person:anna",
        "person:gone",
        "person:new",
        "",
    }
    assert {actor for actor, _, _ in entries(console)[before:]} == {"stranger"}


def test_the_work_is_the_same_for_unknown_names(
    console: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(console, "anna")
    verified: list[str] = []
    original = passwords.is_password

    def counted(stored: str | None, typed: str) -> bool:
        verified.append("known" if stored else "unknown")
        return original(stored, typed)

    monkeypatch.setattr(passwords, "is_password", counted)
    for name in ("anna", "nobody"):
        sign_in(console.client(), name, GUESS)
    assert verified == ["known", "unknown"]


def test_a_hash_with_old_parameters_is_made_again(
    console: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(console, "anna")
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert sign_in(console.client(), "anna") == "/"
    with console.database.reading() as session:
        assert "t=2" in (session.scalars(select(User.password_hash)).one() or "")


def test_many_failures_block_a_name_and_only_that(console: RunningConsole, clock: Clock) -> None:
    """A name that nobody has is blocked as well. The block ends by itself."""
    join(console, "anna")
    join(console, "bob")
    allowed = RULES[LimitKind.NAME].failures
    for name in ("anna", "nobody"):
        answers = [sign_in(console.client(), name, GUESS) for _ in range(allowed + 2)]
        assert answers[allowed - 1 :] == ["/sign-in?problem=refused", *["/sign-in?problem=blocked"] * 2]
    assert sign_in(console.client(), "anna") == "/sign-in?problem=blocked"
    assert sign_in(console.client(), "bob") == "/"
    clock.advance(minutes=16)
    assert sign_in(console.client(), "anna") == "/"
    with console.database.reading() as session:
        keys = session.scalars(select(SignInLimit.key)).all()
    assert not [key for key in keys if "anna" in key or "127" in key]


def test_attempts_at_once_pass_the_limit_no_more_than_one_by_one(console: RunningConsole) -> None:
    """Counted before they are tried, in the database: so it holds over several processes, too."""
    join(console, "anna")
    clients = [console.client() for _ in range(16)]
    tokens = [form_token(client.get("/sign-in")) for client in clients]

    def attempt(number: int) -> str:
        fields = {"csrf": tokens[number], "name": "anna", "password": GUESS}
        return clients[number].post("/sign-in", data=fields).headers["location"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(16)))

    assert answers.count("/sign-in?problem=refused") <= RULES[LimitKind.NAME].failures
    assert answers.count("/sign-in?problem=blocked") >= 1


def test_a_network_is_blocked_whatever_names_it_tries(console: RunningConsole) -> None:
    allowed = RULES[LimitKind.NETWORK].failures
    client = console.client()
    token = form_token(client.get("/sign-in"))
    answers = [
        client.post("/sign-in", data={"csrf": token, "name": f"n{number}", "password": GUESS}).headers[
            "location"
        ]
        for number in range(allowed + 1)
    ]
    assert answers[allowed - 1 :] == ["/sign-in?problem=refused", "/sign-in?problem=blocked"]


def test_a_session_ends_by_age_and_by_idleness(console: RunningConsole, clock: Clock) -> None:
    client = join(console, "anna")
    clock.advance(minutes=119)
    assert is_signed_in(client)
    clock.advance(minutes=119)
    assert is_signed_in(client)
    assert client.get("/", headers={"Accept": "text/event-stream"}).status_code == 200
    clock.advance(minutes=121)
    assert not is_signed_in(client)

    client = console.client()
    sign_in(client, "anna")
    for _ in range(7):
        clock.advance(minutes=100)
        assert is_signed_in(client)
    clock.advance(minutes=21)
    assert not is_signed_in(client)


def test_live_updates_keep_no_session_alive(console: RunningConsole, clock: Clock) -> None:
    client = join(console, "anna")
    for _ in range(3):
        clock.advance(minutes=50)
        answer = client.get("/", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 303


def test_a_page_elsewhere_is_never_next(console: RunningConsole) -> None:
    join(console, "anna")
    for wanted in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/sign-in?next=/",
        "javascript:x",
    ):
        assert sign_in(console.client(), "anna", next=wanted) == "/"


def test_a_form_without_the_guests_cookie_is_refused(console: RunningConsole) -> None:
    """Nobody can be signed in to somebody else's account by a form of another site."""
    join(console, "anna")
    token = form_token(console.client().get("/sign-in"))
    fields = {"csrf": token, "name": "anna", "password": PASSWORD}
    assert console.client().post("/sign-in", data=fields).status_code == 403


@pytest.fixture
def behind_tls(world: World, evidence: EvidenceStore) -> Iterator[RunningConsole]:
    """A console behind a proxy that ends TLS."""
    web = WebSettings(
        listen="127.0.0.1:0", public_url="https://console.lender.example", trusted_proxies=("127.0.0.1",)
    )
    with running_console(world.database, evidence, world.clock, settings=Settings(web=web)) as running:
        yield running


def test_cookies_over_tls_are_for_this_host_only(behind_tls: RunningConsole) -> None:
    """Secure, and with a name that a neighbouring host cannot set; the plain name does not count then."""
    headers = {
        "Host": "console.lender.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "198.51.100.7",
    }
    link = invite(behind_tls, "anna")
    client = behind_tls.client()
    page = client.get(link, headers=headers)
    guest = page.headers["set-cookie"].split(";")[0].split("=", 1)
    fields = {"csrf": form_token(page), "name": "anna", "password": PASSWORD, "again": PASSWORD}
    answer = client.post(link, data=fields, headers=headers | {"Cookie": "=".join(guest)})

    (session,) = (each for each in answer.headers.get_list("set-cookie") if "_session" in each)
    value, _, attributes = session.partition("; ")
    name, token = value.split("=")
    assert name == "__Host-spillwatch_session"
    assert set(attributes.split("; ")) == {"HttpOnly", "Path=/", "SameSite=lax", "Secure"}
    opened = {
        cookie: client.get("/", headers=headers | {"Cookie": f"{cookie}={token}"}).status_code
        for cookie in ("__Host-spillwatch_session", "spillwatch_session")
    }
    assert opened == {"__Host-spillwatch_session": 200, "spillwatch_session": 303}


def test_cookies_without_tls_are_not_readable_by_scripts(console: RunningConsole) -> None:
    client = console.client()
    answer = send(client, invite(console, "anna"), name="anna", password=PASSWORD, again=PASSWORD)
    (session,) = (each for each in answer.headers.get_list("set-cookie") if "spillwatch_session" in each)
    assert set(session.split("; ")[1:]) == {"HttpOnly", "Path=/", "SameSite=lax"}
    with console.database.reading() as reading:
        stored = reading.scalars(select(UserSession)).one()
    assert (stored.method, stored.browser) == ("invitation", "")
