"""Records over several lines: the fields of one person are one row, and those of two people never are."""

from base64 import b64encode

import pytest

from matching.comparing.block import RECORD_FORMATS
from matching.inputs.formats.folded import decode_values
from matching.inputs.formats.record_ends import with_line_ends
from matching.inputs.formats.records.grouping import CONTAINER_LINES
from matching.inputs.formats.rows import TextRows
from tests.matching.inputs.reading import one
from tests.matching.inputs.record_shapes import SHAPES, Shape

NAMES = ("Anna Berg", "Bob Quill", "Carl Mere", "Dora Lane", "Emil Hoff")
PEOPLE = range(1, 5)
EACH = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
#: A person's number, and that of the person whose telephone number is in the same row.
Pairs = set[tuple[int, int]]


def email(person: int) -> str:
    return f"person{person:03}@mail.example"


def phone(person: int) -> str:
    return f"+491713920{person:03}"


def written(shape: Shape, *, phone_of: int = 0, people: range = PEOPLE) -> str:
    """Write a list of the people, each with the number of the person `phone_of` places further."""
    records = [
        shape.each.format(
            e=email(person), p=phone((person + phone_of - 1) % 4 + 1), n=NAMES[person % 5], k=person
        )
        for person in people
    ]
    return shape.before + "".join(records) + shape.after


def in_listing(text: str) -> Pairs:
    """Return who is in one row in a listing's text."""
    rows = TextRows(text)
    return _pairs([(line, rows.row_at(index)) for index, line in enumerate(text.split("\n"))])


def in_dump(text: str) -> Pairs:
    """Return who is in one row in a dump."""
    found: list[tuple[str, int]] = []
    read = one(text.encode())
    for block in read.blocks:
        lines, first = block.text.decode().split("\n"), len(found)
        rows = TextRows("\n".join(lines).replace("\r", " "), block.borders, block.record_shape)
        records = read.format in RECORD_FORMATS
        found += [
            (line, first + (rows.row_at(index) if records else index)) for index, line in enumerate(lines)
        ]
    return _pairs(found)


def _pairs(lines: list[tuple[str, int]]) -> Pairs:
    rows: dict[str, set[int]] = {}
    for line, row in lines:
        for person in range(1, 100):
            for value in (email(person), phone(person)):
                if value in line:
                    rows.setdefault(value, set()).add(row)
    numbered = [(person, rows.get(email(person), set())) for person in range(1, 100)]
    return {
        (person, other)
        for person, own in numbered
        if own
        for other in range(1, 100)
        if own & rows.get(phone(other), set())
    }


def own(*people: int) -> Pairs:
    return {(person, person) for person in people}


@EACH
def test_the_fields_of_a_person_are_one_row(shape: Shape) -> None:
    """Address and telephone number of each person are one row, in a dump as in a listing."""
    text = written(shape)

    assert (in_dump(text), in_listing(text)) == (own(*PEOPLE), own(*PEOPLE))


@EACH
def test_neighbours_that_look_alike_are_not_joined(shape: Shape) -> None:
    """If each record has the telephone number of the next person, nobody's own fields are in one row."""
    text = written(shape, phone_of=1)
    swapped = {(1, 2), (2, 3), (3, 4), (4, 1)}

    assert (in_dump(text), in_listing(text)) == (swapped, swapped)


@EACH
@pytest.mark.parametrize(
    "missing",
    [
        (phone(2), email(3)),
        (email(1), phone(4)),
        (phone(1), email(4)),
        (email(1), email(2), phone(3), phone(4)),
    ],
    ids=["inner", "outer", "other outer", "halves"],
)
def test_a_missing_field_is_not_taken_from_a_neighbour(shape: Shape, missing: tuple[str, ...]) -> None:
    """Where the address or the number of some people is missing, nobody has a neighbour's."""
    lines = written(shape).split("\n")
    text = "\n".join(line for line in lines if not any(value in line for value in missing))

    assert in_dump(text) - own(*PEOPLE) == in_listing(text) - own(*PEOPLE) == set()


