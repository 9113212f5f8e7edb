"""The declared schema: the columns of the company's own export, in their order, with their styles; no values.

It is declared at enrolment and travels in the segment's header. A leak whose columns have the same unusual
names, order and styles was probably made by the same system (`matching.attribution.schema_fit`).
"""

import re
import unicodedata
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic import Field as ModelField

NAME_LENGTH = 64  # characters of a column's name
SCHEMA_COLUMNS_LIMIT = 300  # a header has 64 KB, and a column takes up to 200 bytes of it
SHAPES_LIMIT = 12  # shapes of a column's codes

_BETWEEN_CASES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")

_Name = Annotated[str, StringConstraints(pattern=r"^\w*$", max_length=NAME_LENGTH)]
_Style = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 .,:/_+-]*$", max_length=40)]
_Shape = Annotated[str, StringConstraints(pattern=r"^[A9字._/-]{1,16}$")]


class DeclaredColumn(BaseModel):
    """One column.

    `name`: folded (`folded_name`), "" for a column without one. `style`: how dates or numbers are written,
    such as `YYYYMMDD` (`matching.inputs.formats.cell_styles`). `shapes`: of its codes, with A for a letter, 9
    for a digit and 字 for a Chinese character: `B2` has `A9`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Name = ""
    style: _Style = ""
    shapes: Annotated[tuple[_Shape, ...], ModelField(max_length=SHAPES_LIMIT)] = ()


class DeclaredSchema(BaseModel):
    """The columns of one export, in its order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Annotated[tuple[DeclaredColumn, ...], ModelField(min_length=1, max_length=SCHEMA_COLUMNS_LIMIT)]

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        if not any(column.name for column in self.columns):
            raise ValueError("at least one column must have a name")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def folded_name(name: str) -> str:
    """Return the words of a column's name in lower case, joined with `_`.

    `CUST_LVL_CD`, `custLvlCd` and `Cust lvl cd` are all `cust_lvl_cd`.
    """
    plain = unicodedata.normalize("NFKC", name[: 4 * NAME_LENGTH])
    parted = _BETWEEN_CASES.sub(" ", plain).casefold()
    return _BETWEEN_WORDS.sub("_", parted).strip("_")[:NAME_LENGTH].strip("_")
