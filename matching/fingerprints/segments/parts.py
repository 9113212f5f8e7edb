"""What a header of format 3 says of the parts that a file may have beside its fingerprints.

Every number is bounded here, so that no header makes a reader allocate or read more than the file has. A file
without these parts is written in format 2, which older programs read, too.
"""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic import Field as ModelField

from matching.fingerprints.segments.declared_schema import DeclaredSchema

COUNT_LIMIT = 1 << 32  # records per field: the directory's entries have 4 bytes
COHORTS_LIMIT = 255  # a customer's cohort is one byte, and 0 means not known
CANARY_SETS_LIMIT = 1000
MASK_PARTS_LIMIT = 64  # templates, and kinds of endings
ENDING_LENGTH = 4  # characters of an ending that are counted, at most
#: People behind each number of a histogram, at least. What fewer people share is counted together.
LEAST_PEOPLE = 10

LABEL = r"^[a-z0-9][a-z0-9_-]{0,63}$"
NO_LABEL = r"^([a-z0-9][a-z0-9_-]{0,63})?$"

Count = Annotated[int, ModelField(ge=0, lt=COUNT_LIMIT)]
_PartName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
_Tag = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{10}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SegmentPurpose(StrEnum):
    """Who the people of a segment are."""

    CUSTOMERS = "customers"
    CANARIES = "canaries"
    KNOWN_BREACH = "known_breach"


