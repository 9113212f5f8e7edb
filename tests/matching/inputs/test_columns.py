"""Which role a column has, by its cells and its name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.inputs.formats.columns import Column, columns_of, is_header, role_of

CN = ("CN",)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("E-Mail", "email"), ("customer_phone", "phone"), ("手機號碼", "phone"), ("身份证号", "resident_id"),
        ("用户名", "username"), ("userName", "username"), ("客户姓名", "name"), ("国际银行账号", "iban"),
        ("银行卡账号", "card"), ("Date of Birth", "birth_date"), ("account_no", "account"), ("amount", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_name_stands_for_one_role(name: str, role: str | None) -> None:
    """Case, punctuation, digits, qualifiers and traditional characters make no difference."""
    found = role_of(name)

    assert found == role


@pytest.mark.parametrize(
    ("names", "role"),
    [
        ("E-Mail-Adresse|Mailadresse|correo electrónico|Correo del cliente|Adresse e-mail|courriel|Эл. почта|"
         "Адрес электронной почты|电子信箱", "email"),
        ("Handynummer|Telefon-Nr.|Tel. mobil|Telefon (privat)|Rufnummer|teléfono móvil|Nº de teléfono|MÓVIL|"
         "Téléphone portable|N° de téléphone|Телефон клиента|Моб. телефон|Номер телефона|联系电话", "phone"),
        ("Geburtsdatum|Geb.-Datum|fecha de nacimiento|Date de naissance|Дата рождения|出生|出生日|出生年月日",
         "birth_date"),
        ("Nachname|Apellidos|nom de famille|Фамилия", "family_name"),
        ("Vorname|Prénom|Имя", "given_name"),
        ("Vollständiger Name|nombre y apellidos|Nom complet|ФИО", "name"),
        ("Kontonummer|número de cuenta|Numéro de compte|Номер счёта", "account"),
        ("Kreditkarte|Número de tarjeta|carte bancaire|Номер карты", "card"),
        ("Reisepass-Nr.|Pasaporte|Passeport|Номер паспорта", "passport"),
        ("Führerschein|Fuehrerschein|Permis de conduire|Водительское удостоверение", "driving_licence"),
        ("Benutzername|nombre de usuario|Nom d'utilisateur|Логин", "username"),
        ("氏名|お名前|이름|성명|Имя Фамилия|Nome completo|Ad Soyad|Imię i nazwisko|"
         "Họ tên|ПІБ|الاسم الكامل|नाम", "name"),
        ("Data de nascimento|Data di nascita|Doğum tarihi|Data urodzenia|Geboortedatum|Födelsedatum|"
         "Ngày sinh|Tanggal lahir|Дата народження|生年月日|생년월일|"
         "تاريخ الميلاد|วันเกิด|Datum narození", "birth_date"),
        ("Telefone|Cellulare|Cep telefonu|Numer telefonu|電話番号|휴대폰|"
         "رقم الهاتف|เบอร์โทรศัพท์|No. HP", "phone"),
        ("Cognome|Sobrenome|Nazwisko|Soyadı|Achternaam|Прізвище", "family_name"),
        ("メールアドレス|이메일|E-posta|البريد الإلكتروني|อีเมล", "email"),
    ],
)  # fmt: skip
def test_names_are_known_in_many_languages(names: str, role: str) -> None:
    """With marks or without, composed or decomposed, in capitals or not."""
    for name in names.split("|"):
        for written in (name, name.upper(), unicodedata.normalize("NFD", name)):
            assert (written, role_of(written)) == (written, role)


def test_other_columns_have_no_role() -> None:
    """What a longer word, a place or a count is called is no name of identifiers."""
    names = (
        "出生地|出生地点|Geburtsort|lugar de nacimiento|Lieu de naissance|Место рождения|邮件数量|"
        "Kundennummer|Adresse|Dirección|Адрес|Straße|Ort|PLZ|Ciudad|Ville|Город|Código|Код|fecha|Datum|Дата|Номер|"
        "Numéro|Mobilität|Telefonist|cuentas por cobrar|Счетчик|Handyvertrag|client|Kunde|Клиент|Betrag"
    )

    found = [name for name in names.split("|") if role_of(name)]

    assert found == []


@given(st.text(st.characters(max_codepoint=127), max_size=60) | st.sampled_from(["E-MAIL", "User ID"]))
def test_a_name_in_ascii_is_read_as_the_fold_reads_it(name: str) -> None:
    """The role is the same with the fold, which an added invisible character makes necessary."""
    found, folded = role_of(name), role_of(name + "\u200b")

    assert found == folded


def test_cells_decide_before_the_name_does() -> None:
    """A column called phone that holds e-mail addresses has the role email."""
    rows = [[f"p{number}@mail.example", "x"] for number in range(5)]

    columns = columns_of(rows, CN, ["phone", "用户名"])

    assert columns == [Column(1, "email", "phone"), Column(2, "username", "用户名")]


def test_two_cells_prove_nothing_without_a_name() -> None:
    """A number may have the form of a telephone number by chance."""
    rows = [["17000000001"], ["17000000002"]]

    unnamed, named = columns_of(rows, CN, None), columns_of(rows, CN, ["手机"])

    assert (unnamed[0].role, named[0].role) == (None, "phone")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (["id", "email"], True),
        (["a", "b"], True),
        (["9", "x@mail.example"], False),
        (["x", "17000000009"], False),
    ],
)
def test_a_header_holds_no_value(first: list[str], expected: bool) -> None:
    """A first row that holds a value like the rows below it does not name the columns."""
    rows = [["12", f"p{number}@mail.example"] for number in range(5)]

    found = is_header(first, rows, CN)

    assert found is expected


def test_a_column_is_named_only_by_a_name_that_columns_have() -> None:
    """Any other text may be a value or a person's name, and is not shown."""
    columns = columns_of([], CN, ["mobile", "17000000009", "zhang wei", "users.zhangwei88.mobile"])

    assert [str(column) for column in columns] == [
        "column 1, phone (mobile)",
        "column 2",
        "column 3",
        "column 4",
    ]
