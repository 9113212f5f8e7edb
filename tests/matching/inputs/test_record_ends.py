"""In a text without line ends, each person has a row of their own. All people are invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.matching.inputs.reading import lines, one

COUNT = 12_000
PEOPLE = [(f"person{n}@mail.example", f"1700000{n:05}") for n in range(COUNT)]
#: How people are written, and whether a row holds a whole person.
FORMS = {
    "semicolon": (";".join(f"N,{email},{phone}" for email, phone in PEOPLE), True),
    "blank": (" ".join(f"{email}:{phone}" for email, phone in PEOPLE), True),
    "zero": ("\0".join(f"{email},{phone}" for email, phone in PEOPLE), True),
    "comma": (",".join(f"{email}:{phone}" for email, phone in PEOPLE), True),
    "script": (
        "var all = [" + ", ".join(f"{{a: '{email}', b: '{phone}'}}" for email, phone in PEOPLE) + "];",
        True,
    ),
    "serialised": ("".join(f'i:1;a:2:{{s:20:"{email}";s:12:"{phone}";}}' for email, phone in PEOPLE), True),
    "tags": ("".join(f"<u><e>{email}</e><p>{phone}</p></u>" for email, phone in PEOPLE), False),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_has_a_line_of_his_own(form: str) -> None:
    """Rows end with the character that ends records; where tags separate values, each value is a row."""
    text, whole = FORMS[form]

    dump = one(text.encode())

    rows = [line.decode() for block in dump.blocks for line, _ in lines(block)]
    assert max(row.count("@") for row in rows) == 1
    assert sum("@" in row and "1700000" in row for row in rows) == (COUNT if whole else 0)


#: Few people on one line, as programs print them.
FEW = {
    "elements": ("<r>", "<c><m>{e}</m><t>{p}</t></c>", "</r>", ""),
    "tuples": ("[", "(1, '{e}', '{p}')", "]", ", "),
    "records of Python": ("[", "Customer(id=1, email='{e}', phone='{p}')", "]", ", "),
    "dictionaries": ("<QuerySet [", "{{'email': '{e}', 'profile__phone': '{p}'}}", "]>", ", "),
    "structs of Go": ("[]main.User{", 'main.User{{ID:1, Email:"{e}", Phone:"{p}"}}', "}", ", "),
    "structs of Rust": ("[", 'User {{ email: "{e}", phone: Some("{p}") }}', "]", ", "),
    "a call": ("callback([", '{{"mail":"{e}","tel":"{p}"}}', "]);", ","),
    "clauses": ("We have ", "{e}, call {p}", ".", "; "),
}


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("form", FEW)
def test_few_people_on_a_line_are_told_apart(form: str, count: int) -> None:
    """Each of a few people, with an address and a number, is a row."""
    before, each, after, between = FEW[form]
    text = before + between.join(each.format(e=email, p=phone) for email, phone in PEOPLE[:count]) + after

    dump = one(text.encode())

    rows = [line.decode() for block in dump.blocks for line, _ in lines(block)]
    assert max(row.count("@") for row in rows) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Anna: a@x.example, b@x.example, c@x.example, +49171392001",
        "write to a@x.example; b@x.example or c@x.example and call 0171 3920011; 0171 3920012",
        "a@x.example;+491713920011\nb@x.example;+491713920012\nc@x.example;+491713920013\n",
    ],
    ids=["one person", "a sentence", "lines"],
)
def test_three_addresses_of_one_person_stay_together(text: str) -> None:
    """Where not each address has a number beside it, or lines divide them, nothing is divided."""
    assert one(text.encode()).text == text.encode()


def test_such_a_text_is_gone_on_with(tmp_path: Path) -> None:
    """Reading may continue behind any block, with the same line numbers."""
    path = tmp_path / "dump"
    path.write_text(FORMS["semicolon"][0] * 3)
    whole = one(path)

    rest = one(path, after=whole.blocks[0].end)

    assert len(whole.blocks) > 2
    assert [(block.text, block.line(0)) for block in rest.blocks] == [
        (block.text, block.line(0)) for block in whole.blocks[1:]
    ]
    before, _, _ = whole.blocks[0].text.partition(b"person777@")
    assert whole.blocks[0].line(before.count(b"\n")) == 778


@pytest.mark.parametrize(
    "text", ["words and words " * 9_000, "a@b.example " * 5, "a@b.example c\n" * 900, "x@y" * 9_000]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Prose, few addresses, text with lines, and text that no character divides stay unchanged."""
    assert one(text.encode()).text == text.encode()
