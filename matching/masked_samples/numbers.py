"""Numbers of which digits are hidden: telephone numbers, resident and national IDs, cards, IBANs.

Each kind says whether a number can be one, and whether its shape alone shows that it is. A number that can be
several kinds, and none of them for sure, is left to its label, its column or nobody.
"""

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from stdnum import numdb

from matching.identifiers import COUNTRIES, IBAN_LENGTHS, has_issuer
from matching.identifiers.cards import CARD_LENGTHS
from matching.identifiers.national_ids import FORMS
from matching.identifiers.numbering_plans import CODES, e164, home_plan
from matching.identifiers.resident_ids import PROVINCES
from matching.masked_samples.sample_rows import Attribute, VisibleValue

_VISIBLE_DIGITS = 3  # of a number with a label, at least
_MOST_PLACES = 24
_MOBILE_LENGTH = 11  # of mainland China


_MASK_RUN = re.compile(r"\*+")
_MASK_RUNS = 3  # of a number, at most


class NumberReading(NamedTuple):
    """What a number shows as one kind, and whether its shape alone shows that it is of that kind."""

    value: VisibleValue
    sure: bool


class MaskedNumber(NamedTuple):
    """A number as it is written, and its digits, letters and masks alone."""

    written: str
    compact: str
    plus: bool

    @classmethod
    def of(cls, written: str) -> "MaskedNumber":
        compact = re.sub(r"[^0-9A-Za-z*]", "", written).upper()
        return cls(written, compact, "+" in written[:3])

    @property
    def head(self) -> str:
        return self.compact[: self.compact.find("*")] if "*" in self.compact else self.compact

    @property
    def tail(self) -> str:
        return self.compact[self.compact.rfind("*") + 1 :] if "*" in self.compact else ""

    @property
    def visible(self) -> int:
        return len(self.compact) - self.compact.count("*")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Places of each group."""
        return tuple(map(len, re.findall(r"[0-9A-Za-z*]+", self.written)))


def readings_of(number: MaskedNumber, region: str) -> dict[Attribute, NumberReading]:
    """Return what the number shows as each kind that it can be."""
    if not 4 <= len(number.compact) <= _MOST_PLACES + 8 or "*" not in number.compact:
        return {}
    if not _shows_an_end(number) or len(_MASK_RUN.findall(number.compact)) > _MASK_RUNS:
        return {}
    found = {
        Attribute.RESIDENT_ID: _resident_id(number, region),
        Attribute.CARD: _card(number),
        Attribute.NATIONAL_ID: _national_id(number, region),
        Attribute.PHONE: _phone(number, region),
    }
    readings = {attribute: reading for attribute, reading in found.items() if reading is not None}
    return _decided(readings, number, region)


def _decided(
    readings: dict[Attribute, NumberReading], number: MaskedNumber, region: str
) -> dict[Attribute, NumberReading]:
    """Return the readings; of several that are sure none is, except where one has the stronger shape."""
    sure = [attribute for attribute, reading in readings.items() if reading.sure]
    if len(sure) > 1:
        winner = _stronger(sure, number, region)
        return {
            attribute: reading._replace(sure=attribute is winner) for attribute, reading in readings.items()
        }
    return readings


def _stronger(sure: Collection[Attribute], number: MaskedNumber, region: str) -> Attribute | None:
    if number.plus and Attribute.PHONE in sure:
        return Attribute.PHONE
    if Attribute.NATIONAL_ID in sure and not number.written.isalnum() and _forms_of(number.written):
        return Attribute.NATIONAL_ID
    if Attribute.PHONE in sure and _is_mobile(number):
        return Attribute.PHONE
    if Attribute.RESIDENT_ID in sure and len(number.compact) == 18:
        return Attribute.RESIDENT_ID
    if Attribute.CARD in sure and number.sizes == (4, 4, 4, 4):
        return Attribute.CARD
    return None


def reading_as(
    attribute: Attribute, number: MaskedNumber, region: str, label: str = ""
) -> VisibleValue | None:
    """Return what the number shows as the kind that its label or column names; None: it cannot be that.

    `label`: names the country of a national number, where it does.
    """
    if "*" not in number.compact or not _shows_an_end(number):
        return None
    if attribute is Attribute.PHONE:
        reading = _phone(number, region)
        return reading.value if reading else _other_phone(number, region)
    if attribute is Attribute.RESIDENT_ID:
        reading = _resident_id(number, region)
        return reading.value if reading else _other(attribute, number, range(15, 19), "X")
    if attribute is Attribute.CARD:
        reading = _card(number)
        return reading.value if reading else _other(attribute, number, CARD_LENGTHS)
    if attribute is Attribute.IBAN:
        return read_iban(number.written)
    if attribute is Attribute.NATIONAL_ID:
        country = country_of_label(label)
        reading = _national_id(number, country or region, only=country)
        if reading is None and not country and (resident := _resident_id(number, region)):
            return resident.value
        if reading is not None:
            return reading.value
        other = _other(attribute, number, range(7, 19), letters=True)
        return _with_region(other, country) if other else None
    return None


def _with_region(value: VisibleValue, region: str) -> VisibleValue:
    return VisibleValue(value.attribute, value.head, value.tail, value.hidden, value.domain, region)


def _shows_an_end(number: MaskedNumber) -> bool:
    """Return whether digits at the beginning or the end are visible: those between two masks say little."""
    return bool(number.head or number.tail)


def _value(attribute: Attribute, number: MaskedNumber, *, exact: bool, region: str = "") -> VisibleValue:
    hidden = len(number.compact) - len(number.head) - len(number.tail)
    return VisibleValue(attribute, number.head, number.tail, hidden if exact else None, region=region)


def _other(
    attribute: Attribute,
    number: MaskedNumber,
    lengths: Collection[int],
    end: str = "",
    *,
    letters: bool = False,
) -> VisibleValue | None:
    """Return a number whose label says what it is, and whose mask has no exact length."""
    compact = number.compact
    allowed = compact if letters else compact.rstrip(end) if end else compact
    if not letters and not re.fullmatch(r"[0-9*]+", allowed):
        return None
    shown = len(number.head) + len(number.tail)
    if shown < _VISIBLE_DIGITS or shown >= max(lengths) or len(compact) > max(lengths):
        return None
    if attribute is Attribute.CARD and number.head and number.head[0] not in _ISSUERS:
        return None
    if attribute is Attribute.RESIDENT_ID and len(number.head) > 1 and number.head[:2] not in PROVINCES:
        return None
    return _value(attribute, number, exact=len(compact) in lengths and len(lengths) == 1)


# --- telephone numbers

_FILLS = ("5", "2", "8", "1", "0", "3", "7", "9", "4", "6", "27", "51", "83", "4165", "2907")
_PREFIX = 5  # digits of an international or national prefix, at most
_CHINA, _CODE_OF_CHINA = "CN", "86"


def _is_mobile(number: MaskedNumber) -> bool:
    """Return whether it has the shape of a mobile number of mainland China of which the middle is hidden."""
    compact = number.compact.removeprefix(_CODE_OF_CHINA) if len(number.compact) > 11 else number.compact
    return len(compact) == _MOBILE_LENGTH and re.fullmatch(r"1[3-9]\d[\d*]+", compact) is not None


def _phone(number: MaskedNumber, region: str) -> NumberReading | None:
    """Return the number if digits in place of its masks make it one of a numbering plan."""
    compact = number.compact
    if not re.fullmatch(r"[0-9*]+", compact) or not 7 <= len(compact) <= 17:
        return None
    if not number.head:
        return None
    found, mainland = None, _is_mobile(number)
    if mainland and (region == _CHINA or not (found := _filled(compact, region, number.plus))):
        found = len(compact) - _MOBILE_LENGTH, _CODE_OF_CHINA
    elif not mainland:
        found = _filled(compact, region, number.plus)
    if found is None:
        return _stretched(number, region)
    start, code = found
    national = MaskedNumber(number.written, compact[start:], number.plus)
    if national.visible < 2:
        return None
    value = _value(Attribute.PHONE, national, exact=True, region=_region_of_code(code, region))
    if number.plus:
        return NumberReading(value, number.visible >= 4)
    if mainland:
        exact = len(national.head) == 3 and len(national.tail) == 4
        enough = national.visible >= 5 and national.compact.count("*") >= 3
        abroad = exact and code == _CODE_OF_CHINA and region not in ("US", "CA")
        return NumberReading(value, enough and (region == _CHINA or abroad))
    least = 5 if len(number.head) > 2 and len(number.sizes) > 1 else 6
    enough = len(number.head) >= 2 and number.visible >= least and national.compact.count("*") >= 2
    return NumberReading(value, enough and (compact[0] == "0" or _is_written_apart(number, region)))


def _is_written_apart(number: MaskedNumber, region: str) -> bool:
    """Return whether its groups are those of telephone numbers that begin with no 0."""
    if "(" in number.written or "-" in number.written:
        return True
    home = home_plan(region)
    return len(number.sizes) > 1 and (home.national_prefix is None or home.code == "1")


def _stretched(number: MaskedNumber, region: str) -> NumberReading | None:
    """Return a number whose mask has another length than what it hides: 138***1234, +44 7700***123."""
    compact = number.compact
    if compact.count("*") > 6 or len(_MASK_RUN.findall(compact)) != 1:
        return None
    head, tail = number.head, number.tail
    if len(head) < 3 or len(tail) < 2:
        return None
    is_mobile = re.fullmatch(r"(?:86)?1[3-9]\d", head) is not None and len(tail) in (2, 3, 4)
    if not (number.plus or is_mobile):
        return None
    if is_mobile and (not number.plus or head.startswith(_CODE_OF_CHINA)):
        value = VisibleValue(Attribute.PHONE, head[-3:], tail, None, region=_CHINA)
        return NumberReading(value, len(tail) == 4 and (number.plus or region == _CHINA))
    if not number.plus:
        return None
    for places in range(2, 9):
        found = _filled(head + "*" * places + tail, region, number.plus)
        if found and found[0] < len(head):
            start, code = found
            value = VisibleValue(
                Attribute.PHONE, head[start:], tail, None, region=_region_of_code(code, region)
            )
            return NumberReading(value, len(head[start:]) > 1)
    return None


def _other_phone(number: MaskedNumber, region: str) -> VisibleValue | None:
    """Return a telephone number of which the end alone, or few digits, are visible."""
    compact = number.compact
    if not re.fullmatch(r"[0-9*]+", compact) or len(compact) > 15:
        return None
    head, tail = number.head, number.tail
    if number.plus:
        code = next((head[:size] for size in (1, 2, 3) if head[:size] in CODES), "")
        if not code:
            return None
        head, region = head[len(code) :], _region_of_code(code, region)
    elif head:
        prefix = "0" if head[0] == "0" and home_plan(region).code != "39" else ""
        head = head[len(prefix) :]
    if len(head) + len(tail) < _VISIBLE_DIGITS or len(tail) > 7 or len(head) > 9:
        return None
    return VisibleValue(Attribute.PHONE, head, tail, None, region=region if head else "")


def _filled(compact: str, region: str, plus: bool) -> tuple[int, str] | None:
    """Return where the national number begins, and the country's code; None: no digits make it a number."""
    count = compact.count("*")
    home = home_plan(region)
    if not plus and len(compact) > home.longest + len(home.code) + _PREFIX:
        return None
    for fill in _FILLS:
        signs = iter((fill * count)[:count])
        digits = "".join(next(signs) if sign == "*" else sign for sign in compact)
        if found := e164(digits, region, international=plus):
            code = next(found[1 : 1 + size] for size in (1, 2, 3) if found[1 : 1 + size] in CODES)
            national = found[1 + len(code) :]
            if digits.endswith(national):
                return len(digits) - len(national), code
    return None


