"""Turns digits into a telephone number in E.164, with the numbering plans of `phonenumbers`.

Gives the same answer for a string of digits as `phonenumbers.parse`, `is_valid_number` and `format_number`
(property tests compare them), ten times faster: patterns are compiled once, and nothing is formatted.
`phones` describes the whole order of the decision.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

SHORTEST_NSN = 2
LONGEST_NSN = 17
_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost",
    "voip", "personal_number", "pager", "uan", "voicemail",
)  # fmt: skip


class NumberShape(NamedTuple):
    lengths: frozenset[int]  # empty: any length that the pattern matches
    pattern: re.Pattern[str]

    def takes(self, number: str) -> bool:
        return (not self.lengths or len(number) in self.lengths) and bool(self.pattern.fullmatch(number))


@dataclass(frozen=True, slots=True)
class NumberingPlan:
    """The numbering plan of one region, or of a code that belongs to none (+800)."""

    code: str
    international_prefix: re.Pattern[str] | None
    national_prefix: re.Pattern[str] | None
    transform: str | None  # replacement of the national prefix; None: it is only removed
    leading: re.Pattern[str] | None  # distinguishes the regions of one country code
    general: NumberShape
    longest: int  # digits of the longest general number
    local_lengths: frozenset[int]
    kinds: tuple[NumberShape, ...]

    def valid(self, number: str) -> bool:
        return self.general.takes(number) and any(kind.takes(number) for kind in self.kinds)

    def too_long(self, number: str) -> bool:
        return len(number) > self.longest and len(number) not in self.local_lengths

    def possible(self, number: str) -> bool:
        return len(number) not in self.local_lengths and (
            len(number) in self.general.lengths or self.too_long(number)
        )

    def without_prefix(self, number: str) -> str:
        """Remove the national prefix, unless only the number with the prefix matches the plan."""
        match = self.national_prefix.match(number) if self.national_prefix else None
        if match is None:
            return number
        if self.transform and match[match.re.groups] is not None:
            rest = match.re.sub(self.transform, number, count=1)
        else:
            rest = number[match.end() :]
        general = self.general.pattern
        return number if general.fullmatch(number) and not general.fullmatch(rest) else rest


def e164(digits: str, region: str, *, international: bool = False) -> str | None:
    """Return the number as +..., None if it is invalid. `international`: it was written with a `+`."""
    found = _plan_and_rest(digits, home_plan(region), international=international)
    if found is None:
        return None
    plan, rest = found
    stripped = plan.without_prefix(rest)
    number = stripped if plan.possible(stripped) else rest
    if not SHORTEST_NSN <= len(number) <= LONGEST_NSN or not _valid(plan.code, number):
        return None
    return f"+{plan.code}{number}"


def _plan_and_rest(
    digits: str, home: NumberingPlan, *, international: bool
) -> tuple[NumberingPlan, str] | None:
    """Return the plan of a number and the number without country code; None if its country code is unknown.

    1. After + or the home region's international prefix a country code must follow. If none follows a +, the
       digits are read without the +, and must then begin with a country code by rule 1 or 2.
    2. Digits that begin with the home code but have no + are read after the code, if only then they match the
       plan, or if they are too long for a national number.
    3. Otherwise it is a national number of the home region.
    """
    found = (_split_country_code(digits) if international else None) or _code_and_rest(digits, home)
    if found is not None:
        return plans(found[0])[0], found[1]
    return None if international or _after_international_prefix(digits, home) else (home, digits)


def _code_and_rest(digits: str, home: NumberingPlan) -> tuple[str, str] | None:
    """Return country code and rest of a number without +; None if it has no country code."""
    dialled = _after_international_prefix(digits, home)
    if dialled:
        return _split_country_code(dialled)
    if not digits.startswith(home.code):
        return None
    rest = home.without_prefix(digits[len(home.code) :])
    general = home.general.pattern
    only_without_code = not general.fullmatch(digits) and general.fullmatch(rest)
    return (home.code, rest) if only_without_code or home.too_long(digits) else None


def _after_international_prefix(digits: str, home: NumberingPlan) -> str | None:
    """Return the digits after the international prefix, None if there is none.

    No country code begins with 0, so a 0 there means that it was no prefix.
    """
    match = home.international_prefix.match(digits) if home.international_prefix else None
    if match is None or digits[match.end() : match.end() + 1] == "0":
        return None
    return digits[match.end() :]


def _split_country_code(digits: str) -> tuple[str, str] | None:
    for length in (1, 2, 3):
        if digits[:length] in CODES and digits[0] != "0":
            return digits[:length], digits[length:]
    return None


CODES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))


def _valid(code: str, number: str) -> bool:
    """Return whether the plan of the number's region accepts it.

    Several regions can share a code: the first one whose leading digits match decides. Regions without
    leading digits decide only if they accept the number.
    """
    regions = plans(code)
    if len(regions) == 1:
        return regions[0].valid(number)
    for plan in regions:
        if plan.leading is None:
            if plan.valid(number):
                return True
        elif plan.leading.match(number):
            return plan.valid(number)
    return False


@cache
def plans(code: str) -> tuple[NumberingPlan, ...]:
    """Return the plans of a country code, the main region first."""
    return tuple(_plan(int(code), region) for region in COUNTRY_CODE_TO_REGION_CODE[int(code)])


@cache
def home_plan(region: str) -> NumberingPlan:
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.country_code is None:
        raise ValueError(
            f"{region!r} is not a region with telephone numbers; expected a code such as CN, GB or US"
        )
    return _plan(metadata.country_code, region)


@cache
def _plan(code: int, region: str) -> NumberingPlan:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if metadata is None or metadata.general_desc is None:
        raise ValueError(f"phonenumbers has no numbering plan for +{code} {region}")
    general = metadata.general_desc
    kinds = (getattr(metadata, kind) for kind in _KINDS)
    return NumberingPlan(
        code=str(code),
        international_prefix=_compiled(metadata.international_prefix),
        national_prefix=_compiled(metadata.national_prefix_for_parsing),
        transform=metadata.national_prefix_transform_rule,
        leading=_compiled(metadata.leading_digits),
        general=_shape(general),
        longest=max(general.possible_length or ()),
        local_lengths=frozenset(general.possible_length_local_only or ()),
        kinds=tuple(_shape(kind) for kind in kinds if kind is not None and kind.national_number_pattern),
    )


def _shape(desc: PhoneNumberDesc) -> NumberShape:
    return NumberShape(
        frozenset(desc.possible_length or ()), re.compile(desc.national_number_pattern or "(?!)")
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None
