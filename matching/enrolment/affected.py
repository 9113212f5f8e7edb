"""Counts affected customers by region and by kind of data, for those counts decide which legal clock runs.

It works on the company's own premises, on the rows of its own list. What leaked of a customer are the fields
that agreed in the leak (`match --ordinals`), and what the leak has beside them by the operator's own reading
(`AlsoLeaked`): passwords and addresses are not fingerprinted.

A customer's country is the first that is known: the list's column of countries, the country of the national
number, China for a resident ID, the country of the telephone number. It is where the list says that a person
belongs, and not always where the person lives.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from io import TextIOBase
from typing import Any, TextIO

import phonenumbers

from matching.enrolment.column_choice import FieldColumns
from matching.enrolment.ordinals import disarmed_cell
from matching.identifiers import Field, canonical

REGIONS_LIMIT = 300  # different values of a column of countries or postcodes
OTHER = "other values"
UNKNOWN = "not known"
_REGION_LENGTH = 40  # characters
_POSTCODE_AREA = 2  # characters of a postcode that are counted

#: Folded names of columns (letters and digits only).
_COUNTRY_WORDS = """
    country countrycode countryofresidence residencecountry nation land staat pays pais paese kraj
    страна 国家 所在国家 국가
"""
_POSTCODE_WORDS = """
    postcode postalcode zip zipcode plz postleitzahl codepostal cp codigopostal cap kodpocztowy
    индекс почтовыйиндекс 邮编 邮政编码 郵便番号 우편번호
