"""Invents one set of canaries. Each value is checked by the rules with which it will be recognised."""

import random
import re
from collections.abc import Callable, Collection, Sequence
from datetime import date

from matching.canaries.people import (
    invented_birth_date,
    invented_name,
    invented_street,
    mail_name,
)
from matching.canaries.ranges import REGIONS, Place
from matching.canaries.register import Canary
from matching.errors import CanaryValueRefused
from matching.identifiers import Field, canonical, has_issuer, luhn

SET_LIMIT = 10_000  # canaries per set
_TRIES = 1_000
_DIGITS = "0123456789"
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_CARD_PREFIX = re.compile(r"\d{6,15}", re.ASCII)
_CARD_LENGTHS = (16, 19, 15, 14)


class CanaryInventor:
    """Invents canaries of one country none of whose numbers and addresses the register has.

    `mail_domain`, `phones` and `card_prefix`: what the company gives: a domain, numbers that it rents, and
    the beginning of cards that it keeps free. `choice`: the source of chance.
    """

    def __init__(
        self,
        region: str,
        *,
        taken: Collection[Canary] = (),
        mail_domain: str | None = None,
        phones: Sequence[str] = (),
        card_prefix: str | None = None,
        choice: random.Random | None = None,
    ) -> None:
        if mail_domain is not None and not _DOMAIN.fullmatch(mail_domain):
            raise CanaryValueRefused("the mail domain is not a domain; give one such as mail.example")
        if card_prefix is not None and not _CARD_PREFIX.fullmatch(card_prefix):
            raise CanaryValueRefused(
                "a card prefix has 6 to 15 digits; give the part of the range that is free"
            )
        self._region = region
        self._mail_domain = mail_domain
        self._card_prefix = card_prefix
        self._choice = choice or random.SystemRandom()
        self._taken = {
            value
            for canary in taken
            for value in (canary.phone, canary.resident_id, canary.email, canary.card)
            if value
        }
        self._phones = self._own_phones(phones)

    def invented(self, count: int, *, today: date) -> list[Canary]:
        """Return `count` canaries, spread over the places and ages of the country's customers."""
        if self._phones is not None and len(self._phones) < count:
            raise CanaryValueRefused(
                f"--phones has {len(self._phones)} numbers that no canary has yet, and {count} are needed; "
                "add numbers, or make fewer canaries"
            )
        places = list(REGIONS[self._region].places)
        self._choice.shuffle(places)
        ages = list(range(count))
        self._choice.shuffle(ages)
        return [
            self._canary(
                places[number % len(places)],
                invented_birth_date(today, ages[number], count, self._choice),
            )
            for number in range(count)
        ]

    def _canary(self, place: Place, born: date) -> Canary:
        man = self._choice.random() < 0.5
        name = invented_name(self._region, man=man, choice=self._choice)
        street = invented_street(self._region, self._choice)
        return Canary(
            name=name.whole,
            family_name=name.family,
            given_name=name.given,
            birth_date=born,
            address=f"{place.address}{street}" if self._region == "CN" else f"{street}, {place.address}",
            phone=self._phone(place),
            resident_id=self._unused(Field.RESIDENT_ID, lambda: self._resident_id(place, born, man=man))
            if place.area
            else None,
            email=self._unused(
                Field.EMAIL, lambda: f"{mail_name(name, self._choice)}@{self._mail_domain}".lower()
            )
            if self._mail_domain
            else None,
            card=self._unused(Field.CARD, self._card) if self._card_prefix else None,
        )

    def _phone(self, place: Place) -> str | None:
        if self._phones is not None:
            return self._phones.pop()
        return self._unused(
            Field.PHONE,
            lambda: place.phone + self._choice.choice(place.first) + self._digits(place.free - 1),
        )

    def _resident_id(self, place: Place, born: date, *, man: bool) -> str:
        sequence = self._choice.randrange(1, 400) * 2 + man
        number = f"{place.area}{born:%Y%m%d}{sequence:03}"
        return next(
            number + digit for digit in "0123456789X" if canonical(Field.RESIDENT_ID, number + digit, "")
        )

    def _card(self) -> str:
        prefix = str(self._card_prefix)
        for length in _CARD_LENGTHS:
            number = prefix + self._digits(length - 1 - len(prefix))
            if len(number) == length - 1 and has_issuer(number + "0"):
                return next(number + digit for digit in _DIGITS if luhn(number + digit))
        raise CanaryValueRefused("no issuer has cards that begin with the card prefix; correct it")

    def _digits(self, count: int) -> str:
        return "".join(self._choice.choice(_DIGITS) for _ in range(count))

    def _unused(self, field: Field, made: Callable[[], str]) -> str | None:
        """Return a value in canonical form that no canary has; None: the range seems to be used up."""
        for _ in range(_TRIES):
            value = made()
            form = canonical(field, value, self._region)
            if form is None:
                raise CanaryValueRefused(
                    f"an invented {field} is not one that Spillwatch recognises, so that its leak would not "
                    "be noticed; check what you gave for it"
                )
            if form not in self._taken:
                self._taken.add(form)
                return form
        return None

    def _own_phones(self, phones: Sequence[str]) -> list[str] | None:
        """Return the company's own numbers in E.164, without those that a canary has; None: it gave none."""
        if not phones:
            return None
        found = []
        for line, phone in enumerate(phones, 1):
            form = canonical(Field.PHONE, phone, self._region)
            if form is None:
                raise CanaryValueRefused(
                    f"line {line} of --phones is not a telephone number of {self._region}; write one number "
                    "per line"
                )
            if form not in self._taken:
                found.append(form)
        numbers = list(dict.fromkeys(found))
        self._choice.shuffle(numbers)
        return numbers
