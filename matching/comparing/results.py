"""Findings as the rows that storage keeps: places, counts, and masked excerpts of mentions; never a value."""

from collections.abc import Iterator

from matching.comparing.canary_sightings import CanarySightings, set_of
from matching.comparing.findings import CompanyFindings, Findings, HitFound, MentionFound
from matching.comparing.sample_answers import NO_ANSWERS, SampleAnswers
from matching.watch import Watch
from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.matches import CompanyResult, MatchKind, MatchRecord

_TERMS_LIMIT = 100  # terms that a summary names


def results_of(findings: Findings, answers: SampleAnswers = NO_ANSWERS) -> list[CompanyResult]:
    """Return one result for each company of which something was found, or for which there is an answer.

    `answers`: what the rows with masked identifiers say.
    """
    companies = findings.companies.keys() | answers.verdicts.keys() | answers.canaries.keys()
    nothing = CompanyFindings()
    return [
        _company_result(company, findings.companies.get(company, nothing), findings, answers)
        for company in sorted(companies)
    ]


def _company_result(
    company_id: int, found: CompanyFindings, findings: Findings, answers: SampleAnswers
) -> CompanyResult:
    tally = found.tally
    return CompanyResult(
        company_id=company_id,
        matches=[*map(_mention_record, found.mentions), *map(_hit_record, found.hits)],
        mentions=sum(found.mention_fields.values()),
        mention_fields=dict(sorted(found.mention_fields.items())),
        terms=sorted(found.terms)[:_TERMS_LIMIT],
        hits={str(name): count for name, count in sorted(found.hit_fields.items())},
        single_hits=tally.single_hits,
        coherent_rows=tally.coherent_rows,
        customers=tally.customers,
        candidates=findings.candidates,
        rows_scanned=findings.rows_scanned,
        known_rows=dict(sorted(found.known_rows.items())),
        recycled_rows=dict(sorted(found.recycled_rows.items())),
        canary_records=[
            *canary_records(found.canaries, findings.watch),
            *answers.canaries.get(company_id, ()),
        ],
        verdict=answers.verdicts.get(company_id),
    )


def canary_records(canaries: CanarySightings, watch: Watch) -> Iterator[CanaryRecord]:
    """Yield every canary that was seen, the certain ones first."""
    for seen in sorted(canaries, key=lambda one: not one.is_certain):
        watched = watch.segments[seen.segment]
        planted = set_of(watched, seen.ordinal)
        yield CanaryRecord(
            segment_id=watched.id,
            evidence=CanaryEvidence.CERTAIN if seen.is_certain else CanaryEvidence.SINGLE,
            label=planted.label,
            issued=planted.issued,
            expires=planted.expires,
            ordinal=seen.ordinal,
            fields=tuple(name.value for name in seen.fields),
            rows=seen.rows,
            place=f"{seen.label}:{seen.line}",
        )


def _mention_record(found: MentionFound) -> MatchRecord:
    return MatchRecord(
        kind=MatchKind.MENTION,
        field=found.field,
        place=f"{found.label}:{found.line}",
        identity=f"mention:{found.term.id}:{found.label}:{found.start}",
        term_id=found.term.id,
        excerpt=found.excerpt,
    )


def _hit_record(found: HitFound) -> MatchRecord:
    identity = f"{found.segment.id}:{found.field}:{found.ordinal}:{found.label}:{found.start}"
    return MatchRecord(
        kind=MatchKind.FINGERPRINT,
        field=str(found.field),
        place=f"{found.label}:{found.line}",
        identity=f"fingerprint:{identity}",
        segment_id=found.segment.id,
        ordinal=found.ordinal,
    )
