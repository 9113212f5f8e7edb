"""Enrolment: which values of a list are accepted, which are refused and why, and what never happens."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matching.enrolment.enrol import Enrolment, enroll
from matching.errors import CustomersNotTaken, CustomersUnreadable, CustomersWithoutColumns
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.identifiers import GOLDEN, DateOrder, Field, canonical
from matching.inputs.formats.columns import role_of
from tests.cli.command import answer
from tests.matching.customers import FIELDS, as_csv, customers
from tests.matching.identifiers.national_numbers import number_of
from tests.matching.inputs.archives import zipped
from tests.matching.inputs.customers import workbook_of
from tests.matching.inputs.test_office import open_document

KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = customers(50)


def enrolled(
    tmp_path: Path,
    content: str | bytes,
    *,
    columns: Mapping[Field, Sequence[str]] | None = None,
    dates: DateOrder | None = None,
    header: bool = True,
    region: str = "CN",
) -> Enrolment:
    """Enrol a list into a.segment."""
    path = tmp_path / "customers.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return enroll(
        path,
        tmp_path / "a.segment",
        company="quillmere",
        key=KEY,
        default_region=region,
        now=NOW,
        columns=columns,
        dates=dates,
        header=header,
    )


def ordinals(tmp_path: Path, field: Field, values: Sequence[str]) -> dict[str, int]:
    """Return value -> ordinal for the values that the segment has."""
    segment = open_segment(tmp_path / "a.segment", company="quillmere")
    forms = [canonical(field, value, "CN") or "" for value in values]
    hits, found = segment.lookup(field, KEY.fingerprinter("quillmere", field)(forms))
    return {values[int(hit)]: int(ordinal) for hit, ordinal in zip(hits, found, strict=True)}


def test_every_value_is_found_under_its_row(tmp_path: Path) -> None:
    """The ordinal is the row's number, from 1 on, without the header; each field is enrolled."""
    result = enrolled(tmp_path, as_csv(ROWS))

    assert (result.rows, dict(result.accepted)) == (50, dict.fromkeys(FIELDS, 50))
    for place, field in enumerate(FIELDS, 1):
        values = [row[place] for row in ROWS]
        assert ordinals(tmp_path, field, values) == {value: number for number, value in enumerate(values, 1)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    """The delimiter that the header has most of is used."""
    assert enrolled(tmp_path, as_csv(ROWS, delimiter=delimiter)).accepted[Field.IBAN] == 50


def test_a_delimiter_inside_quotes_is_none(tmp_path: Path) -> None:
    """Commas in a quoted name do not part the columns of a list with semicolons."""
    rows = "".join(f'"Bell, Anna, Dr.";a{number}@mail.example;x\n' for number in range(5))

    result = enrolled(tmp_path, f'"Name, Vorname, Titel, Rest";E-Mail;Ort\n{rows}')

    assert result.columns == {Field.EMAIL: [2]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_the_encoding_is_found_out(tmp_path: Path, encoding: str) -> None:
    """UTF-8, UTF-16, UTF-32 and GB18030, as Chinese spreadsheets write it, are recognised."""
    header = ("姓名", "电子邮箱", "手机号码", "身份证号", "银行卡号", "IBAN")

    assert enrolled(tmp_path, as_csv(ROWS, header=header).encode(encoding)).accepted == dict.fromkeys(
        FIELDS, 50
    )


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("E-Mail", "Mobile Phone", "ID Card Number"), {"email": 1, "phone": 2, "resident_id": 3}),
        (("customer_email", "home phone", "national-id"), {"email": 1, "phone": 2, "resident_id": 3}),
        (("邮箱", "联系电话", "客户身份证号码"), {"email": 1, "phone": 2, "resident_id": 3}),
        (("電子郵箱", "手機", "身份證"), {"email": 1, "phone": 2, "resident_id": 3}),
        (("ＥＭＡＩＬ", "Tel.", "Card No"), {"email": 1, "phone": 2, "card": 3}),
        (("name", "email", "mailing list"), {"email": 2}),
        (("Login name", "Account No", "passport no."), {"username": 1, "account": 2, "passport": 3}),
        (("x", "Wallet address", "Driver's License"), {"wallet": 2, "driving_licence": 3}),
        (("用户名", "账号", "护照号码"), {"passport": 3, "username": 1, "account": 2}),
        (("用户名", "驾驶证号", "钱包地址"), {"resident_id": 2, "wallet": 3, "username": 1}),
        (("E-Mail (privat)", "Telefon [mobil]", "PLZ (Ort)"), {"email": 1, "phone": 2}),
        (("Indirizzo e-mail", "Cellulare", "Numero di carta"), {"email": 1, "phone": 2, "card": 3}),
        (("E-posta", "Cep Telefonu", "Kart No"), {"email": 1, "phone": 2, "card": 3}),
        (("Adres e-mail", "Telefon komórkowy", "Numer karty"), {"email": 1, "phone": 2, "card": 3}),
        (("メールアドレス", "電話番号", "住所"), {"email": 1, "phone": 2}),
        (("이메일", "휴대폰 번호", "주소"), {"email": 1, "phone": 2}),
        (("Surel", "No. HP", "Alamat"), {"email": 1, "phone": 2}),
        (("Email", "Số điện thoại", "Địa chỉ"), {"email": 1, "phone": 2}),
        (("البريد الإلكتروني", "رقم الهاتف", "العنوان"), {"email": 1, "phone": 2}),
        (("Пошта", "Мобільний телефон", "Адреса"), {"email": 1, "phone": 2}),
        (("E-mail", "Telemóvel", "Morada"), {"email": 1, "phone": 2}),
        (("E-mailadres", "Telefoonnummer", "Woonplaats"), {"email": 1, "phone": 2}),
    ],
)
def test_columns_are_recognised_by_their_names(
    tmp_path: Path, names: Sequence[str], found: dict[str, int]
) -> None:
    """Usual names of many languages are recognised in their spellings; other columns are not read."""
    cells = [GOLDEN[Field(role)] if (role := role_of(name)) in set(Field) else "x" for name in names]

    result = enrolled(tmp_path, f"{','.join(names)}\n{','.join(cells)}\n")

    assert result.columns == {field: [column] for field, column in found.items()}


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (("Name", "Date of birth", "x"), [1, 2]),
        (("DOB", "Last name", "First name"), [2, 3, 1]),
        (("Surname", "Forename", "Born"), [1, 2, 3]),
        (("名", "姓", "出生日期"), [2, 1, 3]),
        (("姓名", "生日", "x"), [1, 2]),
    ],
)
def test_a_name_and_a_birth_date_are_one_value(
    tmp_path: Path, names: Sequence[str], places: list[int]
) -> None:
    """A name and a birth date are enrolled together, from two or three columns, the family name first."""
    cells = ["1890-01-31" if role_of(name) == "birth_date" else "Ann Poe" for name in names]

    result = enrolled(tmp_path, f"{','.join(names)}\n{','.join(cells)}\n")

    assert result.columns == {Field.NAME_BIRTH_DATE: places}


