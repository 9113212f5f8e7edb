"""The process that sends one message through Apprise. It is started by its path, as a program of its own.

Apprise has plugins for more than a hundred services, each with its own time limits, logs and libraries. A
process can be ended from outside at any moment, cannot fill the daemon's memory, and takes its logs with it.
It gets the job as JSON on standard input, because other users can read arguments, and answers with JSON on
standard output: a status and a code, and nothing of what the service or Apprise said.

It must not import the packages `alerts` or `alerts.transports`, which would take a second of CPU.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import Collection
from typing import Any

from network.public_addresses import is_public

MEMORY_BYTES = 1024**3
#: Seconds after its time limit at which a process without a parent ends itself.
ALONE_S = 5
#: What Apprise's plugins log: the status of a refusal, and the answer of a proxy to CONNECT.
STATUS = re.compile(r"\berror[:=] ?(\d{3})\b")
PROXY_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")
PROXY_LOST = re.compile(r"Cannot connect to proxy|ProxyError")
#: Characters that a service's markup escapes, and what each may become in length.
WORDS = re.compile(r"\w", re.ASCII)
LONGEST = {"&": 5, "<": 4, ">": 4, '"': 6}


class LogReader(logging.Handler):
    """Keeps the numbers in what Apprise logs, and none of its words."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.status: int | None = None
        self.proxy_status: int | None = None
        self.proxy_lost = False

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if found := STATUS.search(line):
            self.status = int(found[1])
        if found := PROXY_STATUS.search(line):
            self.proxy_status = int(found[1])
        self.proxy_lost = self.proxy_lost or PROXY_LOST.search(line) is not None


class AddressRules:
    """Takes the place of the resolver: addresses that are not public are left out, as for webhooks."""

    def __init__(self, allowed: Collection[str]) -> None:
        self.private: str | None = None
        self.unknown: str | None = None
        self._allowed = frozenset(allowed)
        self._resolve = socket.getaddrinfo

    def __call__(self, host: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the resolver's
        name = host.decode("ascii") if isinstance(host, bytes) else host
        try:
            found = self._resolve(host, *arguments, **options)
        except (OSError, UnicodeError):
            self.unknown = name
            raise
        if name in self._allowed:
            return found
        public = [each for each in found if is_public(str(each[4][0]))]
        if not public:
            self.private = name
            raise OSError("not a public address")
        return public


def main() -> None:
    """Carry out the job on standard input, and answer on standard output."""
    job, answers = json.loads(sys.stdin.buffer.read()), os.dup(1)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - until the process ends
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(job["timeout_s"]) + ALONE_S)
    os.environ.update(job["environment"])
    os.write(answers, json.dumps(outcome_of(job)).encode())


def outcome_of(job: dict[str, Any]) -> dict[str, Any]:
    """Send what the job says, or only check its URL; return the answer to the parent."""
    try:
        import apprise
    except ImportError:
        return {"outcome": "missing"}
    rules, log = AddressRules(job["allowed"]), LogReader()
    socket.getaddrinfo = rules
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [log], False
    logger.setLevel(logging.DEBUG)
    asset = apprise.AppriseAsset(app_id="Spillwatch", allow_templates=False)
    asset.http_redirects = False
    asset.image_url_mask = asset.image_url_logo = ""  # pictures of a third party's server
    plugin = apprise.Apprise.instantiate(job["url"], asset=asset)
    if plugin is None:
        return {"outcome": "url"}
    if job.get("check"):
        return {"outcome": "accepted", "service": str(plugin.service_name)}
    plugin.socket_connect_timeout = plugin.socket_read_timeout = job["timeout_s"]
    plugin.redirects, plugin.verify_certificate = False, True
    sent = plugin.notify(
        title=job["title"],
        body=fitting(job["body"], job["ending"], limit=_limit(plugin, job["title"])),
        notify_type=apprise.NotifyType(job["type"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return {"outcome": "sent"} if sent else _failure(rules, log)


def _failure(rules: AddressRules, log: LogReader) -> dict[str, Any]:
    """Return why nothing was sent. Order: the name, the proxy, what the service answered, anything else."""
    if rules.private is not None:
        return {"outcome": "private", "host": rules.private}
    if rules.unknown is not None:
        return {"outcome": "unresolved", "host": rules.unknown}
    if log.proxy_status is not None or log.proxy_lost:
        return {"outcome": "proxy", "status": log.proxy_status}
    return {"outcome": "refused", "status": log.status} if log.status else {"outcome": "failed"}


def _limit(plugin: Any, title: str) -> int:  # noqa: ANN401 - a class of Apprise's
    """Return the characters that the service takes; without titles of its own, the title is in the body."""
    title_cost = _cost(title) + 10 if plugin.title_maxlen <= 0 else 0
    return int(plugin.body_maxlen) - title_cost


def _cost(text: str) -> int:
    """Return the length that a text may have when the service's markup is escaped."""
    return sum(1 if WORDS.match(sign) or sign.isspace() else LONGEST.get(sign, 2) for sign in text)


def fitting(body: str, ending: str, *, limit: int) -> str:
    """Return the whole body if it fits, else its first lines and the ending, which says that it was cut."""
    if limit <= 0 or _cost(body) <= limit:
        return body
    room, kept = limit - _cost(ending) - 2, list[str]()
    for line in body.split("\n"):
        room -= _cost(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, ending])


if __name__ == "__main__":
    main()
