"""Errors of the crawler.

SpillwatchError (storage.errors)
└── CrawlError
    ├── FetchError                one page could not be had; `outcome` is what a run ends in that had none
    │   ├── FetchFailed           could_not_fetch
    │   │   ├── HostNotFound, ConnectionRefused, ConnectionLost, TimedOut, Truncated, ServerFailed   (retried)
    │   │   ├── RateLimited, TlsFailed, HeadersRefused, MalformedResponse, BodyTooLarge
    │   │   ├── DecompressedTooLarge, BadEncoding, TooManyRedirects, NotThere, UnexpectedStatus
    │   │   ├── SentToTheFront    a NotThere that the site does not say
    │   │   ├── MissingOrKept     the site says the same of what is gone and of what is kept from us
    │   │   ├── TorUnreachable    ends the run, whatever it had read
    │   │   ├── TorProblem        Tor is there, and could not reach the host
    │   │   │   ├── TorFailed, TorTimedOut, OnionSilent, OnionPortClosed   (retried)
    │   │   │   └── OnionNotFound, OnionAddressWrong, OnionKeyWanted
    │   │   └── RobotsUnreachable
    │   ├── BudgetEnded, QuietHoursBegan, RunStopped   nothing is wrong with the site
    │   ├── Walled                wall: the site shows a wall instead of its page; nothing is done to get past
    │   │   └── LoginWall, Captcha, WaitingQueue, Banned, AgeGate
    │   └── FetchRefused          refused: by the guard, by the site's robots.txt, or by the site itself
    │       ├── MethodRefused, UrlRefused, SchemeRefused, AddressRefused, ContentRefused
    │       ├── OnionWithoutTor, OnionLeft, RouteMissing
    │       ├── CookiesRefused    ends the run before anything is asked
    │       │   └── CookiesMissing, CookiesExposed, CookiesUnreadable
    │       ├── RobotsForbidden, TokenRefused
    │       └── SiteDenied
    ├── ParseFailed               a page came and could not be parsed
    │   └── ParseTimedOut
    ├── JobRefused                the child could not use what it was given
    ├── RunSuperseded             another process owns this run now
    └── ScheduleRefused           a source's schedule cannot be used
"""

from __future__ import annotations

from typing import ClassVar

from storage.errors import SpillwatchError
from storage.runs import RunOutcome


class CrawlError(SpillwatchError):
    """The crawl could not go on."""

    reason = "crawl_error"

    # A class says in its first line what its parent does not say; its docstring is its message.
    def __init_subclass__(cls, *, reason: str | None = None, permanent: bool | None = None) -> None:
        super().__init_subclass__()
        cls.reason = reason or cls.reason
        cls.permanent = cls.permanent if permanent is None else permanent


class ParseFailed(CrawlError, reason="parse_failed"):
    """A page could not be parsed, by a defect of ours; the log names it."""


class ParseTimedOut(ParseFailed, reason="parse_timeout"):
    """Parsing a page took too long."""


class JobRefused(CrawlError, reason="job_refused"):
    """The job on standard input could not be used."""


class RunSuperseded(CrawlError, reason="run_superseded"):
    """This run was taken over or ended by another process; nothing more is written for it."""


class ScheduleRefused(CrawlError, reason="schedule_refused"):
    """The schedule of a source cannot be used."""


class FetchError(CrawlError, reason="fetch_failed"):
    """A page could not be had."""

    outcome: ClassVar[RunOutcome] = RunOutcome.COULD_NOT_FETCH
    #: A run that is closed for it ends in `outcome`, whatever it had read before.
    decides: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        *,
        reason: str | None = None,
        permanent: bool | None = None,
        outcome: RunOutcome | None = None,
        decides: bool | None = None,
    ) -> None:
        super().__init_subclass__(reason=reason, permanent=permanent)
        cls.outcome = outcome or cls.outcome
        cls.decides = cls.decides if decides is None else decides


class FetchFailed(FetchError):
    """A page could not be fetched."""


class HostNotFound(FetchFailed, reason="host_not_found", permanent=False):
    """The host name was not found."""


class ConnectionRefused(FetchFailed, reason="connection_refused", permanent=False):
    """The host took no connection."""


class ConnectionLost(FetchFailed, reason="connection_lost", permanent=False):
    """The connection ended before an answer."""


class TimedOut(FetchFailed, reason="timed_out", permanent=False):
    """The answer was not complete in time."""


class Truncated(FetchFailed, reason="truncated", permanent=False):
    """The answer ended before it was complete."""


class ServerFailed(FetchFailed, reason="server_error", permanent=False):
    """The site answered with an error of its own (5xx)."""


class RateLimited(FetchFailed, reason="rate_limited", permanent=False):
    """The site asks for fewer requests (429)."""


class TorUnreachable(FetchFailed, reason="tor_unreachable", permanent=False, decides=True):
    """Tor does not answer."""


class TorProblem(FetchFailed, reason="tor_problem"):
    """Tor answers, but could not reach the host."""


