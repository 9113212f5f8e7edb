"""`spillwatch match`: the daemon's matching over files; exit code 1, as with grep, where nothing is found."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.context import App, app_of
from cli.exits import Exit
from cli.output import complain, emit_json, say, table
from matching.findings import PIECE, CompanyFindings, Findings, Part
from matching.results import results_of
from matching.terms import WatchTerm
from matching.watch import Watch, watch_of, watched_segments
from storage import companies
from storage.evidence.charset import decode

_SAMPLE = 1 << 18  # bytes that the encoding is decided on
_BLOCK = 1 << 20  # bytes read at a time
_MEGABYTE = 1_000_000
STDIN = "-"


def command(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(help="Text files; - is standard input.")],
    limit: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, help="Findings of a company listed; all are counted."),
    ] = 100,
    max_mb: Annotated[int, typer.Option(min=1, max=1_000_000, help="MB of one file that are read.")] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Search files for watch terms and for customers' identifiers.

    Shows places, counts and masked excerpts, never a value. Exit code 0: something was found; 1: nothing.
    """
    app = app_of(context)
    watch, names = _watch(app)
    findings = Findings(watch, limit)
    charsets = {name: _match(name, findings, max_mb * _MEGABYTE) for name in dict.fromkeys(files)}
    found = {names[company]: one for company, one in sorted(findings.companies.items())}
    if as_json:
        emit_json(_as_dict(findings, charsets, names))
    else:
        _show(found, findings)
    if not found:
        raise typer.Exit(Exit.NEGATIVE)


def _watch(app: App) -> tuple[Watch, dict[int, str]]:
    """The declared terms and the imported segments; company numbers are ours, for nothing is written."""
    declared = app.configuration.companies
    with app.database.reading() as session:
        rows = companies.active_segments(session)
    slugs = sorted({company.name for company in declared} | {row.company.slug for row in rows})
    numbers = {slug: number for number, slug in enumerate(slugs, 1)}
    ids = count(1)
    terms = [
        WatchTerm(next(ids), numbers[company.name], term.text, term.kind, term.exclude)
        for company in declared
        for term in company.value.terms
    ]
    segments, unusable = watched_segments(rows, app.settings.matching, numbers)
    for error in unusable.values():
        complain(f"{error}; its fingerprints are not compared.")
    return watch_of(terms, segments), {number: slug for slug, number in numbers.items()}


def _match(name: str, findings: Findings, limit: int) -> str:
    """Match one file, piece by piece; returns its encoding."""
    with _opened(name) as stream:
        sample = stream.read(_SAMPLE)
        charset = decode(sample).charset
        line = 1
        for piece in _pieces(stream, sample, charset, limit):
            line += findings.add(Part("file", name, piece), first_line=line)
        if stream.read(1):
            findings.cut.add("text")
    return charset


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as stream:
            yield stream


def _pieces(stream: BinaryIO, sample: bytes, charset: str, limit: int) -> Iterator[str]:
    """Text that ends at a line, as far as lines are shorter than a piece."""
    decoder = codecs.getincrementaldecoder(charset)("replace")
    rest, block, read = "", sample, len(sample)
    while block:
        text = rest + decoder.decode(block)
        end = text.rfind("\n") + 1 or (len(text) if len(text) > PIECE else 0)
        if end:
            yield text[:end]
        rest = text[end:]
        block = stream.read(min(_BLOCK, max(0, limit - read)))
        read += len(block)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _show(found: dict[str, CompanyFindings], findings: Findings) -> None:
    mentions = [
        (slug, mention.term.text, f"{mention.part.label}:{mention.line}", mention.excerpt)
        for slug, one in found.items()
        for mention in one.mentions
    ]
    table(("company", "term", "place", "excerpt"), mentions, empty="No mention of a watch term.")
    hits = [
        (slug, hit.field, f"{hit.part.label}:{hit.line}", hit.ordinal)
        for slug, one in found.items()
        for hit in one.hits
    ]
    if hits:
        table(("company", "field", "place", "customer"), hits)
        for slug, one in found.items():
            say(_sentence(slug, one))
    for bound in sorted(findings.cut):
        complain(_CUT[bound])


_CUT = {
    "matches": "More was found than is listed; --limit lists more, and the counts are of everything.",
    "text": "A file was longer than --max-mb; its end was not read.",
}


def _sentence(slug: str, one: CompanyFindings) -> str:
    tally = one.tally
    fields = ", ".join(f"{name}: {hits}" for name, hits in sorted(one.hit_fields.items()))
    return (
        f"{slug}: {tally.coherent_rows} rows agree with a customer on two fields or more, "
        f"{tally.single_hits} on one; {tally.customers} customers ({fields})."
    )


def _as_dict(findings: Findings, charsets: dict[str, str], names: dict[int, str]) -> dict[str, object]:
    return {
        "files": [{"file": name, "charset": charset} for name, charset in charsets.items()],
        "rows": findings.rows_scanned,
        "candidates": findings.candidates,
        "cut": sorted(findings.cut),
        "companies": [
            {
                "company": names[result.company_id],
                "mentions": result.mentions,
                "terms": result.terms,
                "hits": result.hits,
                "coherent_rows": result.coherent_rows,
                "single_hits": result.single_hits,
                "customers": result.customers,
                "matches": [
                    {
                        "kind": match.kind,
                        "term": _term(findings, match.term_id),
                        "field": match.field,
                        "place": match.place,
                        "customer": match.ordinal,
                        "excerpt": match.excerpt,
                    }
                    for match in result.matches
                ],
            }
            for result in results_of(findings)
        ],
    }


def _term(findings: Findings, term_id: int | None) -> str | None:
    return None if term_id is None else findings.watch.by_id[term_id].text
