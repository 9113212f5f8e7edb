"""What the columns of a table hold: their cells decide, and where those show nothing, their names.

Names are known in English, Chinese, German, Spanish, French and Russian, the usual ones also in Italian,
Portuguese, Dutch, the Scandinavian languages, Finnish, Polish, Czech, Slovak, Hungarian, Romanian,
Ukrainian, Greek, Turkish, Indonesian, Vietnamese, Thai, Hindi, Arabic, Hebrew, Japanese and Korean. They
are compared reduced to their letters, without marks. A name has one role only: that of the whole name, else
that without a qualifier (`customer_phone`, `correo del cliente`), else that of a Chinese word inside it.
Roles are the values of `identifiers.Field`, and those of columns whose content shows nothing by itself:
user names, accounts, names, dates of birth, passwords.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matching.identifiers import Field, country_of_column, recognised
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
# One number in ten or eleven passes a check digit by chance.
_NATIONAL_CELLS = 10
_NATIONAL_LENGTH = 30  # characters
_LESS_THAN_NATIONAL = frozenset({Field.PHONE, Field.DRIVING_LICENCE})

# Ordered as a Chinese word inside a longer name decides: 国际银行账号 (IBAN) contains 账号 (account).
_NAMES = {
    "email": """
        email emailaddress mail emailid mailaddress emailadresse mailadresse emails epost elektronischepost
        emailaddr mailaddr emailadres epostadress epostadresse emailovaadresa emailováadresa
        correo correoelectronico direcciondecorreo direcciondecorreoelectronico direccionemail mailto
        courriel adressemail adresseemail adressecourriel adresseelectronique courrierelectronique
        почта элпочта адресэлпочты электроннаяпочта электроннаяпочтаклиента
        адресэлектроннойпочты емейл имейл емайл
        邮箱 电子邮件 邮件地址 电邮 电子信箱 电子邮址
        postaelettronica indirizzoemail indirizzomail correioeletronico enderecodeemail emaildocliente
        poczta pocztaelektroniczna adresemail adresmail eposta epostaadresi surel sähköposti sähköpostiosoite
        emailcím пошта електроннапошта елпошта адресаелектронноїпошти ηλεκτρονικοταχυδρομειο ηλταχυδρομειο
        דואל אימייל מייל דוארלקטרוני الايميل ايميل البريد البريدالالكتروني بريدالكتروني อีเมล อีเมล์
        メール メールアドレス eメール 電子メール 이메일 이메일주소 전자우편 電子郵件 電郵 信箱
        adresepoczty البريدالإلكتروني
        """,
    "phone": """
        phone phonenumber phoneno mobile mobilephone mobilenumber mobileno cell cellphone tel telephone
        telephonenumber mobilephonenumber cellphonenumber phonenum mobilenum contactnumber contactno
        contactphone whatsapp whatsappnumber msisdn phones cellnumber telno telnumber
        telefon telefonnummer telefonnr telnr telefonnum rufnummer rufnr festnetz festnetznummer handy
        handynummer handynr mobil mobilnummer mobilnr mobiltelefon mobiltelefonnummer mobilfunk
        mobilfunknummer mobilfunknr telefonmobil telefonprivat
        telefono telefonomovil telefonocelular telefonofijo numerodetelefono numerotelefono movil
        numeromovil numerodemovil celular numerocelular numerodecelular
        telephoneportable telephonemobile telephonefixe numerodetelephone numerotelephone numtelephone
        numtel portable numerodeportable telportable telmobile telmobil
        телефон номертелефона телномер тел мобильный мобильныйтелефон моб мобтелефон мобтел
        номермобильного номермобильноготелефона контактныйтелефон сотовый сотовыйтелефон
        домашнийтелефон рабочийтелефон
        手机 电话 联系方式
        cellulare numerodicellulare numerocellulare numeroditelefono recapitotelefonico
        telefone telemovel telefonecelular numerodetelefone numerodotelefone celulardocliente fone
        komorka komórka telefonkomorkowy telefonkomórkowy numertelefonu nrtelefonu nrtel telkom
        ceptelefonu cepno gsm gsmno telefonno telefonnumarasi telefonnumarası ceptel
        telefoon telefoonnummer mobiel mobielnummer gsmnummer
        nohp nomorhp nohandphone handphone telepon nomortelepon notelp notelepon nomorponsel ponsel
        điệnthoại sốđiệnthoại dienthoai sodienthoai sdt sđt didong
        номертелефону мобільнийтелефон мобільний telefonnicislo telefonníčíslo mobilnítelefon
        numartelefon numardetelefon nrtelefon telefonszám telefonszam mobilszám
        mobiltelefonnummer tlf tlfnr mobilnr mobiltelefonnr puhelin puhelinnumero matkapuhelin
        τηλεφωνο κινητο κινητοτηλεφωνο αριθμοςτηλεφωνου טלפון נייד טלפוןנייד מספרטלפון סלולרי
        الهاتف هاتف الجوال جوال رقمالهاتف رقمالجوال الموبايل موبايل المحمول โทรศัพท์ เบอร์โทร เบอร์โทรศัพท์ มือถือ
        電話 電話番号 携帯 携帯番号 携帯電話 手機 行動電話
        전화 전화번호 휴대폰 휴대폰번호 휴대전화 핸드폰 연락처
        recapito numerotelefonico telefonnumer telefoni teleponseluler
        """,
    "resident_id": """
        residentid residentidnumber idcard idcardnumber idcardno idnumber nationalid citizenid sfz 身份证
        证件号 驾驶证 驾照
        """,  # a Chinese driving licence has the number of the resident ID
    "national_id": """
        nationalidnumber nationalidentificationnumber nationalnumber nationalinsurancenumber
        socialsecuritynumber ssn personalnumber personalid personalidnumber personalidentificationnumber
        taxid taxnumber saidnumber pesel cpf numerocpf dni nie nif curp rut runrut cedula cuil cuit
        documentodeidentidad numerodedni codicefiscale codfiscale nir numerodesecuritesociale
        numerosecuritesociale numerosecu securitesociale insee steuerid steueridentifikationsnummer
        sozialversicherungsnummer svnr ahv ahvnummer avs numeroavs bsn burgerservicenummer
        rijksregisternummer insz niss personnummer personnr fodselsnummer fødselsnummer cprnummer cprnr
        hetu henkilotunnus kennitala isikukood asmenskodas cnp codnumericpersonal egn rodnecislo oib
        jmbg emso amka tckn tckimlik tckimlikno kimlikno инн егн рнокпп ипн aadhaar aadhar aadhaarnumber
        aadhaarno rrn 주민등록번호 주민번호 個人番号 マイナンバー
        """,
    "card": """
        card cardnumber cardno bankcard bankcardnumber creditcard creditcardnumber paymentcard pan
        kartennummer kartennr kreditkarte kreditkartennummer kreditkartennr
        tarjeta numerodetarjeta numerotarjeta tarjetadecredito tarjetabancaria
        numerodecarte numerocarte cartebancaire cartedecredit numerodecartebancaire
        номеркарты банковскаякарта номербанковскойкарты кредитнаякарта
        银行卡 卡号 信用卡
        cartadicredito numerocarta numerodicarta cartao cartão numerodocartao numerocartao cartaodecredito
        numerkarty nrkarty kartakredytowa kartno kartnumarasi kartnumarası kredikarti creditcardnummer
        номеркартки カード番号 카드번호
        """,
    "iban": "iban ibannumber bankaccountiban ibannummer ibannr codigoiban codeiban 国际银行账号",
    "passport": """
        passport passportnumber passportno reisepass reisepassnummer passnummer passnr reisepassnr
        pasaporte numerodepasaporte numeropasaporte passeport numerodepasseport numeropasseport
        номерпаспорта загранпаспорт номерзагранпаспорта 护照
        """,
    "driving_licence": """
        drivinglicence drivinglicense driverlicense driverslicense licencenumber
        fuhrerschein fuehrerschein fuhrerscheinnummer fuehrerscheinnummer fuhrerscheinnr
        licenciadeconducir permisodeconducir carnetdeconducir permisdeconduire numerodepermis
        водительскоеудостоверение водительскиеправа
        """,
    "wallet": """
        wallet walletaddress cryptowallet btc btcaddress walletadresse billetera direccionbilletera кошелек
        钱包
        """,
    "birth_date": """
        birthdate birthday dateofbirth dob birth born
        geburtsdatum geburtstag geburtsdat gebdatum gebdat geboren geborenam
        fechadenacimiento fechanacimiento nacimiento fechanac fnacimiento fecnac nacido
        datedenaissance datenaissance naissance datenaiss
        датарождения деньрождения рождения датарожд родился
        出生 出生日期 出生年月 出生日 出生时间 出生年份 生日 生年月日
        datadinascita datanascita nascita datadenascimento datanascimento nascimento dtnascimento dtnasc
        dataurodzenia doğumtarihi dogumtarihi geboortedatum tanggallahir tgllahir ngàysinh ngaysinh
        датанародження datumnarození datumnarozeni datanasterii datanașterii születésidátum születésiidő
        fødselsdato fodselsdato födelsedatum fodelsedatum syntymäaika ημερομηνιαγεννησης תאריךלידה
        تاريخالميلاد วันเกิด 誕生日 생년월일
        natoil szuletesidatum syntymaaika датанараждане 생일 जन्मतिथि
        """,
    "password": """
        password passwd pwd pass passwordhash passwort kennwort contrasena motdepasse mdp пароль 密码
        hasło haslo senha palavrapasse şifre sifre parola wachtwoord heslo jelszó salasana
        lösenord adgangskode matkhau mậtkhẩu κωδικος סיסמה كلمةالمرور パスワード 비밀번호
        """,
    "username": """
        username login loginname nickname nick handle benutzername benutzer nutzername anmeldename
        usuario nombredeusuario nombreusuario utilisateur nomdutilisateur nomutilisateur pseudo
        логин имяпользователя пользователь никнейм ник 用户名 登录名 昵称
        nazwaużytkownika nazwauzytkownika uzytkownik nomeutente utente kullanıcıadı kullaniciadi
        gebruikersnaam gebruiker nomedeusuario користувач שםמשתמש اسمالمستخدم ユーザー名 아이디
        """,
    "account": """
        account accountnumber accountno accountid acct acctno kontonummer kontonr konto
        cuenta numerodecuenta numerocuenta cuentabancaria numerodecompte numerocompte comptebancaire
        номерсчета счет лицевойсчет банковскийсчет
        账号 帐号 账户 户号 客户号
        numeroconto numerodiconto numerodaconta numerkonta nrkonta hesapno hesapnumarası rekeningnummer
        nomorrekening norekening номеррахунку 口座番号 계좌번호
        """,
    "family_name": """
        familyname lastname surname lname nachname familienname zuname apellido apellidos nomdefamille nom
        фамилия 姓氏 姓
        cognome sobrenome apelido nazwisko soyad soyadı soyadi soyisim achternaam familienaam efternavn
        etternavn efternamn sukunimi příjmení prijmeni priezvisko vezetéknév családnév prezime прізвище
        επωνυμο שםמשפחה اسمالعائلة اللقب นามสกุล 苗字
        """,
    "given_name": """
        givenname firstname forename fname vorname vornamen rufname nombre nombres nombredepila prenom prenoms
        имя 名
        imię imie isim ad adı adi voornaam fornavn fornamn etunimi křestníjméno keresztnév utónév prenume ime
        імя primeironome שםפרטי الاسمالاول
        keresztnev الاسمالأول
        """,
    "name": """
        name fullname realname vollername vollstandigername vollstaendigername vorundnachname namevorname
        nombrecompleto nombreyapellidos nombreyapellido nomcomplet nometprenom nomprenom prenomnom
        фио полноеимя имяфамилия фамилияимя фамилияимяотчество 姓名 名字
        nome nomecompleto nomeecognome nomecognome cognomenome nominativo imięinazwisko imieinazwisko
        nazwiskoiimię adsoyad adısoyadı adisoyadi adsoyadı isimsoyisim naam volledigenaam nama namalengkap
        họtên họvàtên hoten hovaten піб namn navn nimi jméno jmeno jménoapříjmení név teljesnév
        numecomplet numesiprenume ονομα ονοματεπωνυμο שם שםמלא الاسم اسم الاسمالكامل ชื่อ ชื่อนามสกุล
        氏名 名前 お名前 이름 성명 성함
        cognomeenome fulltnamn nazwiskoiimie adivesoyadi celejmeno прізвищеімя повнеімя नाम पूरानाम
        """,
}
_MARKS = re.compile(r"[\W\d_]+")
_HAN = re.compile(r"[\u3400-\u9fff]{2,}")
# Words that are another thing inside a longer name: 出生地 is a place of birth. A single character, as in
# every second name, counts only as the whole name too.
_WHOLE_ONLY = {"出生", "出生日", "生年月日"}


def _plain(name: str) -> str:
    """Return the letters in lower case without their marks. Unlike the fold it keeps the script."""
    plain = name.lower() if name.isascii() else unicodedata.normalize("NFKD", name.casefold())
    return _MARKS.sub("", plain)


#: Words for a whole name. Beside a surname they stand for a given name, and beside one of `_GIVEN_ONLY` for a
#: surname: `Name;Vorname`.
_WHOLE_OR_PART = "name nome naam nama namn navn nimi jméno jmeno név ονομα שם الاسم اسم ชื่อ"
_GIVEN_ONLY = "vorname vornamen rufname voornaam fornavn fornamn etunimi"
_WORDS = {role: names.split() for role, names in _NAMES.items()}
_PART_WORDS, _GIVEN_WORDS = (frozenset(map(_plain, words.split())) for words in (_WHOLE_OR_PART, _GIVEN_ONLY))
_ROLE_OF_NAME = {_plain(word): role for role, words in _WORDS.items() for word in words}
_INSIDE = [
    (word, role)
    for role, words in _WORDS.items()
    for word in words
    if _HAN.fullmatch(word) and word not in _WHOLE_ONLY
]
_QUALIFIERS = re.compile(
    r"^(?:customer|client|user|borrower|contact|primary|home|work|my|kunden?|kontakt|privat|no?de)+"
    r"|(?:del?(?:cliente|titular|contacto)|cliente|du(?:client|titulaire)|client|клиента|заемщика|контакта)$"
)
_IN_BRACKETS = re.compile(r"(?<=\w)\s{0,9}[(\[][^()\[\]]{0,60}[)\]]$")
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
    exact = _exact_role(name[:200])
    if exact or name.isascii():
        return exact
    letters = _folded(name[:200])
    return next((role for word, role in _INSIDE if word in letters), None)


def roles_of(names: Sequence[str]) -> list[str | None]:
    """Return the role of each column of a table. A `name` beside the one half of a name is the other half."""
    roles = [role_of(name) for name in names]
    has_family, has_given = "family_name" in roles, "given_name" in roles
    if "name" not in roles or has_family == has_given:
        return roles
    words = list(map(_plain, names))
    if has_given and _GIVEN_WORDS.isdisjoint(words):
        return roles
    other = "given_name" if has_family else "family_name"
    return [
        other if role == "name" and word in _PART_WORDS else role
        for word, role in zip(words, roles, strict=True)
    ]


@lru_cache(maxsize=4096)
def is_known_name(name: str) -> bool:
    """Whether it is a known name of columns, and nothing else."""
    return _exact_role(name[:200]) is not None


def _exact_role(name: str) -> str | None:
    """Return the role of the whole name, else that without a qualifier.

    ASCII names are not folded, which would not change them but take 0.1 s to load the fold's table.
    """
    readings = (_plain,) if name.isascii() else (_plain, _folded)
    names = (name,) if name[-1:] not in ")]" else (name, _IN_BRACKETS.sub("", name))
    for letters in (reading(one) for one in names for reading in readings):
        if role := _ROLE_OF_NAME.get(letters) or _ROLE_OF_NAME.get(_QUALIFIERS.sub("", letters)):
            return role
    return None


def _folded(name: str) -> str:
    return _MARKS.sub("", mention_fold()(name).text)


def columns_of(
    rows: Sequence[Sequence[str]], regions: Sequence[str], header: Sequence[str] | None
) -> list[Column]:
    """Return the columns of a table, from a sample of its rows. `regions`: of telephone numbers without +."""
    width = min(COLUMNS_LIMIT, max(map(len, [*rows, header or []]), default=0))
    names = [*(header or []), *([""] * width)][:width]
    return [
        Column(
            number,
            role_by_content((row[number - 1] for row in rows if len(row) >= number), regions, name) or role,
            shown_name(name),
        )
        for number, (name, role) in enumerate(zip(names, roles_of(names), strict=True), 1)
    ]


def role_by_content(cells: Iterable[str], regions: Sequence[str], name: str = "") -> str | None:
    """Return the field of most of the cells; where there are few cells, `name` must say the same."""
    filled = [cell for cell in cells if cell.strip()][:SAMPLE_CELLS]
    shares = {field: sum(_is_identifier(field, cell, regions) for cell in filled) for field in Field}
    best = max(shares, key=shares.__getitem__)
    if best in _LESS_THAN_NATIONAL and _may_be_national(filled, name):
        return Field.NATIONAL_ID.value
    if not filled or shares[best] < ROLE_SHARE * len(filled):
        return _national_role(filled, name)
    return best.value if len(filled) >= FEW_CELLS or role_of(name) == best else None


def _may_be_national(filled: Sequence[str], name: str) -> bool:
    """Whether cells that can be telephone numbers or licences are national numbers."""
    if role_of(name) == Field.NATIONAL_ID:
        return not any(cell.lstrip().startswith("+") for cell in filled)
    return len(set(filled)) >= _NATIONAL_CELLS and _are_national(filled)


def _national_role(filled: Sequence[str], name: str) -> str | None:
    """Return the role of national numbers that only a column shows: their check digit is weak."""
    if len(set(filled)) < _NATIONAL_CELLS and role_of(name) != Field.NATIONAL_ID:
        return None
    return Field.NATIONAL_ID.value if _are_national(filled) else None


def _are_national(filled: Sequence[str]) -> bool:
    """Whether the cells are numbers of one country. Most columns have words, which costs nothing."""
    longest = max(map(len, filled), default=0)
    if longest > _NATIONAL_LENGTH or not all(any(map(str.isdigit, cell)) for cell in filled[:FEW_CELLS]):
        return False
    return country_of_column(filled) is not None


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