class TorFailed(TorProblem, reason="tor_failed", permanent=False):
    """Tor could not reach the host and gave no narrower reason."""


class TorTimedOut(TorProblem, reason="tor_timed_out", permanent=False):
    """Tor reached the host's side in no time that was allowed."""


class OnionSilent(TorProblem, reason="onion_silent", permanent=False):
    """The onion service is known, but did not answer Tor."""


class OnionPortClosed(TorProblem, reason="onion_port_closed", permanent=False):
    """The onion service is there, but nothing listens at the port."""


class OnionNotFound(TorProblem, reason="onion_not_found", permanent=False):
    """There is no descriptor of the onion service: it is down, or has gone."""


class OnionAddressWrong(TorProblem, reason="onion_address_wrong"):
    """The address is no onion address."""


class OnionKeyWanted(TorProblem, reason="onion_key_wanted"):
    """The onion service lets in only those who hold its key."""


class TlsFailed(FetchFailed, reason="tls_failed"):
    """The site's certificate could not be verified."""


class HeadersRefused(FetchFailed, reason="headers_too_large"):
    """The answer has too many or too long headers."""


class MalformedResponse(FetchFailed, reason="malformed_response"):
    """The answer is not HTTP."""


class BodyTooLarge(FetchFailed, reason="body_too_large"):
    """The answer is larger than the limit."""


class DecompressedTooLarge(FetchFailed, reason="decompressed_too_large"):
    """The answer is larger than the limit when decompressed."""


class BadEncoding(FetchFailed, reason="bad_encoding"):
    """The answer's Content-Encoding could not be undone."""


class TooManyRedirects(FetchFailed, reason="too_many_redirects"):
    """The site redirects on and on."""


class NotThere(FetchFailed, reason="not_there"):
    """The page is not there (404 or 410)."""


class SentToTheFront(NotThere, reason="sent_to_the_front"):
    """The page's address leads to the site's front page."""


class MissingOrKept(FetchFailed, reason="missing_or_kept"):
    """The page is gone or is kept from us; the site says the same of both."""


class UnexpectedStatus(FetchFailed, reason="unexpected_status"):
    """The site answered with a status that is no page."""


class RobotsUnreachable(FetchFailed, reason="robots_unreachable"):
    """robots.txt could not be read, so nothing else was asked for."""


class BudgetEnded(FetchError, reason="budget_ended"):
    """The run's budget ended."""


class RunStopped(FetchError, reason="stopped", outcome=RunOutcome.INTERRUPTED):
    """The run is being ended."""


class QuietHoursBegan(FetchError, reason="quiet_hours", outcome=RunOutcome.INTERRUPTED):
    """The source's quiet hours began."""


class FetchRefused(FetchError, reason="fetch_refused", outcome=RunOutcome.REFUSED):
    """A page is not to be fetched."""


class MethodRefused(FetchRefused, reason="method_refused"):
    """Only GET and HEAD are used."""


class UrlRefused(FetchRefused, reason="url_refused"):
    """An address cannot be used."""


class SchemeRefused(FetchRefused, reason="scheme_refused"):
    """Only http and https are followed."""


class AddressRefused(FetchRefused, reason="private_address"):
    """A host stands for an address that is not public."""


class ContentRefused(FetchRefused, reason="content_refused"):
    """A file of a kind that is never fetched."""


class OnionWithoutTor(FetchRefused, reason="onion_without_tor"):
    """An onion name is never asked for outside Tor."""


class RouteMissing(FetchRefused, reason="route_missing"):
    """The way out that the source names does not exist, so nothing goes out."""


class OnionLeft(FetchRefused, reason="onion_left"):
    """A redirect leads out of Tor's own network."""


class CookiesRefused(FetchRefused, reason="cookies_refused", decides=True):
    """The source's cookies cannot be used, so nothing is asked for."""


class CookiesMissing(CookiesRefused, reason="cookies_missing"):
    """The file named in cookies_file cannot be read."""


class CookiesExposed(CookiesRefused, reason="cookies_exposed"):
    """Others may read the cookies."""


class CookiesUnreadable(CookiesRefused, reason="cookies_unreadable"):
    """What is in cookies_file is no export of cookies."""


class RobotsForbidden(FetchRefused, reason="robots_forbidden"):
    """The site's robots.txt does not want this page fetched."""


class TokenRefused(FetchRefused, reason="token_refused"):
    """The file with an interface's key cannot be used."""


class SiteDenied(FetchRefused, reason="site_denied"):
    """The site does not let us in (401, 403 or 451)."""


class Walled(FetchError, reason="walled", permanent=False, outcome=RunOutcome.WALL):
    """The site shows a wall instead of its page."""


class LoginWall(Walled, reason="login_wall"):
    """The site wants a login."""


class Captcha(Walled, reason="captcha"):
    """The site shows a captcha."""


class WaitingQueue(Walled, reason="queue"):
    """The site shows a waiting queue, or a check of the browser."""


class Banned(Walled, reason="banned"):
    """The site says that we are banned."""


class AgeGate(Walled, reason="age_gate"):
    """The site asks for an age."""
