"""The process that receives the daemon's alerts: an SMTP server and a webhook receiver.

Both are third-party code, so that they test ours: aiosmtpd accepts mail (after STARTTLS and a password), and
the standardwebhooks library verifies each signature.

It prints the JSON line `{"ready": {"smtp": PORT, "webhook": URL}}` when it listens, then one line per
delivery (`mail` or `webhook`). Deliveries are kept in `FOLDER/mail` and `FOLDER/webhooks`. It ends when
standard input is closed.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from standardwebhooks import Webhook, WebhookVerificationError

from demo.credentials import Credentials
from demo.json_lines import read_lines, write_event

HOST = "127.0.0.1"


class MailReceiver:
    """aiosmtpd's handler: keeps each message and writes an event."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._received = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self._received += 1
        (self._folder / f"{self._received:03d}.eml").write_bytes(content)
        message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        plain = message.get_body(("plain",))
        write_event(
            {
                "mail": self._received,
                "at": time.time(),
                "headers": {name.lower(): str(value) for name, value in message.items()},
                "text": plain.get_content() if plain else "",
            }
        )
        return "250 Message accepted for delivery"


class WebhookReceiver:
    """The webhook receiver: answers 204 to a delivery with a valid signature, 400 to any other."""

    def __init__(self, folder: Path, secret: str) -> None:
        self._folder = folder
        self._verifier = Webhook(secret)
        self._received = 0

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._received += 1
        (self._folder / f"{self._received:03d}.json").write_bytes(body)
        verified = self._verified(body, dict(request.headers))
        key = request.headers.get("webhook-id", "")
        event = {"webhook": self._received, "at": time.time(), "key": key, "verified": verified}
        write_event({**event, "body": body.decode()})
        return web.Response(status=204 if verified else 400)

    def _verified(self, body: bytes, headers: dict[str, str]) -> bool:
        try:
            self._verifier.verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError:
            return False
        return True


async def serve_receivers(folder: Path) -> None:
    credentials = Credentials(folder / "secrets")
    for name in ("mail", "webhooks"):
        (folder / name).mkdir(exist_ok=True)
    smtp = await _start_smtp_server(MailReceiver(folder / "mail"), credentials)
    app = web.Application()
    app.router.add_post("/spillwatch", WebhookReceiver(folder / "webhooks", credentials.webhook).receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    port = smtp.sockets[0].getsockname()[1]
    write_event({"ready": {"smtp": port, "webhook": f"http://{HOST}:{runner.addresses[0][1]}/spillwatch"}})
    async for _ in read_lines():
        pass
    smtp.close()
    await runner.cleanup()


async def _start_smtp_server(handler: MailReceiver, credentials: Credentials) -> asyncio.Server:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(credentials.certificate_file, credentials.certificate_key_file)

    def login(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: object
    ) -> AuthResult:
        known = isinstance(login, LoginPassword) and login.password.decode() == credentials.smtp_password
        return AuthResult(success=known, handled=False)  # handled=False: aiosmtpd sends the answer

    def connection() -> SMTP:
        return SMTP(
            handler,
            hostname="mail.practice.test",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=login,
        )

    return await asyncio.get_running_loop().create_server(connection, HOST, 0)


if __name__ == "__main__":
    asyncio.run(serve_receivers(Path(sys.argv[1])))