"""
COUNTRY_NAMES = frozenset(_COUNTRY_WORDS.split())
POSTCODE_NAMES = frozenset(_POSTCODE_WORDS.split())

#: First two digits of a resident ID (GB/T 2260): where it was first issued.
PROVINCES = {
    "11": "Beijing",
    "12": "Tianjin",
    "13": "Hebei",
    "14": "Shanxi",
    "15": "Inner Mongolia",
    "21": "Liaoning",
    "22": "Jilin",
    "23": "Heilongjiang",
    "31": "Shanghai",
    "32": "Jiangsu",
    "33": "Zhejiang",
    "34": "Anhui",
    "35": "Fujian",
    "36": "Jiangxi",
    "37": "Shandong",
    "41": "Henan",
    "42": "Hubei",
    "43": "Hunan",
    "44": "Guangdong",
    "45": "Guangxi",
    "46": "Hainan",
    "50": "Chongqing",
    "51": "Sichuan",
    "52": "Guizhou",
    "53": "Yunnan",
    "54": "Tibet",
    "61": "Shaanxi",
    "62": "Gansu",
    "63": "Qinghai",
    "64": "Ningxia",
    "65": "Xinjiang",
    "71": "Taiwan",
    "81": "Hong Kong",
    "82": "Macau",
    "83": "Taiwan (residence permit)",
}


_PROVINCE_NAMES = frozenset(PROVINCES.values())


class RegionBasis(StrEnum):
    """What a count by region rests on."""

    COUNTRY = "country"  # the first that is known, see above
    PROVINCE = "province"  # of the resident ID
    PHONE_COUNTRY = "phone_country"
    PHONE_PROVINCE = "phone_province"  # of Chinese numbers, by the prefix
    POSTCODE_AREA = "postcode_area"  # the first two characters


class AlsoLeaked(StrEnum):
    """What a leak may have of a customer that is not fingerprinted, or not enrolled."""

    NAME = "name"
    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    PASSWORD = "password"  # noqa: S105 - a kind of data
    INCOME = "income"
    HEALTH = "health"


class DataKind(StrEnum):
    """Combinations of data that laws on notification treat differently."""

    ID_NUMBER = "id_number"
    NAME_AND_ID = "name_and_id"
    CARD = "card"
    FINANCIAL = "financial"
    NAME_AND_FINANCIAL = "name_and_financial"
    CREDENTIALS = "credentials"
    HEALTH = "health"
    NAME_AND_CONTACT = "name_and_contact"
    CONTACT_ONLY = "contact_only"


_IDS = {Field.RESIDENT_ID, Field.NATIONAL_ID, Field.PASSPORT, Field.DRIVING_LICENCE}
_FINANCIAL = {Field.CARD, Field.IBAN, Field.ACCOUNT, Field.WALLET}
_CONTACT = {Field.EMAIL, Field.PHONE, AlsoLeaked.ADDRESS}
_NAMES = {AlsoLeaked.NAME, Field.NAME_BIRTH_DATE}
_LOGINS = {Field.USERNAME, Field.EMAIL, Field.PHONE}
Leaked = frozenset[str]

_RULES: tuple[tuple[DataKind, Callable[[Leaked], bool]], ...] = (
    (DataKind.ID_NUMBER, lambda leaked: bool(leaked & _IDS)),
    (DataKind.NAME_AND_ID, lambda leaked: bool(leaked & _IDS and leaked & _NAMES)),
    (DataKind.CARD, lambda leaked: Field.CARD in leaked),
    (DataKind.FINANCIAL, lambda leaked: bool(leaked & _FINANCIAL)),
    (DataKind.NAME_AND_FINANCIAL, lambda leaked: bool(leaked & _FINANCIAL and leaked & _NAMES)),
    (DataKind.CREDENTIALS, lambda leaked: AlsoLeaked.PASSWORD in leaked and bool(leaked & _LOGINS)),
    (DataKind.HEALTH, lambda leaked: AlsoLeaked.HEALTH in leaked),
    (DataKind.NAME_AND_CONTACT, lambda leaked: bool(leaked & _CONTACT and leaked & _NAMES)),
    (DataKind.CONTACT_ONLY, lambda leaked: bool(leaked) and leaked <= _CONTACT),
)


@lru_cache(maxsize=1024)
def kinds_of(leaked: Leaked) -> tuple[DataKind, ...]:
    """Return the kinds of data that leaked of a customer of whom these fields leaked."""
    return tuple(kind for kind, applies in _RULES if applies(leaked))


@dataclass(slots=True)
class AffectedCounts:
    """Numbers of customers. A customer may be in several kinds, and is in one region of each basis."""

    customers: int = 0
    without_fields: int = 0  # of whom the file of ordinals does not say what leaked
    kinds: Counter[DataKind] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)  # by field
    regions: dict[RegionBasis, Counter[str]] = field(default_factory=dict)
    kinds_by_country: Counter[tuple[str, DataKind]] = field(default_factory=Counter)

    def rows(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield (basis, region, kind, customers): all customers, by kind, by region, by country and kind."""
        yield "all", "", "", self.customers
        yield from (("all", "", kind.value, self.kinds[kind]) for kind in DataKind if self.kinds[kind])
        for basis, regions in self.regions.items():
            yield from ((basis.value, region, "", count) for region, count in _most_first(regions))
        for (country, kind), count in sorted(self.kinds_by_country.items()):
            yield RegionBasis.COUNTRY.value, country, kind.value, count

    def as_dict(self) -> dict[str, Any]:
        return {
            "customers": self.customers,
            "without_fields": self.without_fields,
            "leaked": dict(sorted(self.leaked.items())),
            "kinds": {kind.value: self.kinds[kind] for kind in DataKind},
            "regions": {basis.value: dict(_most_first(regions)) for basis, regions in self.regions.items()},
            "kinds_by_country": [
                {"country": country, "kind": kind.value, "customers": count}
                for (country, kind), count in sorted(self.kinds_by_country.items())
            ],
        }


@dataclass(frozen=True, slots=True)
class RegionColumns:
    """The columns of a list that say where a customer belongs; `country` and `postcode` count from 0."""

    fields: Sequence[FieldColumns]
    region: str  # of telephone numbers without +
    country: int | None = None
    postcode: int | None = None

    def values(self, wanted: Field, row: Sequence[str]) -> Iterator[str]:
        """Yield the canonical values of a field in a row."""
        for source in self.fields:
            if source.field is wanted:
                for cell in source.cells(row):
                    if cell and (value := canonical(wanted, cell, self.region)):
                        yield value