PEOPLE = (
    "family,given,born\nDoe,John,1890-01-31\nRoe,Jané,31.01.1890\n张,三,1890年1月31日\n"
    "Poe,Ann,03/04/1890\n,,1890-01-31\nLoe,Ann,soon\n"
)
JOINED = {Field.NAME_BIRTH_DATE: ["family+2+born"]}


def test_a_name_with_a_birth_date_is_found_however_it_is_written(tmp_path: Path) -> None:
    """Any order of a name and any form of the date find the row; refused values are counted by reason."""
    result = enrolled(tmp_path, PEOPLE, columns=JOINED)
    written = ["John Doe|1890-01-31", "ROE, JANE|31 January 1890", "张三|18900131", "张 三|1890/1/31"]

    assert ordinals(tmp_path, Field.NAME_BIRTH_DATE, written) == dict(zip(written, [1, 2, 3, 3], strict=True))
    assert (result.columns, dict(result.refused[Field.NAME_BIRTH_DATE])) == (
        {Field.NAME_BIRTH_DATE: [1, 2, 3]},
        {"ambiguous_date": 1, "empty": 1, "malformed": 1},
    )


@pytest.mark.parametrize(
    ("dates", "day"), [(DateOrder.DAY_FIRST, "1890-04-03"), (DateOrder.MONTH_FIRST, "1890-03-04")]
)
def test_a_list_says_how_it_writes_dates(tmp_path: Path, dates: DateOrder, day: str) -> None:
    """With `dates` no date is ambiguous."""
    enrolled(tmp_path, PEOPLE, columns=JOINED, dates=dates)

    assert ordinals(tmp_path, Field.NAME_BIRTH_DATE, [f"Ann Poe|{day}"]) == {f"Ann Poe|{day}": 4}


