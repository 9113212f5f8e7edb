"""Identifiers in escapes and disguises are candidates, each at the place where it is written."""

import random

import pytest

from matching.comparing.lookup import Comparison
from matching.identifiers import SCANNED, Field
from matching.scanning.scanner import Scanner
from matching.scanning.specification import byte_places
from matching.scanning.undoing import UndoneBlock
from tests.escapes import DISGUISES, ESCAPES, Escape
from tests.matching.customers import customer

ADDRESS = "anna.beh@mail.example"


def found(text: str) -> list[tuple[Field, str, str]]:
    """Return field, form and written form of each candidate."""
    data = text.encode("utf-8", "surrogatepass")
    scanner = Scanner("US", SCANNED)
    candidates = scanner.scan(data)
    undone = UndoneBlock.of(data)
    batches = undone.with_undone(candidates, scanner) if undone else candidates
    return [
        (field, form, data[start:end].decode())
        for field, batch in batches.items()
        for form, start, end in zip(batch.forms(), batch.starts.tolist(), batch.ends.tolist(), strict=True)
    ]


@pytest.mark.parametrize("escape", [str, *ESCAPES.values()], ids=["as it is", *ESCAPES])
@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        (Field.EMAIL, ADDRESS, ADDRESS),
        (Field.PHONE, "+1 (202) 555-0123", "+12025550123"),
        (Field.CARD, "4111 1111 1111 1111", "4111111111111111"),
        (Field.RESIDENT_ID, customer(1).resident_id, customer(1).resident_id),
        (Field.IBAN, "GB33 BUKB 2020 1555 5555 55", "GB33BUKB20201555555555"),
    ],
)
def test_a_value_is_found_in_every_escape(escape: Escape, field: Field, value: str, form: str) -> None:
    """A value is one candidate of its field, whatever it is written in, with foreign letters before it."""
    candidates = [one for one in found(f"数据 {escape(value)}, x\n") if one[0] == field]

    assert form in [form for _, form, _ in candidates]
    assert len(candidates) == 1 or escape in (ESCAPES["soft line end"], ESCAPES["Markdown"])


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_an_address_is_found_in_every_disguise(disguise: Escape) -> None:
    """An address that no program is to recognise is a candidate."""
    assert ADDRESS in [form for _, form, _ in found(f"mail {disguise(ADDRESS)}, old one")]


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        (r"hi\nanna.beh@mail.example", [ADDRESS]),
        (r"hi\\tanna.beh@mail.example\nbob@mail.example", [ADDRESS, "bob@mail.example"]),
        ("to=%3Canna.beh@mail.example%3E&re=1", [ADDRESS]),
        ("u=https%3A%2F%2Fx.example%2F%3Fm=anna.beh@mail.example", [ADDRESS]),
        ("mailto%3Aanna.beh@mail.example", [ADDRESS]),
        ("&lt;anna.beh@mail.example&gt;", [ADDRESS]),
        ("=3Canna.beh@mail.example=3E", [ADDRESS]),
        ("\x1b[32manna.beh@mail.example\x1b[0m:\x1b[1;31mhunter\x1b[0m", [ADDRESS]),
        ("anna.beh@mail%2Eexample", [ADDRESS]),
        ("anna.beh@mail.example%2Etest", [f"{ADDRESS}.test"]),
        ("anna=40mail.example", ["anna@mail.example"]),
        ("anna.b=\r\neh=40mail.example", [ADDRESS]),
        ("anna.beh[at]mail[.]example", [ADDRESS]),
        ("anna.beh (at) mail (dot) example, old one", [ADDRESS]),
        ("anna dot beh at mail dot example", [ADDRESS]),
        ("anna.beh@mail[.]example", [ADDRESS]),
        ("anna.beh @ mail.example", [ADDRESS]),
        (r"anna\.beh\@mail\.example", [ADDRESS]),
        ("look at mail.example. A dot in the mail", []),
        ("joe%ab.example and 100%@mail", []),
    ],
)
def test_what_an_escape_glues_to_an_address_is_no_part_of_it(text: str, forms: list[str]) -> None:
    """Addresses end where the escapes around them say; addresses that are disguised are undone."""
    assert [form for field, form, _ in found(text) if field is Field.EMAIL] == forms


def test_a_candidate_has_the_place_of_what_is_written() -> None:
    """The place is that of the escaped form, in bytes, also behind letters of several bytes."""
    assert found("趣店 é anna%40mail.example\\u002c x") == [
        (Field.EMAIL, "anna@mail.example", "anna%40mail.example")
    ]


def test_what_may_be_read_in_two_ways_is_found_in_both() -> None:
    """A soft line end may be the end of a value, and a cell of hexadecimal may be a wallet."""
    forms = {form for _, form, _ in found("key=\nanna@mail.example\n")}

    assert forms == {"anna@mail.example", "keyanna@mail.example"}


def test_a_text_without_signs_is_scanned_once() -> None:
    """A block without escapes has no undone form."""
    assert UndoneBlock.of(b"anna@mail.example;+1 (202) 555-0123\n" * 100) is None
    assert Comparison(()).fields == frozenset()


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Tel. 0171 / 392 00 02, abends", ["+491713920002"]),
        ("(0171) - 3920002", ["+491713920002"]),
        ("+49 171 – 3920002", ["+491713920002"]),
        ("+49 (171) / 39 20 002", ["+491713920002"]),
        ("1712 / 3920002", []),
        ("07 / 12 2024 100", []),
        ("10.0 - 20.000000", []),
        ("0.171 / 3920002", []),
        ("2019 - 2024 0171", []),
    ],
)
def test_a_number_may_have_blanks_around_a_separator(text: str, forms: list[str]) -> None:
    """A slash or a hyphen with blanks divides an area code from its number, and nothing else."""
    data = text.encode()
    scanner = Scanner("DE", SCANNED)
    candidates, undone = scanner.scan(data), UndoneBlock.of(data)
    batches = undone.with_undone(candidates, scanner) if undone else candidates

    assert [form for form in batches[Field.PHONE].forms() if len(form) == 13] == forms


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("to u003canna.beh@mail.example", [ADDRESS]),
        ("u0022anna.beh@mail.exampleu0022", []),
        (">u003eanna.beh@mail.example,", [ADDRESS]),
        ("menu003canna.beh@mail.example", []),
        (r"\u003canna.beh@mail.example", [ADDRESS]),
        ("u0031anna.beh@mail.example", []),
    ],
)
def test_an_escape_may_have_lost_its_backslash(text: str, forms: list[str]) -> None:
    """What is left of an escape before an address is tried as an escape, not inside of words."""
    assert [form for field, form, _ in found(text) if field is Field.EMAIL and form == ADDRESS] == forms


def test_places_of_characters_in_bytes() -> None:
    """Of any characters, and of bytes that are not UTF-8: as long as what is before them."""
    chance = random.Random(5)
    characters = ["a", "\0", "é", "数", "😀", b"\xff".decode("utf-8", "surrogateescape"), "\udce6"]
    for known in (characters[:5], characters):
        for _ in range(300):
            text = "".join(chance.choices(known, k=chance.randint(0, 30)))
            sizes = [len(text[:end].encode("utf-8", "surrogateescape")) for end in range(len(text) + 1)]

            assert byte_places(text).tolist() == sizes
