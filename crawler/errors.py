"""Errors of the crawler.

SpillwatchError (storage.errors)
└── CrawlError
    ├── FetchError                one page could not be had; `outcome` is what a run ends in that had none
    │   ├── FetchFailed           could_not_fetch
    │   │   ├── HostNotFound, ConnectionRefused, ConnectionLost, TimedOut, Truncated, ServerFailed   (retried)
    │   │   ├── RateLimited, TlsFailed, HeadersRefused, MalformedResponse, BodyTooLarge
    │   │   ├── DecompressedTooLarge, BadEncoding, TooManyRedirects, NotThere, UnexpectedStatus
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


class ParseFailed(CrawlError):
    """A page could not be parsed, by a defect of ours; the log names it."""

    reason = "parse_failed"


class ParseTimedOut(ParseFailed):
    """Parsing a page took too long."""

    reason = "parse_timeout"


class JobRefused(CrawlError):
    """The job on standard input could not be used."""

    reason = "job_refused"


class RunSuperseded(CrawlError):
    """This run was taken over or ended by another process; nothing more is written for it."""

    reason = "run_superseded"


class ScheduleRefused(CrawlError):
    """The schedule of a source cannot be used."""

    reason = "schedule_refused"


class FetchError(CrawlError):
    """A page could not be had."""

    reason = "fetch_failed"
    outcome: ClassVar[RunOutcome] = RunOutcome.COULD_NOT_FETCH
    #: A run that is closed for it ends in `outcome`, whatever it had read before.
    decides: ClassVar[bool] = False


class FetchFailed(FetchError):
    """A page could not be fetched."""


class HostNotFound(FetchFailed):
    """The host name was not found."""

    reason = "host_not_found"
    permanent = False


class ConnectionRefused(FetchFailed):
    """The host took no connection."""

    reason = "connection_refused"
    permanent = False


class ConnectionLost(FetchFailed):
    """The connection ended before an answer."""

    reason = "connection_lost"
    permanent = False


class TimedOut(FetchFailed):
    """The answer was not complete in time."""

    reason = "timed_out"
    permanent = False


class Truncated(FetchFailed):
    """The answer ended before it was complete."""

    reason = "truncated"
    permanent = False


class ServerFailed(FetchFailed):
    """The site answered with an error of its own (5xx)."""

    reason = "server_error"
    permanent = False


class RateLimited(FetchFailed):
    """The site asks for fewer requests (429)."""

    reason = "rate_limited"
    permanent = False


class TorUnreachable(FetchFailed):
    """Tor does not answer."""

    reason = "tor_unreachable"
    permanent = False
    decides = True


class TorProblem(FetchFailed):
    """Tor answers, but could not reach the host."""

    reason = "tor_problem"


class TorFailed(TorProblem):
    """Tor could not reach the host and gave no narrower reason."""

    reason = "tor_failed"
    permanent = False


class TorTimedOut(TorProblem):
    """Tor reached the host's side in no time that was allowed."""

    reason = "tor_timed_out"
    permanent = False


class OnionSilent(TorProblem):
    """The onion service is known, but did not answer Tor."""

    reason = "onion_silent"
    permanent = False


class OnionPortClosed(TorProblem):
    """The onion service is there, but nothing listens at the port."""

    reason = "onion_port_closed"
    permanent = False


class OnionNotFound(TorProblem):
    """There is no descriptor of the onion service: it is down, or has gone."""

    reason = "onion_not_found"
    permanent = False


class OnionAddressWrong(TorProblem):
    """The address is no onion address."""

    reason = "onion_address_wrong"


class OnionKeyWanted(TorProblem):
    """The onion service lets in only those who hold its key."""

    reason = "onion_key_wanted"


class TlsFailed(FetchFailed):
    """The site's certificate could not be verified."""

    reason = "tls_failed"


class HeadersRefused(FetchFailed):
    """The answer has too many or too long headers."""

    reason = "headers_too_large"


