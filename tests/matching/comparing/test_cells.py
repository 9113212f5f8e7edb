"""Candidates that only the cells of a table show: names with birth dates, numbers that look like a time."""

import random
from dataclasses import replace

import pytest

from matching.comparing.cells import candidates_in_cells
from matching.comparing.named_dates import names_with_dates
from matching.identifiers import Field
from matching.inputs import Block
from matching.inputs.formats.blocks import LineShape
from matching.inputs.formats.delimited import DelimitedShape, Dialect
from tests.matching.inputs.reading import one


@pytest.mark.parametrize(
    ("header", "row", "form"),
    [
        ("nombre,fecha de nacimiento", "José Núñez,17/09/1957", "jose nunez|1957-09-17"),
        ("nombre,apellidos,fecha de nacimiento", "José,Núñez,17/09/1957", "jose nunez|1957-09-17"),
        ("nome,cognome,data_nascita", "Piera,Valdossi,17/09/1957", "piera valdossi|1957-09-17"),
        ("Name,Vorname,Geburtsdatum", "Quirrel,Jane,17.09.1957", "jane quirrel|1957-09-17"),
        ("Naam,Voornaam,Geboortedatum", "Quirrel,Jane,17-09-1957", "jane quirrel|1957-09-17"),
        ("name,first name,dob", "Jane Quirrel,Jane,1957-09-17", "jane quirrel|1957-09-17"),
        ("Name,Surname,dob", "Jane,Quirrel,1957-09-17", "jane quirrel|1957-09-17"),
        ("name,first name,surname,dob", "x,Jane,Quirrel,1957-09-17", "jane quirrel|1957-09-17"),
        ("full name,surname,dob", "Jane Quirrel,Quirrel,1957-09-17", "jane quirrel|1957-09-17"),
        ("nom,date de naissance", "Zoé Lefèvre,17.09.1957", "lefevre zoe|1957-09-17"),
        ("氏名,生年月日", "林 知秋,1957/9/17", "林知秋|1957-09-17"),
        ("이름,생년월일", "김철수,1957-09-17", "김철수|1957-09-17"),
        ("Nome completo,Data de nascimento", "Ana Sá,1957-09-17", "ana sa|1957-09-17"),
    ],
)
def test_a_name_is_read_from_the_columns_that_there_are(header: str, row: str, form: str) -> None:
    """Where there is no column of whole names, that of given names or family names may hold them."""
    read = one(f"{header}\n{row}\n{row}\n{row}\n".encode())
    fields = {Field.NAME_BIRTH_DATE}
    [batch] = [
        candidates_in_cells(block, fields, region="ES").batches[Field.NAME_BIRTH_DATE]
        for block in read.blocks
    ]

    assert [batch.form(number).decode() for number in range(len(batch))] == [form] * 3


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("姓名:林知秋 出生:1957-09-17", "林知秋|1957-09-17"),
        ("客户姓名：贺云舟 性别：男 生日：1974年9月18日 手机：138", "贺云舟|1974-09-18"),
        ("Name: John Doe, DOB: 17.09.1957", "doe john|1957-09-17"),
        ("name=Ann Lee|dob=1990-01-02", "ann lee|1990-01-02"),
        ("Имя: Иван Петров; Дата рождения: 17.09.1957", "иван петров|1957-09-17"),
        ("Nombre: José Núñez / Fecha de nacimiento: 17/09/1957", "jose nunez|1957-09-17"),
        ("username: x dob: 17.09.1957", None),
        ("Name: A B DOB: 1990-01-02 Name: C D DOB: 1991-01-02", None),
        ("Name: A B, DOB: 1990-01-02, DOB of wife: 1991-01-02, birthday: 1992-01-02", None),
        ("Name: Ann Lee, date: 1990-01-02", None),
        ("生日：1990-01-02", None),
    ],
)
def test_a_name_and_a_date_may_stand_in_one_line(line: str, form: str | None) -> None:
    """One name and one birth date with their labels are a person; two of one kind are not."""
    read = one(f"offer\n\n{line}\nthe end\n".encode())
    [block] = read.blocks

    assert list(names_with_dates(block)) == ([] if form is None else [(2, form)])


class _EveryRow:
    """The shape of the same lines, which does not tell which of them may hold a time."""

    def __init__(self, shape: LineShape) -> None:
        self.columns, self.where, self.cells = shape.columns, shape.where, shape.cells


def test_only_rows_that_may_hold_a_time_are_read() -> None:
    """For any table, with and without quotes, the numbers are those that reading every row finds."""
    chance = random.Random(11)
    numbers = ["1713920014", "01713920014", "+491713920014", "1713920014\u200b", "１７１３９２００１４"]
    written = ['"1713920014"', '="1713920014"', "'1713920014", "1713920014.0", "Tel.:1713920014"]
    others = [
        "20240101",
        "202401011200",
        "20240101120000",
        "1719-1713920014",
        "1713920014x",
        "12",
        "数据",
        "",
    ]
    found = 0
    for _ in range(400):
        dialect = Dialect(chance.choice([b",", b";", b"\t", b" "]), chance.choice([b'"', None]))
        wide = chance.randint(1, 4)
        delimiter = dialect.delimiter.decode()
        rows = [
            delimiter.join(chance.choices([*numbers, *written, *others], k=chance.randint(1, wide + 1)))
            for _ in range(chance.randint(1, 12))
        ]
        sample = [["phone"] * wide, *(["01713920014"] * wide for _ in range(30))]
        shape = DelimitedShape(dialect, sample, ["DE"])
        text = "\n".join(rows) + chance.choice(["", "\n"])
        block = Block(text.encode(), chance.choice([1, 9]), 0, len(text.encode()), shape)

        some = candidates_in_cells(block, {Field.PHONE}, region="DE").batches
        every = candidates_in_cells(
            replace(block, shape=_EveryRow(shape)), {Field.PHONE}, region="DE"
        ).batches

        assert some.keys() == every.keys(), text
        for field, batch in some.items():
            found += len(batch)
            assert (batch.forms(), batch.starts.tolist()) == (
                every[field].forms(),
                every[field].starts.tolist(),
            )
    assert found > 1_000
