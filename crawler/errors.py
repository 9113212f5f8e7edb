"""Errors of the crawler.

SpillwatchError (storage.errors)
└── CrawlError
    ├── FetchError                one page could not be fetched; `outcome`: of a run that could read none
    │   ├── FetchFailed           could_not_fetch
    │   │   ├── HostNotFound, ConnectionRefused, ConnectionLost, TimedOut, Truncated, ServerFailed   (retried)
    │   │   ├── RateLimited, TlsFailed, HeadersRefused, MalformedResponse, BodyTooLarge
    │   │   ├── DecompressedTooLarge, BadEncoding, TooManyRedirects, NotThere, UnexpectedStatus
    │   │   ├── SentToTheFront    a NotThere shown by a redirect
    │   │   ├── MissingOrKept     the site answers the same for a page that is gone and for a hidden one
    │   │   ├── TorUnreachable    ends the run, whatever was read before
    │   │   ├── ProxyProblem      the outgoing proxy, and not the site
    │   │   │   ├── ProxyUnreachable, ProxyLoginRefused    end the run, whatever was read before
    │   │   │   ├── ProxyFailed, ProxyTimedOut             (retried)
    │   │   │   └── ProxyRefused
    │   │   ├── TorProblem        Tor answers, but could not reach the host
    │   │   │   ├── TorFailed, TorTimedOut, OnionSilent, OnionPortClosed   (retried)
    │   │   │   └── OnionNotFound, OnionAddressWrong, OnionKeyWanted
    │   │   └── RobotsUnreachable
    │   ├── BudgetEnded, QuietHoursBegan, RunStopped   the site has no problem
    │   ├── Walled                wall: the site shows a wall instead of its page
    │   │   └── LoginWall, Captcha, WaitingQueue, Banned, AgeGate
    │   └── FetchRefused          refused: by the guard, by the site's robots.txt, or by the site itself
    │       ├── MethodRefused, UrlRefused, StateLinkRefused, SchemeRefused, AddressRefused
    │       ├── ContentRefused
    │       ├── OnionWithoutTor, OnionLeft, RouteMissing
    │       ├── CookiesRefused    ends the run before anything is requested
    │       │   └── CookiesMissing, CookiesExposed, CookiesUnreadable
    │       ├── ProxyFileRefused  ends the run before anything is requested
    │       ├── RobotsForbidden, TokenRefused
    │       └── SiteDenied
    ├── ParseFailed               a page came, but could not be parsed
    │   └── ParseTimedOut
    ├── JobRefused                the child process could not use its job
    ├── RunSuperseded             another process has taken over this run
    └── ScheduleRefused           a source's schedule cannot be used
"""

from __future__ import annotations

from typing import ClassVar

from storage.errors import SpillwatchError
from storage.runs import RunOutcome


class CrawlError(SpillwatchError):
    """The crawl could not go on."""

    reason = "crawl_error"

    # The first line of a class states what differs from its parent; its docstring is its default message.
    def __init_subclass__(cls, *, reason: str | None = None, permanent: bool | None = None) -> None:
        super().__init_subclass__()
        cls.reason = reason or cls.reason
        cls.permanent = cls.permanent if permanent is None else permanent


class ParseFailed(CrawlError, reason="parse_failed"):
    """A page could not be parsed because of a defect of Spillwatch; the log names it."""


class ParseTimedOut(ParseFailed, reason="parse_timeout"):
    """Parsing a page took too long."""


class JobRefused(CrawlError, reason="job_refused"):
    """The job on standard input could not be used."""


class RunSuperseded(CrawlError, reason="run_superseded"):
    """Another process took over or ended this run; nothing more is written for it."""


class ScheduleRefused(CrawlError, reason="schedule_refused"):
    """The schedule of a source cannot be used."""


class FetchError(CrawlError, reason="fetch_failed"):
    """A page could not be fetched."""

    outcome: ClassVar[RunOutcome] = RunOutcome.COULD_NOT_FETCH
    #: Whether a run that is closed by this error ends in `outcome`, whatever it had read before.
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
    """The request failed."""


class HostNotFound(FetchFailed, reason="host_not_found", permanent=False):
    """The host name was not found."""


class ConnectionRefused(FetchFailed, reason="connection_refused", permanent=False):
    """The host did not accept a connection."""


class ConnectionLost(FetchFailed, reason="connection_lost", permanent=False):
    """The connection ended before the response."""


class TimedOut(FetchFailed, reason="timed_out", permanent=False):
    """The response was not complete within the time limit."""


class Truncated(FetchFailed, reason="truncated", permanent=False):
    """The response ended before it was complete."""


class ServerFailed(FetchFailed, reason="server_error", permanent=False):
    """The site answered with an error of its own (5xx)."""


class RateLimited(FetchFailed, reason="rate_limited", permanent=False):
    """The site asks for fewer requests (429)."""


class TorUnreachable(FetchFailed, reason="tor_unreachable", permanent=False, decides=True):
    """Tor does not answer."""


class ProxyProblem(FetchFailed, reason="proxy_problem"):
    """The outgoing proxy did not carry out a request."""


class ProxyUnreachable(ProxyProblem, reason="proxy_unreachable", permanent=False, decides=True):
    """The outgoing proxy does not accept connections."""


class ProxyLoginRefused(ProxyProblem, reason="proxy_login_refused", decides=True):
    """The outgoing proxy wants another login."""


class ProxyRefused(ProxyProblem, reason="proxy_refused"):
    """The outgoing proxy does not allow this request."""


class ProxyFailed(ProxyProblem, reason="proxy_failed", permanent=False):
    """The outgoing proxy could not reach the host, or has trouble of its own."""


