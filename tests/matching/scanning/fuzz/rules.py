"""Writes rules.h for the fuzz target: the scanner's real tables, with the plans of some countries.

python -m tests.matching.scanning.fuzz.rules REGION > rules.h
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from matching.identifiers.numbering_plans import home_plan
from matching.native import rule_tables
from matching.scanning.native_phones import country_tables
from matching.scanning.plan_tables import CompiledPlan, read_plans

WITH_TABLES = ("1", "54", "55", "86")  # the target's `ask` answers for the other country codes


def header(region: str) -> str:
    return "\n".join(_lines(region)) + "\n"


def _lines(region: str) -> Iterator[str]:
    yield "/* Written by rules.py. */"
    yield '#include "spillwatch.h"'
    pages, images = rule_tables.fold_pages()
    blobs = {
        "fold_pages": pages.tobytes(),
        "fold_images": images.tobytes(),
        "provinces": rule_tables.provinces().tobytes(),
        "issuers": rule_tables.issuers().tobytes(),
        "ibans": rule_tables.ibans().tobytes(),
        "providers": bytes(rule_tables.providers()),
        "domains": bytes(rule_tables.domains()),
        "codes": country_tables().index.tobytes(),
    }
    for name, content in blobs.items():
        yield _blob(name, content)
    yield from _plan_blobs("home", read_plans()[region])
    for code in WITH_TABLES:
        yield from _plan_blobs(f"of_{code}", read_plans()[code])
    yield f"static const struct sw_phone_table home = {_phone_table('home', home_plan(region).code)};"
    named = ((f"of_{code}" if code in WITH_TABLES else None, code) for code in country_tables().codes)
    countries = ", ".join(_phone_table(name, code) for name, code in named)
    yield f"static const struct sw_phone_table countries[] = {{{countries}}};"
    members = [f".{name} = (const void *){name}" for name in blobs]
    members += [".home = &home", ".countries = countries", f".domain_count = {len(rule_tables.domains())}"]
    yield f"static const struct sw_rules real_rules = {{{', '.join(members)}}};"


def _plan_blobs(name: str, plan: CompiledPlan) -> Iterator[str]:
    for part, content in plan._asdict().items():
        yield _blob(f"{name}_{part}", content.tobytes())


def _phone_table(name: str | None, code: str) -> str:
    parts = (f"(const void *){name}_{part}" if name else "NULL" for part in CompiledPlan._fields)
    return f'{{{", ".join(parts)}, "{code}", {len(code)}}}'


def _blob(name: str, content: bytes) -> str:
    return f"static _Alignas(8) const unsigned char {name}[] = {{{','.join(map(str, content))}}};"


if __name__ == "__main__":
    sys.stdout.write(header(sys.argv[1]))
