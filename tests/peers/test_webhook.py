"""tests.peers.webhook: what the receiver counts as a request."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from tests.peers.webhook import WebhookPeer

SECRET = "whsec_" + "aW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQ="


def test_half_a_request_is_none() -> None:
    """A sender that dies in the middle of its request has sent nothing; a whole one without a signature is
    noted as such.
    """
    with WebhookPeer(SECRET) as peer:
        address = urlsplit(peer.url("/ok", host="127.0.0.1"))
        for body in (b"{", b"{}"):
            with socket.create_connection((address.hostname or "", address.port or 0)) as sender:
                sender.sendall(b"POST /ok HTTP/1.1\r\nContent-Length: 2\r\n\r\n" + body)
                sender.shutdown(socket.SHUT_WR)
                sender.recv(1024)

    assert [(each.body, each.verified) for each in peer.received] == [(b"{}", False)]
