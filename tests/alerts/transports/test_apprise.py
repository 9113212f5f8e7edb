"""Apprise against local servers that check what Slack, Discord, Teams and Mattermost require.

The requests go to the services' real names, through a proxy that leads them to the local server.
"""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from alerts.errors import DeliveryError
from alerts.settings import AppriseChannel, AppriseContent
from alerts.transports import send
from alerts.transports.apprise import apprise_problem
from alerts.transports.apprise_child import fitting, outcome_of
from alerts.transports.apprise_text import body_of, title_of
from storage.alerts import AlertKind
from tests.alerts.samples import message, outgoing
from tests.peers.chat import DISCORD, HOSTS, MATTERMOST, SLACK, TEAMS, ChatPeer
from tests.peers.proxy import ProxyPeer

TOKEN = "syntheticToken9Of8The7Tests"
URLS = {
    SLACK: f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN[:24]}",
    DISCORD: f"discord://4174216298/{TOKEN}",
    TEAMS: f"workflow://{TEAMS}:443/643e69f83c8944/{TOKEN}",
    MATTERMOST: f"mmosts://{MATTERMOST}/{TOKEN}",
}


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chat") / "ca.pem"


@pytest.fixture(scope="module")
def services(ca_file: Path) -> Iterator[tuple[ChatPeer, ProxyPeer]]:
    """The four services on one port, and the proxy that leads their names there."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS, "localhost").configure_cert(context)
    with ChatPeer(context) as peer, ProxyPeer(dict.fromkeys(HOSTS, peer.port)) as proxy:
        yield peer, proxy
        peer.ended.set()


def channel(url: str, **settings: object) -> AppriseChannel:
    return AppriseChannel.model_validate({"transport": "apprise", "url": url, **settings})


def refused(of: AppriseChannel) -> tuple[str, bool]:
    """Return reason and permanence of an attempt that must fail, and check that it shows no secret."""
    with pytest.raises(DeliveryError) as caught:
        send(of, outgoing())
    assert TOKEN[:20] not in f"{caught.value} {caught.value!r} {of!r} {caught.value.__cause__!r}"
    return caught.value.reason, caught.value.permanent


@pytest.mark.parametrize("host", HOSTS)
def test_each_service_takes_the_whole_alert(
    services: tuple[ChatPeer, ProxyPeer], ca_file: Path, host: str
) -> None:
    """In one message, within the service's limits and in its form; what does not fit is said at the end."""
    peer, proxy = services
    peer.taken.clear()

    send(channel(URLS[host], content="full", proxy=proxy.url, ca_file=ca_file), outgoing())

    (taken,) = peer.taken
    plain = taken.text.replace("\\", "")
    assert taken.host == host
    assert "趣店 Lending" in plain
    assert "36 rows" in plain
    assert ("alerts ack 7" in plain) or "(shortened; the whole alert: spillwatch alerts show 7)" in plain
    assert "http" not in str(taken.body).replace("http://adaptivecards.io", "")


@pytest.mark.parametrize(
    ("path", "reason", "permanent"),
    [
        ("withdrawn", "message_refused", True),
        ("busy", "temporarily_refused", False),
        ("moved", "redirect_refused", True),
        ("hangs", "delivery_timed_out", False),
    ],
)
def test_what_an_answer_means(
    services: tuple[ChatPeer, ProxyPeer], ca_file: Path, path: str, reason: str, permanent: bool
) -> None:
    """One request per attempt, no redirect is followed, and the whole call ends at timeout_s."""
    peer, proxy = services
    peer.asked.clear()
    timeout_s, began = (8 if path == "hangs" else 60), time.monotonic()

    found = refused(
        channel(f"mmosts://{MATTERMOST}/{path}", proxy=proxy.url, ca_file=ca_file, timeout_s=timeout_s)
    )

    assert found == (reason, permanent)
    assert peer.asked == [f"/hooks/{path}"]
    assert time.monotonic() - began < timeout_s + 20


