"""The rules of signing in that need no server: each with what it takes, and with what it must not take."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from fastapi import Request

from storage.users import folded_name
from web.access import passwords, recovery_codes, totp
from web.access.browser_kind import browser_kind
from web.access.keys import ConsoleKeys, decoded, encoded
from web.access.next_page import own_page
from web.access.passkeys import RelyingParty, added_passkey, challenge_of, credential_id_of, relying_party
from web.access.signing_in import network_of

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
KEYS = ConsoleKeys(bytes(range(32)))
LASTS = timedelta(minutes=5)


@pytest.mark.parametrize(
    "wanted",
    ["/", "/findings/K7QX2M9D", "/?state=new&x=%2F%2F", "/listings?q=https://market.example", "/a#b"],
)
def test_a_page_of_ours_is_next(wanted: str) -> None:
    assert own_page(wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "",
        "findings",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "/a\\b",
        "\\/evil.example",
        "https://evil.example/",
        "https:/evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/x\r\nSet-Cookie: a=b",
        " //evil.example",
        "/\u2215/evil.example",
        "/sign-out",
        "/sign-in?next=/",
        "/welcome/token",
        "/api/v1/findings",
        "/" + "x" * 2001,
    ],
)
def test_nothing_else_is_next(wanted: str | None) -> None:
    assert own_page(wanted) == "/"


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("seven herons over the lake", None),
        ("七只苍鹭飞过湖面去看日落了", None),
        ("Tr0ub4dor&3xyz", None),
        ("short", "password_short"),
        ("x" * 257, "password_long"),
        ("abababababab", "password_simple"),
        ("aaaaaaaaaaaaaaaa", "password_simple"),
        ("hildegard.vonbingen", "password_name"),
        ("Hildegard.VonBingen1234", "password_name"),
    ],
)
def test_a_password_is_long_and_no_name(password: str, problem: str | None) -> None:
    assert passwords.why_too_weak(password, "hildegard.vonbingen") == problem


def test_a_password_is_the_same_on_every_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Composed or not, wide or not. What is longer than allowed is never equal to its beginning."""
    cheap = PasswordHasher(1, 64, 1)
    monkeypatch.setattr(passwords, "HASHER", cheap)
    stored = passwords.hash_of("Zürich am See 12")
    same = [
        passwords.is_password(stored, typed)
        for typed in ("Zu\u0308rich am See 12", "Zürich am See \uff11\uff12")
    ]
    assert same == [True, True]
    assert not passwords.is_password(passwords.hash_of("x" * 256), "x" * 257)
    assert not passwords.is_password(None, "")
    assert not passwords.is_password("not a hash", "x")


def test_nobodys_hash_costs_what_a_real_one_costs() -> None:
    """And the parameters are those that the docs name."""
    assert not passwords.has_old_parameters(passwords.hash_of_nobody())
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in passwords.hash_of_nobody()


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" Anna ", "anna"),
        ("ＡＮＮＡ", "anna"),
        ("anna.b@lender.example", "anna.b@lender.example"),
        ("王芳", "王芳"),
        ("a b", None),
        ("", None),
        (".anna", None),
        ("anna\n", "anna"),
        ("an\u202ena", None),
        ("x" * 65, None),
        ("<b>", None),
    ],
)
def test_a_name_is_folded(typed: str, name: str | None) -> None:
    assert folded_name(typed) == name


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1",
            "Safari, iPhone",
        ),
        ("curl/8.5.0", ""),
        ("<script>Linux", "Linux"),
        ("", ""),
    ],
)
def test_the_kind_of_a_browser(agent: str, kind: str) -> None:
    assert browser_kind(agent) == kind


def _request(host: str, client: str = "127.0.0.1", scheme: str = "https") -> Request:
    scope = {
        "type": "http",
        "scheme": scheme,
        "server": ("console", 443),
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "client": (client, 1),
    }
    return Request(scope)


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_a_limit_is_for_what_one_customer_of_a_provider_has(client: str, network: str) -> None:
    assert network_of(_request("x", client)) == network