@pytest.mark.parametrize("other", ["psql aligned", "alt name", "ldif"])
@EACH
def test_two_shapes_in_one_file_are_told_apart(shape: Shape, other: str) -> None:
    """The last person of a list in one shape and the first one of a list in another stay two."""
    text = written(shape) + "\n" + written(SHAPES[other], people=range(5, 9)).replace(phone(1), phone(5))

    assert {(4, 5), (5, 4)}.isdisjoint(in_listing(text))


@pytest.mark.parametrize(
    "records",
    [
        [
            "Name: Anna\nEmail: {e1}\nPhone: {p1}\n",
            "Email: {e2}\nPhone: {p2}\n",
            "Name: Carl\nEmail: {e3}\nPhone: {p3}\n",
        ],
        ["Name: Anna\nPhone: {p1}\n", "Email: {e2}\nPhone: {p2}\n", "Name: Carl\nEmail: {e3}\nPhone: {p3}\n"],
        [
            "Email: {e1}\nPhone: {p1}\nCity: x\n",
            "Email: {e2}\nPhone: {p2}\n",
            "Email: {e3}\nPhone: {p3}\nCity: y\n",
        ],
    ],
    ids=["first missing", "first and other missing", "last missing"],
)
@pytest.mark.parametrize("between", ["", "\n", "---\n"], ids=["nothing", "empty lines", "rules"])
def test_an_optional_field_does_not_move_the_border(records: list[str], between: str) -> None:
    """A record may lack its first or last field, whatever stands between records."""
    values = {f"e{k}": email(k) for k in (1, 2, 3)} | {f"p{k}": phone(k) for k in (1, 2, 3)}
    text = between.join(records).format(**values)

    expected = own(2, 3) if "{e1}" not in "".join(records) else own(1, 2, 3)
    assert in_listing(text) == in_dump(text) == expected


@pytest.mark.parametrize(
    "each",
    [
        "BEGIN:VCARD\nTEL:{p}\nEMAIL;TYPE=WORK:{o}\nEMAIL;TYPE=HOME:{e}\nEND:VCARD\n",
        "<c>\n<email>{o}</email>\n<phone>{p}</phone>\n<email>{e}</email>\n</c>\n",
        "Name: {n}\nEmail: {o}\nEmail: {e}\nPhone: {p}\n\n",
        "Name: {n}\nEmail: {o}\nPhone: {p}\nEmail: {e}\n\n",
        "Email 1: {o}\nEmail 2: {e}\nPhone: {p}\n",
        "{n}\n{o}\n{e}\n{p}\n\n",
        "<c>\n<emails>\n<email>{o}</email>\n<email>{e}</email>\n</emails>\n<phone>{p}</phone>\n</c>\n",
        "dn: uid={k}\nmail: {o}\nmail: {e}\nmobile: {p}\n\n",
    ],
)
def test_a_field_may_come_twice_in_a_record(each: str) -> None:
    """A contact with two addresses is one row."""
    text = "".join(
        each.format(e=email(k), o=f"other{k}@mail.example", p=phone(k), n=NAMES[k], k=k) for k in PEOPLE
    )

    assert in_listing(text) == in_dump(text) == own(*PEOPLE)


def test_the_properties_of_a_page_are_fields() -> None:
    """An address in the link of a property is a field of the record (schema.org)."""
    each = (
        '<div itemscope><span itemprop="name">{n}</span>\n<a itemprop="email" href="mailto:{e}">mail</a>\n'
        '<span itemprop="telephone">{p}</span></div>\n'
    )
    text = written(Shape("<html><body>\n", each, "</body></html>\n"))

    assert in_dump(text) == own(*PEOPLE)


