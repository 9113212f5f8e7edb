"""International bank account numbers (ISO 13616)."""

import re
import string
from collections.abc import Iterator

from matching.identifiers.countries import BBAN
from matching.identifiers.fields import Field, FoundIdentifier

IBAN_RUN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,44}+", re.ASCII)
_STRUCTURE = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_BBAN = {
    country: re.compile(
        re.sub(r"(\d+)([nac])", lambda part: f"{_STRUCTURE[part[2]]}{{{part[1]}}}", structure)
    )
    for country, structure in BBAN.items()
}
_NUMBERS = {ord(letter): str(number) for number, letter in enumerate(string.ascii_uppercase, 10)}
IBAN_LENGTHS = {
    country: 4 + sum(map(int, re.findall(r"\d+", structure))) for country, structure in BBAN.items()
}


def iban(value: str, _region: str = "") -> str | None:
    """Without spaces, in capitals; the country's length and structure, and remainder 1 by 97 (ISO 13616)."""
    compact = value.replace(" ", "").replace("-", "").upper()
    if not has_structure(compact):
        return None
    turned = compact[4:] + compact[:4]
    return compact if turned[-2:].isdigit() and int(turned.translate(_NUMBERS)) % 97 == 1 else None


def has_structure(compact: str) -> bool:
    """Whether a country builds its numbers so."""
    structure = _BBAN.get(compact[:2])
    return structure is not None and compact.isascii() and bool(structure.fullmatch(compact[4:]))


def ibans(text: str) -> Iterator[FoundIdentifier]:
    for run in IBAN_RUN.finditer(text):
        length = IBAN_LENGTHS.get(run[0][:2].upper())
        end = end_of_iban(run[0], length) if length else None
        if end is not None and (value := iban(run[0][:end])):
            yield Field.IBAN, value, run.start(), run.start() + end


def end_of_iban(written: str, length: int) -> int | None:
    """Where `length` letters and digits end, if a word ends there too."""
    count = 0
    for index, character in enumerate(written):
        count += character.isalnum()
        if count == length:
            return index + 1 if not written[index + 1 : index + 2].isalnum() else None
    return None
