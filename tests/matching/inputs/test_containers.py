"""Containers: each member is read, and whatever cannot be read ends with an outcome."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import py7zr
import pytest
from backports import zstd

from matching.inputs import Limits
from tests.matching.inputs.archives import nested, seven, special, tarred, zipped
from tests.matching.inputs.customers import as_combo, as_csv, as_xlsx, customers
from tests.matching.inputs.reading import outcomes, read

DUMP = as_combo(customers())
OTHER = as_csv(customers(20))
LZMA2 = {"id": py7zr.FILTER_LZMA2, "preset": 1}
SMALL = Limits(free_bytes=1 << 20, ratio=50)


PACKED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("gzip, two parts", lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
    ("gzip, padded", lambda data: gzip.compress(data) + bytes(1000)),
    ("bzip2", bz2.compress),
    ("bzip2, two parts", lambda data: bz2.compress(data[:100]) + bz2.compress(data[100:])),
    ("xz", lzma.compress),
    ("xz, best", lambda data: lzma.compress(data, preset=9)),
    ("zstd", zstd.compress),
    ("zstd, skipped frame first", lambda data: b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd.compress(data)),
    ("zip", lambda data: zipped({"a.csv": data})),
    ("zip, stored", lambda data: zipped({"a.csv": data}, zipfile.ZIP_STORED)),
    ("zip, bzip2", lambda data: zipped({"a.csv": data}, zipfile.ZIP_BZIP2)),
    ("zip, lzma", lambda data: zipped({"a.csv": data}, zipfile.ZIP_LZMA)),
    ("zip, as a stream", lambda data: _streamed_zip({"a.csv": data})),
    ("zip64", lambda data: _zip64(data)),
    ("zip behind other bytes", lambda data: b"PK\x03\x04" + bytes(60) + zipped({"a.csv": data})),
    ("tar", lambda data: tarred({"a.csv": data})),
    ("tar, pax", lambda data: tarred({"n" * 300: data}, form=tarfile.PAX_FORMAT)),
    ("tar, long name", lambda data: tarred({"n" * 300: data})),
    ("tar.gz", lambda data: tarred({"a.csv": data}, "w:gz")),
    ("tar.xz", lambda data: tarred({"a.csv": data}, "w:xz")),
    ("7z", lambda data: seven({"a.csv": data})),
    ("7z, LZMA 1", lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_LZMA}])),
    ("7z, bzip2", lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_BZIP2}])),
    ("7z, deflate", lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_DEFLATE}])),
    ("7z, zstd", lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_ZSTD, "level": 3}])),
    ("7z, stored", lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_COPY}])),
    (
        "7z, delta",
        lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_DELTA}, LZMA2]),
    ),
    (
        "7z, for executables",
        lambda data: seven({"a.csv": data}, [{"id": py7zr.FILTER_X86}, LZMA2]),
    ),
    ("all of them", lambda data: gzip.compress(tarred({"x": seven({"y": zipped({"z": data})})}))),
]  # fmt: skip


class _Pipe(io.BytesIO):
    """A file that cannot seek."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: int) -> int:
        raise OSError


