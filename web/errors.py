"""What a route refuses, as exceptions; app.py turns each into a page or, below /api/, into problem+json."""

from __future__ import annotations

from http import HTTPStatus

from storage.errors import SpillwatchError
from storage.service_tokens import TokenScope
from storage.users import Role


class ConsoleError(SpillwatchError):
    """A request that is refused."""

    reason = "console_error"
    status = HTTPStatus.BAD_REQUEST


class NotSignedIn(ConsoleError):
    """Sign in first."""

    reason = "not_signed_in"
    status = HTTPStatus.UNAUTHORIZED


class SecondFactorMissing(ConsoleError):
    """The installation requires a second factor, and this person has none yet."""

    reason = "second_factor_missing"
    status = HTTPStatus.FORBIDDEN


class NotAllowed(ConsoleError):
    """This role does not allow it."""

    reason = "not_allowed"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, role: Role) -> None:
        super().__init__(role)
        self.role = role


class ScopeMissing(ConsoleError):
    """A token that does not have the scope which the request needs."""

    reason = "scope_missing"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, scope: TokenScope) -> None:
        super().__init__(f"The token does not have the scope {scope.value}, which this request needs.")
        self.scope = scope


class ServiceTokenRefused(ConsoleError):
    """A token that was in force once: it has expired, or somebody has ended it."""

    reason = "token_refused"
    status = HTTPStatus.UNAUTHORIZED


class NotVisible(ConsoleError):
    """There is nothing of that name, or it may not be seen: the answer is the same."""

    reason = "not_there"
    status = HTTPStatus.NOT_FOUND


class RequestRefused(ConsoleError):
    """A form or a request holds what cannot be used. The message says what was found and what is expected."""

    reason = "request_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class ForgedRequest(ConsoleError):
    """A change that does not come from one of our own pages."""

    reason = "forged_request"
    status = HTTPStatus.FORBIDDEN


class SignInBusy(ConsoleError):
    """Too many people sign in at this moment, or somebody tries passwords. Try again in a few seconds."""

    reason = "sign_in_busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class ListenRefused(SpillwatchError):
    """The console cannot listen on its address."""

    reason = "web_listen_refused"