class MalformedResponse(FetchFailed):
    """The answer is not HTTP."""

    reason = "malformed_response"


class BodyTooLarge(FetchFailed):
    """The answer is larger than the limit."""

    reason = "body_too_large"


class DecompressedTooLarge(FetchFailed):
    """The answer is larger than the limit when decompressed."""

    reason = "decompressed_too_large"


class BadEncoding(FetchFailed):
    """The answer's Content-Encoding could not be undone."""

    reason = "bad_encoding"


class TooManyRedirects(FetchFailed):
    """The site redirects on and on."""

    reason = "too_many_redirects"


class NotThere(FetchFailed):
    """The page is not there (404 or 410)."""

    reason = "not_there"


class UnexpectedStatus(FetchFailed):
    """The site answered with a status that is no page."""

    reason = "unexpected_status"


class RobotsUnreachable(FetchFailed):
    """robots.txt could not be read, so nothing else was asked for."""

    reason = "robots_unreachable"


class BudgetEnded(FetchError):
    """The run's budget ended."""

    reason = "budget_ended"


class RunStopped(FetchError):
    """The run is being ended."""

    reason = "stopped"
    outcome = RunOutcome.INTERRUPTED


class QuietHoursBegan(FetchError):
    """The source's quiet hours began."""

    reason = "quiet_hours"
    outcome = RunOutcome.INTERRUPTED


class FetchRefused(FetchError):
    """A page is not to be fetched."""

    reason = "fetch_refused"
    outcome = RunOutcome.REFUSED


class MethodRefused(FetchRefused):
    """Only GET and HEAD are used."""

    reason = "method_refused"


class UrlRefused(FetchRefused):
    """An address cannot be used."""

    reason = "url_refused"


class SchemeRefused(FetchRefused):
    """Only http and https are followed."""

    reason = "scheme_refused"


class AddressRefused(FetchRefused):
    """A host stands for an address that is not public."""

    reason = "private_address"


class ContentRefused(FetchRefused):
    """A file of a kind that is never fetched."""

    reason = "content_refused"


class OnionWithoutTor(FetchRefused):
    """An onion name is never asked for outside Tor."""

    reason = "onion_without_tor"


class RouteMissing(FetchRefused):
    """The way out that the source names does not exist, so nothing goes out."""

    reason = "route_missing"


class OnionLeft(FetchRefused):
    """A redirect leads out of Tor's own network."""

    reason = "onion_left"


class CookiesRefused(FetchRefused):
    """The source's cookies cannot be used, so nothing is asked for."""

    reason = "cookies_refused"
    decides = True


class CookiesMissing(CookiesRefused):
    """The file named in cookies_file cannot be read."""

    reason = "cookies_missing"


class CookiesExposed(CookiesRefused):
    """Others may read the cookies."""

    reason = "cookies_exposed"


class CookiesUnreadable(CookiesRefused):
    """What is in cookies_file is no export of cookies."""

    reason = "cookies_unreadable"


class RobotsForbidden(FetchRefused):
    """The site's robots.txt does not want this page fetched."""

    reason = "robots_forbidden"


class TokenRefused(FetchRefused):
    """The file with an interface's key cannot be used."""

    reason = "token_refused"


class SiteDenied(FetchRefused):
    """The site does not let us in (401, 403 or 451)."""

    reason = "site_denied"


class Walled(FetchError):
    """The site shows a wall instead of its page."""

    reason = "walled"
    permanent = False
    outcome = RunOutcome.WALL


class LoginWall(Walled):
    """The site wants a login."""

    reason = "login_wall"


class Captcha(Walled):
    """The site shows a captcha."""

    reason = "captcha"


class WaitingQueue(Walled):
    """The site shows a waiting queue, or a check of the browser."""

    reason = "queue"


class Banned(Walled):
    """The site says that we are banned."""

    reason = "banned"


class AgeGate(Walled):
    """The site asks for an age."""

    reason = "age_gate"
