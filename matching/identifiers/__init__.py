"""Identifiers of people: what they are, their one form, and where a text has them.

This is the specification; a faster scanner has to give the same candidates. `canonical` decides about one
value (a cell of a customer list), `scan` finds values in text; both end in the same verification. A candidate
may be nobody's: what is compared afterwards are fingerprints, so a doubtful one costs time and no error.

Text is narrowed first (`text.narrow_fold`): full-width digits and letters, dashes, spaces are ASCII here.
One module a family; `fields` has the fields, the versions of their rules and a golden value of each.
"""

import re
from collections.abc import Callable, Collection, Iterator

from matching.identifiers.cards import card, has_issuer, luhn
from matching.identifiers.emails import EMAIL_LENGTH, email, emails
from matching.identifiers.fields import ALL, GOLDEN, NORMALISER_VERSION, NORMALISERS, Candidate, Field, Found
from matching.identifiers.ibans import IBAN_LENGTHS, IBAN_RUN, end_of_iban, has_structure, iban, ibans
from matching.identifiers.numbers import Wanted, is_written_phone, numbers, phone, stretches
from matching.identifiers.resident_ids import RESIDENT_ID, resident_id
from matching.text import narrow_fold

__all__ = [
    "ALL", "EMAIL_LENGTH", "GOLDEN", "IBAN_LENGTHS", "IBAN_RUN", "NORMALISERS", "NORMALISER_VERSION",
    "Candidate", "Field", "canonical", "card", "email", "end_of_iban", "has_issuer", "iban", "luhn", "phone",
    "refusal", "resident_id", "scan", "stretches",
]  # fmt: skip


def canonical(field: Field, value: str, default_region: str) -> str | None:
    """The one form of a value, None where it is none: the whole value must be the identifier."""
    narrow = narrow_fold()(value).text.strip()
    return _CANONICAL[field](narrow, default_region)


def scan(text: str, default_region: str, fields: Collection[Field] = ALL) -> Iterator[Candidate]:
    """The candidates of a text, of the fields that are asked for.

    The order is that of the kinds, then of the place: e-mails; then numbers (see `numbers`); then IBANs. What
    is not asked for changes nothing of the rest: fewer fields give some of the candidates of all of them.
    """
    narrow = narrow_fold()(text)
    for found in _kinds(narrow.text, default_region, fields):
        for field, value, start, end in found:
            yield Candidate(field, value, *narrow.span(start, end))


def _kinds(text: str, region: str, fields: Collection[Field]) -> Iterator[Iterator[Found]]:
    if Field.EMAIL in fields:
        yield emails(text)
    wanted = Wanted(region, Field.RESIDENT_ID in fields, Field.CARD in fields, Field.PHONE in fields)
    if wanted.resident_id or wanted.card or wanted.phone:
        yield numbers(text, wanted)
    if Field.IBAN in fields:
        yield ibans(text)


def refusal(field: Field, value: str) -> str:
    """Why `canonical` gave None, as a slug: empty, malformed, wrong_check_digit or not_in_use."""
    narrow = narrow_fold()(value).text.strip()
    if not narrow:
        return "empty"
    compact = narrow.replace(" ", "").replace("-", "").upper()
    if field is Field.RESIDENT_ID and re.fullmatch(r"\d{17}[\dX]", compact, re.ASCII):
        return "wrong_check_digit" if RESIDENT_ID.fullmatch(compact) else "malformed"
    if field is Field.CARD and re.fullmatch(r"\d{13,19}", compact, re.ASCII):
        return "not_in_use" if luhn(compact) else "wrong_check_digit"
    if field is Field.IBAN and has_structure(compact):
        return "wrong_check_digit"
    if field is Field.PHONE and is_written_phone(narrow):
        return "not_in_use"
    return "malformed"


_CANONICAL: dict[Field, Callable[[str, str], str | None]] = {
    Field.EMAIL: email,
    Field.PHONE: phone,
    Field.RESIDENT_ID: resident_id,
    Field.CARD: card,
    Field.IBAN: iban,
}
