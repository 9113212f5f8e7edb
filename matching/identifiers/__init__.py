"""Identifiers of persons: which values are identifiers, their canonical form, and where a text has them.

This is the specification; the native scanner must give the same candidates. `canonical` decides about one
value, a cell of a column that is known to hold a field. `scan` finds values in a text, and `canonical`
accepts whatever `scan` finds. In a cell more is accepted: the number of a passport has no check digit, but
the name of its column shows what it is. `composites` joins cells of a row that are an identifier only
together. A candidate may belong to nobody: only fingerprints are compared afterwards, so a doubtful candidate
costs time and no error.

Text is narrowed first (`text.folding.narrow_fold`): full-width digits and letters, dashes and spaces become
ASCII. There is one module per kind. `fields` has the fields, the versions of their rules and a golden value
of each; `phones` describes how a telephone number is decided.
"""

import re
from collections.abc import Callable, Collection, Iterator

from matching.identifiers.cards import card, has_issuer, luhn
from matching.identifiers.cell_values import bare_value, email_parts, phone_parts
from matching.identifiers.column_only import PLACEHOLDERS, account, username
from matching.identifiers.digit_runs import WantedNumbers, run_identifiers, runs_to_mask, stretches
from matching.identifiers.emails import EMAIL_LENGTH, email, emails
from matching.identifiers.fields import (
    ALL,
    DECLARED,
    GOLDEN,
    NORMALISERS,
    SCANNED,
    Candidate,
    Field,
    FoundIdentifier,
)
from matching.identifiers.ibans import IBAN_LENGTHS, IBAN_RUN, end_of_iban, has_structure, iban, ibans
from matching.identifiers.licences import driving_licence, driving_licences
from matching.identifiers.name_birth_dates import (
    SEPARATOR,
    DateOrder,
    birth_dates,
    composite,
    composites,
    name_birth_date,
    person_name,
)
from matching.identifiers.national_ids import (
    COUNTRIES,
    country_of_column,
    national_id,
    national_id_forms,
    national_ids,
    national_ids_of_cell,
)
from matching.identifiers.ordinary_numbers import is_bare_time, is_ordinary_value
from matching.identifiers.phones import is_written_phone, phone, phones
from matching.identifiers.resident_ids import RESIDENT_ID, resident_id
from matching.identifiers.travel_documents import passport, passports
from matching.identifiers.wallets import has_checksum, wallet, wallets
from text.folding import narrow_fold

__all__ = [
    "ALL", "COUNTRIES", "DECLARED", "EMAIL_LENGTH", "GOLDEN", "IBAN_LENGTHS", "IBAN_RUN", "NORMALISERS",
    "SCANNED", "Candidate", "DateOrder", "Field", "bare_value", "canonical", "card", "cell_forms",
    "composite", "composites", "country_of_column", "email", "end_of_iban", "forms", "has_issuer", "iban",
    "is_bare_time", "luhn", "national_ids_of_cell", "phone", "recognised", "refusal",
    "resident_id", "runs_to_mask", "scan", "stretches",
]  # fmt: skip


def canonical(field: Field, value: str, default_region: str) -> str | None:
    """Return the canonical form of a value, None if the whole value is not an identifier of the field."""
    narrow = narrow_fold()(value).text.strip()
    return _CANONICAL[field](narrow, default_region)


def forms(field: Field, value: str, default_region: str) -> list[str]:
    """Return all forms that a value can have; see `phones.phone_readings` for numbers that have two."""
    if field is Field.PHONE:
        return phones(narrow_fold()(value).text.strip(), default_region)
    if field is Field.NATIONAL_ID:
        return national_id_forms(narrow_fold()(value).text.strip())
    form = canonical(field, value, default_region)
    return [form] if form else []


def cell_forms(field: Field, cell: str, default_region: str) -> list[list[str]]:
    """Return the forms of each value in a cell, which may hold several e-mail addresses or phone numbers.

    What programs write around a value is not a part of it; see `cell_values`.
    """
    value = bare_value(field, cell)
    if found := forms(field, value, default_region):
        return [found]
    if field is Field.EMAIL:
        addresses = (forms(field, part, default_region) for part in email_parts(value))
        return [list(one) for one in dict.fromkeys(map(tuple, addresses)) if one]
    if field is Field.PHONE:
        for parts in phone_parts(value):
            numbers = [tuple(forms(field, part, default_region)) for part in parts]
            if all(numbers):
                return [list(one) for one in dict.fromkeys(numbers)]
    return []


def recognised(field: Field, value: str, default_region: str) -> bool:
    """Return whether a value is recognised as the field without the name of its column."""
    if field in _MORE_IN_CELLS:
        return next(scan(value, default_region, {field}), None) is not None
    if field is Field.PHONE and is_bare_time(value.strip()):
        return False
    return field not in DECLARED and canonical(field, value, default_region) is not None