def _region_of_code(code: str, region: str) -> str:
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ("",))
    return region if region in regions else regions[0]


def whole_phone(number: str, region: str) -> VisibleValue:
    """Return the value of a number in E.164."""
    code = next((number[1 : 1 + size] for size in (1, 2, 3) if number[1 : 1 + size] in CODES), "")
    return VisibleValue(
        Attribute.PHONE, number[1 + len(code) :], region=_region_of_code(code, region) if code else ""
    )


# --- resident IDs

_RESIDENT = re.compile(r"[0-9*]{17}[0-9X*]")


def _resident_id(number: MaskedNumber, region: str) -> NumberReading | None:
    compact = number.compact
    head, tail = number.head, number.tail
    if len(head) > 1 and head[:2] not in PROVINCES:
        return None
    if head[:1] and head[0] not in "12345678":
        return None
    if _RESIDENT.fullmatch(compact):
        if not _may_be_born(compact[6:14]) or len(head) + len(tail) < 2:
            return None
        sure = len(head) >= 6 or (len(head) >= 2 and len(tail) >= 1) or tail.endswith("X")
        return NumberReading(_value(Attribute.RESIDENT_ID, number, exact=True), sure and number.visible >= 4)
    if re.fullmatch(r"[0-9*]{15}", compact):
        if not _may_be_born("19" + compact[6:12]) or len(head) < 2:
            return None
        issuer = has_issuer(head.ljust(15, "0")[:15]) if len(head) >= 4 else True
        return NumberReading(
            _value(Attribute.RESIDENT_ID, number, exact=True), len(head) >= 6 and len(tail) > 1 and not issuer
        )
    if re.fullmatch(r"[0-9]{4,14}\*{2,11}[0-9]{1,3}[0-9X]", compact) and len(head) in (4, 6, 10, 14):
        if len(compact) > 17 or not _may_be_born(head[6:].ljust(8, "*")):
            return None
        is_card = any(has_issuer(head[:6].ljust(length, "0")) for length in CARD_LENGTHS)
        is_county = head[:2] not in _CHINESE_CARDS and _is_county(head[:6])
        if not (tail[-1] == "X" or is_county or region in _CHINESE_REGIONS):
            return None
        sure = tail[-1] == "X" or is_county or not is_card
        sure = sure and len(head) >= 6 and len(tail) == 4
        return NumberReading(_value(Attribute.RESIDENT_ID, number, exact=False), sure)
    return None


