"""Makes the tags and histograms of a customer list at enrolment, in bounded memory.

For each batch of customers:

1. each value is reduced to what each template shows of it (`shown`), and the parts of a template are joined;
2. the tags of anchor and ending go to a sorter, with the day of the customer's enrolment;
3. anchors are counted by their tag alone, endings by kind.

What does not fit in memory goes to files without a name: only tags and counts, nothing of a customer.
"""

import mmap
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.scheme import MaskKey, Tagger
from matching.fingerprints.segments import (
    LEAST_PEOPLE,
    CountRecords,
    MaskSections,
    MasksHeader,
    PackedTags,
    TemplateCounts,
    count_records,
)
from matching.masked_samples.endings import histogram_of
from matching.masked_samples.masked_base import anchor_codes
from matching.masked_samples.sample_rows import Attribute
from matching.masked_samples.shown import Shown, ValuePart
from matching.masked_samples.templates import (
    ENDING_KINDS,
    SEPARATOR,
    TEMPLATES,
    TEMPLATES_VERSION,
    MaskTemplate,
    golden_tag,
    joined_anchor,
)

RUN = 1 << 18  # numbers sorted at once per template: 2 MiB
_SLICE = 1 << 20
_DAY_BITS = 16
_COMBINATIONS = 16  # of several values of a customer: two phones and three e-mails give six

#: A customer's day of enrolment, from 1900-01-01 on, which is 1; 0: not known.
Days = NDArray[np.uint16]
#: For each customer of a batch the whole values of one attribute, in canonical form.
Values = Sequence[Sequence[str]]
#: From a day to the number of its cohort: 65,536 numbers that do not fall.
CohortOfDay = NDArray[np.uint8]


class MaskBuilder:
    """Collects the tags of a list, batch by batch."""

    def __init__(self, key: MaskKey, folder: Path, *, run: int = RUN) -> None:
        """`folder`: where temporary files are written; `run`: numbers per template held in memory."""
        self._key = key
        self._folder = folder
        self._run = run
        self._templates: dict[str, _TemplateBuilder] = {}
        self._endings: dict[str, Counter[str]] = {kind.name: Counter() for kind in ENDING_KINDS}

    def add(self, values: Mapping[Attribute, Values], days: Days) -> None:
        """Add a batch: the values of each customer, and the customer's day of enrolment."""
        columns = _Columns(values, len(days))
        days = days[columns.rows]
        for template in TEMPLATES:
            if template.attributes <= values.keys():
                self._add_template(template, columns, days)
        for kind in ENDING_KINDS:
            if kind.part.attribute in values:
                alone = columns.counted(frozenset({kind.part.attribute}))
                shown = columns.shown(kind.part)
                self._endings[kind.name].update([one[1] for row in alone if (one := shown[row])])

    def _add_template(self, template: MaskTemplate, columns: "_Columns", days: Days) -> None:
        rows, anchors, endings = columns.views(template)
        if not rows:
            return
        builder = self._templates.get(template.name)
        if builder is None:
            builder = _TemplateBuilder(template.tagger(self._key), self._folder, self._run)
            self._templates[template.name] = builder
        builder.add(anchors, endings, days[rows])

    def finished(self, cohorts: CohortOfDay) -> tuple[MasksHeader, MaskSections] | None:
        """Return the parts of the segment; None if no customer shows anything. May be called once."""
        built = [template for template in TEMPLATES if template.name in self._templates]
        if not built:
            return None
        kinds = {template.ending for template in built}
        histograms = {
            kind.name: histogram_of(self._endings[kind.name], kind.length)
            for kind in ENDING_KINDS
            if kind in kinds
        }
        counted = {one.name: self._templates[one.name].anchors.finished() for one in built}
        header = MasksHeader(
            version=TEMPLATES_VERSION,
            golden={template.name: golden_tag(template, self._key) for template in built},
            templates={
                name: TemplateCounts(
                    tags=self._templates[name].tags.count,
                    anchors=len(records),
                    rare=rare,
                    rare_squares=squares,
                )
                for name, (records, rare, squares) in counted.items()
            },
            endings={name: counts for name, (counts, _) in histograms.items()},
        )
        sections = MaskSections(
            {name: _with_cohorts(self._templates[name].tags, cohorts) for name in counted},
            {name: records for name, (records, _, _) in counted.items()},
            {name: records for name, (_, records) in histograms.items()},
        )
        return header, sections


