"""What the columns of a table hold: their cells decide, and where those show nothing, their names.

Names are known in English and Chinese; they are compared folded and reduced to their letters. A name has one
role only: that of the whole name, else that without a qualifier before it (`customer_phone`), else that of a
Chinese word inside it. Roles are the values of `identifiers.Field`, and those of columns whose content shows
nothing by itself: user names, accounts, names, dates of birth, passwords.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matching.identifiers import Field, recognised
from matching.masks import mask_text
from text.folding import mention_fold

#: Characters of a column's name that are shown.
NAME_LENGTH = 40
#: Cells of a column that decide on its role.
SAMPLE_CELLS = 50
#: Columns that are examined; a table with more of them is not a list of people.
COLUMNS_LIMIT = 500
#: Share of a column's cells that must be an identifier for the column to have its role.
ROLE_SHARE = 0.5
#: A column with fewer cells needs a name that says the same.
FEW_CELLS = 3

# Ordered as a Chinese word inside a longer name decides: 国际银行账号 (IBAN) contains 账号 (account).
_NAMES = {
    "email": "email emailaddress mail emailid 邮箱 电子邮件 邮件地址 电邮",
    "phone": (
        "phone phonenumber phoneno mobile mobilephone mobilenumber mobileno cell cellphone tel telephone "
        "telephonenumber msisdn 手机 电话 联系方式"
    ),
    "resident_id": (
        "residentid residentidnumber idcard idcardnumber idcardno idnumber nationalid citizenid sfz 身份证 "
        "证件号 驾驶证 驾照"  # a Chinese driving licence has the number of the resident ID
    ),
    "card": (
        "card cardnumber cardno bankcard bankcardnumber creditcard creditcardnumber paymentcard pan "
        "银行卡 卡号 信用卡"
    ),
    "iban": "iban ibannumber bankaccountiban 国际银行账号",
    "passport": "passport passportnumber passportno 护照",
    "driving_licence": "drivinglicence drivinglicense driverlicense driverslicense licencenumber",
    "wallet": "wallet walletaddress cryptowallet btc btcaddress 钱包",
    "birth_date": "birthdate birthday dateofbirth dob birth born 出生日期 出生年月 生日",
    "password": "password passwd pwd pass passwordhash 密码",
    "username": "username login loginname nickname nick handle 用户名 登录名 昵称",
    "account": "account accountnumber accountno accountid acct acctno 账号 帐号 账户 户号 客户号",
    "family_name": "familyname lastname surname lname 姓氏 姓",
    "given_name": "givenname firstname forename fname 名",
    "name": "name fullname realname 姓名 名字",
}
_WORDS = {role: names.split() for role, names in _NAMES.items()}
_ROLE_OF_NAME = {word: role for role, words in _WORDS.items() for word in words}
# 名 occurs in every second name of a column, so a single character counts only as the whole name.
_INSIDE = [
    (word, role) for role, words in _WORDS.items() for word in words if not word.isascii() and len(word) > 1
]
_QUALIFIERS = re.compile(r"^(?:customer|client|user|borrower|contact|primary|home|work|my)+")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or a key of its records. `name`: as the dump has it, masked; "" without a header.

    The name may be a person's (`Zhang Wei: 138...`), so it is shown only where it is a known name of columns.
    """

    number: int  # from 1
    role: str | None
    name: str

    def __str__(self) -> str:
        words = f"column {self.number}" + (f", {self.role}" if self.role else "")
        shown = self.name if is_known_name(self.name) else ""
        return f"{words} ({shown})" if shown and shown != self.role else words


@lru_cache(maxsize=4096)
def role_of(name: str) -> str | None:
    """Return the role of a column of this name; None where the name does not say."""
    letters = _letters(name[:200])
    bare = _QUALIFIERS.sub("", letters)
    exact = _ROLE_OF_NAME.get(letters) or _ROLE_OF_NAME.get(bare)
    return exact or next((role for word, role in _INSIDE if word in letters), None)


@lru_cache(maxsize=4096)
def is_known_name(name: str) -> bool:
    """Whether it is a known name of columns, and nothing else."""
    letters = _letters(name[:200])
    return letters in _ROLE_OF_NAME or _QUALIFIERS.sub("", letters) in _ROLE_OF_NAME


def _letters(name: str) -> str:
    """Return the letters of a name, folded.

    ASCII names are made lower case without the fold, which does the same but takes 0.1 s to load its table.
    """
    folded = name.lower() if name.isascii() else mention_fold()(name).text
    return re.sub(r"[\W\d_]", "", folded)


def columns_of(
    rows: Sequence[Sequence[str]], regions: Sequence[str], header: Sequence[str] | None
) -> list[Column]:
    """Return the columns of a table, from a sample of its rows. `regions`: of telephone numbers without +."""
    width = min(COLUMNS_LIMIT, max(map(len, [*rows, header or []]), default=0))
    names = [*(header or []), *([""] * width)][:width]
    return [
        Column(
            number,
            role_by_content((row[number - 1] for row in rows if len(row) >= number), regions, name)
            or role_of(name),
            shown_name(name),
        )
        for number, name in enumerate(names, 1)
    ]


def role_by_content(cells: Iterable[str], regions: Sequence[str], name: str = "") -> str | None:
    """Return the field of most of the cells; where there are few cells, `name` must say the same."""
    filled = [cell for cell in cells if cell.strip()][:SAMPLE_CELLS]
    shares = {field: sum(_is_identifier(field, cell, regions) for cell in filled) for field in Field}
    best = max(shares, key=shares.__getitem__)
    if not filled or shares[best] < ROLE_SHARE * len(filled):
        return None
    return best.value if len(filled) >= FEW_CELLS or role_of(name) == best else None


def is_header(first: Sequence[str], rows: Sequence[Sequence[str]], regions: Sequence[str]) -> bool:
    """Whether the first row names the columns.

    It does if none of its cells is a value, and one cell is a known name or stands above identifiers.
    """
    first = first[:COLUMNS_LIMIT]
    if any(_is_value(cell, regions) for cell in first):
        return False
    if any(role_of(cell) for cell in first):
        return True
    below = ([row[place] for row in rows if len(row) > place] for place in range(len(first)))
    return any(
        cell.strip() and role_by_content(cells, regions) for cell, cells in zip(first, below, strict=True)
    )


def shown_name(name: str) -> str:
    """Return the name on one line, masked and bounded: a stranger wrote it."""
    return mask_text(_UNPRINTABLE.sub(" ", name[:200])).strip()[:NAME_LENGTH]


def _is_value(cell: str, regions: Sequence[str]) -> bool:
    digits = sum(character.isdigit() for character in cell)
    return digits * 2 > len(cell.strip()) or any(_is_identifier(field, cell, regions) for field in Field)


def _is_identifier(field: Field, cell: str, regions: Sequence[str]) -> bool:
    return len(cell) <= 300 and any(recognised(field, cell, region) for region in regions)
