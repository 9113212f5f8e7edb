"""A real SMTP server (aiosmtpd) on port 0, whose recipients are named after its misbehaviour.

- refused@: 550 to RCPT
- later@: 451 to RCPT (greylisting), until `mended` is set
- unwanted@: 554 to the message
- drops-once@: accepts the first message, then closes the connection without an answer
- hangs@: never answers the message

With `token`, it takes XOAUTH2 with that user and access token only, as Microsoft and Google do. `demand` is
its answer to a sender that has not logged in.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.patience import PATIENCE_S


class SmtpPeer:
    """Use as a context manager. `received` holds every accepted message, in order."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        token: tuple[str, str] | None = None,
        demand: str = "",
        advertise_starttls: bool = True,
    ) -> None:
        self.received: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.mended = False
        self.encrypted: list[bool] = []
        self.port = 0
        self._tls = tls
        self._implicit = implicit
        self._login = login
        self._token = token
        self._demand = demand
        self._starttls = tls if tls and not implicit and advertise_starttls else None
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-peer", daemon=True)
        self._server: asyncio.Server | None = None
        self._dropped = False

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start_server(), self._loop).result(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop_server(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def wait(self, count: int, timeout_s: float = PATIENCE_S) -> list[EmailMessage]:
        """Return the messages as soon as there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.received) >= count, timeout_s):
                raise TimeoutError(
                    f"received {len(self.received)} of {count} messages within {timeout_s:g} s"
                )
            return list(self.received)

    async def _start_server(self) -> None:
        self._server = await self._loop.create_server(
            self._protocol_factory(), "127.0.0.1", 0, ssl=self._tls if self._implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_server(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def _protocol_factory(self) -> Callable[[], SMTP]:
        def make() -> SMTP:
            return SMTP(
                self,
                hostname="mail.lender.test",
                tls_context=self._starttls,
                require_starttls=self._starttls is not None,
                authenticator=self._authenticate if self._login else None,
                auth_required=self._login is not None or self._token is not None,
                auth_require_tls=True,
                auth_exclude_mechanism=["LOGIN", "PLAIN"] if self._token else ["XOAUTH2"],
                timeout=600,
            )

        return make

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else ("", "")
        return AuthResult(success=given == self._login, handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Check user and token: a challenge, then 535, if they are wrong (the protocol of Google)."""
        given = base64.b64decode(args[1]).decode()
        if self._token and given == f"user={self._token[0]}\x01auth=Bearer {self._token[1]}\x01\x01":
            return AuthResult(success=True, handled=False)
        await server.challenge_auth(b'{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(  # noqa: N802 - the name of aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._demand or "250 OK"

    async def handle_RCPT(  # noqa: N802 - the name of aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = {
            "refused": "550 5.1.1 <refused@lender.test>: no such user 13800138000",
            "later": "451 4.7.1 Greylisted, come back later",
        }
        name = address.partition("@")[0]
        answer = None if name == "later" and self.mended else answers.get(name)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        names = {address.partition("@")[0] for address in envelope.rcpt_tos}
        if "unwanted" in names:
            return "554 5.7.1 Message refused by policy"
        if "hangs" in names:
            await asyncio.Event().wait()
        self._store_message(envelope, encrypted=session.ssl is not None or self._implicit)
        if "drops-once" in names and not self._dropped:
            self._dropped = True
            if isinstance(server.transport, asyncio.Transport):
                server.transport.abort()
        return "250 2.0.0 Taken"

    def _store_message(self, envelope: Envelope, *, encrypted: bool) -> None:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = message_from_bytes(content, policy=default)
        with self._arrived:
            self.raw.append(content)
            self.recipients.append(list(envelope.rcpt_tos))
            self.received.append(message)
            self.encrypted.append(encrypted)
            self._arrived.notify_all()
