"""Findings as the rows that storage keeps: places and counts, and masked excerpts of mentions only."""

from matching.comparing.findings import CompanyFindings, Findings, HitFound, MentionFound
from storage.matches import CompanyResult, MatchKind, MatchRecord

_TERMS_NAMED = 100  # terms that a summary names


def results_of(findings: Findings) -> list[CompanyResult]:
    """One result for each company that something was found of."""
    return [_result(company, found, findings) for company, found in sorted(findings.companies.items())]


def _result(company_id: int, found: CompanyFindings, findings: Findings) -> CompanyResult:
    tally = found.tally
    return CompanyResult(
        company_id=company_id,
        matches=[*map(_mention, found.mentions), *map(_hit, found.hits)],
        mentions=sum(found.mention_fields.values()),
        mention_fields=dict(sorted(found.mention_fields.items())),
        terms=sorted(found.terms)[:_TERMS_NAMED],
        hits={str(name): count for name, count in sorted(found.hit_fields.items())},
        single_hits=tally.single_hits,
        coherent_rows=tally.coherent_rows,
        customers=tally.customers,
        candidates=findings.candidates,
        rows_scanned=findings.rows_scanned,
    )


def _mention(found: MentionFound) -> MatchRecord:
    return MatchRecord(
        kind=MatchKind.MENTION,
        field=found.field,
        place=f"{found.label}:{found.line}",
        identity=f"mention:{found.term.id}:{found.label}:{found.start}",
        term_id=found.term.id,
        excerpt=found.excerpt,
    )


def _hit(found: HitFound) -> MatchRecord:
    identity = f"{found.segment.id}:{found.field}:{found.ordinal}:{found.label}:{found.start}"
    return MatchRecord(
        kind=MatchKind.FINGERPRINT,
        field=str(found.field),
        place=f"{found.label}:{found.line}",
        identity=f"fingerprint:{identity}",
        segment_id=found.segment.id,
        ordinal=found.ordinal,
    )
