"""Telephone numbers: the same answer as phonenumbers for digits of any region."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.identifiers import Field, forms, scan
from matching.identifiers.numbering_plans import e164

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_KINDS = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip")


def oracle(digits: str, region: str, *, international: bool) -> str | None:
    """Return the answer of phonenumbers."""
    try:
        number = phonenumbers.parse(("+" if international else "") + digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def examples(region: str) -> list[str]:
    """Return the example numbers of a region's plan."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    descriptions = (getattr(metadata, kind) for kind in _KINDS)
    return [one.example_number for one in descriptions if one is not None and one.example_number]


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str, bool]:
    """Examples with a prefix and up to two changed digits, or random digits."""
    region = draw(st.sampled_from(REGIONS))
    code = str(phonenumbers.country_code_for_region(region))
    digits = list(draw(st.sampled_from(examples(region)) | st.text("0123456789", min_size=6, max_size=14)))
    for _ in range(draw(st.integers(0, 2))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    prefix = draw(st.sampled_from(["", "", code, "0", "00" + code, "1", "8", "011" + code, code + "0", "86"]))
    return (prefix + "".join(digits))[:17], region, draw(st.booleans())


@settings(max_examples=1500, deadline=None)
@given(numbers())
@pytest.mark.slow
def test_any_number_of_any_region_is_what_phonenumbers_says(number: tuple[str, str, bool]) -> None:
    """Validity and E.164 agree for examples, near misses and random digits of all regions."""
    digits, region, international = number

    assert e164(digits, region, international=international) == oracle(
        digits, region, international=international
    )


@pytest.mark.parametrize("region", REGIONS)
def test_the_examples_of_each_region_are_found(region: str) -> None:
    """Each example of a numbering plan is read as phonenumbers reads it."""
    for digits in examples(region):
        assert e164(digits, region) == oracle(digits, region, international=False)


def written_forms(number: phonenumbers.PhoneNumber) -> list[str]:
    """Return the ways to write a number: nationally, internationally, with its country code glued to it."""
    code, formats = str(number.country_code), phonenumbers.PhoneNumberFormat
    e164_form = phonenumbers.format_number(number, formats.E164)
    rest = e164_form[1 + len(code) :]
    return [
        phonenumbers.format_number(number, formats.NATIONAL),
        phonenumbers.format_number(number, formats.INTERNATIONAL),
        e164_form,
        f"{code}{rest}",
        f"00{code}{rest}",
        f"(+{code}) {rest}",
        f"+{code}-{rest}",
    ]


@pytest.mark.parametrize("region", REGIONS)
def test_the_examples_of_each_region_are_found_in_text_however_they_are_written(region: str) -> None:
    """Each example of seven digits or more is found in Chinese text and as a cell, in every form."""
    for digits in examples(region):
        number = phonenumbers.parse(digits, region)
        wanted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for written in written_forms(number):
            enough = sum(map(str.isdigit, written)) >= 7 and _is_glued_long_enough(written)
            found = {one.canonical for one in scan(f"电话{written}，", region, {Field.PHONE})}
            assert wanted in found or not enough, written
            assert wanted in forms(Field.PHONE, written, region) or not enough, written


def _is_glued_long_enough(written: str) -> bool:
    """Return whether a code without + or prefix can be recognised: the number needs ten digits."""
    return not written.isdigit() or len(written.removeprefix("00")) >= 10


@pytest.mark.parametrize(
    ("written", "region", "numbers"),
    [
        ("4915123456789", "DE", ["+494915123456789", "+4915123456789"]),
        ("015123456789", "DE", ["+4915123456789"]),
        ("447911123456", "CN", ["+447911123456"]),
        ("00447911123456", "US", ["+447911123456"]),
        ("8617000000000", "CN", ["+8617000000000"]),
        ("12025550123", "US", ["+12025550123"]),
        ("0447911123456", "CN", []),
    ],
)
def test_a_number_whose_plus_was_lost(written: str, region: str, numbers: list[str]) -> None:
    """Digits that may have lost their plus give one or two numbers, the same in a cell and in a text."""
    found = [one.canonical for one in scan(written, region, {Field.PHONE})]

    assert (forms(Field.PHONE, written, region), found) == (numbers, numbers)


def test_an_unknown_region_is_an_error() -> None:
    """A region without telephone numbers raises ValueError; the configuration refuses it earlier."""
    with pytest.raises(ValueError, match="ZZ"):
        e164("123456789", "ZZ")
