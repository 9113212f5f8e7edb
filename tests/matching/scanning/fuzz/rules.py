"""Writes rules.h for the fuzz target: the scanner's real tables, with the plans of some countries.

python -m tests.matching.scanning.fuzz.rules REGION > rules.h
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from matching.identifiers.numbering_plans import home_plan
from matching.identifiers.phone_tables import PhoneAutomaton, country_table, home_table
from matching.scanning import native_tables
from matching.scanning.native_phones import plans
from matching.scanning.phone_rows import Compiled, compiled

COMPILED = ("1", "54", "55", "86")  # the others stay to be asked about


def header(region: str) -> str:
    return "\n".join(_lines(region)) + "\n"


def _lines(region: str) -> Iterator[str]:
    yield "/* Written by rules.py. */"
    yield '#include "spillwatch.h"'
    pages, images = native_tables.fold()
    blobs = {
        "fold_pages": pages.tobytes(),
        "fold_images": images.tobytes(),
        "provinces": native_tables.provinces().tobytes(),
        "issuers": native_tables.issuers().tobytes(),
        "ibans": native_tables.ibans().tobytes(),
        "providers": bytes(native_tables.providers()),
        "domains": bytes(native_tables.domains()),
        "codes": plans().index.tobytes(),
    }
    for name, content in blobs.items():
        yield _blob(name, content)
    yield from _table("home", home_table(region))
    for code in COMPILED:
        yield from _table(f"of_{code}", country_table(code))
    yield f"static const struct sw_phone_table home = {_phone_table('home', home_plan(region).code)};"
    countries = (_phone_table(f"of_{code}" if code in COMPILED else None, code) for code in plans().codes)
    yield f"static const struct sw_phone_table countries[] = {{{', '.join(countries)}}};"
    members = [f".{name} = (const void *){name}" for name in blobs]
    members += [".home = &home", ".countries = countries", f".domain_count = {len(native_tables.domains())}"]
    yield f"static const struct sw_rules real_rules = {{{', '.join(members)}}};"


def _table(name: str, table: PhoneAutomaton) -> Iterator[str]:
    for part, content in compiled(table)._asdict().items():
        yield _blob(f"{name}_{part}", content.tobytes())


def _phone_table(name: str | None, code: str) -> str:
    named = (f"(const void *){name}_{part}" if name else "NULL" for part in Compiled._fields)
    return f'{{{", ".join(named)}, "{code}", {len(code)}}}'


def _blob(name: str, content: bytes) -> str:
    return f"static _Alignas(8) const unsigned char {name}[] = {{{','.join(map(str, content))}}};"


if __name__ == "__main__":
    sys.stdout.write(header(sys.argv[1]))
