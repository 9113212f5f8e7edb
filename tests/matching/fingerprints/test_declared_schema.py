"""The declared schema: folded names of columns, their styles, and nothing that could be a value."""

import pytest
from pydantic import ValidationError

from matching.fingerprints.segments.declared_schema import (
    SCHEMA_COLUMNS_LIMIT,
    DeclaredColumn,
    DeclaredSchema,
    folded_name,
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("CUST_LVL_CD", "cust_lvl_cd"),
        ("custLvlCd", "cust_lvl_cd"),
        ("  Cust-lvl.cd ", "cust_lvl_cd"),
        ("客户等级", "客户等级"),
        ("ＰＨＯＮＥ", "phone"),
        ("Größe (cm)", "grösse_cm"),
        ("addr1", "addr1"),
        ("---", ""),
        ("", ""),
        ("x" * 5000, "x" * 64),
    ],
)
def test_spellings_of_one_name_fold_to_one(written: str, folded: str) -> None:
    """Case, separators and width do not matter; folding a folded name changes nothing."""
    assert (folded_name(written), folded_name(folded)) == (folded, folded)
    assert DeclaredColumn(name=folded).name == folded


def test_a_schema_is_read_from_its_json() -> None:
    """It travels in the header as JSON and comes back equal."""
    schema = DeclaredSchema(
        columns=(
            DeclaredColumn(name="cust_lvl_cd", shapes=("A9",)),
            DeclaredColumn(name="open_dt", style="YYYYMMDD"),
            DeclaredColumn(),
        )
    )

    assert DeclaredSchema.model_validate_json(schema.model_dump_json()) == schema
    assert schema.names == ("cust_lvl_cd", "open_dt", "")


@pytest.mark.parametrize(
    "columns",
    [
        [],
        [{"name": ""}],
        [{"name": "x"}] * (SCHEMA_COLUMNS_LIMIT + 1),
        [{"name": "two words"}],
        [{"name": "x" * 65}],
        [{"name": "x", "shapes": ["B2"]}],
        [{"name": "x", "shapes": ["A"] * 13}],
        [{"name": "x", "style": "y" * 41}],
        [{"name": "x", "values": ["a"]}],
    ],
    ids=range(9),
)
def test_anything_else_is_refused(columns: list[dict[str, object]]) -> None:
    """Codes themselves, unfolded names, too many columns and unknown keys are not accepted."""
    with pytest.raises(ValidationError):
        DeclaredSchema.model_validate({"columns": columns})
