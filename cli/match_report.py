"""The result of a match for people, programs and the company. It never contains a value of a dump."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.output import TableColumn, print_error, print_line, print_table
from matching.comparing.agreements import Customers
from matching.comparing.chance import enrolled_values
from matching.comparing.findings import CompanyFindings, Findings
from matching.comparing.lookup import FIELDS
from matching.comparing.results import canary_records, results_of
from matching.identifiers import Field
from matching.inputs.outcomes import WHOLE
from matching.sweep import DocumentRead, SweepProgress
from storage.canary_matches import CanaryRecord

_COLUMNS_SHOWN = 3
_CUT_SENTENCES = {
    "records": "Records of more than 60 fields or 64 KB were divided: one person may be in two rows.",
    "matches": "Not all matches are listed; raise --limit to see more. The counts include all of them.",
}
ORDINALS = ("ordinal", "fields", "rows", "segment", "system", "document", "line")

Names = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class MatchedDump:
    """What was found, and what removes the state that an interrupted match would go on with."""

    findings: Findings
    progress: SweepProgress
    forget: Callable[[], None]


# --- for people


def show(findings: Findings, progress: SweepProgress, names: Names) -> None:
    """Print tables and sentences to standard output, and problems to standard error."""
    chance = _companies_hit_by_chance(findings, progress)
    found = {names[company]: one for company, one in sorted(findings.companies.items())}
    mentions = [
        (slug, one.term.text, f"{one.label}:{one.line}", one.excerpt)
        for slug, company in found.items()
        for one in company.mentions
    ]
    print_table(
        ("company", "term", "place", TableColumn("excerpt", prose=True)),
        mentions,
        empty="No mention of a watch term.",
    )
    hits = [
        (names[company], hit.field, f"{hit.label}:{hit.line}", hit.column, hit.ordinal)
        for company, one in sorted(findings.companies.items())
        if company not in chance
        for hit in one.hits
    ]
    if hits:
        print_table(("company", "field", "place", "column", "customer"), hits)
    _print_canaries(findings, names)
    _print_field_counts(findings, names, but=chance)
    for company, one in sorted(findings.companies.items()):
        print_line(
            _company_summary(names[company], one) + (" Chance explains them." if company in chance else "")
        )
    print_line(_coverage_summary(findings, progress))
    for problem in _problems(findings, progress, names):
        print_error(problem)


def _print_canaries(findings: Findings, names: Names) -> None:
    """Print every canary: each says from where data was copied."""
    rows = [
        (
            names[company],
            one.label,
            one.issued,
            one.expires,
            one.ordinal,
            one.evidence,
            ", ".join(one.fields),
            one.place,
        )
        for company, found in sorted(findings.companies.items())
        for one in canary_records(found.canaries, findings.watch)
    ]
    if rows:
        heads = ("company", "canary of", "issued", "expires", "number", "evidence", "fields", "place")
        print_table(heads, rows)


def _companies_hit_by_chance(findings: Findings, progress: SweepProgress) -> set[int]:
    """Return companies whose hits chance explains in every document. Listing them would bury real hits."""
    hit = {company for company, found in findings.companies.items() if found.hit_fields}
    left_out = ({one.company for one in read.left_out} for read in progress.read)
    return hit.intersection(*left_out) if progress.read else set()


def _print_field_counts(findings: Findings, names: Names, *, but: Collection[int]) -> None:
    rows = [
        (
            names[company],
            one["field"],
            f"{one['hits']:,}",
            f"{one['candidates']:,}",
            f"{one['by_chance']:,.1f}",
            "" if one["lift"] is None else f"{one['lift']:,.1f}x",
            one["columns"],
        )
        for company, found in sorted(findings.companies.items())
        if company not in but
        for one in _field_counts(findings, company, found)
        if one["hits"]
    ]
    if rows:
        print_table(("company", "field", "hits", "candidates", "by chance", "lift", "mostly in"), rows)


def _company_summary(slug: str, one: CompanyFindings) -> str:
    tally = one.tally
    canaries = ""
    if one.canaries.certain:
        count = "1 canary" if one.canaries.certain == 1 else f"{one.canaries.certain:,} canaries"
        canaries = f" {count}: customers who do not exist, so the data was copied from where they are."
    return (
        f"{slug}: {tally.coherent_rows:,} rows agree with a customer on two fields or more, "
        f"{tally.single_hits:,} on one; {tally.customers:,} customers.{canaries}{_known_sentences(one)}"
    )


def _known_sentences(one: CompanyFindings) -> str:
    """Say which rows are known from earlier breaches: most new leaks are old ones."""
    return "".join(
        f" {rows:,} rows are known from the breach {label}; {one.recycled_rows[label]:,} of them agree with "
        "customers, too."
        for label, rows in sorted(one.known_rows.items())
    )


def _coverage_summary(findings: Findings, progress: SweepProgress) -> str:
    """Say how much was read, so that "no hit" can be judged."""
    whole = sum(read.outcome == WHOLE for read in progress.read)
    return (
        f"Read {len(progress.read):,} documents, {whole:,} of them completely: "
        f"{findings.rows_scanned:,} rows, {findings.candidates:,} candidates."
    )


def _problems(findings: Findings, progress: SweepProgress, names: Names) -> Iterator[str]:
    for read in progress.read:
        if read.outcome != WHOLE:
            yield f"{read.name}: {read.sentence}"
        if read.masked_rows:
            yield _masked_sentence(read)
        if read.left_out:
            yield _not_compared_sentence(read, names)
    for bound in sorted(findings.cut & _CUT_SENTENCES.keys()):
        yield _CUT_SENTENCES[bound]


def _masked_sentence(read: DocumentRead) -> str:
    rows = "1 row holds" if read.masked_rows == 1 else f"{read.masked_rows:,} rows hold"
    return (
        f"{read.name}: {rows} masked values, such as 138****1234, which `match` does not compare. "
        "`spillwatch investigate` says whether what is visible of them is your customers'."
    )


def _not_compared_sentence(read: DocumentRead, names: Names) -> str:
    """Say for which companies a document was not compared whole, and how many rows may have been missed."""
    left = ", ".join(names[one.company] for one in read.left_out)
    one = max(read.left_out, key=lambda one: one.share)
    return (
        f"{read.name}: only the beginning was compared for {left}. In {one.rows:,} of {read.rows:,} rows "
        f"({one.candidates:,} candidates) there are no hits that chance does not explain. If the other rows "
        f"are similar, at most one row in {1 / one.share:,.0f} belongs to a customer (95% confidence), or "
        f"{one.share * read.rows:,.0f} rows. To compare everything, use --first-look 0."
    )


# --- for programs


def as_dict(findings: Findings, progress: SweepProgress, names: Names) -> dict[str, Any]:
    """Return the result as the JSON object of `match`."""
    return {
        "documents": [
            {
                "document": read.name,
                "format": read.format,
                "charset": read.charset,
                "outcome": read.outcome,
                "detail": read.sentence,
                "bytes": read.bytes,
                "rows": read.rows,
                "masked_rows": read.masked_rows,
                "not_compared_for": [
                    {
                        "company": names[one.company],
                        "rows": one.rows,
                        "candidates": one.candidates,
                        "share_at_most": one.share,
                    }
                    for one in read.left_out
                ],
            }
            for read in progress.read
        ],
        "rows": findings.rows_scanned,
        "candidates": findings.candidates,
        "candidates_by_field": {str(field): findings.candidate_counts[field] for field in FIELDS},
        "cut": sorted(findings.cut),
        "companies": [
            {
                "company": names[result.company_id],
                "mentions": result.mentions,
                "terms": result.terms,
                "hits": result.hits,
                "fields": list(
                    _field_counts(findings, result.company_id, findings.companies[result.company_id])
                ),
                "coherent_rows": result.coherent_rows,
                "single_hits": result.single_hits,
                "customers": result.customers,
                "canaries": [_canary_as_dict(one) for one in result.canary_records],
                "known_breaches": [
                    {"label": label, "rows": rows, "recycled_rows": result.recycled_rows.get(label, 0)}
                    for label, rows in result.known_rows.items()
                ],
                "matches": _match_list(findings, findings.companies[result.company_id]),
            }
            for result in results_of(findings)
        ],
    }


def _canary_as_dict(one: CanaryRecord) -> dict[str, Any]:
    return {
        "label": one.label,
        "issued": one.issued.isoformat(),
        "expires": one.expires.isoformat() if one.expires else None,
        "number": one.ordinal,
        "evidence": one.evidence.value,
        "fields": list(one.fields),
        "rows": one.rows,
        "place": one.place,
        "segment": one.segment_id,
    }


def _match_list(findings: Findings, found: CompanyFindings) -> list[dict[str, Any]]:
    mentions = [
        {
            "kind": "mention",
            "term": one.term.text,
            "place": f"{one.label}:{one.line}",
            "excerpt": one.excerpt,
        }
        for one in found.mentions
    ]
    hits = [
        {
            "kind": "fingerprint",
            "field": one.field,
            "place": f"{one.label}:{one.line}",
            "column": one.column or None,
            "segment": one.segment.id,
            "customer": one.ordinal,
        }
        for one in found.hits
    ]
    return [*mentions, *hits]


def _field_counts(findings: Findings, company: int, found: CompanyFindings) -> Iterator[dict[str, Any]]:
    """Yield the hits of each enrolled field, with the number that chance would give."""
    for field in Field:
        hits, values = found.hit_fields[field], enrolled_values(findings.watch.segments, company, field)
        if not hits and not values:
            continue
        chance = findings.expected_hits(company, field)
        columns = [(count, column) for (one, column), count in found.columns.items() if one is field]
        yield {
            "field": field.value,
            "hits": hits,
            "candidates": findings.candidates_of(company)[field],
            "enrolled": values,
            "by_chance": round(chance.hits, 1),
            "lift": None if chance.lift is None else round(chance.lift, 1),
            "columns": [column for _, column in sorted(columns, reverse=True)[:_COLUMNS_SHOWN]],
        }


# --- for the company


def write_ordinals(folder: Path, findings: Findings, progress: SweepProgress, names: Names) -> None:
    """Write one CSV per company, mode 0600: ordinal, agreeing fields, number of rows, list, first place.

    On the company's premises, `spillwatch reveal` turns the ordinals into customers.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    documents = [read.name for read in progress.read]
    for company, found in sorted(findings.companies.items()):
        customers = found.agreements.customers()
        if not len(customers):
            continue
        path = folder / f"{names[company]}.csv"
        lists = [(one.id, one.segment.header.label) for one in findings.watch.segments]
        with open(path, "w", newline="", opener=_open_private) as stream:
            writer = csv.writer(stream)
            writer.writerow(ORDINALS)
            writer.writerows(_ordinal_rows(customers, lists, documents))


def _ordinal_rows(
    customers: Customers, lists: Sequence[tuple[int, str]], documents: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    for customer in customers:
        ordinal, segment, bits, rows, line, document = customer.item()
        agreed = [field.value for code, field in enumerate(FIELDS) if bits >> code & 1]
        name = documents[document] if document < len(documents) else ""
        yield ordinal, " ".join(agreed), rows, *lists[segment], name, line


def _open_private(path: str, flags: int) -> int:
    """Open a new file of mode 0600. A file or link of that name is removed first."""
    Path(path).unlink(missing_ok=True)
    return os.open(path, flags | os.O_EXCL, 0o600)
