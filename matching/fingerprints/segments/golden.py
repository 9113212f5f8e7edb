"""Golden vectors: the fingerprints of invented values, which show another key and other rules."""

from collections.abc import Iterable

from matching.fingerprints.scheme import Key
from matching.identifiers import GOLDEN, Field, canonical


def golden(key: Key, company: str, fields: Iterable[Field] = tuple(GOLDEN)) -> dict[Field, str]:
    """The fingerprints of GOLDEN under a key, in hex."""
    return {
        name: key.fingerprinter(company, name)([canonical(name, GOLDEN[name], "CN") or ""]).tobytes().hex()
        for name in fields
        if name in GOLDEN
    }
