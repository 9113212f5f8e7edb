"""Names with birth dates are taken from the columns that a table has."""

import pytest

from matching.comparing.cells import candidates_in_cells
from matching.identifiers import Field
from tests.matching.inputs.reading import one


@pytest.mark.parametrize(
    ("header", "row", "form"),
    [
        ("nombre,fecha de nacimiento", "José Núñez,17/09/1957", "jose nunez|1957-09-17"),
        ("nombre,apellidos,fecha de nacimiento", "José,Núñez,17/09/1957", "jose nunez|1957-09-17"),
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