def test_where_a_message_does_not_go(services: tuple[ChatPeer, ProxyPeer], ca_file: Path) -> None:
    """A private address that is not allowed, a name without an address, a proxy that refuses or is away."""
    peer, _ = services
    peer.asked.clear()
    private = f"mmosts://localhost:{peer.port}/{TOKEN}"
    with ProxyPeer({}, mood="refuses") as refusing, ProxyPeer({}, login=("a", "b")) as locked:
        found = [
            refused(channel(private, ca_file=ca_file)),
            refused(channel(f"mmosts://no-such-host.invalid/{TOKEN}")),
            refused(channel(URLS[SLACK], proxy=refusing.url)),
            refused(channel(URLS[SLACK], proxy=locked.url)),
            refused(channel(URLS[SLACK], proxy="http://127.0.0.1:1")),
        ]

    assert peer.asked == []
    assert found == [
        ("private_address_refused", True),
        ("name_not_resolved", False),
        ("proxy_refused", False),
        ("proxy_login_refused", True),
        ("proxy_unreachable", False),
    ]
    send(channel(private, ca_file=ca_file, allow_private_addresses=["localhost"]), outgoing())
    assert peer.asked == [f"/hooks/{TOKEN}"]


def test_a_url_that_apprise_does_not_know_is_refused_before_anything_is_sent() -> None:
    """`check` asks for it, and an attempt says the same."""
    wrong = apprise_problem(channel(f"slakc://T1JJ3T3L2/A1BRTD4JD/{TOKEN}"))

    assert wrong is not None
    assert (wrong.reason, TOKEN in str(wrong)) == ("apprise_url_refused", False)
    assert apprise_problem(channel(URLS[DISCORD])) is None


def test_an_installation_without_apprise_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional."""
    monkeypatch.setitem(sys.modules, "apprise", None)

    assert outcome_of({"allowed": [], "url": "slack://a"}) == {"outcome": "missing"}


SITE_WORDS = ("出售趣店学生数据", "night_owl", "market[.]example", "138****5678", "来源")


@pytest.mark.parametrize(
    ("level", "shown", "hidden"),
    [
        ("notice", ("#7", "critical"), ("趣店", "night-market", "36 rows", *SITE_WORDS)),
        ("summary", ("#7", "趣店 Lending", "night-market", "36 rows", "coherent_rows +70"), SITE_WORDS),
        ("full", ("#7", "趣店 Lending", "night-market", "36 rows", *SITE_WORDS), ()),
    ],
)
def test_what_a_channel_may_carry(
    level: AppriseContent, shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    """Only `full` has words of the site, and `notice` says neither who nor where."""
    text = f"{title_of(message(), level)}\n{body_of(message(), level)}"

    assert [word for word in shown if word not in text] == []
    assert [word for word in hidden if word in text] == []


def test_a_summary_of_trouble_has_no_words_of_the_site() -> None:
    """The sentence about a source's run may quote a page's title, so that it stays out."""
    title, summary = "Source market: it cannot be fetched", "Its title is: Buy now!"
    source = message(title=title, summary=summary, company=None, kind=AlertKind.SOURCE)

    text = f"{title_of(source, 'summary')}\n{body_of(source, 'summary')}"

    assert "it cannot be fetched" in text
    assert "Buy now" not in text


def test_nobody_is_called_by_the_words_of_a_seller() -> None:
    """@everyone and @channel would notify a whole room."""
    shouting = message(title="趣店 Lending: @everyone @here")

    assert "@" not in title_of(shouting, "full") + body_of(shouting, "full")


def test_a_text_that_is_too_long_ends_with_a_sentence() -> None:
    """Whole lines are kept; characters that a service escapes count as what they become."""
    ending = "(shortened)"

    assert fitting("a\nb", ending, limit=10) == "a\nb"
    assert fitting("\n".join(["word"] * 9), ending, limit=30) == "word\nword\nword\n(shortened)"
    assert fitting("*" * 40, ending, limit=40) == "(shortened)"
    assert fitting("x" * 99, ending, limit=0) == "x" * 99