def test_every_field_can_be_enrolled(tmp_path: Path) -> None:
    """The golden value of each field is enrolled from a column that the user named."""
    content = "\t".join(GOLDEN.values()).replace("|", "\t").replace("pl: ", "") + "\n"
    named = {field: [str(number)] for number, field in enumerate(GOLDEN, 1)}
    named[Field.NATIONAL_ID][0] += ":PL"
    last = len(GOLDEN)

    result = enrolled(
        tmp_path, content, columns=named | {Field.NAME_BIRTH_DATE: [f"{last}+{last + 1}"]}, header=False
    )

    assert result.accepted == dict.fromkeys(Field, 1)
    assert all(ordinals(tmp_path, field, [raw]) == {raw: 1} for field, raw in GOLDEN.items())


@pytest.mark.parametrize("column", ["1", "1+2+3+4+5"])
def test_a_name_with_a_birth_date_needs_its_columns(tmp_path: Path, column: str) -> None:
    """One column is too few and five are too many; the message shows an example."""
    with pytest.raises(CustomersWithoutColumns, match=r"=2\+3\+7"):
        enrolled(tmp_path, "a,b,c,d,e\n", columns={Field.NAME_BIRTH_DATE: [column]})


def test_several_columns_of_a_field_belong_to_one_customer(tmp_path: Path) -> None:
    """A second e-mail column adds fingerprints with the same ordinal."""
    enrolled(tmp_path, "email 1,email 2\na@b.example,c@d.example\n")

    assert ordinals(tmp_path, Field.EMAIL, ["a@b.example", "c@d.example"]) == {
        "a@b.example": 1,
        "c@d.example": 1,
    }


@pytest.mark.parametrize("column", ["2", "contact"])
def test_a_column_can_be_named(tmp_path: Path, column: str) -> None:
    """A column is named by its number from 1 or by its name, and replaces what the header suggests."""
    result = enrolled(tmp_path, "id,contact\n1,a@b.example\n", columns={Field.EMAIL: [column]})

    assert (result.columns, result.accepted[Field.EMAIL]) == ({Field.EMAIL: [2]}, 1)


def test_a_list_without_a_header_is_read_from_its_first_row(tmp_path: Path) -> None:
    """Without a header the columns are named by number, and the first row is customer 1."""
    enrolled(tmp_path, "a@b.example\nc@d.example\n", columns={Field.EMAIL: ["1"]}, header=False)

    assert ordinals(tmp_path, Field.EMAIL, ["a@b.example", "c@d.example"]) == {
        "a@b.example": 1,
        "c@d.example": 2,
    }


def test_refused_values_are_counted_by_reason(tmp_path: Path) -> None:
    """Refused values are counted by reason and do not change the ordinals of later rows."""
    content = "email,card\nnone,4111111111111112\n,\nc@d.example,4111111111111111\n"

    result = enrolled(tmp_path, content)

    assert {field: dict(reasons) for field, reasons in result.refused.items()} == {
        Field.EMAIL: {"placeholder": 1, "empty": 1},
        Field.CARD: {"wrong_check_digit": 1, "empty": 1},
    }
    assert ordinals(tmp_path, Field.EMAIL, ["c@d.example"]) == {"c@d.example": 3}