@pytest.mark.parametrize(
    "text",
    [
        "Email: {e1}\nPhone: {p2}\nEmail: {e2}\nPhone: {p1}\n",
        "<people>\n<email>{e1}</email>\n<phone>{p2}</phone>\n<email>{e2}</email>\n<phone>{p1}</phone>\n</people>\n",
        "<d>\n<customer>\n<email>{e1}</email>\n</customer>\n<supplier>\n<phone>{p1}</phone>\n</supplier>\n</d>\n",
        "<c>\n<email>{e1}</email>\n<emergency>\n<email>{e2}</email>\n<phone>{p1}</phone>\n</emergency>\n</c>\n"
        * 2,
        "Array\n(\n    [Anna] => {e1}\n    [Bob] => {p1}\n)\n",
        "Phone 1: {p2}\nEmail 1: {e1}\nPhone 2: {p1}\nEmail 2: {e2}\n",
        "bob: {e1}\ncarl: {p1}\nbob: thank you\ncarl: see you there\n",
        "bob: {e1}\ncarl: {p1}\n",
        "> Email: {e1}\nPhone: {p1}\n",
        "{n1}\n{e1}\n\n{n2}\n{p1}\n\n{n1}\n{e2}\n\n",
        "Email: {e1}\n\nPhone: {p1}\n",
        "Addresses\n{e1}\n{e2}\nNumbers\n{p1}\n{p2}\n",
        "├ Person 1\n│ └ Email: {e1}\n├ Person 2\n│ └ Phone: {p1}\n",
        "INFO: sent to {e1}\nDEBUG: called {p1}\n",
        "user1: {e1}\nuser2: {p1}\nuser3: {e2}\n",
        "bob: {e1}\ncarl: see https://forum.example/2024010112 or 203.0.113.20\nbob: {p1}\n",
        "email: {e1}\nemail: {e2}\nemail: {e3}\nphone: {p1}\nphone: {p2}\nphone: {p3}\n",
        "03.02.24, 10:21 - Anna: {e1}\n03.02.24, 10:22 - Bob: {p1}\n",
        "bob: {{my mail}} {e1}\ncarl: {p1} (mobile)\n",
        "[01.02.2024 11:20] bob: {e1}\n[01.02.2024 11:21] carl: {p1}\n",
        "Name: A\nEmail: {e1}\nEmail: {e2}\nName: B\nPhone: {p1}\n",
        "emails = [\n  '{e1}',\n  '{e2}',\n]\nphones = [\n  '{p1}',\n  '{p2}',\n]\n",
        "mail:\n- {e1}\n- {e2}\nphone:\n- {p1}\n- {p2}\n",
    ],
)
def test_what_looks_like_a_record_but_is_not_stays_apart(text: str) -> None:
    """People in one element, in one block, or in a conversation are not one row."""
    values = {f"e{k}": email(k) for k in PEOPLE} | {f"p{k}": phone(k) for k in PEOPLE}
    text = text.format(**values, n1=NAMES[1], n2=NAMES[2])

    assert own(*PEOPLE).isdisjoint(in_listing(text) | in_dump(text))


@pytest.mark.slow
def test_a_record_at_the_border_of_blocks_stays_whole() -> None:
    """No record is lost where a dump of many blocks is cut, and none is joined."""
    for name in ("blocks", "xml nested", "psql aligned", "tree2", "vcard folded"):
        shape = SHAPES[name] if name != "blocks" else Shape("", "{n}\n{e}\n{p}\n\n", "")
        people = [
            shape.each.format(e=email(k % 90 + 1), p=phone(k % 90 + 1), n="A B", k=k) for k in range(20_000)
        ]
        read = one((shape.before + "".join(people) + shape.after).encode())
        apart = 0
        for block in read.blocks:
            lines = block.text.decode().split("\n")
            rows = TextRows("\n".join(lines).replace("\r", " "), block.borders, block.record_shape)
            places = [(rows.row_at(index), line) for index, line in enumerate(lines)]
            addresses = [row for row, line in places if "@mail.example" in line]
            numbers = [row for row, line in places if "+491713920" in line]
            apart += addresses != numbers

        assert (name, len(read.blocks) > 1, apart) == (name, True, 0)


def test_a_record_is_bounded_and_says_so() -> None:
    """A record with more fields than the bound is divided and counted, and the next one is whole."""
    many = "".join(f"<f{number}>x</f{number}>\n" for number in range(CONTAINER_LINES + 5))
    text = (
        f"<list>\n<c>\n{many}</c>\n<c>\n<email>{email(1)}</email>\n<phone>{phone(1)}</phone>\n</c>\n</list>\n"
    )
    rows = TextRows(text)

    assert (rows.cut, in_listing(text)) == (1, own(1))


