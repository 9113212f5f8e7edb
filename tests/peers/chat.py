"""Slack, Discord, Teams and Mattermost as their pages describe their incoming webhooks, on port 0 with TLS.

A body that the service would refuse is refused here, with the service's own status. Paths of Mattermost are
named after what they do:

- /hooks/withdrawn (404), /hooks/busy (429), /hooks/broken (500), /hooks/moved (302), /hooks/hangs
- any other: takes the message
"""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.peers.http_peer import HttpPeer

#: The names in the addresses of incoming webhooks; that of a Teams workflow and of Mattermost are invented.
SLACK = "hooks.slack.com"
DISCORD = "discord.com"
TEAMS = "prod-1.logic.azure.com"
MATTERMOST = "chat.lender.example"
HOSTS = (SLACK, DISCORD, TEAMS, MATTERMOST)
STATUS = {"/hooks/withdrawn": 404, "/hooks/busy": 429, "/hooks/broken": 500, "/hooks/moved": 302}
DISCORD_CHARS = 2_000
MATTERMOST_CHARS = 16_383
SLACK_CHARS = 40_000
TEAMS_BYTES = 28 * 1024


@dataclass(frozen=True)
class ChatMessage:
    """One message that a service took: the text that people see, and the whole body."""

    host: str
    text: str
    body: dict[str, Any]


def status_and_text(host: str, target: str, body: dict[str, Any], size: int) -> tuple[int, str]:
    """Return what the service answers, and the text that it would show."""
    path = urlsplit(target).path
    if host == SLACK:
        attachments = body.get("attachments", [])
        text = "\n".join([body.get("text", ""), *(f"{a.get('title')}\n{a.get('text')}" for a in attachments)])
        right = path.startswith("/services/") and path.count("/") == 4
        return (200 if right and text.strip() and len(text) <= SLACK_CHARS else 400), text
    if host == DISCORD:
        text = str(body.get("content", ""))
        right = path.startswith("/api/webhooks/") and path.count("/") == 4
        return (204 if right and 0 < len(text) <= DISCORD_CHARS else 400), text
    if host == TEAMS:
        signed = {"api-version", "sp", "sv", "sig"} <= parse_qs(urlsplit(target).query).keys()
        right = signed and path.endswith("/triggers/manual/paths/invoke") and size <= TEAMS_BYTES
        cards = [each["content"] for each in body.get("attachments", [])]
        kinds = {each.get("contentType") for each in body.get("attachments", [])}
        text = "\n".join(block["text"] for card in cards for block in card["body"])
        right = right and {card["type"] for card in cards} == {"AdaptiveCard"} and body["type"] == "message"
        right = right and kinds == {"application/vnd.microsoft.card.adaptive"}
        return (202 if right else 400), text
    text = str(body.get("text", ""))
    wanted = 200 if path.startswith("/hooks/") and 0 < len(text) <= MATTERMOST_CHARS else 400
    return STATUS.get(path, wanted), text


class ChatPeer(HttpPeer):
    """Use as a context manager. `taken` holds the messages that were taken, `asked` each target."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(self._handler(), name="chat-peer", tls=tls)
        self.taken: list[ChatMessage] = []
        self.asked: list[str] = []
        self.ended = threading.Event()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                host = self.headers["Host"].partition(":")[0]
                peer.asked.append(self.path)
                if self.path == "/hooks/hangs":
                    peer.ended.wait(60)
                body = json.loads(raw) if "json" in self.headers.get("Content-Type", "") else {}
                status, text = status_and_text(host, self.path, body, len(raw))
                if status < 300:
                    peer.taken.append(ChatMessage(host, text, body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/hooks/elsewhere")
                answer = b"ok" if status == 200 else b""
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler
