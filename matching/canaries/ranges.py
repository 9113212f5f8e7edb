"""Where the values of canaries come from: ranges that are issued to nobody, by country, each with its source.

A value must pass two judges. Our own rules must read it, so it has the length, the prefix and the check digit
of a number in use. And nobody may ever have it. Where a country has no such range, the field is left out, and
the reason is said (`LEFT_OUT`); the company may still give numbers of its own (SIM cards that it rents, a
part of its card range that it keeps free).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """A place of a country, with the telephone numbers of it that nobody gets."""

    address: str
    phone: str  # the national number's beginning, with its trunk prefix
    free: int  # digits that follow it
    first: str = "0123456789"  # of those digits, what the first one may be
    area: str = ""  # of a resident ID


class ReservedRange(NamedTuple):
    """What is known about the values of a field: which range, who says so, and what a thief may notice."""

    field: str
    range: str
    source: str
    noticed: str


class CanaryRegion(NamedTuple):
    """A country whose customers can be invented."""

    places: Sequence[Place]
    ranges: Sequence[ReservedRange]
    left_out: Mapping[str, str]  # field -> why it is not invented


# Area codes of GB/T 2260 that were withdrawn by 1982, before numbers were given (the trial regulations on
# resident identity cards are of April 1984). Places have the address of today.
_CN_CAPITALS = (
    (
        "010",
        "北京市",
        "110201昌平区 110202顺义区 110203通州区 110204大兴区 110205房山区 110206平谷区 110207怀柔区",
    ),
    ("022", "天津市", "120201宁河区 120202武清区 120203静海区 120204宝坻区 120205蓟州区"),
    (
        "021",
        "上海市",
        "310201闵行区 310202嘉定区 310203宝山区 310204浦东新区 "
        "310206奉贤区 310207松江区 310208金山区 310209青浦区",
    ),
    (
        "0579",
        "浙江省金华市",
        "332501婺城区 332521金东区 332522兰溪市 332523永康市 332524武义县 "
        "332525东阳市 332526义乌市 332527浦江县",
    ),
)
_CN_PLACES = tuple(
    Place(city + name[6:], code + "9", 7, "0123478", name[:6])
    for code, city, names in _CN_CAPITALS
    for name in names.split()
)
_GB_PLACES = (
    Place("London", "0207946", 4, "0"),
    Place("Leeds", "0113496", 4, "0"),
    Place("Sheffield", "0114496", 4, "0"),
    Place("Leicester", "0116496", 4, "0"),
    Place("Bristol", "0117496", 4, "0"),
    Place("Reading", "0118496", 4, "0"),
    Place("Birmingham", "0121496", 4, "0"),
    Place("Edinburgh", "0131496", 4, "0"),
    Place("Glasgow", "0141496", 4, "0"),
    Place("Liverpool", "0151496", 4, "0"),
    Place("Manchester", "0161496", 4, "0"),
)
_US_PLACES = tuple(
    Place(address, f"{area}{exchange}", 4)
    for area, address in (
        ("212", "New York, NY"),
        ("312", "Chicago, IL"),
        ("213", "Los Angeles, CA"),
        ("713", "Houston, TX"),
        ("602", "Phoenix, AZ"),
        ("215", "Philadelphia, PA"),
        ("206", "Seattle, WA"),
        ("303", "Denver, CO"),
        ("404", "Atlanta, GA"),
        ("617", "Boston, MA"),
    )
    for exchange in ("958", "959")
)
_FR_PLACES = (
    Place("Paris", "019900", 4),
    Place("Nantes", "026191", 4),
    Place("Rennes", "026191", 4),
    Place("Lille", "035301", 4),
    Place("Strasbourg", "035301", 4),
    Place("Lyon", "046571", 4),
    Place("Marseille", "046571", 4),
    Place("Toulouse", "053649", 4),
    Place("Bordeaux", "053649", 4),
)
_DE_PLACES = (
    Place("Berlin", "03023125", 3),
    Place("Hamburg", "04066969", 3),
    Place("Köln", "02214710", 3),
    Place("München", "08999998", 3),
    Place("Frankfurt am Main", "06990009", 3),
    Place("Leipzig", "017139200", 2),
    Place("Stuttgart", "0176040690", 2),
    Place("Dresden", "0176040690", 2),
)
_SE_PLACES = (
    Place("Stockholm", "08465004", 2),
    Place("Göteborg", "03139006", 2),
    Place("Malmö", "04062804", 2),
    Place("Uppsala", "07017406", 2, "123456789"),
    Place("Linköping", "07017406", 2, "123456789"),
)
_AU_PLACES = (
    Place("Sydney NSW", "025550", 4),
    Place("Melbourne VIC", "035550", 4),
    Place("Brisbane QLD", "075550", 4),
    Place("Adelaide SA", "085550", 4),
    Place("Perth WA", "085550", 4),
    Place("Canberra ACT", "027010", 4),
    Place("Geelong VIC", "037010", 4),
    Place("Cairns QLD", "077010", 4),
)

_NO_CARD = (
    "No card scheme publishes a range that it never issues, and the numbers for tests are in lists that "
    "every thief has. An issuer can keep a part of its own range free and name it with --card-prefix."
)
_NO_NATIONAL = "{who} has no range that is never issued and that our rules and a thief's would accept."


def _left_out(who: str) -> dict[str, str]:
    return {"card": _NO_CARD, "national_id": _NO_NATIONAL.format(who=who)}


_OWN_MAIL = ReservedRange(
    "email",
    "addresses at the domain that --mail-domain names",
    "the company, which owns the domain and gives these addresses to nobody",
    "a domain that names the company shows that the address is not a customer's; use another one",
)

REGIONS: Mapping[str, CanaryRegion] = {
    "CN": CanaryRegion(
        _CN_PLACES,
        (
            ReservedRange(
                "resident_id",
                "area codes that were withdrawn by 1982; any birth date and sequence, right check digit",
                "GB/T 2260 and its changes; numbers have been given since the trial regulations of 1984",
                "a list of today's area codes does not have them, nor those of many living people",
            ),
            ReservedRange(
                "phone",
                "local numbers that begin with 9, without 95 and 96",
                "MIIT, Telecommunication Network Numbering Plan (2017): local numbers begin with 2 to 8",
                "most customers have a mobile number, and who dials it hears that it does not exist",
            ),
            _OWN_MAIL,
        ),
        {
            "card": _NO_CARD,
            "mobile": "No mobile prefix that our rules accept is free of customers. Rent SIM cards, and name "
            "their numbers with --phones.",
        },
    ),
    "GB": CanaryRegion(
        _GB_PLACES,
        (
            ReservedRange(
                "phone",
                "the area's 1,000 numbers for drama (020 7946 0xxx, 0161 496 0xxx, ...)",
                "Ofcom, Telephone numbers for use in TV and radio drama programmes",
                "the list is public, but short numbers lists of thieves know only 01632 and 07700 900",
            ),
            _OWN_MAIL,
        ),
        _left_out("The National Insurance number is not read by Spillwatch, and the United Kingdom"),
    ),
    "US": CanaryRegion(
        _US_PLACES,
        (
            ReservedRange(
                "phone",
                "exchanges 958 and 959 of large area codes",
                "ATIS/NANPA, Central Office Code Assignment Guidelines: 958 and 959 are for plant tests",
                "a list of assigned exchanges does not have them; 555-01xx, the numbers for fiction, is "
                "what every thief filters first",
            ),
            _OWN_MAIL,
        ),
        _left_out("Since 2011 the SSA draws from all area numbers but 000, 666 and 9xx, so the SSN"),
    ),
    "FR": CanaryRegion(
        _FR_PLACES,
        (
            ReservedRange(
                "phone",
                "01 99 00, 02 61 91, 03 53 01, 04 65 71 and 05 36 49 xxxx",
                "ARCEP, numbering plan: numbers for audiovisual works",
                "the list is public; most customers have a mobile number",
            ),
            _OWN_MAIL,
        ),
        _left_out("The NIR"),
    ),
    "DE": CanaryRegion(
        _DE_PLACES,
        (
            ReservedRange(
                "phone",
                "the numbers for media productions in five cities and two mobile networks",
                "Bundesnetzagentur, Rufnummern für Medienproduktionen",
                "the list is public",
            ),
            _OWN_MAIL,
        ),
        _left_out("The IdNr has test numbers that begin with 0, which no program accepts, so it"),
    ),
    "SE": CanaryRegion(
        _SE_PLACES,
        (
            ReservedRange(
                "phone",
                "08-465 004 xx, 031-390 06 xx, 040-628 04 xx and 070-174 06 1x to 9x",
                "Post- och telestyrelsen, numbers for books, films and the like",
                "the list is public",
            ),
            _OWN_MAIL,
        ),
        _left_out("Skatteverket's numbers for tests are in a public list, and the personnummer"),
    ),
    "AU": CanaryRegion(
        _AU_PLACES,
        (
            ReservedRange(
                "phone",
                "(02), (03), (07) and (08) 5550 xxxx and 7010 xxxx",
                "ACMA, phone numbers for use in TV shows, films and creative works",
                "the list is public; most customers have a mobile number",
            ),
            _OWN_MAIL,
        ),
        _left_out("The TFN"),
    ),
}
