"""Is it ours? The answer for the rows of a listing whose identifiers are masked, company by company.

1. Texts with a sign of masking are read for rows (`masked_samples.reading`), once for each region of the
   companies with masks, up to ROWS_LIMIT and until the time is up. Lines with masked identifiers that no row
   has are counted: they could not be read.
2. Rows that show a masked value are compared with the masks of each company's customers; what they show
   whole counts for their row (`whole_values`).
3. The same rows are compared with the masks of its canaries, by the template with the smallest chance.

A company without masks that can be compared gets the verdict NO_MASKS, if it is a finding anyway. A company
for which no time was left gets NOT_COMPARED.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import accumulate

from matching.comparing.listing_text import TextPart
from matching.comparing.masked_values import count_masked_lines
from matching.comparing.whole_values import whole_value_hits
from matching.errors import SegmentRefused
from matching.fingerprints.segments import CanarySet, SegmentPurpose, chain_of
from matching.masked_samples.mask_look import may_be_masked
from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.reading import read_sample
from matching.masked_samples.sample_rows import SampleRow
from matching.masked_samples.templates import MaskTemplate
from matching.ours import Disagreement, OursAnswer, WeakestAssumption, answer_for
from matching.watch import Watch, WatchedSegment, lists_without_parts
from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.sample_verdicts import NO_MASKS, NOT_COMPARED, SampleRecord, VerdictRecord

#: Masked rows of one version that are compared.
ROWS_LIMIT = 1_000
#: A masked row is told as a canary where chance alone shows one in so many samples at most.
CANARY_CHANCE = 1e-3
ASSUMPTIONS: Mapping[WeakestAssumption, str] = {
    WeakestAssumption.BASE_COMPLETE: "all customers are enrolled, those of the copy's time included",
    WeakestAssumption.SHARED_CLIENTS_LIMIT: "companies do not share more than a tenth of their clients",
    WeakestAssumption.NULL_FITS: "other people's names, regions and numbers are spread as customers' are",
    WeakestAssumption.ROWS_INDEPENDENT: "the rows were not picked by one region, family name or number",
    WeakestAssumption.SINGLE_FIELDS: "a whole value that is a customer's belongs to the row it stands in",
    WeakestAssumption.COARSE_NULL: "coarse counts of a small list of customers describe other people, too",
    WeakestAssumption.ROWS_TYPICAL: "the rows that are shown are like those that are not",
}
DISAGREEMENTS: Mapping[Disagreement, str] = {
    Disagreement.SCORES_WITHOUT_PAIRS: (
        "The rows hit more often than chance explains, but no less often when their endings are exchanged."
    ),
    Disagreement.PAIRS_WITHOUT_SCORES: (
        "The rows hit less often when their endings are exchanged, but no more often than chance explains."
    ),
}


@dataclass(frozen=True, slots=True)
class SampleAnswers:
    """What masked rows say. `sample` None: the texts have none."""

    sample: SampleRecord | None = None
    verdicts: Mapping[int, VerdictRecord] = field(default_factory=dict)  # by company
    canaries: Mapping[int, Sequence[CanaryRecord]] = field(default_factory=dict)


NO_ANSWERS = SampleAnswers()


@dataclass(frozen=True, slots=True)
class CanaryBase:
    """The masks of a company's canaries."""

    watched: WatchedSegment
    base: MaskedBase


@dataclass(frozen=True, slots=True)
class MaskedCompany:
    """A company's masks: of its customers, and of its canaries."""

    region: str
    customers: Sequence[WatchedSegment]
    base: MaskedBase
    canaries: Sequence[CanaryBase] = ()


