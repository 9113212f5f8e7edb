"""Signing in, step by step, with limits and entries of the audit log.

1. The attempt is counted for its name and its network, before it is tried.
2. The password is compared, with the same work whether or not somebody has the name.
3. If the person has a second factor, it is asked; a sealed cookie says that the password was right.
4. The session begins: a new token, and the old session of this browser ends.
A passkey takes the place of 2 and 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request
from sqlalchemy.orm import Session

from storage import second_factors, users
from storage.sign_in_limits import Admission, LimitKey, LimitKind, admit_attempt, forget_old_limits, take_back
from storage.users import SignInMethod, User
from web.access import passkeys, passwords, recovery_codes, totp
from web.access.browser_kind import browser_kind
from web.access.cookies import HALF_WAY, binding, cookie_of, session_token
from web.access.keys import ConsoleKeys
from web.audit import STRANGER, AuditAction, audit
from web.console import Console
from web.errors import ConsoleError

JUST_NOW = timedelta(minutes=10)  # after signing in, in which the password is not asked for again
HALF_WAY_LASTS = timedelta(minutes=10)
IPV6_PREFIX = 64  # what one customer of a provider has


class SignInRefused(ConsoleError):
    """Signing in is refused. The page says the same whatever was wrong with name or password."""

    reason = "sign_in_refused"


class SignInBlocked(ConsoleError):
    """Signing in failed too often from this network, or for this name."""

    reason = "sign_in_blocked"


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """One request to sign in."""

    console: Console
    request: Request

    @property
    def keys(self) -> ConsoleKeys:
        return self.console.keys

    @property
    def now(self) -> datetime:
        return self.console.clock()

    def network_key(self) -> LimitKey:
        return LimitKey(LimitKind.NETWORK, self.keys.digest("limit network", network_of(self.request)))

    def name_key(self, name: str, user: User | None) -> LimitKey:
        digest = self.keys.digest("limit name", name)
        return LimitKey(LimitKind.NAME, digest, None if user is None else user.id)

    def factor_key(self, user_id: int) -> LimitKey:
        return LimitKey(LimitKind.SECOND_FACTOR, self.keys.digest("limit factor", str(user_id)), user_id)

    def admit(self, limits: Iterable[LimitKey], user: User | None, method: str) -> None:
        """Count the attempt; raises SignInBlocked."""
        now, counted = self.now, list(limits)

        def work(session: Session) -> Admission:
            forget_old_limits(session, now=now)
            admission = admit_attempt(session, counted, now=now)
            if admission.begins:
                self.write_failure(session, user, method, "blocked")
            return admission

        if self.console.database.write(work).blocked_until is not None:
            raise SignInBlocked

    def refuse(self, user: User | None, method: str, reason: str) -> SignInRefused:
        """Write down that signing in failed, and return the error to raise."""
        self.console.database.write(lambda session: self.write_failure(session, user, method, reason))
        return SignInRefused()

    def write_failure(self, session: Session, user: User | None, method: str, reason: str) -> None:
        """Write the entry. A name that nobody has is left out, because it may be a password."""
        subject = "" if user is None else f"person:{user.name}"
        act = AuditAction.SIGN_IN_FAILED
        audit(session, STRANGER, act, self.now, subject=subject, method=method, reason=reason)

    def by_password(self, typed_name: str, password: str) -> str | None:
        """Return a session's token, or None if a second factor is asked next.

        Raises SignInRefused, SignInBlocked or SignInBusy.
        """
        name = users.folded_name(typed_name) or ""
        with self.console.database.reading() as session:
            user = users.user_by_name(session, name) if name else None
            asks_factor = user is not None and second_factors.has_second_factor(session, user.id)
        limits = [self.network_key(), self.name_key(name, user)]
        self.admit(limits, user, "password")
        usable = user is not None and user.active
        right = passwords.is_password(user.password_hash if user and usable else None, password)
        if user is None or not right:
            raise self.refuse(user, "password", "wrong" if usable else "disabled" if user else "unknown")
        renewed = (
            passwords.hash_of(password) if passwords.has_old_parameters(user.password_hash or "") else None
        )

        def work(session: Session) -> str | None:
            held = users.lock_user(session, user.id)
            if held is None or not held.active or held.password_hash != user.password_hash:
                return ""
            take_back(session, limits, forget=[LimitKind.NAME])
            held.password_hash = renewed or held.password_hash
            return None if asks_factor else self.begin(session, held, SignInMethod.PASSWORD)

        token = self.console.database.write(work)
        if token == "":
            raise self.refuse(user, "password", "changed")
        return token

    def confirm(self, user: User, session_began: datetime, password: str) -> None:
        """Raise SignInRefused if it must be shown again who this is, and the password is wrong.

        A password that was given a moment ago, or that the person does not have, is not asked for. Raises
        SignInBlocked and SignInBusy, too: a session left open must not be a way to try passwords.
        """
        if not asks_again(user, session_began, self.now):
            return
        limits = [self.name_key(user.name, user)]
        self.admit(limits, user, "confirmation")
        if not passwords.is_password(user.password_hash, password):
            raise self.refuse(user, "confirmation", "wrong")
        self.console.database.write(lambda session: take_back(session, limits, forget=[LimitKind.NAME]))

    def renew(self, session: Session, user: User, method: SignInMethod) -> str:
        """Replace this browser's session by a new one, and end all others; return the token."""
        users.end_sessions(session, user.id, now=self.now)
        browser = browser_kind(self.request.headers.get("user-agent", ""))
        lasts = timedelta(hours=self.console.settings.web.session_hours)
        return users.begin_session(session, user, now=self.now, lasts=lasts, browser=browser, method=method)

    def half_way(self, user_name: str) -> str:
        """Return the value of the cookie that says: the password was right, a second factor is asked."""
        with self.console.database.reading() as session:
            user = users.user_by_name(session, users.folded_name(user_name) or "")
        assert user is not None
        until = (self.now + HALF_WAY_LASTS).timestamp()
        text = json.dumps([user.id, until, self.keys.digest("password", user.password_hash or "")])
        return self.keys.seal("half way", binding(self.request), text)

    def half_way_person(self) -> User | None:
        """Return who has given a password and is asked for a second factor; None: nobody, or too long ago."""
        sealed = cookie_of(self.request, HALF_WAY)
        about = binding(self.request)
        text = self.keys.unseal("half way", about, sealed) if sealed and about else None
        if text is None:
            return None
        user_id, until, password = json.loads(text)
        with self.console.database.reading() as session:
            user = users.user_by_id(session, user_id)
        if user is None or not user.active or self.now.timestamp() >= until:
            return None
        return user if self.keys.digest("password", user.password_hash or "") == password else None

    def by_code(self, user: User, typed: str) -> str:
        """Return a session's token for a code of an app or a recovery code.

        Raises SignInRefused or SignInBlocked.
        """
        limits = [self.factor_key(user.id)]
        self.admit(limits, user, "code")
        secret = totp.opened_secret(self.keys, user.id, user.totp_secret) if user.totp_secret else None
        step = totp.step_of_code(secret, typed, now=self.now) if secret else None
        recovery = recovery_codes.as_typed(typed)

        def work(session: Session) -> str | None:
            held = users.lock_user(session, user.id)
            if held is None or not held.active or held.password_hash != user.password_hash:
                return None
            if step is not None and held.totp_secret == user.totp_secret:
                method, used = SignInMethod.CODE, second_factors.use_totp_step(session, user.id, step)
            else:
                method = SignInMethod.RECOVERY_CODE
                used = recovery is not None and second_factors.use_recovery_code(session, user.id, recovery)
            if not used:
                return None
            take_back(session, limits, forget=[LimitKind.SECOND_FACTOR])
            return self.begin(session, held, method)

        token = self.console.database.write(work)
        if token is None:
            reason = "used_before" if step is not None else "wrong"
            if user.totp_secret and secret is None:
                reason = "secret_unreadable"
            raise self.refuse(user, "code", reason)
        return token

    def by_passkey(self, answer: str, *, only: User | None = None) -> str:
        """Return a session's token for the answer of a passkey; `only`: of this person.

        Raises SignInRefused or SignInBlocked.
        """
        limits = [self.network_key()]
        self.admit(limits, only, "passkey")
        party, challenge = passkeys.relying_party(self.request), passkeys.challenge_of(answer)
        ends = self.keys.challenge_ends(challenge, binding(self.request), now=self.now)
        credential_id = passkeys.credential_id_of(answer)
        with self.console.database.reading() as session:
            found = second_factors.passkey_by_credential(session, credential_id or "")
        if party is None or ends is None or found is None or (only is not None and found[1].id != only.id):
            raise self.refuse(only, "passkey", "unknown" if ends else "expired")
        passkey, user = found
        count = passkeys.sign_count_of_answer(party, answer, passkey, challenge)
        if count is None:
            raise self.refuse(user, "passkey", "wrong")

        def work(session: Session) -> str | None:
            held = users.lock_user(session, user.id)
            if held is None or not held.active:
                return None
            if not second_factors.use_challenge(session, challenge, ends, now=self.now):
                return None
            if not second_factors.note_passkey_used(session, passkey.id, count, now=self.now):
                return None
            take_back(session, limits, forget=[])
            return self.begin(session, held, SignInMethod.PASSKEY)

        token = self.console.database.write(work)
        if token is None:
            raise self.refuse(user, "passkey", "copied")
        return token

    def begin(self, session: Session, user: User, method: SignInMethod) -> str:
        """Begin a session in this transaction, end the one that this browser had, and return the token.

        Raises SignInRefused if only the OpenID provider lets people in.
        """
        now, web = self.now, self.console.settings.web
        if web.oidc.only and method is not SignInMethod.PROVIDER:
            raise SignInRefused
        browser = browser_kind(self.request.headers.get("user-agent", ""))
        before = session_token(self.request)
        earlier = users.session_of_token(session, before, now=now) if before else None
        if earlier is not None:
            users.end_session(session, earlier[1].id, earlier[0].id, now=now)
        user.last_seen_at = now
        subject = f"person:{user.name}"
        audit(session, user, AuditAction.SIGN_IN, now, subject=subject, method=method, browser=browser)
        lasts = timedelta(hours=web.session_hours)
        return users.begin_session(session, user, now=now, lasts=lasts, browser=browser, method=method)

    def challenge(self) -> bytes:
        """Return a challenge for a passkey, which only this browser can answer, within five minutes."""
        return self.keys.challenge(binding(self.request), now=self.now, lasts=passkeys.LASTS)


def asks_again(user: User, session_began: datetime, now: datetime) -> bool:
    """Return whether a change of how one signs in asks for the password."""
    return user.password_hash is not None and now - session_began > JUST_NOW


def network_of(request: Request) -> str:
    """Return the network that a request comes from: an IPv4 address, or the /64 of an IPv6 address."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((int(address), IPV6_PREFIX), strict=False))
    return str(address)