def test_a_number_that_may_be_two_is_enrolled_as_both(tmp_path: Path) -> None:
    """A number that can have lost its + or its 0 gives two fingerprints and counts as one value."""
    result = enrolled(tmp_path, "phone\n4915123456789\n", region="DE")
    written = ["+494915123456789", "+4915123456789"]

    assert (result.accepted[Field.PHONE], ordinals(tmp_path, Field.PHONE, written)) == (
        1,
        dict.fromkeys(written, 1),
    )


def test_one_value_under_two_names_is_enrolled_once(tmp_path: Path) -> None:
    """A login that repeats the e-mail address, or an account that repeats the card, is not enrolled again."""
    content = (
        "email,phone,card,login,account\n"
        "a@b.example,17000000001,4111111111111111,A@B.example,4111 1111 1111 1111\n"
        "c@d.example,17000000002,,17000000002,77001122\n"
        "e@f.example,,,a@b.example,x7\n"
        ",,,summer99,summer99\n"
    )

    result = enrolled(tmp_path, content)

    fields = (Field.USERNAME, Field.ACCOUNT)
    assert [(result.accepted[field], dict(result.refused[field])) for field in fields] == [
        (2, {"repeated": 2}),
        (1, {"repeated": 2, "malformed": 1}),
    ]


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;", "sep=;;"])
def test_the_line_for_excel_is_no_row(tmp_path: Path, first: str) -> None:
    """`sep=;` says what parts the columns; the next line has their names, and customer 1 follows."""
    result = enrolled(tmp_path, f"{first}\r\nid,x;email\r\n1,2;a@b.example\r\n")

    assert (result.rows, ordinals(tmp_path, Field.EMAIL, ["a@b.example"])) == (1, {"a@b.example": 1})


def test_all_addresses_of_a_cell_belong_to_the_customer(tmp_path: Path) -> None:
    """Two addresses in a cell are two values under one ordinal."""
    result = enrolled(tmp_path, 'email\nx\n"a@b.example; c@d.example"\n')

    values = ["a@b.example", "c@d.example"]
    assert (result.accepted[Field.EMAIL], ordinals(tmp_path, Field.EMAIL, values)) == (
        2,
        dict.fromkeys(values, 2),
    )


def test_a_phone_that_was_read_as_a_number_is_nobody_elses(tmp_path: Path) -> None:
    """The .0 is no digit of the number: the customer is found, and the longer number is not enrolled."""
    enrolled(tmp_path, "phone\n491713920001.0\n", region="DE")

    found = ordinals(tmp_path, Field.PHONE, ["+491713920001", "+4917139200010", "+494917139200010"])

    assert found == {"+491713920001": 1}


def test_short_and_long_rows_are_read(tmp_path: Path) -> None:
    """A missing cell counts as empty, and cells beyond the columns are not read."""
    result = enrolled(tmp_path, "name,email\nx\ny,a@b.example,z,z\n")

    assert (result.rows, result.accepted[Field.EMAIL], dict(result.refused[Field.EMAIL])) == (
        2,
        1,
        {"empty": 1},
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("email,phone\nno address,n/a\nnone,soon\n", "2 rows .*email malformed: 1, .*phone placeholder: 1"),
        ("email,phone\n", "no rows"),
        ("email,contact\n" + ",a@b.example\n" * 3, "email empty: 3.*column 2 looks like email"),
    ],
)
def test_a_list_of_which_nothing_is_taken_is_refused(tmp_path: Path, content: str, said: str) -> None:
    """The message counts the reasons, and no segment is written."""
    with pytest.raises(CustomersNotTaken, match=said) as refused:
        enrolled(tmp_path, content)

    assert "a@b.example" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["customers.csv"]


def test_a_column_that_looks_like_identifiers_and_is_not_read_is_said(tmp_path: Path) -> None:
    """Not said: columns that are read, that hold something else, or whose name says something else."""
    row = "a@b.example,c@d.example,'+4917139200{:02},town,{},1990-01-{:02}\n"
    content = "email,reach,ring,place,no,born\n" + "".join(row.format(n, n, n) for n in range(1, 10))

    result = enrolled(tmp_path, content, region="DE")

    assert [(column.number, column.role) for column in result.left_out] == [(2, "email"), (3, "phone")]