@dataclass(frozen=True, slots=True)
class MaskedCompanies:
    """The masks of all companies of a watch, opened once. `refused`: why a company has none, as a slug."""

    by_id: Mapping[int, MaskedCompany]
    refused: Mapping[int, str]

    @classmethod
    def of(cls, watch: Watch) -> "MaskedCompanies":
        own: dict[int, list[WatchedSegment]] = defaultdict(list)
        for watched in watch.segments:
            own[watched.company_id].append(watched)
        by_id, refused = {}, {}
        for company, segments in own.items():
            customers = lists_without_parts(
                [one for one in segments if one.purpose is SegmentPurpose.CUSTOMERS]
            )
            try:
                base = MaskedBase.of((chain_of(one.segment), one.key) for one in customers)
            except SegmentRefused as error:
                refused[company] = error.reason
                continue
            canaries = [one for one in segments if one.purpose is SegmentPurpose.CANARIES]
            by_id[company] = MaskedCompany(segments[0].region, customers, base, tuple(canary_bases(canaries)))
        return cls(by_id, refused)

    def of_companies(self, companies: Collection[int]) -> "MaskedCompanies":
        return MaskedCompanies(
            {company: one for company, one in self.by_id.items() if company in companies},
            {company: reason for company, reason in self.refused.items() if company in companies},
        )


def canary_bases(canaries: Sequence[WatchedSegment]) -> Iterator[CanaryBase]:
    for watched in canaries:
        try:
            yield CanaryBase(watched, MaskedBase.of([(chain_of(watched.segment), watched.key)]))
        except SegmentRefused:
            continue  # enrolled without masks: whole values show its canaries


def answer_masked_rows(
    parts: Sequence[TextPart],
    masked: MaskedCompanies,
    *,
    findings: Collection[int],
    expired: Callable[[], bool],
) -> SampleAnswers:
    """Return the answers for a version's texts. `findings`: companies of which something was found anyway."""
    signed = [part for part in parts if may_be_masked(part.text)]
    if not signed:
        return NO_ANSWERS
    regions = dict.fromkeys(one.region for one in masked.by_id.values()) or {"CN": None}
    read = {region: _read_rows(signed, region, expired) for region in regions}
    first = next(iter(read.values()))
    if not first.rows and not first.unread:
        return NO_ANSWERS
    sample = SampleRecord(len(first.rows), first.unread, cut=any(one.cut for one in read.values()))
    verdicts: dict[int, VerdictRecord] = {}
    canaries: dict[int, Sequence[CanaryRecord]] = {}
    for company, one in masked.by_id.items():
        rows = read[one.region]
        if not rows.rows:
            continue
        if expired():
            verdicts[company] = VerdictRecord(NOT_COMPARED, len(rows.rows), detail="time")
            continue
        hits = whole_value_hits(rows.rows, one.customers, one.region)
        verdicts[company] = _verdict_record(answer_for(rows.rows, one.base, hits))
        if found := list(masked_canaries(rows.rows, rows.places, one)):
            canaries[company] = found
    for company in set(findings) - masked.by_id.keys():
        if first.rows:
            reason = masked.refused.get(company, "")
            verdicts[company] = VerdictRecord(NO_MASKS, len(first.rows), detail=reason)
    return SampleAnswers(sample, verdicts, canaries)


@dataclass(slots=True)
class _ReadRows:
    """Rows that show a masked value, numbered through, each with its place; lines that no row has."""

    rows: list[SampleRow] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    unread: int = 0
    cut: bool = False


def _read_rows(parts: Sequence[TextPart], region: str, expired: Callable[[], bool]) -> _ReadRows:
    found = _ReadRows()
    for part in parts:
        room = ROWS_LIMIT - len(found.rows)
        if room <= 0 or expired():
            found.cut = True
            break
        reading = read_sample(part.text, region=region, expired=expired)
        masked = [row for row in reading.rows if row.is_masked]
        found.cut |= bool(reading.cut) or len(masked) > room
        if not reading.cut:
            found.unread += _unread_lines(part.text, reading.rows)
        for row in masked[:room]:
            found.rows.append(replace(row, number=len(found.rows) + 1))
            found.places.append(f"{part.label}:{row.line}")
    return found


def _unread_lines(text: str, rows: Sequence[SampleRow]) -> int:
    """Return the number of lines with a masked identifier that belong to no row."""
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for row in rows:
        for number in range(
            bisect_right(starts, row.start) - 1, bisect_right(starts, max(row.start, row.end - 1))
        ):
            lines[min(number, len(lines) - 1)] = ""
    return count_masked_lines("\n".join(lines).encode("utf-8", "replace"))


