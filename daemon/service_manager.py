"""Reports the daemon's state to systemd (sd_notify(3)): one datagram per message, to the socket it names."""

from __future__ import annotations

import socket
import time

import structlog

log = structlog.get_logger()


class ServiceManager:
    """Sends nothing if `notify_socket` is None."""

    def __init__(self, notify_socket: str | None) -> None:
        # A name that begins with "@" is in the abstract namespace: its first byte is NUL.
        self._address = (
            notify_socket and "\0" + notify_socket[1:]
            if (notify_socket or "").startswith("@")
            else notify_socket
        )

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Report a reload, which `ready` ends. systemd uses the monotonic time to tell reloads apart."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        self._send(f"STATUS={sentence}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning(f"Cannot send a message to systemd: {error.strerror}.", action="notify_failed")