class _Columns:
    """A batch by attribute, with a row more for each further combination of a customer's values."""

    def __init__(self, values: Mapping[Attribute, Values], count: int) -> None:
        self._count = count
        self._texts = {
            attribute: [found[0] if found else "" for found in column] for attribute, column in values.items()
        }
        self._shown: dict[ValuePart, list[Shown | None]] = {}
        self._further: list[frozenset[Attribute]] = []  # of each row more: attributes with another value
        rows = list(range(count))
        for row in {row for column in values.values() for row, found in enumerate(column) if len(found) > 1}:
            choices = product(*(range(max(1, len(column[row]))) for column in values.values()))
            for chosen in islice(choices, 1, _COMBINATIONS):
                rows.append(row)
                self._further.append(
                    frozenset(one for one, place in zip(values, chosen, strict=True) if place)
                )
                for attribute, place in zip(values, chosen, strict=True):
                    found = values[attribute][row]
                    self._texts[attribute].append(found[place] if found else "")
        self.rows = np.array(rows, np.int64)  # customer of each row

    def shown(self, part: ValuePart) -> list[Shown | None]:
        if part not in self._shown:
            whole = part.whole
            self._shown[part] = [whole(text) if text else None for text in self._texts[part.attribute]]
        return self._shown[part]

    def counted(self, attributes: frozenset[Attribute]) -> list[int]:
        """Return the rows that count for these attributes: a customer's other values must not be repeated."""
        more = (row for row, further in enumerate(self._further, self._count) if further <= attributes)
        return [*range(self._count), *more]

    def views(self, template: MaskTemplate) -> tuple[list[int], list[str], list[str]]:
        """Return the rows of which the template shows enough, their anchors and their endings."""
        rows: Sequence[int] = range(self._count)
        main, *beside = map(self.shown, (template.main, *template.beside))
        if self._further:
            rows = self.counted(template.attributes)
            main, *beside = ([column[row] for row in rows] for column in (main, *beside))
        if not beside:
            found = [(row, one[0], one[1]) for row, one in zip(rows, main, strict=True) if one]
        else:
            found = [
                (row, joined_anchor(one[0], other), one[1])
                for row, one, other in zip(rows, main, beside[0], strict=True)
                if one and other
            ]
        return [row for row, _, _ in found], [one for _, one, _ in found], [one for _, _, one in found]


class _TemplateBuilder:
    def __init__(self, tagger: Tagger, folder: Path, run: int) -> None:
        self.tags = NumberSorter(folder, run=run)
        self.anchors = AnchorCounter(folder, run=run)
        self._tagger = tagger

    def add(self, anchors: Sequence[str], endings: Sequence[str], days: Days) -> None:
        texts = [f"{anchor}{SEPARATOR}{ending}" for anchor, ending in zip(anchors, endings, strict=True)]
        tags = self._tagger(texts)
        self.tags.add(tags << np.uint64(_DAY_BITS) | days.astype(np.uint64))
        counts = Counter(anchors)
        codes = anchor_codes(self._tagger(list(counts)))
        self.anchors.add(codes, np.fromiter(counts.values(), np.int64, len(counts)))


class NumberSorter:
    """Sorts numbers of 8 bytes, added in any order; duplicates stay."""

    def __init__(self, folder: Path, *, run: int = RUN) -> None:
        self.count = 0
        self._folder = folder
        self._run = run
        self._held: list[NDArray[np.uint64]] = []
        self._held_count = 0
        self._file: BinaryIO | None = None
        self._run_sizes: list[int] = []

    def add(self, numbers: NDArray[np.uint64]) -> None:
        self._held.append(numbers)
        self._held_count += len(numbers)
        self.count += len(numbers)
        if self._held_count >= self._run:
            self._write_run()

    def merged(self) -> Iterator[NDArray[np.uint64]]:
        """Yield all numbers in order, slice by slice; may be called once."""
        if self._file is None:
            yield self._take_sorted()
            return
        self._write_run()
        self._file.flush()
        mapping = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        everything = np.frombuffer(mapping, "<u8")
        ends = np.cumsum(self._run_sizes)
        runs = [everything[end - size : end] for end, size in zip(ends, self._run_sizes, strict=True)]
        yield from _merged_runs(runs, self.count, mapping)
        self._file.close()

    def _write_run(self) -> None:
        if self._file is None:
            self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115  (closed by `merged`)
        run = self._take_sorted()
        if len(run):
            self._file.write(run.astype("<u8").tobytes())
            self._run_sizes.append(len(run))

    def _take_sorted(self) -> NDArray[np.uint64]:
        numbers = np.concatenate(self._held) if self._held else np.empty(0, np.uint64)
        self._held, self._held_count = [], 0
        return np.sort(numbers)