@pytest.mark.parametrize(
    "each",
    [
        "<person><id>{k}</id><email>{e}</email><phone>{p}</phone></person>",
        '<person><name form="a">{n}</name><contact><email>{e}</email></contact><tel>{p}</tel></person>',
        "<dict><key>email</key><string>{e}</string><key>phone</key><string>{p}</string></dict>",
        '<row><field name="email">{e}</field><field name="phone">{p}</field></row>',
    ],
)
def test_xml_without_line_ends_is_divided_at_its_elements(each: str) -> None:
    """An element of a person is a row where all people are on one line, in a dump as in a listing."""
    for shift in (0, 1):
        people = [
            each.format(e=email(k), p=phone((k + shift - 1) % 20 + 1), n="Anna", k=k) for k in range(1, 21)
        ]
        text = f"<list>{''.join(people)}</list>"
        expected = {(k, (k + shift - 1) % 20 + 1) for k in range(1, 21)}

        assert in_dump(text) == in_listing(with_line_ends(text)) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ldif_is_unfolded_and_decoded(end: str) -> None:
    """An address in base64, and one that goes on in the next line, are read whole, with the entry's line."""
    entries = [
        f"dn: uid={k},dc=bank,dc=example\ncn:: {b64encode('Jürgen Quill'.encode()).decode()}\n"
        f"mail:: {b64encode(email(k).encode()).decode()}\n"
        f"jpegPhoto:: {b64encode(bytes(range(200))).decode()}\n"
        f"mobile: {phone(k)[:6]}\n {phone(k)[6:]}\n"
        for k in PEOPLE
    ]
    read = one(("# all\nversion: 1\n\n" + "\n".join(entries)).replace("\n", end).encode())
    (block,) = read.blocks
    lines = block.text.decode().split("\n")

    assert in_dump(block.text.decode()) == own(*PEOPLE)
    assert [block.line(index) for index, line in enumerate(lines) if "@mail" in line] == [6, 13, 20, 27]
    assert "cn: Jürgen Quill" in block.text.decode()


def test_values_of_a_listing_in_base64_are_decoded_on_their_lines() -> None:
    """A listing's LDIF has its values in base64 as text; a text without entries stays as it is."""
    text = f"for sale\n\ndn: uid=1\nmail:: {b64encode(email(1).encode()).decode()}\nmobile: {phone(1)}\n"

    assert in_listing(decode_values(text)) == own(1)
    assert decode_values(text.replace("dn: ", "")) == text.replace("dn: ", "")


def test_a_long_picture_in_a_vcard_cuts_no_record() -> None:
    """A vCard with a picture of thousands of folded lines is one record, also at the border of blocks."""
    picture = "PHOTO;ENCODING=b:" + "\n ".join(["QUJD" * 18] * 700)
    cards = [f"BEGIN:VCARD\nEMAIL:{email(k)}\n{picture}\nTEL:{phone(k)}\nEND:VCARD\n" for k in range(1, 31)]
    text = "".join(cards)

    assert len(one(text.encode()).blocks) > 1
    assert in_dump(text) == own(*range(1, 31))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("{state}\t{p}\n", "tsv"),
        ("{state}\t{e}\n", "tsv"),
        ("{state}\t{k}\n", "tsv"),
        ("{n}\t{e}\n", "tsv"),
        ("{e}\t{p}\n", "tsv"),
        ("{n};{e};{p}\n", "csv"),
        ("{n},2024-01-01 12:{k:02},{e}\n", "csv"),
        ("{n} | {e} | {p}\n", "csv"),
        ("{n} | {e}\n", "csv"),
        ('{k},"{n}\n{e}","{p}"\n', "csv"),
        ("{e}:pw{k}\n", "combo"),
        ("{e}:{p}\n", "combo"),
        ("user{k}x:pw{k}\n", "combo"),
        ("{n}----{e}----{p}\n", "combo"),
        ("2024-01-01 12:00 INFO {n} did {k} things.\n", "text"),
        ("{e}\n", "text"),
    ],
)
def test_a_table_stays_a_table(row: str, expected: str) -> None:
    """Lines that are records by themselves are not taken for fields of records."""
    values = [
        row.format(e=email(k), p=phone(k), n=NAMES[k % 5], k=k, state=("open", "shut", "new")[k * k % 3])
        for k in range(1, 100)
    ]

    assert one("".join(values).encode()).format == expected