_CHINESE_REGIONS = frozenset({"CN", "HK", "MO", "TW"})
_CHINESE_CARDS = frozenset({"62"})  # where both are usual, the first digits do not decide


@cache
def _counties() -> numdb.NumDB:
    return numdb.get("cn/loc")


def _is_county(digits: str) -> bool:
    """Return whether six digits are the code of a county, which hardly any other number begins with."""
    return len(digits) == 6 and bool(_counties().info(digits)[-1][1].get("county"))


def _may_be_born(digits: str) -> bool:
    """Return whether eight digits and masks can be a birth date."""
    year, month, day = digits[:4], digits[4:6], digits[6:8]
    return (
        re.match(r"(?:1[89*]|20|[12*]\*|\*[890*])", year) is not None
        and re.fullmatch(r"0[1-9*]|1[012*]|\*[\d*]", month) is not None
        and re.fullmatch(r"0[1-9*]|[12][\d*]|3[01*]|\*[\d*]", day) is not None
    )


# --- cards

_ISSUERS = "2345689"  # first digits of cards
_SHORT_MASK = 5  # masks that stand for more digits, at most
_CARD_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 4, 4, 4, 3), (6, 13), (4, 4, 4, 4, 2), (4, 4, 4, 3)}


def _card(number: MaskedNumber) -> NumberReading | None:
    compact = number.compact
    if not re.fullmatch(r"[0-9*]+", compact):
        return None
    head, tail, length = number.head, number.tail, len(compact)
    if len(head) + len(tail) > 12 or (tail and len(tail) < 2):
        return None
    grouped = number.sizes in _CARD_GROUPS
    if length in CARD_LENGTHS:
        is_short = len(head) >= 6 and len(tail) == 4 and compact.count("*") <= _SHORT_MASK
        if len(head) >= 4 and not is_short and not has_issuer(head[:6].ljust(length, "0")):
            return None
        if 0 < len(head) < 4 and head[0] not in _ISSUERS:
            return None
        usual = length in (16, 19) or (length == 15 and head[:2] in ("34", "37"))
        sure = (grouped or usual) and (len(head) >= 4 or not head or grouped) and len(tail) in (3, 4)
        if sure or not is_short:
            return NumberReading(_value(Attribute.CARD, number, exact=True), sure)
    if len(head) in (4, 6, 8) and len(tail) == 4 and length < 19 and compact.count("*") >= 2:
        if not any(has_issuer(head[:6].ljust(size, "0")) for size in CARD_LENGTHS):
            return None
        if re.fullmatch(r"(?:19|20)\d\d", head):
            return None
        return NumberReading(
            _value(Attribute.CARD, number, exact=False), len(head) >= 6 and not _is_county(head[:6])
        )
    return None