def test_a_list_without_known_columns_is_told_what_they_look_like(tmp_path: Path) -> None:
    """Three rows with addresses suffice; the message has none of them."""
    with pytest.raises(CustomersWithoutColumns, match=r"column 2 looks like email .*email=2") as refused:
        enrolled(tmp_path, "1,a@b.example\n2,c@d.example\n3,e@f.example\n")

    assert "@" not in str(refused.value)


def test_a_list_without_known_columns_is_refused(tmp_path: Path) -> None:
    """The message has the number of columns and not their names, which without a header would be values."""
    with pytest.raises(CustomersWithoutColumns, match=r"\b2 columns .* --column email=2") as refused:
        enrolled(tmp_path, "a@b.example,17000000000\n")

    assert "a@b.example" not in str(refused.value)


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message has the name of the missing column."""
    with pytest.raises(CustomersWithoutColumns, match="'mail2'"):
        enrolled(tmp_path, "email\na@b.example\n", columns={Field.EMAIL: ["mail2"]})


@pytest.mark.parametrize(
    "content", [b"email\n\x81\x8d\x9d \x90\n", b"email\n" + b"a@b.example\n" * 30_000 + b"\xff\n"]
)
def test_a_list_of_unknown_encoding_is_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes of no known encoding are refused at the beginning and far down in the list."""
    with pytest.raises(CustomersUnreadable, match="--encoding"):
        enrolled(tmp_path, content)


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["Jürgen Müller", "José Núñez", "Zoë Brandt"]),
        ("cp1250", ["Štěpán Dvořák", "Jiří Novák", "Żaneta Wójcik"]),
        ("cp1251", ["Иванов Пётр", "Мария Кузнецова", "Олег Сидоров"]),
        ("big5", ["陳小美", "張三豐", "林志明"]),
        ("cp949", ["김철수", "박영희", "이민호"]),
        ("utf-16-le", ["Jürgen Müller", "José Núñez", "Zoë Brandt"]),
    ],
)
def test_names_are_read_in_the_encoding_that_match_would_find(
    tmp_path: Path, encoding: str, names: list[str]
) -> None:
    """A name with an umlaut is that name, also where only a late line shows the encoding."""
    early = "".join(f"x@mail.example;Anna Bell;{day}.01.1990\n" for day in range(1, 29)) * 500
    rows = "".join(f"a@mail.example;{name};17.05.1980\n" for name in names)

    result = enrolled(tmp_path, ("email;name;born\n" + early + rows).encode(encoding))

    values = [f"{name}|17.05.1980" for name in names]
    assert (result.encoding, len(ordinals(tmp_path, Field.NAME_BIRTH_DATE, values))) == (
        {"big5": "big5hkscs"}.get(encoding, encoding),
        len(names),
    )


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing list is refused with its path."""
    with pytest.raises(CustomersUnreadable, match=r"none\.csv"):
        enroll(
            tmp_path / "none.csv", tmp_path / "a.segment", company="a", key=KEY, default_region="CN", now=NOW
        )


SHEET = [
    ["E-Mail", "Mobil", "Ort"],
    *([f"a{n}@mail.example", f"4917139200{n:02}", "X"] for n in range(10, 30)),
]


@pytest.mark.parametrize("program", ["Excel", "LibreOffice"])
def test_the_sheet_of_a_workbook_is_a_list(tmp_path: Path, program: str) -> None:
    """The rows of a sheet are customers, as in the same list as CSV; numbers stored as such are numbers."""
    cells = [
        "".join(f"<table:table-cell><text:p>{c}</text:p></table:table-cell>" for c in row) for row in SHEET
    ]
    rows = "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
    table = f"<office:spreadsheet><table:table>{rows}</table:table></office:spreadsheet>"
    workbook = workbook_of(SHEET) if program == "Excel" else open_document("spreadsheet", table)

    result = enrolled(tmp_path, workbook, region="DE")

    assert (result.rows, result.accepted) == (20, {Field.EMAIL: 20, Field.PHONE: 20})
    assert ordinals(tmp_path, Field.EMAIL, ["a29@mail.example"]) == {"a29@mail.example": 20}


@pytest.mark.parametrize(
    "content",
    [
        workbook_of(SHEET, SHEET),
        zipped({"a.csv": "\n".join(map(",".join, SHEET)).encode()}),
        open_document("text", "<office:text><text:p>E-Mail</text:p></office:text>"),
        workbook_of(SHEET)[:-30],
    ],
    ids=["two sheets", "an archive", "a text document", "damaged"],
)
def test_a_file_that_is_no_single_sheet_is_refused(tmp_path: Path, content: bytes) -> None:
    """Nothing is guessed about which of several lists is meant, and a part of a list is no list."""
    with pytest.raises(CustomersUnreadable):
        enrolled(tmp_path, content)

    assert not (tmp_path / "a.segment").exists()


def test_a_cell_without_end_is_refused(tmp_path: Path) -> None:
    """A quote that is never closed is refused with its line and does not fill the memory."""
    with pytest.raises(CustomersUnreadable, match=r"line \d+ "):
        enrolled(tmp_path, 'email\n"' + "x" * (2 << 20))


def test_a_refused_list_leaves_no_segment(tmp_path: Path) -> None:
    """After a refusal neither a segment nor a draft is left."""
    with pytest.raises(CustomersUnreadable):
        enrolled(tmp_path, 'email\na@b.example\n"' + "x" * (2 << 20))

    assert [path.name for path in tmp_path.iterdir()] == ["customers.csv"]


WATCHED = """
import sys
from datetime import UTC, datetime
from pathlib import Path

