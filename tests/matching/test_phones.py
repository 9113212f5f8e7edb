"""Telephone numbers: the same answer as phonenumbers, for digits of any region."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.phones import e164

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_KINDS = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip")


def oracle(digits: str, region: str, *, international: bool) -> str | None:
    """What phonenumbers says."""
    try:
        number = phonenumbers.parse(("+" if international else "") + digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def examples(region: str) -> list[str]:
    """Example numbers of a region's plan."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    descriptions = (getattr(metadata, kind) for kind in _KINDS)
    return [one.example_number for one in descriptions if one is not None and one.example_number]


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str, bool]:
    """Near misses: an example with a prefix in front and up to two digits changed, or digits at random."""
    region = draw(st.sampled_from(REGIONS))
    code = str(phonenumbers.country_code_for_region(region))
    digits = list(draw(st.sampled_from(examples(region)) | st.text("0123456789", min_size=6, max_size=14)))
    for _ in range(draw(st.integers(0, 2))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    prefix = draw(st.sampled_from(["", "", code, "0", "00" + code, "1", "8", "011" + code, code + "0", "86"]))
    return (prefix + "".join(digits))[:17], region, draw(st.booleans())


@settings(max_examples=1500, deadline=None)
@given(numbers())
def test_any_number_of_any_region_is_what_phonenumbers_says(number: tuple[str, str, bool]) -> None:
    """Valid or not, and the same E.164: for examples, near misses and random digits of all regions."""
    digits, region, international = number

    assert e164(digits, region, international=international) == oracle(
        digits, region, international=international
    )


@pytest.mark.parametrize("region", REGIONS)
def test_the_examples_of_each_region_are_found(region: str) -> None:
    """Every example of a numbering plan is valid as a national number of its region."""
    for digits in examples(region):
        assert e164(digits, region) == oracle(digits, region, international=False)


def test_an_unknown_region_is_an_error() -> None:
    """The configuration refuses it before; here it is a mistake of the caller."""
    with pytest.raises(ValueError, match="ZZ"):
        e164("123456789", "ZZ")