def scan(
    text: str,
    default_region: str,
    fields: Collection[Field] = ALL,
    countries: Collection[str] = COUNTRIES,
) -> Iterator[Candidate]:
    """Yield the candidates of the given fields in a text; `countries`: of national numbers.

    They are ordered by kind and then by place: e-mails, digit runs (see `digit_runs`), IBANs, wallets (see
    `wallets`), passports, driving licences, national numbers. Fields do not influence each other: fewer
    fields give a part of the candidates of all fields. DECLARED fields are never found in a text.
    """
    narrow = narrow_fold()(text)
    for found in _candidates_by_kind(narrow.text, default_region, fields, countries):
        if narrow.is_original:
            yield from map(Candidate._make, found)
        else:
            for field, value, start, end in found:
                yield Candidate(field, value, *narrow.span(start, end))


def _candidates_by_kind(
    text: str, region: str, fields: Collection[Field], countries: Collection[str]
) -> Iterator[Iterator[FoundIdentifier]]:
    if Field.EMAIL in fields:
        yield emails(text)
    wanted = WantedNumbers(region, Field.RESIDENT_ID in fields, Field.CARD in fields, Field.PHONE in fields)
    if wanted.resident_id or wanted.card or wanted.phone:
        yield run_identifiers(text, wanted)
    for field, find in _FINDERS.items():
        if field in fields:
            yield find(text)
    if Field.NATIONAL_ID in fields:
        yield national_ids(text, countries)


def refusal(field: Field, value: str) -> str:
    """Return the reason why `canonical` gave None, as a slug.

    empty, malformed, wrong_check_digit, not_in_use (no such issuer or number), placeholder (stands for an
    unknown value), ambiguous_date.
    """
    narrow = narrow_fold()(value).text.strip()
    if not narrow:
        return "empty"
    if narrow.casefold() in PLACEHOLDERS:
        return "placeholder"
    return _REFUSALS.get(field, _malformed)(narrow)


def _refused_resident_id(narrow: str) -> str:
    return "wrong_check_digit" if RESIDENT_ID.fullmatch(_compact(narrow)) else "malformed"


def _refused_card(narrow: str) -> str:
    compact = _compact(narrow)
    if not re.fullmatch(r"\d{13,19}", compact, re.ASCII):
        return "malformed"
    return "not_in_use" if luhn(compact) else "wrong_check_digit"


def _refused_iban(narrow: str) -> str:
    return "wrong_check_digit" if has_structure(_compact(narrow)) else "malformed"


def _refused_phone(narrow: str) -> str:
    return "not_in_use" if is_written_phone(narrow) and not is_ordinary_value(narrow) else "malformed"


def _refused_national_id(narrow: str) -> str:
    return "wrong_check_digit" if re.search(r"\d{5}", _compact(narrow), re.ASCII) else "malformed"


def _refused_wallet(narrow: str) -> str:
    return "wrong_check_digit" if has_checksum(narrow) else "malformed"


def _refused_name_birth_date(narrow: str) -> str:
    name, _, born = narrow.rpartition(SEPARATOR)
    if not (name.strip() and born.strip()):
        return "empty"
    return "ambiguous_date" if person_name(name) and len(birth_dates(born)) > 1 else "malformed"


def _malformed(_narrow: str) -> str:
    return "malformed"


def _compact(narrow: str) -> str:
    return narrow.replace(" ", "").replace("-", "").upper()


# Fields of which a cell is accepted in more forms than `scan` finds in a text.
_MORE_IN_CELLS = frozenset({Field.WALLET, Field.PASSPORT, Field.DRIVING_LICENCE, Field.NATIONAL_ID})
_FINDERS: dict[Field, Callable[[str], Iterator[FoundIdentifier]]] = {  # in the order of `scan`
    Field.IBAN: ibans,
    Field.WALLET: wallets,
    Field.PASSPORT: passports,
    Field.DRIVING_LICENCE: driving_licences,
}
_CANONICAL: dict[Field, Callable[[str, str], str | None]] = {
    Field.EMAIL: email,
    Field.PHONE: phone,
    Field.RESIDENT_ID: resident_id,
    Field.CARD: card,
    Field.IBAN: iban,
    Field.WALLET: wallet,
    Field.PASSPORT: passport,
    Field.DRIVING_LICENCE: driving_licence,
    Field.USERNAME: username,
    Field.ACCOUNT: account,
    Field.NAME_BIRTH_DATE: name_birth_date,
    Field.NATIONAL_ID: national_id,
}
_REFUSALS: dict[Field, Callable[[str], str]] = {
    Field.PHONE: _refused_phone,
    Field.RESIDENT_ID: _refused_resident_id,
    Field.CARD: _refused_card,
    Field.IBAN: _refused_iban,
    Field.WALLET: _refused_wallet,
    Field.NATIONAL_ID: _refused_national_id,
    Field.NAME_BIRTH_DATE: _refused_name_birth_date,
}