# --- IBANs

IBAN = re.compile(r"(?<![\w*])[A-Z]{2}(?:\d\d|\*\*)(?:[ -]?[A-Z0-9*]){8,40}(?![\w*])")


def read_iban(text: str) -> VisibleValue | None:
    """Return what a masked IBAN shows; None: it is none."""
    number = MaskedNumber.of(text.strip())
    compact, country = number.compact, number.compact[:2]
    length = IBAN_LENGTHS.get(country)
    if length is None or "*" not in compact or compact.startswith(country + "*" * (len(compact) - 2)):
        return None
    if number.visible < 6 or not re.fullmatch(r"[A-Z]{2}(?:\d\d|\*\*|\*\d|\d\*)[A-Z0-9*]+", compact):
        return None
    if len(compact) != length and not (len(compact) < length and len(number.tail) in range(2, 7)):
        return None
    return _value(Attribute.IBAN, number, exact=len(compact) == length, region=country)


def iban_end(line: str, start: int, end: int) -> int:
    """Return where the IBAN ends that begins at `start`: other numbers may follow it."""
    length = IBAN_LENGTHS.get(line[start : start + 2])
    places = 0
    for at in range(start, end):
        places += line[at].isalnum() or line[at] == "*"
        if places == length:
            return end if line[at + 1 : at + 2].isalnum() or line[at + 1 : at + 2] == "*" else at + 1
    return end