class AffectedCounter:
    """Counts customers, one row at a time."""

    def __init__(self, columns: RegionColumns, also: Collection[AlsoLeaked] = ()) -> None:
        self.counts = AffectedCounts()
        self._columns = columns
        self._also = frozenset(one.value for one in also)
        self.counts.regions[RegionBasis.COUNTRY] = Counter()
        bases = {
            RegionBasis.PROVINCE: Field.RESIDENT_ID,
            RegionBasis.PHONE_COUNTRY: Field.PHONE,
            RegionBasis.PHONE_PROVINCE: Field.PHONE,
        }
        present = {source.field for source in columns.fields}
        self.counts.regions |= {basis: Counter() for basis, name in bases.items() if name in present}
        if columns.postcode is not None:
            self.counts.regions[RegionBasis.POSTCODE_AREA] = Counter()

    def add(self, row: Sequence[str], fields: Collection[str]) -> None:
        """Count a customer; `fields`: those that agreed in the leak."""
        counts, columns = self.counts, self._columns
        counts.customers += 1
        counts.without_fields += not fields
        leaked = frozenset(fields) | self._also
        counts.leaked.update(leaked)
        province = next((_province(value) for value in columns.values(Field.RESIDENT_ID, row)), None)
        number = next(columns.values(Field.PHONE, row), "")
        phone = _phone_country(number) if number else None
        country = self._country(row, province, phone)
        found = {
            RegionBasis.COUNTRY: country,
            RegionBasis.PROVINCE: province,
            RegionBasis.PHONE_COUNTRY: phone,
            RegionBasis.PHONE_PROVINCE: _phone_province(number) if phone == "CN" else None,
            RegionBasis.POSTCODE_AREA: _cell(row, columns.postcode)[:_POSTCODE_AREA],
        }
        for basis, regions in counts.regions.items():
            _count(regions, found[basis] or UNKNOWN)
        known = country if country in counts.regions[RegionBasis.COUNTRY] else OTHER
        for kind in kinds_of(leaked):
            counts.kinds[kind] += 1
            counts.kinds_by_country[known, kind] += 1

    def _country(self, row: Sequence[str], province: str | None, phone: str | None) -> str:
        if stated := _cell(row, self._columns.country):
            return stated
        national = next(self._columns.values(Field.NATIONAL_ID, row), "")
        return national[:2] or ("CN" if province else phone) or UNKNOWN


def write_counts(out: TextIO | TextIOBase, counts: AffectedCounts) -> None:
    """Write the counts as CSV. Names of regions come from the company's list, so formulas are disarmed."""
    writer = csv.writer(out)
    writer.writerow(("basis", "region", "kind", "customers"))
    for basis, region, kind, count in counts.rows():
        writer.writerow((basis, disarmed_cell(region), kind, count))


def place_of(names: Sequence[str], known: Collection[str]) -> int | None:
    """Return the index of the first column with one of these names; None: no column has one."""
    plain = (re.sub(r"[\W_]+", "", name).casefold() for name in names)
    return next((index for index, name in enumerate(plain) if name in known), None)


def _cell(row: Sequence[str], place: int | None) -> str:
    """Return a cell on one line, bounded and in capitals; "" where there is none."""
    text = row[place] if place is not None and place < len(row) else ""
    return " ".join(text.split())[:_REGION_LENGTH].upper()


def _province(value: str) -> str:
    return PROVINCES.get(value[:2], UNKNOWN)


def _phone_country(number: str) -> str | None:
    """Return the country of a number in E.164. Only where countries share a code, the number is parsed."""
    for length in (1, 2, 3):
        if countries := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(number[1 : 1 + length])):
            return countries[0] if len(countries) == 1 else _country_of_shared_code(number, countries[0])
    return None


def _phone_province(number: str) -> str | None:
    """Return the province in which a Chinese number was issued; None where its prefix does not say.

    The data is that of `phonenumbers`. Importing it takes a third of a second, so it is done here.
    """
    from phonenumbers.geocoder import description_for_number

    place = description_for_number(phonenumbers.parse(number), "en")
    province = place.rpartition(", ")[2]
    return province if province in _PROVINCE_NAMES else None


def _country_of_shared_code(number: str, main: str) -> str:
    return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or main


def _count(regions: Counter[str], region: str) -> None:
    """Count a region; a column that has too many of them holds something else."""
    regions[region if region in regions or len(regions) < REGIONS_LIMIT else OTHER] += 1


def _most_first(regions: Counter[str]) -> list[tuple[str, int]]:
    return sorted(regions.items(), key=lambda item: (-item[1], item[0]))
