"""What the whole values of sample rows say: they are looked up as fingerprints, row by row.

A sample often shows one value whole beside masked ones (`张*三,13800138000`). Both count for its row.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from matching.fingerprints.segments import SHARED_LIMIT
from matching.identifiers import Field, canonical, composite
from matching.identifiers.numbering_plans import e164, home_plan
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.ours import FullHit
from matching.watch import WatchedSegment

_FIELDS: Mapping[Attribute, Field] = {
    Attribute.PHONE: Field.PHONE,
    Attribute.RESIDENT_ID: Field.RESIDENT_ID,
    Attribute.NATIONAL_ID: Field.NATIONAL_ID,
    Attribute.CARD: Field.CARD,
    Attribute.IBAN: Field.IBAN,
    Attribute.EMAIL: Field.EMAIL,
}


class _WholeValue(NamedTuple):
    row: int  # its number
    form: str  # canonical


def whole_value_hits(
    rows: Sequence[SampleRow], segments: Sequence[WatchedSegment], region: str
) -> dict[int, FullHit]:
    """Return for each row with whole values in enrolled fields how many are those of customers.

    `segments`: those of one company's customers; `region`: of telephone numbers that do not name theirs.
    """
    enrolled = {field for watched in segments for field in watched.segment.fields}
    values = _values_by_field(rows, region)
    checked: Counter[int] = Counter()
    owners: dict[int, dict[tuple[Field, str], set[tuple[int, int]]]] = defaultdict(dict)
    for field in sorted(enrolled & values.keys()):
        found = _customers_of(field, values[field], segments)
        for value in values[field]:
            checked[value.row] += 1
            if customers := found.get(value.form):
                owners[value.row][field, value.form] = customers
    return {row: _full_hit(count, list(owners[row].values())) for row, count in checked.items()}


def _full_hit(checked: int, owners: Sequence[set[tuple[int, int]]]) -> FullHit:
    agreeing = Counter(customer for customers in owners for customer in customers)
    return FullHit(checked, len(owners), max(agreeing.values(), default=0))


def _values_by_field(rows: Sequence[SampleRow], region: str) -> dict[Field, list[_WholeValue]]:
    values: dict[Field, dict[_WholeValue, None]] = defaultdict(dict)
    for row in rows:
        for field, form in _forms_of(row, region):
            values[field][_WholeValue(row.number, form)] = None
    return {field: list(found) for field, found in values.items()}


def _forms_of(row: SampleRow, region: str) -> Iterator[tuple[Field, str]]:
    whole = [value for value in row.values if not value.is_masked]
    for value in whole:
        form = _canonical_form(value, region)
        if form:
            yield _FIELDS[value.attribute], form
    names = [value.head for value in whole if value.attribute is Attribute.NAME]
    dates = [value.head for value in whole if value.attribute is Attribute.BIRTH_DATE]
    if len(names) == len(dates) == 1 and (form := composite(names, dates[0])):
        yield Field.NAME_BIRTH_DATE, form


def _canonical_form(value: VisibleValue, region: str) -> str | None:
    if value.attribute is Attribute.PHONE:
        code = home_plan(value.region or region).code
        return e164(code + value.head, value.region or region, international=True)
    if value.attribute is Attribute.NATIONAL_ID:
        return canonical(Field.NATIONAL_ID, f"{value.region}:{value.head}", region) if value.region else None
    if value.attribute is Attribute.EMAIL:
        return canonical(Field.EMAIL, f"{value.head}@{value.domain}", region) if value.domain else None
    field = _FIELDS.get(value.attribute)
    return canonical(field, value.head, region) if field else None


def _customers_of(
    field: Field, values: Sequence[_WholeValue], segments: Sequence[WatchedSegment]
) -> dict[str, set[tuple[int, int]]]:
    """Return the customers, by segment and ordinal, who have each form; a form that many share has none."""
    forms = list(dict.fromkeys(value.form for value in values))
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for index, watched in enumerate(segments):
        if field not in watched.segment.fields:
            continue
        fingerprints = watched.key.fingerprinter(watched.segment.header.company, field)(forms)
        which, ordinals = watched.segment.lookup(field, fingerprints)
        shared = Counter(which.tolist())
        for place, ordinal in zip(which.tolist(), ordinals.tolist(), strict=True):
            if shared[place] < SHARED_LIMIT:
                found[forms[place]].add((index, ordinal))
    return found