def test_passkeys_are_for_host_names() -> None:
    found = [
        relying_party(_request(host))
        for host in ("console.lender.example", "localhost:9478", "127.0.0.1", "[::1]:1")
    ]
    assert found == [
        RelyingParty("console.lender.example", "https://console.lender.example"),
        RelyingParty("localhost", "https://localhost:9478"),
        None,
        None,
    ]


def test_a_challenge_is_for_one_browser_and_five_minutes() -> None:
    challenge = KEYS.challenge("cookie", now=NOW, lasts=LASTS)
    ends = KEYS.challenge_ends(challenge, "cookie", now=NOW)
    assert ends == NOW + LASTS
    wrong = (
        (challenge, "other", NOW),
        (challenge, "", NOW),
        (challenge, "cookie", NOW + LASTS),
        (challenge[:-1] + b"x", "cookie", NOW),
        (b"x" + challenge[1:], "cookie", NOW),
        (b"", "cookie", NOW),
        (bytes(56), "cookie", NOW),
    )
    assert [KEYS.challenge_ends(each, bound, now=at) for each, bound, at in wrong] == [None] * len(wrong)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x",
        "[]",
        "null",
        "{}",
        '{"response": 1}',
        '{"id": "a", "rawId": "a", "response": {"clientDataJSON": "e30"}}',
        "[" * 9000,
        '{"a":' * 3000,
    ],
)
def test_an_answer_that_is_none_is_refused(answer: str) -> None:
    party = RelyingParty("localhost", "http://localhost")
    assert (challenge_of(answer), credential_id_of(answer), added_passkey(party, answer, b"c")) == (
        b"",
        None,
        None,
    )


def test_what_is_sealed_opens_for_the_same_person_and_purpose() -> None:
    sealed = KEYS.seal("totp", "7", "SECRET")
    tries = (
        ("totp", "7", sealed),
        ("totp", "8", sealed),
        ("set-up", "7", sealed),
        ("totp", "7", sealed[:-2]),
        ("totp", "7", ""),
        ("totp", "7", "é"),
    )
    assert [KEYS.unseal(*each) for each in tries] == ["SECRET", None, None, None, None, None]
    assert ConsoleKeys(bytes(32)).unseal("totp", "7", sealed) is None
    assert decoded(encoded(b"\xff\xfe\x00")) == b"\xff\xfe\x00"


def test_a_code_counts_half_a_minute_early_and_late() -> None:
    secret = totp.new_secret()
    step = int(NOW.timestamp()) // 30
    found = {
        shift: totp.step_of_code(secret, pyotp.TOTP(secret).at(NOW + timedelta(seconds=30 * shift)), now=NOW)
        for shift in (-2, -1, 0, 1, 2)
    }
    assert {shift: at for shift, at in found.items() if at is not None} == {
        -1: step - 1,
        0: step,
        1: step + 1,
    }
    code = pyotp.TOTP(secret).at(NOW)
    wide = code.translate({ord(digit): 0xFF10 + int(digit) for digit in "0123456789"})
    assert totp.step_of_code(secret, wide, now=NOW) == step
    assert totp.step_of_code(secret, f" {code[:3]} {code[3:]} ", now=NOW) == step
    assert [
        totp.step_of_code(secret, typed, now=NOW) for typed in ("", "12345", "１２３４５六", "abcdef")
    ] == [None] * 4


def test_the_picture_has_no_style_and_escapes_the_name() -> None:
    picture = str(totp.set_up_code("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "anna", "<b>&"))
    assert re.search(r"style=|<script|<b>", picture) is None
    assert picture.startswith("<svg")


def test_recovery_codes_are_typed_as_people_type() -> None:
    (code, *_) = codes = recovery_codes.new_recovery_codes()
    shown = recovery_codes.as_shown(code)
    assert (len(codes), len(shown)) == (10, 19)
    assert {
        recovery_codes.as_typed(each) for each in (code, shown, shown.lower(), f" {shown.replace('-', ' ')} ")
    } == {code}
    assert [recovery_codes.as_typed(each) for each in ("", code[:-1], code + "2", "O" * 16)] == [None] * 4
