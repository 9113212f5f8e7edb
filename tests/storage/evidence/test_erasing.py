"""storage.evidence.erasing: records are overwritten where they are, and the others never move."""

import gzip
import random
from io import BytesIO
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from storage.errors import EvidenceDamaged, EvidenceFailed
from storage.evidence.erasing import (
    erase_in_file,
    erased_object,
    members_in,
    members_of,
    tombstone,
)
from storage.evidence.records import unpack_member
from storage.evidence.warc import EvidenceStore, ListingText, RecordPlace
from tests.storage.given import NOW

URL = "https://m.example/"
SECRET = b"rows of invented customers"


def test_a_tombstone_has_any_length_and_is_one_record() -> None:
    """Every length gives one gzip member of exactly that length, which holds one record from 88 bytes on."""
    lengths = [*range(20, 900), *range(65_500, 65_700), *range(131_050, 131_150), 3_000_001]

    for length in lengths:
        packed = tombstone(length, file="2026-03-14/run.warc.gz", offset=300, at=NOW)
        assert (len(packed), bool(unpack_member(packed))) == (length, length >= 88)
        if length >= 88:
            [record] = ArchiveIterator(BytesIO(packed))
            assert record.rec_type == "metadata"
            [member] = members_of(packed)
            assert (member.length, member.erased) == (length, True)


def filled(store: EvidenceStore) -> list[RecordPlace]:
    """Write responses of several sizes with what must be gone, each with its text."""
    noise = random.Random(1)
    places = []
    with store.writer("market-1", now=NOW) as writer:
        for size in (0, 10, 5_000, 300_000):
            # A site's own header that looks like one of ours changes nothing.
            headers = [(b"Erased-Bytes", b"17"), (b"WARC-Type", b"metadata")]
            body = SECRET + noise.randbytes(size)
            page = writer.response(
                url="https://m.example/", status=200, headers=headers, body=body, fetched_at=NOW
            )
            text = writer.text(
                ListingText({"body": SECRET.decode()}), refers_to=page, url="https://m.example/"
            )
            places += [page, text]
    return places


def plain(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def test_what_stays_does_not_move(evidence: EvidenceStore) -> None:
    """Each record that stays is read where it was, other programs read the whole file, and the zeros of large
    records are given back to the disk.
    """
    places = filled(evidence)
    path = evidence.folder / places[0].file
    before = {place: evidence.read_member(place) for place in places}
    size, blocks = path.stat().st_size, path.stat().st_blocks
    erased = [places[0], places[3], places[6]]

    done = erase_in_file(evidence.folder, places[0].file, [(p.offset, p.length) for p in erased], at=NOW)

    assert path.stat().st_size == size
    assert (done.records, done.deleted) == (3, False)
    assert done.freed > 200_000 and path.stat().st_blocks < blocks - 400
    for place in places:
        if place not in erased:
            assert evidence.read_member(place) == before[place]
    assert plain(path).count(SECRET) == len(places) - len(erased)
    with path.open("rb") as file:
        kinds = [record.rec_type for record in ArchiveIterator(file)]
    ours = [
        "metadata",
        "conversion",
        "response",
        "metadata",
        "response",
        "conversion",
        "metadata",
        "conversion",
    ]
    assert kinds == ["warcinfo", *ours]
    with pytest.raises(EvidenceFailed):
        evidence.read_text(places[3])
    # Again, as after a kill: the same bytes.
    whole = path.read_bytes()
    erase_in_file(evidence.folder, places[0].file, [(p.offset, p.length) for p in erased], at=NOW)
    assert path.read_bytes() == whole


def test_texts_go_with_their_response(evidence: EvidenceStore) -> None:
    """`with_texts` erases the texts that were read from a response, and no other one."""
    places = filled(evidence)
    page = places[2]

    erase_in_file(evidence.folder, page.file, [(page.offset, page.length)], at=NOW, with_texts={page.offset})

    found = [member.erased for member in members_in(evidence.folder / page.file)]
    assert found == [False, False, False, True, True, False, False, False, False]


def test_a_file_without_records_is_deleted(evidence: EvidenceStore) -> None:
    """Record by record, the last one takes the file and its day with it; while a writer is at work, the file
    stays.
    """
    places = filled(evidence)
    path = evidence.folder / places[0].file
    with evidence.writer("market-2", now=NOW) as writer:
        place = writer.text(ListingText({"body": SECRET.decode()}), refers_to=None, url="")
        writer.sync()
        open_file = erase_in_file(evidence.folder, place.file, [(place.offset, place.length)], at=NOW)
        assert not open_file.deleted
        later = writer.text(ListingText({"body": "later"}), refers_to=None, url="")
    assert evidence.read_text(later).parts == {"body": "later"}

    done = [
        erase_in_file(evidence.folder, each.file, [(each.offset, each.length)], at=NOW).deleted
        for each in [*places, later]
    ]

    assert done == [False] * (len(places) - 1) + [True, True]
    assert not path.parent.exists()
    assert not erase_in_file(evidence.folder, places[0].file, [(1, 2)], at=NOW).records


def test_a_place_that_is_no_record_changes_nothing(evidence: EvidenceStore) -> None:
    """A row that points into the middle of a record would destroy others: it is refused, file unchanged. A
    record that is damaged inside is erased.
    """
    places = filled(evidence)
    path = evidence.folder / places[0].file
    before = path.read_bytes()

    good = (places[0].offset, places[0].length)
    for offset, length in ((good[0] + 1, good[1] - 1), (good[0], good[1] - 1), (good[0], good[1] + 7)):
        with pytest.raises(EvidenceDamaged):
            erase_in_file(evidence.folder, places[0].file, [(offset, length)], at=NOW)
    assert path.read_bytes() == before
    with path.open("r+b") as file:
        file.seek(good[0] + 40)
        file.write(b"damaged!")
    assert erase_in_file(evidence.folder, places[0].file, [good], at=NOW).records == 1
    assert evidence.read_member(places[1])


def test_an_object_is_replaced_as_a_whole(evidence: EvidenceStore) -> None:
    """For stores without overwriting: the same bytes as in a file, and None if nothing else remains."""
    places = filled(evidence)
    data = (evidence.folder / places[0].file).read_bytes()
    every = [(place.offset, place.length) for place in places]

    some = erased_object(data, places[0].file, every[:3], at=NOW)
    erase_in_file(evidence.folder, places[0].file, every[:3], at=NOW)

    assert some == (evidence.folder / places[0].file).read_bytes()
    assert erased_object(data, places[0].file, every, at=NOW) is None
    with pytest.raises(EvidenceDamaged):
        erased_object(data, places[0].file, [(5, 100)], at=NOW)
