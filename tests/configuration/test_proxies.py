"""Proxies in settings and source files: what is accepted, and what is refused with what was wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.configuration.test_settings import SECRET, SOURCE, loaded, only

HOOK = f"""
[alerts.channels.siem]
transport = "webhook"
url = "{{url}}"
secrets = ["{SECRET}"]
"""
ONION = '"http://invented-market.onion/list"'


def test_a_proxy_with_its_login_comes_from_a_file(tmp_path: Path) -> None:
    """`proxy_file` works in [crawler] and in a channel, and the value is not in a repr."""
    (tmp_path / "proxy").write_text("http://reader:synthetic%40word@proxy.lender.example:3128\n")
    channel = HOOK.format(url="https://siem.lender.example/in") + 'proxy_file = "proxy"\n'

    settings = loaded(tmp_path, {"spillwatch.toml": f"[crawler]\nproxy_file = 'proxy'\n{channel}"}).settings

    assert "synthetic" not in repr(settings)
    assert settings.crawler.proxy is not None
    assert settings.crawler.proxy.get_secret_value().endswith("@proxy.lender.example:3128")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("proxy.lender.example:3128", "http://HOST:PORT"),
        ("socks5://proxy.lender.example:1080", "SOCKS proxies are not supported"),
        ("http://proxy.lender.example", "a port from 1 to 65535"),
        ("http://proxy.lender.example:99999", "a port from 1 to 65535"),
        ("http://proxy.lender.example:3128/path", "without a path"),
        ("http://reader:synthetic@word@proxy.lender.example:3128", "'@' as %40"),
        ("http://reader:synthetic/word@proxy.lender.example:3128", "'/' as %2F"),
        ("http://reader:synthetic:word@proxy.lender.example:3128", "':' as %3A"),
        ("http://a%3Ab:synthetic@proxy.lender.example:3128", "without a colon"),
        ("http://reader@proxy.lender.example:3128", "USER:PASSWORD"),
    ],
)
def test_a_wrong_proxy_is_a_mistake_that_shows_no_login(tmp_path: Path, value: str, wanted: str) -> None:
    """The message says what is wanted, in [crawler] and in a channel."""
    channel = HOOK.format(url="https://siem.lender.example/in") + f'proxy = "{value}"\n'
    for key, text in (
        ("crawler.proxy", f'[crawler]\nproxy = "{value}"\n'),
        ("alerts.channels.siem.proxy", channel),
    ):
        mistake = only(tmp_path, {"spillwatch.toml": text})

        assert mistake.key == key
        assert wanted in mistake.wanted
        assert "synthetic" not in str(mistake)


@pytest.mark.parametrize(
    ("lines", "key", "wanted"),
    [
        ('proxy = "http://reader:synthetic@proxy.lender.example:3128"', "proxy", "proxy_file"),
        ('proxy = "proxy.lender.example"', "proxy", "http://HOST:PORT"),
        ('proxy = "http://p.example:1"\nproxy_file = "p"', "proxy_file", "not both"),
        ('via = "tor"\nproxy = "http://p.example:1"', "proxy", "Tor alone"),
        ('via = "tor"\nproxy_file = "p"', "proxy_file", "Tor alone"),
    ],
)
def test_a_proxy_that_a_source_cannot_have_is_a_mistake(
    tmp_path: Path, lines: str, key: str, wanted: str
) -> None:
    """No login in a source's file, one way to name it, and never beside Tor."""
    settings = "[crawler]\ntor_proxy = 'socks5://127.0.0.1:9050'\n"
    mistake = only(tmp_path, {"spillwatch.toml": settings, "sources/a.toml": f"{lines}\n{SOURCE}"})

    assert (mistake.file, mistake.key) == (str(tmp_path / "sources/a.toml"), key)
    assert wanted in mistake.wanted
    assert "synthetic" not in str(mistake)


def test_onions_are_never_given_to_a_proxy(tmp_path: Path) -> None:
    """A direct source with an onion stays a mistake with a proxy, and so is a webhook with one."""
    source = SOURCE.replace('"https://market.example/list"', ONION)
    proxied = {"spillwatch.toml": "[crawler]\nproxy = 'http://p.example:1'\n"}
    mistake = only(tmp_path, {**proxied, "sources/a.toml": source})
    hook = only(tmp_path / "hook", {"spillwatch.toml": HOOK.format(url="https://siem.onion/in")})

    assert mistake.key == "via"
    assert "onion" in hook.wanted
    assert loaded(
        tmp_path / "tor",
        {
            "spillwatch.toml": proxied["spillwatch.toml"] + "tor_proxy = 'socks5://127.0.0.1:9050'\n",
            "sources/a.toml": f'via = "tor"\nproxy = ""\n{source}',
        },
    ).sources