def _streamed_zip(members: dict[str, bytes]) -> bytes:
    """A zip whose sizes stand behind the data."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _zip64(data: bytes) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as one,
    ):
        one.write(data)
    plain = out.getvalue()
    at = plain.rindex(b"PK\x05\x06")
    _, _, _, _, count, size, start, _ = struct.unpack_from("<4s4H2LH", plain, at)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    place = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return plain[:at] + end64 + place + end


@pytest.mark.parametrize("pack", [pytest.param(pack, id=name) for name, pack in PACKED])
def test_a_member_is_what_was_packed(pack: Callable[[bytes], bytes]) -> None:
    """The text is the same, whatever container it was packed in, and however deep."""
    found = read(pack(DUMP))

    assert [(one.text, one.format, one.ending.outcome) for one in found] == [(DUMP, "combo", "whole")]


@pytest.mark.parametrize("pack", [zipped, _streamed_zip, tarred, seven], ids=["zip", "stream", "tar", "7z"])
def test_members_come_in_order_with_their_names(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    """Names are shown on one line, with identifiers masked."""
    found = read(pack({"x/person1@mail.example": DUMP, "b/\x1b[31m.csv": OTHER, "empty": b""}))

    assert outcomes(found) == {
        "dump!/x/p***1@mail.example": "whole",
        "dump!/b/?[31m.csv": "whole",
        "dump!/empty": "whole",
    }


def test_two_members_of_one_name_are_told_apart() -> None:
    """Names are unique, because reading continues by name after a kill."""
    found = read(_twice())

    assert [one.name for one in found] == ["dump!/a", "dump!/a#2"]


def _twice() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for data in (DUMP, OTHER):
            entry = tarfile.TarInfo("a")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "flags", "shown"),
    [("客户.csv", "gb18030", "客户.csv"), ("Zoë.csv", "cp437", "Zoë.csv"), ("客户.csv", "utf-8", "客户.csv")],
)
def test_old_names_are_read_in_the_charset_that_makes_a_name(name: str, flags: str, shown: str) -> None:
    """A name without a stated charset is decoded by the charset in which it looks like a name."""
    place = b"N" * len(name.encode(flags))
    source = zipped({place.decode(): DUMP}).replace(place, name.encode(flags))

    found = read(source)

    assert outcomes(found) == {f"dump!/{shown}": "whole"}


def _flipped(source: bytes, at: int) -> bytes:
    return source[:at] + bytes([source[at] ^ 0xFF]) + source[at + 1 :]


BIG = DUMP * 60  # several steps of a decompressor


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_what_came_before_a_cut_counts(pack: Callable[[bytes], bytes]) -> None:
    """Rows before the cut are read, and the ending says how many."""
    whole = pack(BIG)

    (found,) = read(whole[: len(whole) * 3 // 4])

    assert found.ending.outcome == "truncated"
    assert BIG.startswith(found.text[:-3])
    assert found.ending.rows == sum(block.rows for block in found.blocks)


def test_damage_is_said_and_the_other_members_go_on() -> None:
    """A wrong checksum is one member's outcome; the next member is read."""
    source = zipped({"a": DUMP, "b": OTHER}, zipfile.ZIP_STORED)
    at = source.index(DUMP)

    found = read(_flipped(source, at + 3))

    assert outcomes(found) == {"dump!/a": "damaged", "dump!/b": "whole"}
    assert found[0].ending.rows == 200
    assert "checksum" in found[0].ending.sentence


def test_damage_in_a_7z_takes_its_folder_and_no_other() -> None:
    """Damage in one folder of a 7z does not affect the members of another."""
    out = io.BytesIO()
    for mode, name in (("w", "a"), ("a", "b")):
        out.seek(0)
        with py7zr.SevenZipFile(out, mode) as archive:
            archive.writestr(DUMP if name == "a" else OTHER, name)
    source = out.getvalue()

    found = read(_flipped(source, 200))

    assert outcomes(found)["dump!/a"] == "damaged"
    assert outcomes(found)["dump!/b"] == "whole"


def test_a_lie_about_the_size_is_said_and_costs_nothing() -> None:
    """All bytes are read, whatever size the directory states, and the outcome is `damaged`."""
    source = zipped({"a": DUMP, "b": OTHER})
    size = struct.pack("<L", len(DUMP))

    found = read(source.replace(size, struct.pack("<L", 7)))

    assert outcomes(found) == {"dump!/a": "damaged", "dump!/b": "whole"}
    assert found[0].text == DUMP
    assert {"7", str(len(DUMP))} <= set(re.findall(r"\d+", found[0].ending.sentence))


def test_a_zip_without_its_directory_is_read_without_it() -> None:
    """Members of a cut zip are found by their own headers; the archive's outcome is `truncated`."""
    source = zipped({"a": DUMP, "b": OTHER})

    found = read(source[: source.index(b"PK\x01\x02") + 10])

    assert outcomes(found) == {"dump!/a": "whole", "dump!/b": "whole", "dump": "truncated"}
    assert "2 documents" in found[-1].ending.sentence


@pytest.mark.parametrize("hidden", [False, True])
def test_a_7z_with_a_password_says_so(hidden: bool) -> None:
    """The outcome is `encrypted`, also where the names are encrypted."""
    found = read(seven({"a": DUMP}, password="synthetic", hidden=hidden))

    assert [one.ending.outcome for one in found] == ["encrypted"]