def hook(event, arguments):
    opens_database = event == "import" and arguments[0] == "storage.database.base"
    if event.startswith(("socket.", "sqlite3.")) or opens_database:
        print(event, arguments[0])

sys.addaudithook(hook)
from matching.enrolment.enrol import enroll
from matching.fingerprints.key_file import read_key

folder = Path(sys.argv[1])
result = enroll(folder / "customers.csv", folder / "a.segment", company="quillmere",
                key=read_key(folder / "a.key"), default_region="CN", now=datetime.now(UTC))
print(result.rows, "customers")
"""


def test_enrolment_opens_no_socket_and_no_database(tmp_path: Path) -> None:
    """An interpreter that reports every socket and database call reports none during an enrolment."""
    write_key(KEY, tmp_path / "a.key", NOW)
    (tmp_path / "customers.csv").write_text(as_csv(ROWS))

    ran = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )

    assert ran.stdout.splitlines() == ["50 customers"]


def test_progress_is_told(tmp_path: Path) -> None:
    """The progress callback gets growing numbers of bytes and rows."""
    path = tmp_path / "customers.csv"
    path.write_text("email\n" + "a@b.example\n" * 50_000)
    reported: list[tuple[int, int]] = []

    enroll(
        path,
        tmp_path / "a.segment",
        company="a",
        key=KEY,
        default_region="CN",
        now=NOW,
        progress=lambda read, rows: reported.append((read, rows)),
    )

    assert (reported == sorted(reported), reported[-1]) == (True, (path.stat().st_size, 50_000))


def test_the_command_joins_columns_and_is_told_how_dates_are_written(tmp_path: Path) -> None:
    """The command joins columns with + and reads dates as --dates says."""
    (tmp_path / "customers.csv").write_text(PEOPLE)
    write_key(KEY, tmp_path / "quillmere.key", NOW)
    options = ("--key", "quillmere.key", "--column", "name_birth_date=1+2+3", "--dates", "day-first")

    told = answer(tmp_path, "enroll", "customers.csv", *options)

    assert (told["columns"], told["accepted"], told["refused"]) == (
        {"name_birth_date": [1, 2, 3]},
        {"name_birth_date": 4},
        {"name_birth_date": {"empty": 1, "malformed": 1}},
    )


def test_national_numbers_get_the_country_that_most_of_them_have(tmp_path: Path) -> None:
    """A column named national_id holds Polish numbers. The segment names the countries."""
    numbers = [number_of("PL", "9" * 11, seed) for seed in range(20)]

    result = enrolled(tmp_path, "national_id,town\n" + "".join(f"{one},Lesk\n" for one in [*numbers, "1"]))

    assert (result.columns, result.accepted[Field.NATIONAL_ID]) == ({Field.NATIONAL_ID: [1]}, 20)
    assert result.refused[Field.NATIONAL_ID] == {"malformed": 1}
    assert open_segment(tmp_path / "a.segment").header.countries == ("PL",)
    assert len(ordinals(tmp_path, Field.NATIONAL_ID, [f"PL:{one}" for one in numbers])) == 20


@pytest.mark.parametrize(
    ("name", "country", "form"),
    [
        ("CPF", "BR", "999.999.999-99"), ("DNI", "ES", "99999999A"),
        ("codice fiscale", "IT", "AAAAAA99A99A999A"),
        ("Personnummer", "SE", "999999-9999"), ("OIB", "HR", "9" * 11), ("BSN", "NL", "9" * 9),
        ("RUT", "CL", "99.999.999-X"), ("id_number", "TR", "9" * 11), ("rodné číslo", "CZ", "999999/9999"),
        ("주민등록번호", "KR", "999999-9999999"), ("N° de sécurité sociale", "FR", "9" * 15),
        ("CNP", "RO", "9" * 13), ("ЕГН", "BG", "9" * 10), ("Steuer-ID", "DE", "9" * 11),
    ],
)  # fmt: skip
def test_columns_of_national_numbers_are_recognised(
    tmp_path: Path, name: str, country: str, form: str
) -> None:
    """Names in many languages; a column named id_number is what its cells are."""
    numbers = [number_of(country, form, seed) for seed in range(12)]

    result = enrolled(tmp_path, f"{name};x\n" + "".join(f"{one};y\n" for one in numbers))

    assert result.accepted[Field.NATIONAL_ID] == 12
    assert country in open_segment(tmp_path / "a.segment").header.countries


def test_a_national_number_that_is_an_account_too_is_enrolled_once(tmp_path: Path) -> None:
    """One value of a leak must not agree on two fields."""
    numbers = [number_of("ES", "99999999A", seed) for seed in range(12)]

    result = enrolled(tmp_path, "account,DNI\n" + "".join(f"{one},{one}\n" for one in numbers))

    assert result.accepted == {Field.NATIONAL_ID: 12, Field.ACCOUNT: 0}
    assert result.refused[Field.ACCOUNT] == {"repeated": 12}


def test_resident_ids_stay_resident_ids(tmp_path: Path) -> None:
    """A column named national_id with numbers of China is enrolled as resident_id."""
    result = enrolled(tmp_path, "national_id\n" + "".join(f"{row.resident_id}\n" for row in ROWS))

    assert dict(result.accepted) == {Field.RESIDENT_ID: 50}


@pytest.mark.parametrize("column", ["2:US", "number:US"])
def test_a_country_without_check_digits_is_declared(tmp_path: Path, column: str) -> None:
    """Numbers of such a country are accepted in a declared column, in the country's form."""
    content = "n,number\n" + "".join(f"x,536-9{seed}-1234\n" for seed in range(10)) + "x,000-00-0000\n"

    result = enrolled(tmp_path, content, columns={Field.NATIONAL_ID: [column]})

    assert (result.accepted[Field.NATIONAL_ID], result.refused[Field.NATIONAL_ID].total()) == (10, 1)
    assert open_segment(tmp_path / "a.segment").header.countries == ("US",)


def test_a_declared_column_of_no_known_country_asks_for_it(tmp_path: Path) -> None:
    """The message says how to name the country."""
    with pytest.raises(CustomersWithoutColumns, match="national_id=1:PL"):
        enrolled(tmp_path, "n\n123456\n654321\n", columns={Field.NATIONAL_ID: ["1"]})


def test_a_column_that_looks_like_national_numbers_and_is_not_read_is_said(tmp_path: Path) -> None:
    """The column is named with the option that reads it."""
    rows = "".join(f"a{seed}@mail.example,{number_of('PL', '9' * 11, seed)}\n" for seed in range(12))

    result = enrolled(tmp_path, "email,reference\n" + rows)

    assert [(column.number, column.role) for column in result.left_out] == [(2, "national_id")]