def _merged_runs(
    runs: Sequence[NDArray[np.uint64]], count: int, mapping: mmap.mmap
) -> Iterator[NDArray[np.uint64]]:
    """Merge sorted runs in slices of about _SLICE numbers, whose bounds are numbers of the longest run."""
    longest = max(runs, key=len)
    slices = max(1, -(-count // _SLICE))
    starts = [0] * len(runs)
    for number in range(1, slices + 1):
        bound = longest[min(number * len(longest) // slices, len(longest) - 1)]
        last = number == slices
        ends = [len(run) if last else int(np.searchsorted(run, bound)) for run in runs]
        yield np.sort(np.concatenate([run[a:b] for run, a, b in zip(runs, starts, ends, strict=True)]))
        mapping.madvise(mmap.MADV_DONTNEED)
        starts = ends


class AnchorCounter:
    """Counts anchors by their code, in bounded memory."""

    def __init__(self, folder: Path, *, run: int = RUN) -> None:
        self._sorter: NumberSorter | None = None
        self._folder = folder
        self._run = run
        self._codes: list[NDArray[np.uint32]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._held = 0

    def add(self, codes: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
        self._codes.append(codes)
        self._counts.append(counts)
        self._held += len(codes)
        if self._held < self._run:
            return
        codes, counts = self._take_summed()
        if len(codes) <= self._run // 2:
            self._codes, self._counts, self._held = [codes], [counts], len(codes)
            return
        # Most codes are of few people: sorted on disk, a number of 8 bytes has the code and the count.
        if self._sorter is None:
            self._sorter = NumberSorter(self._folder, run=self._run)
        self._sorter.add(_code_and_count(codes, counts))

    def finished(self) -> tuple[CountRecords, int, int]:
        """Return the anchors that LEAST_PEOPLE or more have, sorted; of the others the sum of their counts,
        and of the squares of these. May be called once.
        """
        codes, counts = self._take_summed()
        if self._sorter is None:
            return _listed([(codes, counts)])
        self._sorter.add(_code_and_count(codes, counts))
        return _listed(_summed_slices(self._sorter.merged()))

    def _take_summed(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        codes = np.concatenate([np.empty(0, np.uint32), *self._codes])
        counts = np.concatenate([np.empty(0, np.int64), *self._counts])
        self._codes, self._counts, self._held = [], [], 0
        return _summed(codes, counts)


def _summed(
    codes: NDArray[np.uint32], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    unique, places = np.unique(codes, return_inverse=True)
    return unique, np.bincount(places, weights=counts, minlength=len(unique)).astype(np.int64)


def _code_and_count(codes: NDArray[np.uint32], counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    return codes.astype(np.uint64) << np.uint64(32) | counts.astype(np.uint64)


def _summed_slices(
    slices: Iterator[NDArray[np.uint64]],
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
    """Sum the counts of each code; the last code of a slice may go on in the next one."""
    left = np.empty(0, np.uint64)
    for numbers in slices:
        numbers = np.concatenate([left, numbers])
        codes = (numbers >> np.uint64(32)).astype(np.uint32)
        cut = int(np.searchsorted(codes, codes[-1])) if len(codes) else 0
        left = numbers[cut:]
        yield _summed(codes[:cut], (numbers[:cut] & np.uint64(0xFFFFFFFF)).astype(np.int64))
    yield _summed((left >> np.uint64(32)).astype(np.uint32), (left & np.uint64(0xFFFFFFFF)).astype(np.int64))


def _listed(
    slices: Iterable[tuple[NDArray[np.uint32], NDArray[np.int64]]],
) -> tuple[CountRecords, int, int]:
    listed, rare, squares = [], 0, 0
    for codes, counts in slices:
        many = counts >= LEAST_PEOPLE
        listed.append(count_records(codes[many], counts[many].astype(np.uint32)))
        rare += int(counts[~many].sum())
        squares += int((counts[~many] ** 2).sum())
    return np.concatenate(listed), rare, squares


def _with_cohorts(sorter: NumberSorter, cohorts: CohortOfDay) -> Iterator[PackedTags]:
    """Yield the tags with cohorts in place of days. As cohorts do not fall with days, the order stays."""
    for numbers in sorter.merged():
        found = cohorts[(numbers & np.uint64(0xFFFF)).astype(np.int64)]
        yield numbers >> np.uint64(_DAY_BITS) << np.uint64(8) | found.astype(np.uint64)
