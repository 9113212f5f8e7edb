"""International bank account numbers (ISO 13616)."""

import re
import string
from collections.abc import Iterator

from matching.identifiers.fields import Field, FoundIdentifier

# Country -> structure of the part after the check digits (BBAN): n digits, a capitals, c either.
# Source: SWIFT IBAN Registry, release 101, adjacent parts of one kind joined.
_STRUCTURES = """
AD:8n12c AE:19n AL:8n16c AT:16n AZ:4a20c BA:16n BE:12n BG:4a6n8c BH:4a14c BI:23n BR:23n1a1c
BY:4c4n16c CH:5n12c CR:18n CY:8n16c CZ:20n DE:18n DJ:23n DK:14n DO:4c20n EE:16n EG:25n ES:20n FI:14n
FK:2a12n FO:14n FR:10n11c2n GB:4a14n GE:2a16n GI:4a15c GL:14n GR:7n16c GT:24c HN:4a20n HR:17n HU:24n
IE:4a14n IL:19n IQ:4a15n IS:22n IT:1a10n12c JO:4a4n18c KW:4a22c KZ:3n13c LB:4n20c LC:4a24c LI:5n12c
LT:16n LU:3n13c LV:4a13c LY:21n MC:10n11c2n MD:20c ME:18n MK:3n10c2n MN:16n MR:23n MT:4a5n18c
MU:4a19n3a NI:4a20n NL:4a10n NO:11n OM:3n16c PK:4a16c PL:24n PS:4a21c PT:21n QA:4a21c RO:4a16c
RS:18n RU:14n15c SA:2n18c SC:4a20n3a SD:14n SE:20n SI:15n SK:20n SM:1a10n12c SO:19n ST:21n SV:4a20n
TL:19n TN:20n TR:6n16c UA:6n19c VA:18n VG:4a16n XK:16n YE:4a4n18c
"""
BBAN = dict(entry.split(":") for entry in _STRUCTURES.split())

IBAN_RUN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,44}+", re.ASCII)
_CHARACTER_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_PATTERNS = {
    country: re.compile(
        re.sub(r"(\d+)([nac])", lambda part: f"{_CHARACTER_CLASSES[part[2]]}{{{part[1]}}}", structure)
    )
    for country, structure in BBAN.items()
}
_LETTER_VALUES = {ord(letter): str(number) for number, letter in enumerate(string.ascii_uppercase, 10)}
IBAN_LENGTHS = {
    country: 4 + sum(map(int, re.findall(r"\d+", structure))) for country, structure in BBAN.items()
}


def iban(value: str, _region: str = "") -> str | None:
    """Return capitals without spaces, if country, structure and checksum (modulo 97) are right."""
    compact = value.replace(" ", "").replace("-", "").upper()
    if not has_structure(compact):
        return None
    rotated = compact[4:] + compact[:4]
    return compact if rotated[-2:].isdigit() and int(rotated.translate(_LETTER_VALUES)) % 97 == 1 else None


def has_structure(compact: str) -> bool:
    """Return whether the value has the length and structure that its country uses."""
    structure = _PATTERNS.get(compact[:2])
    return structure is not None and compact.isascii() and bool(structure.fullmatch(compact[4:]))


def ibans(text: str) -> Iterator[FoundIdentifier]:
    for run in IBAN_RUN.finditer(text):
        length = IBAN_LENGTHS.get(run[0][:2].upper())
        end = end_of_iban(run[0], length) if length else None
        if end is not None and (value := iban(run[0][:end])):
            yield Field.IBAN, value, run.start(), run.start() + end


def end_of_iban(written: str, length: int) -> int | None:
    """Return where `length` letters and digits end; None if the word goes on."""
    count = 0
    for index, character in enumerate(written):
        count += character.isalnum()
        if count == length:
            return index + 1 if not written[index + 1 : index + 2].isalnum() else None
    return None