class ProxyTimedOut(ProxyProblem, reason="proxy_timed_out", permanent=False):
    """The outgoing proxy did not connect to the host within the time limit."""


class TorProblem(FetchFailed, reason="tor_problem"):
    """Tor answers, but could not reach the host."""


class TorFailed(TorProblem, reason="tor_failed", permanent=False):
    """Tor could not reach the host and gave no more specific reason."""


class TorTimedOut(TorProblem, reason="tor_timed_out", permanent=False):
    """Tor did not connect to the host within the time limit."""


class OnionSilent(TorProblem, reason="onion_silent", permanent=False):
    """The onion service has a descriptor, but did not answer Tor."""


class OnionPortClosed(TorProblem, reason="onion_port_closed", permanent=False):
    """The onion service exists, but nothing listens at the port."""


class OnionNotFound(TorProblem, reason="onion_not_found", permanent=False):
    """Tor found no descriptor of the onion service: it is down or has moved."""


class OnionAddressWrong(TorProblem, reason="onion_address_wrong"):
    """The address is not a valid onion address."""


class OnionKeyWanted(TorProblem, reason="onion_key_wanted"):
    """The onion service admits only clients that hold its key."""


class TlsFailed(FetchFailed, reason="tls_failed"):
    """The site's certificate could not be verified."""


class HeadersRefused(FetchFailed, reason="headers_too_large"):
    """The response has too many or too long headers."""


class MalformedResponse(FetchFailed, reason="malformed_response"):
    """The response is not HTTP."""


class BodyTooLarge(FetchFailed, reason="body_too_large"):
    """The response is larger than the limit."""


class DecompressedTooLarge(FetchFailed, reason="decompressed_too_large"):
    """The response is larger than the limit when decompressed."""


class BadEncoding(FetchFailed, reason="bad_encoding"):
    """The response could not be decompressed."""


class TooManyRedirects(FetchFailed, reason="too_many_redirects"):
    """The site redirected too many times in a row."""


class NotThere(FetchFailed, reason="not_there"):
    """The page does not exist (404 or 410)."""


class SentToTheFront(NotThere, reason="sent_to_the_front"):
    """The page redirects to the site's front page."""


class SaysMissing(FetchFailed, reason="says_missing"):
    """The page says that it does not exist, with status 200."""


class MissingOrKept(FetchFailed, reason="missing_or_kept"):
    """The page is gone or hidden from us; the site answers the same for both."""


class UnexpectedStatus(FetchFailed, reason="unexpected_status"):
    """The site answered with a status that does not stand for a page."""


class RobotsUnreachable(FetchFailed, reason="robots_unreachable"):
    """robots.txt could not be read, so nothing else was requested."""


class BudgetEnded(FetchError, reason="budget_ended"):
    """The run's budget was spent."""


class RunStopped(FetchError, reason="stopped", outcome=RunOutcome.INTERRUPTED):
    """The run is being ended."""


class QuietHoursBegan(FetchError, reason="quiet_hours", outcome=RunOutcome.INTERRUPTED):
    """The source's quiet hours began."""


class FetchRefused(FetchError, reason="fetch_refused", outcome=RunOutcome.REFUSED):
    """Fetching a page is not allowed."""


class MethodRefused(FetchRefused, reason="method_refused"):
    """Only GET and HEAD are used."""


class UrlRefused(FetchRefused, reason="url_refused"):
    """A URL cannot be used."""


class StateLinkRefused(FetchRefused, reason="state_link_refused"):
    """A link changes something at the site instead of showing something."""


class SchemeRefused(FetchRefused, reason="scheme_refused"):
    """Only http and https are followed."""


class AddressRefused(FetchRefused, reason="private_address"):
    """A host resolves to an address that is not public."""


class ContentRefused(FetchRefused, reason="content_refused"):
    """A file of a kind that is never fetched."""


class OnionWithoutTor(FetchRefused, reason="onion_without_tor"):
    """An onion name is never requested outside Tor."""


class RouteMissing(FetchRefused, reason="route_missing"):
    """The source is fetched through Tor, which is not configured, so nothing is requested."""


class OnionLeft(FetchRefused, reason="onion_left"):
    """A redirect leads out of Tor's network."""


class CookiesRefused(FetchRefused, reason="cookies_refused", decides=True):
    """The source's cookies cannot be used, so nothing is requested."""


class CookiesMissing(CookiesRefused, reason="cookies_missing"):
    """The file named in cookies_file cannot be read."""


class CookiesExposed(CookiesRefused, reason="cookies_exposed"):
    """Other users can read the cookies."""


class CookiesUnreadable(CookiesRefused, reason="cookies_unreadable"):
    """The cookies_file is not an export of cookies."""


class ProxyFileRefused(FetchRefused, reason="proxy_file_refused", decides=True):
    """The source's proxy_file cannot be used, so nothing is requested."""


class RobotsForbidden(FetchRefused, reason="robots_forbidden"):
    """The site's robots.txt does not allow this page to be fetched."""


class TokenRefused(FetchRefused, reason="token_refused"):
    """The file with an interface's key cannot be used."""


class SiteDenied(FetchRefused, reason="site_denied"):
    """The site does not let us in (401, 403 or 451)."""


class Walled(FetchError, reason="walled", permanent=False, outcome=RunOutcome.WALL):
    """The site shows a wall instead of its page."""


class LoginWall(Walled, reason="login_wall"):
    """The site requires a login."""


class Captcha(Walled, reason="captcha"):
    """The site shows a captcha."""


class WaitingQueue(Walled, reason="queue"):
    """The site shows a waiting queue, or a check of the browser."""


class Banned(Walled, reason="banned"):
    """The site says that access is banned."""


class AgeGate(Walled, reason="age_gate"):
    """The site asks for an age."""
