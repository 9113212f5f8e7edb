"""The time limit of an attempt holds while the resolver does not answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from alerts.errors import DeliveryTimedOut
from alerts.settings import EmailChannel, WebhookChannel
from alerts.transports import send
from tests.alerts.samples import email_channel, outgoing, webhook_channel
from tests.waiting import PATIENCE_S

SILENT = "silent.lender.example"


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that answers nothing until the event is set."""
    answers = threading.Event()

    def wait(*_: object, **__: object) -> None:
        answers.wait(PATIENCE_S)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield answers
    answers.set()


@pytest.mark.parametrize(
    "channel",
    [
        webhook_channel(f"https://{SILENT}/in", timeout_s=0.3),
        email_channel(25, host=SILENT, timeout_s=0.3),
    ],
    ids=["webhook", "email"],
)
def test_a_name_that_is_not_resolved_costs_a_bounded_time(
    silent_resolver: threading.Event, channel: EmailChannel | WebhookChannel
) -> None:
    """The attempt ends at its time limit, and leaves the thread that waits for the resolver alone."""
    with pytest.raises(DeliveryTimedOut, match=r"0\.3 s"):
        send(channel, outgoing())

    assert not silent_resolver.is_set()
    assert [thread.name for thread in threading.enumerate()].count("resolver") >= 1