# --- national numbers

_LABELS = {
    "BR": "cpf", "PL": "pesel", "ES": "dni nie nif documento", "US": "ssn socialsecurity social",
    "IT": "codicefiscale codfiscale fiscale", "FR": "nir insee secu securitesociale",
    "DE": "steuerid steueridentifikationsnummer idnr", "CH": "ahv avs", "NL": "bsn burgerservicenummer",
    "BE": "rijksregister insz niss", "SE": "personnummer", "NO": "fodselsnummer fødselsnummer",
    "DK": "cpr", "FI": "hetu henkilotunnus", "IS": "kennitala", "EE": "isikukood", "LT": "asmenskodas",
    "RO": "cnp", "BG": "egn егн", "CZ": "rodnecislo", "HR": "oib", "SI": "emso", "GR": "amka αμκα",
    "TR": "tckimlik kimlik tckn tc tcno", "UA": "рнокпп ипн ipn", "RU": "инн inn",
    "IN": "aadhaar aadhar आधार",
    "KR": "rrn 주민등록번호 주민번호", "JP": "個人番号 マイナンバー", "MX": "curp", "CL": "rut run",
    "AR": "cuil cuit",
    "TH": "เลขบัตร บัตรประชาชน เลขบัตรประชาชน เลขประจำตัวประชาชน", "MY": "nric mykad", "ID": "nik ktp",
    "PK": "cnic", "ZA": "saidnumber saidno", "IL": "teudatzehut תעודתזהות", "PT": "contribuinte",
    "AU": "tfn", "CA": "socialinsurancenumber", "IE": "pps ppsn",
}  # fmt: skip
_LETTERS = re.compile(r"[\W\d_]+")
_COUNTRY_OF_LABEL = {
    _LETTERS.sub("", word): country for country, words in _LABELS.items() for word in words.split()
}
#: Numbers of letters and digits by country.
_LENGTHS = {
    "CL": range(8, 10),
    "ES": (9,),
    "FI": (10, 11),
    "FR": (13, 15),
    "IE": (8, 9),
    "IT": (16,),
    "MX": (18,),
    "PT": (9, 12),
}
_KOREAN_FORM = re.compile(r"\d{6}-[1-8*][\d*]{6}")
_US_FORM = re.compile(r"\*{3}-\*\*-\d{4}|\d{3}-\*\*-\*{4}|\d{3}-\*\*-\d{4}")


def country_of_label(label: str) -> str:
    """Return the country whose national numbers a label names; "" where it names none."""
    letters = _LETTERS.sub("", label.casefold())
    if letters in _COUNTRY_OF_LABEL:
        return _COUNTRY_OF_LABEL[letters]
    words = (_LETTERS.sub("", word) for word in _BETWEEN_WORDS.split(label.casefold()))
    return next((_COUNTRY_OF_LABEL[word] for word in words if word in _COUNTRY_OF_LABEL), "")


_BETWEEN_WORDS = re.compile(r"[\s\d_:=,;|()./-]+")


def is_national_label(label: str) -> bool:
    return bool(country_of_label(label))


