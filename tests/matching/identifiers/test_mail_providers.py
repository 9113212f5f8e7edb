"""Mail providers: addresses of one mailbox have one canonical form, addresses of two mailboxes have two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.identifiers import ALL, Field, canonical, email, scan
from matching.identifiers.mail_providers import PROVIDERS

DOMAINS = [domain for provider in PROVIDERS for domain in provider.domains.split()]


@pytest.mark.parametrize(
    ("local", "domain", "name", "home"),
    [
        ("J.Doe+bank", "GMail.com", "jdoe", "gmail.com"),
        ("jdoe", "googlemail.com", "jdoe", "gmail.com"),
        ("j.doe+bank", "outlook.com", "j.doe", "outlook.com"),
        ("j.doe+bank", "hotmail.co.uk", "j.doe", "hotmail.co.uk"),
        ("j.doe", "live.com", "j.doe", "live.com"),
        ("J_D-o.e+x", "protonmail.com", "jdoe", "proton.me"),
        ("jdoe", "pm.me", "jdoe", "proton.me"),
        ("jdoe+x", "me.com", "jdoe", "icloud.com"),
        ("j.doe", "mac.com", "j.doe", "icloud.com"),
        ("jdoe+shop", "fastmail.fm", "jdoe", "fastmail.fm"),
        ("shop", "jdoe.fastmail.com", "jdoe", "fastmail.com"),
        ("jdoe-shop", "yahoo.com", "jdoe", "yahoo.com"),
        ("jdoe+shop", "yahoo.com", "jdoe+shop", "yahoo.com"),
        ("j.doe", "ymail.com", "j.doe", "ymail.com"),
        ("jdoe", "ya.ru", "jdoe", "yandex.ru"),
        ("j.doe+x-y", "qq.com", "j.doe+x-y", "qq.com"),
        ("j.doe+x", "163.com", "j.doe+x", "163.com"),
        ("j.doe+x", "bank.example", "j.doe+x", "bank.example"),
        ("shop", "jdoe.mail.example", "shop", "jdoe.mail.example"),
        ("j.doe+x", "mail.gmail.com", "j.doe+x", "mail.gmail.com"),
        ("_-_", "proton.me", "_-_", "proton.me"),
    ],
)
def test_an_address_is_read_as_its_mailbox(local: str, domain: str, name: str, home: str) -> None:
    """An address becomes the mailbox that its provider documents, or stays as it is, in cells and texts."""
    written = f"{local}@{domain}"

    found = [one.canonical for one in scan(f"<{written}>", "CN")]

    assert [canonical(Field.EMAIL, written, "CN"), *found] == [f"{name}@{home}"] * 2


LOCALS = st.from_regex(r"[a-z0-9_][a-z0-9_]{0,8}([.+-][a-z0-9_]{1,5}){0,3}", fullmatch=True)


@settings(max_examples=500, deadline=None)
@given(LOCALS, st.sampled_from(DOMAINS))
@pytest.mark.slow
def test_the_form_of_a_form_is_itself(local: str, domain: str) -> None:
    """Normalising a canonical form again changes nothing."""
    once = email(f"{local}@{domain}")

    assert once is not None
    assert email(once) == once


def test_no_domain_has_two_providers() -> None:
    """Each domain stands once in the table of providers."""
    assert len(DOMAINS) == len(set(DOMAINS))


@settings(max_examples=300, deadline=None)
@given(
    st.text("0123456789 -.+()@abcGB\n", max_size=60).map(
        lambda text: f"119999700101001 4111111111111111 a@b.example {text} +8617000000000"
    ),
    st.sets(st.sampled_from(sorted(ALL))),
)
def test_fewer_fields_are_some_of_the_candidates(text: str, fields: set[Field]) -> None:
    """A scan for fewer fields gives their part of all candidates, in the same order and places."""
    every = [one for one in scan(text, "CN") if one.field in fields]

    assert list(scan(text, "CN", fields)) == every
