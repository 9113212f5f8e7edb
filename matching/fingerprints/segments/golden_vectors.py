"""Golden vectors: the fingerprints of invented values, which reveal another key or other rules."""

from collections.abc import Iterable

from matching.fingerprints.scheme import Key
from matching.identifiers import GOLDEN, Field, canonical


def golden_vectors(key: Key, company: str, fields: Iterable[Field] = tuple(GOLDEN)) -> dict[Field, str]:
    """Return the fingerprints of the GOLDEN values under a key, in hex."""
    return {
        name: key.fingerprinter(company, name)([canonical(name, GOLDEN[name], "CN") or ""]).tobytes().hex()
        for name in fields
        if name in GOLDEN
    }