def test_a_zip_with_a_password_says_so_and_the_others_go_on() -> None:
    """A member with the flag of encryption does not affect the others."""
    source = bytearray(zipped({"a": DUMP, "b": OTHER}))
    source[source.index(b"PK\x01\x02") + 8] |= 1

    found = read(bytes(source))

    assert outcomes(found) == {"dump!/a": "encrypted", "dump!/b": "whole"}


@pytest.mark.parametrize("filters", [
    [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}],
    [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA}],
])  # fmt: skip
def test_a_method_that_is_not_read_is_named(filters: list[dict[str, int]]) -> None:
    """The outcome is `unsupported`, and the sentence names the method."""
    found = read(seven({"a": DUMP}, filters))

    assert [(one.ending.outcome, "method" in one.ending.sentence) for one in found] == [("unsupported", True)]


def test_links_and_devices_in_a_tar_are_named_and_not_followed() -> None:
    """A link has no data, whatever size its header states, so the member behind it is found."""
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    source = b"".join(special(f"m{number}", kind, 10**9) for number, kind in enumerate(kinds))

    found = read(source + tarred({"a": DUMP}))

    assert [one.ending.outcome for one in found] == ["special"] * 4 + ["whole"]


@pytest.mark.slow
def test_a_bomb_ends_when_its_ratio_is_over() -> None:
    """A bomb ends with `too_large` and needs no more memory than a few blocks."""
    source = gzip.compress(gzip.compress(bytes(1 << 28)))
    tracemalloc.start()

    (found,) = read(source, SMALL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.ending.outcome == "too_large"
    assert peak < 32 << 20


def test_a_member_that_is_named_ten_thousand_times_is_read_within_the_ratio() -> None:
    """Each reading of the same bytes counts against the ratio."""
    source = zipped({"a": b"a\n" * 50_000})
    start = source.index(b"PK\x01\x02")
    entry = source[start : source.rindex(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 10_000, 10_000, len(entry) * 10_000, start, 0)

    found = read(source[:start] + entry * 10_000 + end, Limits(free_bytes=1 << 20, ratio=5))

    assert {one.ending.outcome for one in found} == {"whole", "too_large"}
    assert sum(one.ending.bytes for one in found) <= 5 * len(entry) * 10_001 + (2 << 20)


def test_what_lies_too_deep_is_not_opened() -> None:
    """The depth of containers is bounded, because an archive may hold itself."""
    found = read(nested(DUMP, 5))

    assert [one.ending.outcome for one in found] == ["too_deep"]


def test_too_many_members_end_the_archive() -> None:
    """The members up to the limit are read."""
    found = read(zipped({f"m{number}": DUMP for number in range(10)}), Limits(members=7))

    assert [one.ending.outcome for one in found] == ["whole"] * 7 + ["too_many"]


def test_a_dictionary_that_needs_more_memory_than_is_given_is_refused() -> None:
    """xz and zstd state the size of their dictionary, and one beyond the limit is refused."""
    large = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}]
    xz = lzma.compress(DUMP, filters=large)
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 30,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    packer = zstd.ZstdCompressor(options=options)

    found = [*read(xz), *read(packer.compress(BIG) + packer.flush())]

    assert [one.ending.outcome for one in found] == ["too_large", "too_large"]


@pytest.mark.parametrize(
    "source",
    [b"\x04\x22\x4d\x18" + bytes(600), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)],
)
def test_what_is_not_read_is_named(source: bytes) -> None:
    """Formats that are not read are recognised and refused."""
    (found,) = read(source)

    assert found.ending.outcome == "unsupported"


def test_a_workbook_is_found_in_an_archive_and_with_a_document_type_refused() -> None:
    """A workbook is recognised inside an archive; one with a document type is refused."""
    good = as_xlsx(customers(5))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            kind = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' if "sheet1" in name else b""
            new.writestr(name, kind + data)

    found = read(zipped({"good.dat": good, "bad.dat": out.getvalue()}))

    assert [(one.format, one.ending.outcome) for one in found] == [("xlsx", "whole"), ("xlsx", "damaged")]


def test_a_checksum_of_gzip_is_checked() -> None:
    """A gzip with a wrong checksum is `damaged`."""
    source = gzip.compress(DUMP)

    (found,) = read(source[:-8] + struct.pack("<LL", zlib.crc32(DUMP) ^ 1, len(DUMP)))

    assert found.ending.outcome == "damaged"