def _verdict_record(answer: OursAnswer) -> VerdictRecord:
    usable = bool(answer.usable_rows)
    return VerdictRecord(
        verdict=answer.verdict.value,
        rows=answer.rows,
        distinct_rows=answer.distinct_rows,
        usable_rows=answer.usable_rows,
        share_low=answer.share.low if usable else None,
        share_middle=answer.share.middle if usable else None,
        share_high=answer.share.high if usable else None,
        assumption=ASSUMPTIONS[answer.weakest_assumption],
        detail=DISAGREEMENTS[answer.disagreement] if answer.disagreement else "",
        more_rows=answer.more_rows,
    )


# --- canaries


def masked_canaries(
    rows: Sequence[SampleRow], places: Sequence[str], company: MaskedCompany
) -> Iterator[CanaryRecord]:
    """Yield the sets that masked rows are consistent with, each once. `places`: of the rows.

    A row is compared by the template with the smallest chance, chosen before any hit is looked up. A row that
    looks like a customer, too, says nothing of a canary.
    """
    for one in company.canaries:
        told: set[str] = set()
        for template, numbers, pairs, chances in _views_of(rows, one.base, company.base):
            counts = one.base.counts(template, pairs)
            customers = company.base.counts(template, pairs)
            cohorts = one.base.cohorts(template, pairs)
            for place, number in enumerate(numbers):
                chance = chances[place] * len(rows)
                if not counts[place] or customers[place] or chance > CANARY_CHANCE:
                    continue
                for planted in _sets_of_cohorts(one, set(cohorts[place].tolist())):
                    if planted.label not in told:
                        told.add(planted.label)
                        yield _canary_record(one, planted, template, places[number], chance)


def _views_of(
    rows: Sequence[SampleRow], base: MaskedBase, null: MaskedBase
) -> Iterator[tuple[MaskTemplate, list[int], list[tuple[str, str]], list[float]]]:
    """Yield each row under one template: the positions of its rows, what it shows, and the chances.

    A chance is how many of the canaries a row of nobody's looks like, by the names, regions and endings of
    the company's customers.
    """
    best: dict[int, tuple[float, MaskTemplate, tuple[str, str]]] = {}
    for template in base.templates:
        if template not in null.templates:
            continue
        shown = [(place, pair) for place, row in enumerate(rows) if (pair := template.view(row))]
        if not shown:
            continue
        shares = null.anchor_shares(template, [pair[0] for _, pair in shown])
        endings = null.ending_shares(template, [pair[1] for _, pair in shown])
        for (place, pair), chance in zip(shown, (base.customers * shares * endings).tolist(), strict=True):
            if place not in best or chance < best[place][0]:
                best[place] = (chance, template, pair)
    by_template: dict[str, list[int]] = defaultdict(list)
    for place, (_, template, _) in sorted(best.items()):
        by_template[template.name].append(place)
    for places in by_template.values():
        yield (
            best[places[0]][1],
            places,
            [best[place][2] for place in places],
            [best[place][0] for place in places],
        )


def _sets_of_cohorts(one: CanaryBase, numbers: Collection[int]) -> list[CanarySet]:
    """Return the sets that were issued in these cohorts; all of them where the cohort is not known."""
    sets = one.watched.segment.header.canary_sets
    dates = one.base.cohort_dates
    found = [planted for planted in sets if _cohort_of(planted.issued, dates) in numbers]
    return found or list(sets)


def _cohort_of(day: date, dates: Sequence[date]) -> int:
    return sum(first <= day for first in dates)


def _canary_record(
    one: CanaryBase, planted: CanarySet, template: MaskTemplate, place: str, chance: float
) -> CanaryRecord:
    return CanaryRecord(
        segment_id=one.watched.id,
        evidence=CanaryEvidence.CONSISTENT,
        label=planted.label,
        issued=planted.issued,
        expires=planted.expires,
        ordinal=None,
        fields=(template.name,),
        rows=1,
        place=place,
        chance=chance,
    )