class CanarySet(_Part):
    """The canaries that one system or partner was given: those with the ordinals from `first` to `last`."""

    label: Annotated[str, StringConstraints(pattern=LABEL)]
    issued: date
    expires: date | None = None  # None: not limited
    first: Annotated[int, ModelField(ge=1, lt=COUNT_LIMIT)]
    last: Annotated[int, ModelField(ge=1, lt=COUNT_LIMIT)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last ordinal of a set of canaries must not be below the first")
        if self.expires is not None and self.expires < self.issued:
            raise ValueError("a set of canaries must not expire before it is issued")
        return self


class TemplateCounts(_Part):
    """The sizes of one mask template's parts.

    `rare`: tags whose anchor fewer than LEAST_PEOPLE have; such anchors are not listed. `rare_squares`: the
    sum of the squares of their counts, from which the usual number of people with a rare anchor follows.
    """

    tags: Count
    anchors: Count  # listed ones
    rare: Count
    rare_squares: Annotated[int, ModelField(ge=0, lt=COUNT_LIMIT * LEAST_PEOPLE)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.anchors * LEAST_PEOPLE + self.rare > self.tags:
            raise ValueError("a template cannot have more people with its anchors than tags")
        if not self.rare <= self.rare_squares <= self.rare * (LEAST_PEOPLE - 1):
            raise ValueError("the squares of rare anchors do not fit their number")
        return self


class EndingCounts(_Part):
    """The sizes of the histogram of one kind of ending, such as the last four digits of a phone number."""

    values: Count  # that were counted
    listed: Count  # entries of the histogram
    length: Annotated[int, ModelField(ge=1, le=ENDING_LENGTH)]  # characters

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # Each value counts once whole, per character, per pair of neighbours, and by how it repeats.
        if self.listed * LEAST_PEOPLE > (2 * self.length + 1) * self.values:
            raise ValueError("a histogram cannot have more entries than its values allow")
        return self


class MasksHeader(_Part):
    """The tags of masked values: `version` of the list of mask templates, and the sizes of the parts."""

    version: Annotated[int, ModelField(ge=1, lt=1 << 16)]
    golden: Annotated[dict[_PartName, _Tag], ModelField(max_length=MASK_PARTS_LIMIT)]
    templates: Annotated[dict[_PartName, TemplateCounts], ModelField(max_length=MASK_PARTS_LIMIT)]
    endings: Annotated[dict[_PartName, EndingCounts], ModelField(max_length=MASK_PARTS_LIMIT)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.golden.keys() != self.templates.keys():
            raise ValueError("templates and golden tags must be of the same templates")
        return self


class HeaderParts(_Part):
    """The fields that format 3 added to the header. The defaults mean: the file does not have this part.

    `cohorts`: the first enrolment date of each cohort; `cohorts_until`: the last date of the last one. Of the
    last `cohort_ordinals` ordinals the file has a byte each: 0 is not known, k the k-th cohort.
    """

    purpose: SegmentPurpose = SegmentPurpose.CUSTOMERS
    label: Annotated[str, StringConstraints(pattern=NO_LABEL)] = ""  # of the system, partner or breach
    cohorts: Annotated[tuple[date, ...], ModelField(max_length=COHORTS_LIMIT)] = ()
    cohorts_until: date | None = None
    cohort_ordinals: Count = 0
    canary_sets: Annotated[tuple[CanarySet, ...], ModelField(max_length=CANARY_SETS_LIMIT)] = ()
    masks: MasksHeader | None = None
    declared_schema: DeclaredSchema | None = None

    @model_validator(mode="after")
    def _consistent_parts(self) -> Self:
        if self.purpose is SegmentPurpose.KNOWN_BREACH and not self.label:
            raise ValueError("a segment of a known breach must have a label, the name of the breach")
        if self.canary_sets and self.purpose is not SegmentPurpose.CANARIES:
            raise ValueError("only a segment of canaries has sets of canaries")
        sets = sorted(self.canary_sets, key=lambda one: one.first)
        if any(behind.first <= before.last for before, behind in pairwise(sets)):
            raise ValueError("two sets of canaries have the same ordinals")
        self._check_cohorts()
        return self

    def _check_cohorts(self) -> None:
        if not (bool(self.cohorts) == (self.cohorts_until is not None) == bool(self.cohort_ordinals)):
            raise ValueError("cohorts, cohorts_until and cohort_ordinals go together")
        if any(behind <= before for before, behind in pairwise(self.cohorts)):
            raise ValueError("the first dates of cohorts must rise")
        if self.cohorts_until is not None and self.cohorts_until < self.cohorts[-1]:
            raise ValueError("the last date of the cohorts must not be before their first dates")

    @property
    def has_parts(self) -> bool:
        """Whether the header says something that format 2 cannot say."""
        return any(getattr(self, name) != field.default for name, field in PARTS.items())


PARTS = HeaderParts.model_fields


def joined_cohorts(*files: HeaderParts) -> tuple[date, ...]:
    """Return the first dates of cohorts into which those of all files fit whole, at most COHORTS_LIMIT.

    A date remains if no cohort of a file has customers before and after it. So each cohort of a file belongs
    to exactly one of the result.
    """
    dated = [file for file in files if file.cohorts]
    dates = sorted({first for file in dated for first in file.cohorts})
    kept = [first for first in dates if all(_parts_at(file, first) for file in dated)]
    if len(kept) <= COHORTS_LIMIT:
        return tuple(kept)
    return tuple(kept[place * len(kept) // COHORTS_LIMIT] for place in range(COHORTS_LIMIT))


def _parts_at(file: HeaderParts, first: date) -> bool:
    until = file.cohorts_until
    return first in file.cohorts or first <= file.cohorts[0] or (until is not None and first > until)


def cohort_map(of_file: tuple[date, ...], joined: tuple[date, ...]) -> NDArray[np.uint8]:
    """Return the number in `joined` of each of 256 numbers of a file's cohorts; 0 stays not known."""
    numbers = np.zeros(256, np.uint8)
    for number, first in enumerate(of_file, 1):
        numbers[number] = bisect_right(joined, first)
    return numbers


def joined_parts(before: HeaderParts, delta: HeaderParts, *, customers: int) -> HeaderParts:
    """Return the parts of the state with so many customers that two files of a series give together.

    The counts of masks are those of both files together; what anchors and endings are listed is only known
    when the files are merged (`merged_masks`), so their counts are upper bounds. A set of canaries that both
    have is that of the delta. Without a declared schema the delta leaves the one before.
    """
    until = [one.cohorts_until for one in (before, delta) if one.cohorts_until is not None]
    sets = {one.first: one for one in (*before.canary_sets, *delta.canary_sets)}
    return HeaderParts.model_construct(
        purpose=before.purpose,
        label=before.label,
        cohorts=joined_cohorts(before, delta),
        cohorts_until=max(until, default=None),
        cohort_ordinals=customers if until else 0,
        canary_sets=tuple(sets[first] for first in sorted(sets)),
        masks=_joined_masks(before.masks, delta.masks),
        declared_schema=delta.declared_schema or before.declared_schema,
    )


def without_tags(masks: MasksHeader) -> MasksHeader:
    """Return the header of a file of the same series that has no tags itself."""
    return MasksHeader(version=masks.version, golden={}, templates={}, endings={})


def _joined_masks(before: MasksHeader | None, delta: MasksHeader | None) -> MasksHeader | None:
    if before is None or delta is None:
        return before or delta
    templates = {
        name: _sum_of_templates([one.templates[name] for one in (before, delta) if name in one.templates])
        for name in {**before.templates, **delta.templates}
    }
    endings = {
        name: _sum_of_endings([one.endings[name] for one in (before, delta) if name in one.endings])
        for name in {**before.endings, **delta.endings}
    }
    golden: Mapping[str, str] = {**before.golden, **delta.golden}
    return MasksHeader(version=delta.version, golden=dict(golden), templates=templates, endings=endings)


def _sum_of_templates(counts: list[TemplateCounts]) -> TemplateCounts:
    return TemplateCounts.model_construct(
        tags=sum(one.tags for one in counts),
        anchors=sum(one.anchors for one in counts),
        rare=sum(one.rare for one in counts),
        rare_squares=sum(one.rare_squares for one in counts),
    )


def _sum_of_endings(counts: list[EndingCounts]) -> EndingCounts:
    return EndingCounts.model_construct(
        values=sum(one.values for one in counts),
        listed=sum(one.listed for one in counts),
        length=max(one.length for one in counts),
    )