def _masked_form(form: str) -> str:
    signs = {"9": r"[0-9*]", "A": r"[A-Za-z*]", "X": r"[0-9A-Za-z*]"}
    return "".join(signs.get(sign, re.escape(sign)) for sign in form)


_SEPARATOR = re.compile(r"[ ./-]")
_MASKED_FORMS = [
    (re.compile(_masked_form(form)), countries.split(), len(_SEPARATOR.findall(form)) > 1)
    for form, countries in FORMS.items()
    if not form.isalnum() and form not in ("9999 9999 9999", "9999-9999-9999")
]
_CODED_FORMS = [
    (re.compile(_masked_form(form)), countries)
    for form, countries in FORMS.items()
    if form.isalnum() and form[0] == "A" and " " not in countries
]
_CODED_HEAD = 3  # visible characters at its beginning
_INDIAN = re.compile(r"(?:[X*]{4}|\d{4})[ -](?:[X*]{4}|\d{4})[ -]\d{4}")


def _forms_of(written: str) -> list[str]:
    """Return the countries that write their numbers with these separators."""
    if _US_FORM.fullmatch(written):
        return ["US"]
    fitting = (countries for pattern, countries, _ in _MASKED_FORMS if pattern.fullmatch(written))
    return [country for countries in fitting for country in countries]


def _is_rare_form(written: str) -> bool:
    """Return whether the separators alone say what it is: 123.***.***-09, 900101-1******."""
    if _US_FORM.fullmatch(written) or _KOREAN_FORM.fullmatch(written):
        return True
    return any(is_rare and pattern.fullmatch(written) for pattern, _, is_rare in _MASKED_FORMS)


def _national_id(number: MaskedNumber, region: str, *, only: str = "") -> NumberReading | None:
    """Return a number of the country whose form it has, or of the region. `only`: its label's country."""
    attribute, shown = Attribute.NATIONAL_ID, len(number.head) + len(number.tail)
    countries = _forms_of(number.written)
    if only:
        countries = [only] if only in countries else []
    if countries:
        country = region if region in countries else countries[0]
        rare = len(countries) == 1 and _is_rare_form(number.written)
        sure = (region in countries or rare or only != "") and _has_visible_core(number)
        if len(countries) > 1 and region not in countries:
            return NumberReading(_value(attribute, number, exact=True), False)
        return NumberReading(_value(attribute, number, exact=True, region=country), sure)
    country = only or region
    if country == "IN" and _INDIAN.fullmatch(number.written) and not number.written[:4].isdigit():
        return NumberReading(_value(attribute, number, exact=True, region="IN"), True)
    if country not in COUNTRIES or shown < 3:
        return None
    shape = COUNTRIES[country].shape
    lengths = (shape,) if isinstance(shape, int) else _LENGTHS.get(country, ())
    if country == "SE":
        lengths = (10, 12)
    if len(number.compact) not in lengths:
        return None
    if isinstance(shape, int) and not re.fullmatch(r"[0-9*]+", number.compact):
        return None
    return NumberReading(_value(attribute, number, exact=True, region=country), False)


def read_coded(text: str) -> VisibleValue | None:
    """Return what a national number that begins with letters shows: RSSMRA**A**H***X."""
    number = MaskedNumber.of(text)
    if len(number.head) < _CODED_HEAD or number.compact.count("*") < 2:
        return None
    for pattern, country in _CODED_FORMS:
        if pattern.fullmatch(number.compact):
            return _value(Attribute.NATIONAL_ID, number, exact=True, region=country)
    return None


def _has_visible_core(number: MaskedNumber) -> bool:
    """Return whether enough is visible and enough hidden for the form to be no accident."""
    return number.visible >= 4 and number.compact.count("*") >= 2


# --- numbers in a line

#: Digits and masks with separators between: numbers side by side are one of these.
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_*@])(?<![A-Z0-9]-)(?:(?<![^\W\d_])|(?=[\d+(]))"
    r"(?:\(?\+ ?)?\(?[\d*](?:[ \-.()]{0,2}+[\d*])*+(?:-?[A-Zx](?![A-Za-z0-9_]))?(?![A-Za-z_@]|-[A-Z])"
)
_DECORATED = re.compile(r"\*+ [\d -]+ \*+")
_ADDRESS = re.compile(r"\d{1,3}(?:\.(?:\d{1,3}|\*{1,3})){3}")  # of a machine
#: National numbers with letters, and codes such as `RSSMRA**A**H***X`.
CODED = re.compile(r"(?<![\w*@-])[A-Z][A-Z0-9*]{7,17}(?![\w*@-])")
_BRACKET = re.compile(r"[()]")
_AREA_CODE = 6  # characters of one in brackets
_GROUPS = 7  # of one number
_STRETCH_GROUPS = 128  # of digits side by side that are looked at
_SURE_PLACES = 9  # of a number whose shape alone says what it is


