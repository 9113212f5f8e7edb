"""The mask templates: a closed, versioned list of the ways in which a row of a sample shows a person.

Each template divides what it shows into an anchor and an ending. The anchor is what many people have: the
first digits of a phone number, a name, a region, an e-mail's domain. The ending is the rest, such as the
last four digits. The chance of a row is the share of the base with its anchor times the share of its ending,
so the two must be independent of each other. That is why no template has letters of an e-mail address as its
ending (they follow from the name), and none joins the last character of a name with a resident ID (which
says male or female).

No template shows only what most people share: a name, a birth year, a masked e-mail address alone. Their tags
would be so frequent that a thief without the key could guess them by their frequency.

A change of the list or of what a template shows needs a new TEMPLATES_VERSION. Segments of another version
are not compared by their masks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from matching.fingerprints.scheme import MaskKey, Tagger
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.masked_samples.shown import (
    Born,
    Ends,
    FamilyName,
    Initials,
    Mailbox,
    Shown,
    ValuePart,
)

TEMPLATES_VERSION = 1
SEPARATOR = "\x1f"  # between anchor and ending
BESIDE = "|"  # between the parts of an anchor

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class EndingKind(NamedTuple):
    """Endings that are counted together, in one histogram for all templates that have them."""

    name: str
    part: ValuePart
    length: int
    alphabet: str


_PHONE, _RESIDENT, _NATIONAL = Attribute.PHONE, Attribute.RESIDENT_ID, Attribute.NATIONAL_ID
_CARD, _IBAN = Attribute.CARD, Attribute.IBAN

PHONE_4 = EndingKind("phone_4", Ends(_PHONE, 0, 4), 4, _DIGITS)
PHONE_3 = EndingKind("phone_3", Ends(_PHONE, 0, 3), 3, _DIGITS)
PHONE_2 = EndingKind("phone_2", Ends(_PHONE, 0, 2), 2, _DIGITS)
RESIDENT_4 = EndingKind("resident_4", Ends(_RESIDENT, 0, 4), 4, _DIGITS + "X")
NATIONAL_4 = EndingKind("national_4", Ends(_NATIONAL, 0, 4), 4, _DIGITS + _LETTERS)
CARD_4 = EndingKind("card_4", Ends(_CARD, 0, 4), 4, _DIGITS)
IBAN_4 = EndingKind("iban_4", Ends(_IBAN, 0, 4), 4, _DIGITS + _LETTERS)
MONTH_DAY = EndingKind("month_day", Born(day=True), 4, _DIGITS)
ENDING_KINDS = (PHONE_4, PHONE_3, PHONE_2, RESIDENT_4, NATIONAL_4, CARD_4, IBAN_4, MONTH_DAY)


@dataclass(frozen=True, slots=True)
class MaskTemplate:
    """One template. `main` gives the ending and the first part of the anchor, `beside` the rest, if any."""

    name: str
    main: ValuePart
    ending: EndingKind
    beside: tuple[()] | tuple[ValuePart] = ()

    @property
    def attributes(self) -> frozenset[Attribute]:
        """The attributes that a row needs."""
        return frozenset(part.attribute for part in (self.main, *self.beside))

    def view(self, row: SampleRow) -> tuple[str, str] | None:
        """Return anchor and ending; None: the row does not show enough.

        Of several values of one kind the first that shows enough counts.
        """
        main = _first_shown(self.main, row.values)
        if main is None:
            return None
        anchor = main[0]
        for part in self.beside:
            shown = _first_shown(part, row.values)
            if shown is None:
                return None
            anchor = joined_anchor(anchor, shown)
        return anchor, main[1]

    def tagger(self, key: MaskKey) -> Tagger:
        return key.tagger(self.name, TEMPLATES_VERSION)


def joined_anchor(anchor: str, shown: Shown) -> str:
    return f"{anchor}{BESIDE}{shown[0]}{shown[1]}"


def tagged_text(anchor: str, ending: str) -> str:
    """Return the text of which a tag is made. The tag of an anchor is made of the anchor alone."""
    return f"{anchor}{SEPARATOR}{ending}"


def _first_shown(part: ValuePart, values: tuple[VisibleValue, ...]) -> Shown | None:
    for value in values:
        if value.attribute is part.attribute and (shown := part.visible(value)):
            return shown
    return None


_SURNAME, _SURNAME_LAST, _INITIALS = FamilyName(), FamilyName(last=True), Initials()
_YEAR = Born()


def _phone(head: int, tail: int) -> Ends:
    return Ends(_PHONE, head, tail)


#: In the order of the values that they begin with. `phone_34`: the first 3 and last 4 digits of a number.
TEMPLATES: tuple[MaskTemplate, ...] = (
    MaskTemplate("phone_34", _phone(3, 4), PHONE_4),
    MaskTemplate("phone_34_surname", _phone(3, 4), PHONE_4, (_SURNAME,)),
    MaskTemplate("phone_34_surname_last", _phone(3, 4), PHONE_4, (_SURNAME_LAST,)),
    MaskTemplate("phone_34_initials", _phone(3, 4), PHONE_4, (_INITIALS,)),
    MaskTemplate("phone_34_year", _phone(3, 4), PHONE_4, (_YEAR,)),
    MaskTemplate("phone_34_mailbox", _phone(3, 4), PHONE_4, (Mailbox(),)),
    MaskTemplate("phone_24_initials", _phone(2, 4), PHONE_4, (_INITIALS,)),
    MaskTemplate("phone_33_surname_last", _phone(3, 3), PHONE_3, (_SURNAME_LAST,)),
    MaskTemplate("phone_33_initials", _phone(3, 3), PHONE_3, (_INITIALS,)),
    MaskTemplate("phone_32_surname_last", _phone(3, 2), PHONE_2, (_SURNAME_LAST,)),
    MaskTemplate("phone_32_initials", _phone(3, 2), PHONE_2, (_INITIALS,)),
    MaskTemplate("phone_04_surname_last", _phone(0, 4), PHONE_4, (_SURNAME_LAST,)),
    MaskTemplate("phone_04_initials", _phone(0, 4), PHONE_4, (_INITIALS,)),
    MaskTemplate("phone_04_mailbox", _phone(0, 4), PHONE_4, (Mailbox(last=True),)),
    MaskTemplate("phone_04_resident_04", _phone(0, 4), PHONE_4, (Ends(_RESIDENT, 0, 4),)),
    MaskTemplate("resident_64", Ends(_RESIDENT, 6, 4), RESIDENT_4),
    MaskTemplate("resident_64_surname", Ends(_RESIDENT, 6, 4), RESIDENT_4, (_SURNAME,)),
    MaskTemplate("resident_64_year", Ends(_RESIDENT, 6, 4), RESIDENT_4, (_YEAR,)),
    MaskTemplate("resident_34_surname", Ends(_RESIDENT, 3, 4), RESIDENT_4, (_SURNAME,)),
    MaskTemplate("national_34", Ends(_NATIONAL, 3, 4), NATIONAL_4),
    MaskTemplate("national_34_initials", Ends(_NATIONAL, 3, 4), NATIONAL_4, (_INITIALS,)),
    MaskTemplate("national_04_initials", Ends(_NATIONAL, 0, 4), NATIONAL_4, (_INITIALS,)),
    MaskTemplate("card_64_surname", Ends(_CARD, 6, 4), CARD_4, (_SURNAME,)),
    MaskTemplate("card_64_initials", Ends(_CARD, 6, 4), CARD_4, (_INITIALS,)),
    MaskTemplate("card_44_surname", Ends(_CARD, 4, 4), CARD_4, (_SURNAME,)),
    MaskTemplate("card_44_initials", Ends(_CARD, 4, 4), CARD_4, (_INITIALS,)),
    MaskTemplate("card_04_surname_last", Ends(_CARD, 0, 4), CARD_4, (_SURNAME_LAST,)),
    MaskTemplate("card_04_initials", Ends(_CARD, 0, 4), CARD_4, (_INITIALS,)),
    MaskTemplate("card_04_phone_04", Ends(_CARD, 0, 4), CARD_4, (_phone(0, 4),)),
    MaskTemplate("iban_44", Ends(_IBAN, 4, 4), IBAN_4),
    MaskTemplate("iban_44_initials", Ends(_IBAN, 4, 4), IBAN_4, (_INITIALS,)),
    MaskTemplate("birth_date_surname_last", Born(day=True), MONTH_DAY, (_SURNAME_LAST,)),
    MaskTemplate("birth_date_initials", Born(day=True), MONTH_DAY, (_INITIALS,)),
)
TEMPLATE_OF: Mapping[str, MaskTemplate] = MappingProxyType({one.name: one for one in TEMPLATES})

#: Invented people of whom each template shows something: golden tags reveal another key or other rules.
GOLDEN_PEOPLE = tuple(
    SampleRow(
        1,
        1,
        0,
        0,
        (
            VisibleValue(Attribute.PHONE, "17000000000", region="CN"),
            VisibleValue(Attribute.RESIDENT_ID, "11010119000101009X"),
            VisibleValue(Attribute.NATIONAL_ID, "44051401359", region="PL"),
            VisibleValue(Attribute.CARD, "4111111111111111"),
            VisibleValue(Attribute.IBAN, "GB33BUKB20201555555555"),
            VisibleValue(Attribute.EMAIL, "golden.vector", domain="example.com"),
            VisibleValue(Attribute.NAME, name),
            VisibleValue(Attribute.BIRTH_DATE, "1900-01-01"),
        ),
    )
    for name in ("歐陽三", "Gólden Vector")
)


def golden_tag(template: MaskTemplate, key: MaskKey) -> str:
    """Return the tag of the golden person of a template, in hex."""
    view = next(view for person in GOLDEN_PEOPLE if (view := template.view(person)))
    return f"{int(template.tagger(key)([tagged_text(*view)])[0]):010x}"