class PlacedNumber(NamedTuple):
    """A masked number of a line, with the readings that it can have."""

    start: int
    end: int
    number: MaskedNumber
    readings: dict[Attribute, NumberReading]


def masked_numbers(line: str, region: str, limit: int) -> Iterator[PlacedNumber]:
    """Yield the masked numbers of a line; of numbers side by side each by itself."""
    count = 0
    for stretch in NUMBER.finditer(line):
        if "*" not in stretch[0] or not any(map(str.isdigit, stretch[0])):
            continue
        for start, end in _outside_brackets(line, *stretch.span()):
            for placed in _divided(line, start, end, region):
                yield placed
                count += 1
                if count >= limit:
                    return


def _outside_brackets(line: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of a stretch, divided behind a bracket that holds more than an area code."""
    parts, at, opened = [], start, start
    for bracket in _BRACKET.finditer(line, start, end):
        place = bracket.start()
        if bracket[0] == "(":
            opened = place
        elif place - opened > _AREA_CODE:
            parts.append((at, place))
            at = opened = place + 1
    return [*parts, (at, end)]


def _divided(line: str, start: int, end: int, region: str) -> Iterator[PlacedNumber]:
    groups = [match.span() for match in re.finditer(r"[^ ]+", line[start:end].rstrip(" ("))]
    if _DECORATED.fullmatch(line, start, end):
        return
    groups = [(start + first, start + last) for first, last in groups[:_STRETCH_GROUPS]]
    at = 0
    while at < len(groups):
        placed = _longest_sure(line, groups, at, region)
        if placed is None:
            size = 1 + _is_cut_off(line, groups, at)
            placed = _single(line, (groups[at][0], groups[at + size - 1][1]), region)
        else:
            size = sum(1 for first, _ in groups[at:] if first < placed.end)
        if placed is not None:
            yield placed
        at += size


def _longest_sure(line: str, groups: list[tuple[int, int]], at: int, region: str) -> PlacedNumber | None:
    """Return the number of the most groups, from the group `at` on, whose shape alone says what it is."""
    for last in range(min(len(groups), at + _GROUPS) - 1, at - 1, -1):
        first, end = groups[at][0], groups[last][1]
        if end - first > 2 * _MOST_PLACES:
            continue
        written = line[first:end].strip(" .-")
        if (
            _ADDRESS.fullmatch(written)
            or "*" not in written
            or (last > at and "*" not in line[groups[at][0] : groups[last][1]])
        ):
            continue
        number = MaskedNumber.of(written)
        readings = readings_of(number, region)
        if any(
            reading.sure and (last == at or reading.value.hidden is not None) for reading in readings.values()
        ):
            return PlacedNumber(first, first + len(written), number, readings)
    return None


def _is_cut_off(line: str, groups: list[tuple[int, int]], at: int) -> bool:
    """Return whether a group of masks alone and the next group are one number: **** 1234."""
    if at + 1 == len(groups):
        return False
    (start, end), (first, last) = groups[at : at + 2]
    return line[start:end] in _MASK_GROUPS and last - first in (3, 4) and line[first:last].isdigit()


_MASK_GROUPS = frozenset({"***", "****", "*****"})


def _single(line: str, group: tuple[int, int], region: str) -> PlacedNumber | None:
    written = line[group[0] : group[1]].strip(".-")
    number = MaskedNumber.of(written)
    if number.compact[-1:].isalpha() and not readings_of(number, region) and number.compact[-1] != "X":
        bare = MaskedNumber.of(written[:-1])
        number = bare if readings_of(bare, region) else number
    if (
        _ADDRESS.fullmatch(written)
        or "*" not in number.compact
        or number.visible < 2
        or len(number.compact) > _MOST_PLACES
    ):
        return None
    start = group[0] + line[group[0] : group[1]].find(written)
    return PlacedNumber(start, start + len(written), number, readings_of(number, region))
