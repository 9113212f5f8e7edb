"""storage.evidence.warc: what was published, byte for byte, also after a kill."""

import gzip
import hashlib
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as generated
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from storage.errors import EvidenceDamaged, EvidenceMissing, EvidenceUnwritable
from storage.evidence.tails import RecoveredFile
from storage.evidence.warc import EvidenceStore, EvidenceWriter, ListingText, RecordPlace
from tests.peers.small_disk import fill_disk, small_disk
from tests.storage.given import NOW

HEADERS = [(b"Content-Type", b"text/html; charset=gbk"), (b"Transfer-Encoding", b"chunked")]
BODY = "出售客户数据".encode("gbk") + bytes(range(256))
URL = "https://market.example/offer/1"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def respond(writer: EvidenceWriter, body: bytes = BODY, url: str = URL) -> RecordPlace:
    return writer.response(url=url, status=200, headers=HEADERS, body=body, fetched_at=NOW)


def path_of(store: EvidenceStore, place: RecordPlace) -> Path:
    return store.folder / place.file


def test_a_response_comes_back_as_it_was(evidence: EvidenceStore) -> None:
    """Address, status, headers and body are read back; Transfer-Encoding is renamed."""
    with evidence.writer("run-1") as writer:
        place = respond(writer)
    read = evidence.read_response(place, sha256(BODY))

    assert (read.url, read.status, read.body) == (URL, 200, BODY)
    assert read.headers == (HEADERS[0], (b"X-Archive-Transfer-Encoding", b"chunked"))


def test_a_text_comes_back_as_it_was(evidence: EvidenceStore) -> None:
    """A text is read back unchanged, also with lone surrogates."""
    text = ListingText({"title": "出售 \ud800 \0", "body": "line\r\n\r\nWARC/1.1\r\n", "sample": ""})
    with evidence.writer("run-1") as writer:
        place = writer.text(text, refers_to=respond(writer), url=URL)

    assert evidence.read_text(place) == text


def test_a_text_names_the_response_it_was_read_from(evidence: EvidenceStore) -> None:
    """A text is a conversion record that refers to the response's record id."""
    with evidence.writer("run-1") as writer:
        source = respond(writer)
        writer.text(ListingText({"title": "offer"}), refers_to=source, url=URL)
    with path_of(evidence, source).open("rb") as file:
        records = [(one.rec_type, one.rec_headers) for one in ArchiveIterator(file)]

    response, conversion = records[1][1], records[2][1]
    assert [kind for kind, _ in records] == ["warcinfo", "response", "conversion"]
    assert conversion.get_header("WARC-Refers-To") == response.get_header("WARC-Record-ID")


def test_other_programs_read_it(evidence: EvidenceStore) -> None:
    """warcio parses every record and confirms the payload digests (sha1, as replay programs expect)."""
    with evidence.writer("run-1") as writer:
        place = respond(writer)
        writer.response(url=URL, status=599, headers=[], body=b"", fetched_at=NOW)
    with path_of(evidence, place).open("rb") as file:
        found = []
        for record in ArchiveIterator(file, check_digests="raise"):
            body = record.content_stream().read()
            if record.rec_type == "response":
                found.append((record.http_headers.get_statuscode(), body))
                assert record.rec_headers.get_header("WARC-Payload-Digest").startswith("sha1:")

    assert found == [("200", BODY), ("599", b"")]


def test_each_record_is_one_write_and_one_member(evidence: EvidenceStore) -> None:
    """The bytes of a place are a complete gzip file."""
    with evidence.writer("run-1") as writer:
        places = [respond(writer, bytes([n]) * n) for n in range(5)]
    data = path_of(evidence, places[0]).read_bytes()

    for place in places:
        assert gzip.decompress(data[place.offset : place.offset + place.length]).startswith(b"WARC/1.1\r\n")
    assert places[-1].offset + places[-1].length == len(data)


def test_files_are_private(evidence: EvidenceStore) -> None:
    """Folders have mode 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        with evidence.writer("run-1") as writer:
            place = respond(writer)
            marks = list((evidence.folder / "open").iterdir())
            modes = {stat.S_IMODE(mark.stat().st_mode) for mark in marks}
    finally:
        os.umask(before)
    path = path_of(evidence, place)

    assert stat.S_IMODE(evidence.folder.stat().st_mode) == stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes | {stat.S_IMODE(path.stat().st_mode)} == {0o600}


def test_a_run_without_a_response_leaves_no_file(evidence: EvidenceStore) -> None:
    """A writer without records creates no file."""
    with evidence.writer("run-1") as writer:
        writer.sync()

    assert not evidence.folder.exists()


def test_two_runs_of_one_label_have_two_files(evidence: EvidenceStore) -> None:
    """A repeated run gets a file of its own; the day is in the path."""
    with evidence.writer("run-1", now=NOW) as one, evidence.writer("run-1", now=NOW) as other:
        files = {respond(one).file, respond(other).file}

    assert len(files) == 2
    assert {file.split("/")[0] for file in files} == {"2026-03-14"}


def test_a_label_cannot_leave_the_folder(evidence: EvidenceStore) -> None:
    """Whatever the label, the file is in the folder of its day."""
    with evidence.writer("../../etc/" + "x" * 500 + "\0\n") as writer:
        place = respond(writer)

    assert path_of(evidence, place).resolve().parent.parent == evidence.folder.resolve()


def test_a_place_cannot_leave_the_folder(evidence: EvidenceStore, tmp_path: Path) -> None:
    """A place outside of the evidence folder is refused."""
    (tmp_path / "secret").write_bytes(b"secret")

    with pytest.raises(EvidenceDamaged, match="outside"):
        evidence.read_text(RecordPlace("../secret", 0, 6))


@pytest.mark.parametrize("url", ["https://x.example/\r\nWARC-Type: warcinfo", "http://趣.example/\ud800", ""])
def test_hostile_addresses_and_headers_stay_in_their_line(evidence: EvidenceStore, url: str) -> None:
    """Line breaks in an address or a header do not add a header, and the body is unchanged."""
    headers = [(b"X-A\r\nX-B: injected", b"1\r\n\r\nbody"), (b"X-C", b"\xff\xfe")]
    with evidence.writer("run-1") as writer:
        place = writer.response(url=url, status=200, headers=headers, body=BODY, fetched_at=NOW)
    read = evidence.read_response(place, sha256(BODY))

    assert read.body == BODY
    assert [name for name, _ in read.headers] == [b"X-A X-B", b"X-C"]
    assert "\n" not in read.url


@generated(
    body=st.binary(max_size=2000),
    headers=st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=20)), max_size=5),
    url=st.text(max_size=40),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_response_comes_back(
    evidence: EvidenceStore, body: bytes, headers: list[tuple[bytes, bytes]], url: str
) -> None:
    """Any body is read back unchanged."""
    with evidence.writer("run") as writer:
        place = writer.response(url=url, status=200, headers=headers, body=body, fetched_at=NOW)

    assert evidence.read_response(place, sha256(body)).body == body


def test_a_flipped_byte_is_found(evidence: EvidenceStore) -> None:
    """After any bit of a record changed, reading returns the original bytes or raises an error."""
    with evidence.writer("run-1") as writer:
        place = respond(writer)
    path = path_of(evidence, place)
    whole = path.read_bytes()
    for at in range(place.offset, place.offset + place.length, 7):
        broken = bytearray(whole)
        broken[at] ^= 0x10
        path.write_bytes(broken)
        try:
            assert evidence.read_response(place, sha256(BODY)).body == BODY  # a bit of gzip's own header
        except EvidenceDamaged as error:
            assert "backup" in str(error)


def test_other_bytes_than_those_of_the_row(evidence: EvidenceStore) -> None:
    """A complete record whose body has another sha256 is damaged evidence."""
    with evidence.writer("run-1") as writer:
        place = respond(writer, b"replaced afterwards")

    with pytest.raises(EvidenceDamaged, match="sha256"):
        evidence.read_response(place, sha256(BODY))


@pytest.mark.parametrize(("offset", "length"), [(1, 0), (0, 10), (0, -10), (10**9, 0)])
def test_a_place_that_is_off(evidence: EvidenceStore, offset: int, length: int) -> None:
    """A place that is not exactly one record is damaged evidence."""
    with evidence.writer("run-1") as writer:
        first, second = respond(writer), respond(writer)
    wrong = RecordPlace(first.file, first.offset + offset, first.length + length)

    with pytest.raises(EvidenceDamaged):
        evidence.read_response(wrong, sha256(BODY))
    assert evidence.read_response(second, sha256(BODY)).body == BODY


def test_a_record_of_another_kind(evidence: EvidenceStore) -> None:
    """Reading a response as a text, or a text as a response, is an error."""
    with evidence.writer("run-1") as writer:
        response = respond(writer)
        text = writer.text(ListingText({"title": "x"}), refers_to=None, url="")

    with pytest.raises(EvidenceDamaged):
        evidence.read_text(response)
    with pytest.raises(EvidenceDamaged):
        evidence.read_response(text, sha256(BODY))


def test_a_file_that_is_not_there(evidence: EvidenceStore) -> None:
    """The error names the missing file."""
    with pytest.raises(EvidenceMissing, match=r"2026-03-14/x\.warc\.gz"):
        evidence.read_text(RecordPlace("2026-03-14/x.warc.gz", 0, 10))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """If the folder cannot be created, the error is not permanent."""
    (tmp_path / "file").write_text("")
    writer = EvidenceStore(tmp_path / "file" / "evidence").writer("run-1")

    with pytest.raises(EvidenceUnwritable) as error:
        respond(writer)
    assert not error.value.permanent


def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    """If the disk is full, the write is an error, and the earlier records stay readable."""
    script = """
import hashlib, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.errors import EvidenceUnwritable
from storage.evidence.warc import EvidenceStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = EvidenceStore(Path(sys.argv[1]))
def respond(writer, body):
    return writer.response(url="", status=200, headers=[], body=body, fetched_at=datetime.now(UTC))
with store.writer("run") as writer:
    first = respond(writer, b"first")
    limit = first.offset + first.length + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        respond(writer, bytes(range(256)) * 100)
    except EvidenceUnwritable as error:
        print("permanent:", error.permanent)
size = (store.folder / first.file).stat().st_size
read = store.read_response(first, hashlib.sha256(b"first").hexdigest())
print(size == first.offset + first.length, read.body)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == "permanent: False\nTrue b'first'\n", done.stderr


def test_a_disk_that_was_full_from_the_start_leaves_no_empty_file(tmp_path: Path) -> None:
    """Neither a file without a record nor its marker stays, whatever could be written of its head."""
    with small_disk(tmp_path / "disk", size_kb=256) as disk:
        store = EvidenceStore(disk / "evidence")
        with store.writer("first", now=NOW) as writer:
            kept = respond(writer)
        fill_disk(disk)
        for spare in (0, 4096):
            (disk / "filler").unlink()
            fill_disk(disk, spare=spare)
            with (
                pytest.raises(EvidenceUnwritable),
                store.writer("second", now=NOW) as writer,
            ):
                respond(writer, random.Random(1).randbytes(200_000))
        left = [path.name for path in store.folder.rglob("*") if path.is_file()]

        assert left == [path_of(store, kept).name]
        assert store.read_response(kept, sha256(BODY)).body == BODY


def test_threads_share_a_writer(evidence: EvidenceStore) -> None:
    """Eight threads write to one file, and every place leads to its own record."""
    found: dict[bytes, RecordPlace] = {}

    def write(number: int) -> None:
        for turn in range(20):
            body = f"{number}.{turn}".encode() * 50
            found[body] = respond(writer, body)

    with evidence.writer("run-1") as writer:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for body, place in found.items():
        assert evidence.read_response(place, sha256(body)).body == body


def torn(store: EvidenceStore, keep: int, tail: bytes = b"") -> None:
    """Leave a file as after a kill: cut off, with its marker, and without a lock."""
    [path] = store.folder.glob("2*/*.warc.gz")
    path.write_bytes(path.read_bytes()[:keep] + tail)
    mark(path)


def mark(path: Path) -> None:
    folder = path.parent.parent / "open"
    folder.mkdir(exist_ok=True)
    (folder / f"{path.parent.name}+{path.name}").touch()


def test_any_torn_tail_is_cut(tmp_path: Path) -> None:
    """After a cut at 150 random places, with or without garbage behind it, the complete records stay."""
    dice = random.Random(20260314)
    store = EvidenceStore(tmp_path / "model")
    with store.writer("run") as writer:
        places = [respond(writer, dice.randbytes(dice.randrange(0, 5000))) for _ in range(20)]
    whole = path_of(store, places[0]).read_bytes()
    ends = [places[0].offset, *[place.offset + place.length for place in places]]
    for turn in range(150):
        copy = EvidenceStore(tmp_path / str(turn))
        path = copy.folder / places[0].file
        path.parent.mkdir(parents=True)
        path.write_bytes(whole)
        keep = dice.randrange(ends[0] + 1, len(whole))
        tail = dice.choice([b"", b"\0" * 4096, dice.randbytes(700)])
        torn(copy, keep, tail)
        kept = max(end for end in ends if end <= keep)
        recovered = copy.recover()

        lost = keep + len(tail) - kept
        expected = [RecoveredFile(places[0].file, kept, lost)] if lost else []
        assert (recovered, path.read_bytes()) == (expected, whole[:kept])
        assert copy.recover() == []


def test_damage_in_the_middle_is_not_cut(evidence: EvidenceStore) -> None:
    """If complete records follow the damage, the file stays as it is and is reported as damaged."""
    with evidence.writer("run-1") as writer:
        first, second, third = respond(writer), respond(writer), respond(writer)
    path = path_of(evidence, first)
    broken = bytearray(path.read_bytes())
    broken[second.offset + 20] ^= 0xFF
    path.write_bytes(broken)
    mark(path)

    assert evidence.recover() == [RecoveredFile(first.file, second.offset, 0, damaged=True)]
    assert path.read_bytes() == broken
    assert evidence.read_response(third, sha256(BODY)).body == BODY


def test_a_file_that_is_being_written_is_left_alone(evidence: EvidenceStore) -> None:
    """Recovery does not change the file of a living writer."""
    with evidence.writer("run-1") as writer:
        place = respond(writer)
        assert evidence.recover() == []
        other = respond(writer)

    for one in (place, other):
        assert evidence.read_response(one, sha256(BODY)).body == BODY


def test_a_mark_without_a_file(evidence: EvidenceStore) -> None:
    """A marker without a file is removed."""
    folder = evidence.folder / "2026-03-14"
    folder.mkdir(parents=True)
    mark(folder / "run.warc.gz")
    mark(folder / "empty.warc.gz")
    (folder / "empty.warc.gz").touch()

    assert evidence.recover() == []
    assert [path for path in evidence.folder.rglob("*") if path.is_file()] == []


def test_a_killed_writer_leaves_all_that_it_synced(tmp_path: Path) -> None:
    """After a kill and a recovery, every place that the process had printed is readable."""
    script = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from storage.evidence.warc import EvidenceStore
writer = EvidenceStore(Path(sys.argv[1])).writer("run")
number = 0
while True:
    body = (b"%d " % number) * 20000
    place = writer.response(url="", status=200, headers=[], body=body, fetched_at=datetime.now(UTC))
    writer.sync()
    print(place.file, place.offset, place.length, number, flush=True)
    number += 1
"""
    store = EvidenceStore(tmp_path / "evidence")
    child = subprocess.Popen([sys.executable, "-c", script, store.folder], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    printed = [child.stdout.readline() for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    printed += child.stdout.read().splitlines()
    child.wait()
    store.recover()

    for line in printed:
        file, offset, length, number = line.split()
        body = (b"%d " % int(number)) * 20000
        assert store.read_response(RecordPlace(file, int(offset), int(length)), sha256(body)).body == body
    assert list((store.folder / "open").iterdir()) == []


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def day_writer(store: EvidenceStore, source: str = "market") -> EvidenceWriter:
    return store.day_writer(source, digest=digest, now=datetime(2026, 3, 14, 9, 26, tzinfo=UTC))


def test_the_runs_of_a_source_and_a_day_share_a_file(evidence: EvidenceStore) -> None:
    """Each appends where the last one ended; another source and another day have files of their own."""
    places = []
    for turn in range(3):
        with day_writer(evidence) as writer:
            places += [respond(writer, b"%d.%d" % (turn, number) * 400) for number in range(2)]
    with day_writer(evidence, "forum") as writer:
        other = respond(writer)
    with evidence.day_writer("market", digest=digest, now=datetime(2026, 3, 15, tzinfo=UTC)) as writer:
        later = respond(writer)

    assert {place.file for place in places} == {
        f"2026-03-14/market-{digest('2026-03-14 market 1')[:8]}.warc.gz"
    }
    assert len({places[0].file, other.file, later.file}) == 3
    bodies = [b"%d.%d" % (turn, number) * 400 for turn in range(3) for number in range(2)]
    assert bodies == [
        evidence.read_response(place, sha256(body)).body for place, body in zip(places, bodies, strict=True)
    ]
    with path_of(evidence, places[0]).open("rb") as file:
        records = [
            (record.rec_type, record.rec_headers.get_header("WARC-Record-ID"))
            for record in ArchiveIterator(file)
        ]
    assert ["warcinfo", *["response"] * 6] == [kind for kind, _ in records]
    assert len({identity for _, identity in records}) == 7


def test_a_run_that_stores_nothing_leaves_the_file_of_the_day(evidence: EvidenceStore) -> None:
    """On a full disk nothing was appended; what earlier runs stored is not removed with it."""
    with day_writer(evidence) as writer:
        place = respond(writer)
    path = path_of(evidence, place)
    before = path.read_bytes()
    with day_writer(evidence) as writer, limited(len(before)), pytest.raises(EvidenceUnwritable):
        respond(writer)

    assert (before, []) == (path.read_bytes(), list((evidence.folder / "open").iterdir()))


def test_two_writers_at_once_take_two_files(evidence: EvidenceStore) -> None:
    """A node that was paused keeps its lock; the node that goes on instead does not wait for it."""
    with day_writer(evidence) as paused:
        first = respond(paused)
        with day_writer(evidence) as other:
            second = respond(other)
        third = respond(paused)
    with day_writer(evidence) as next_one:
        fourth = respond(next_one)

    assert (first.file, first.file) == (third.file, fourth.file)
    assert second.file != first.file
    for place in (first, second, third, fourth):
        assert evidence.read_response(place, sha256(BODY)).body == BODY


@pytest.mark.parametrize("tail", [b"", b"\0" * 4096, b"\x1f\x8b\x08 torn"])
def test_what_a_killed_run_left_is_cut_before_the_next_appends(evidence: EvidenceStore, tail: bytes) -> None:
    """Records of earlier runs are not read for that; no later record comes after a torn one."""
    with day_writer(evidence) as writer:
        first = respond(writer)
    killed = day_writer(evidence)
    second, torn_one = respond(killed), respond(killed)
    path = path_of(evidence, first)
    handle = killed._handle
    assert handle is not None
    os.close(handle)  # as the kernel does it, with the marker left behind
    path.write_bytes(path.read_bytes()[: torn_one.offset + 20] + tail)

    with day_writer(evidence) as writer:
        third = respond(writer)

    assert (first.file, torn_one.offset) == (third.file, third.offset)
    for place in (first, second, third):
        assert evidence.read_response(place, sha256(BODY)).body == BODY
    assert evidence.recover() == []


def test_nothing_is_appended_to_a_damaged_file(evidence: EvidenceStore) -> None:
    """It is left for a person to inspect, and the day goes on in another file."""
    killed = day_writer(evidence)
    first, second, third = respond(killed), respond(killed), respond(killed)
    assert killed._handle is not None
    os.close(killed._handle)
    path = path_of(evidence, first)
    broken = bytearray(path.read_bytes())
    broken[second.offset + 20] ^= 0xFF
    path.write_bytes(broken)

    with day_writer(evidence) as writer:
        fourth = respond(writer)

    assert fourth.file != first.file
    assert path.read_bytes() == broken
    assert evidence.read_response(third, sha256(BODY)).body == BODY
    assert evidence.recover() == [RecoveredFile(first.file, second.offset, 0, damaged=True)]


def test_a_writer_that_lost_its_lock_ends(evidence: EvidenceStore) -> None:
    """If somebody else has appended meanwhile, its places would be wrong: no row may be written with them."""
    with day_writer(evidence) as writer:
        first = respond(writer)
        with path_of(evidence, first).open("ab") as file:
            file.write(b"other bytes")
        with pytest.raises(EvidenceUnwritable, match="another process"):
            respond(writer)


def test_a_file_that_was_deleted_is_made_again(evidence: EvidenceStore) -> None:
    """A file whose every record is erased is deleted, also on its own day."""
    with day_writer(evidence) as writer:
        first = respond(writer)
    path_of(evidence, first).unlink()

    with day_writer(evidence) as writer:
        second = respond(writer)

    assert (first.file, first.offset) == (second.file, second.offset)
    assert evidence.read_response(second, sha256(BODY)).body == BODY


def test_the_time_is_the_responses_own(evidence: EvidenceStore) -> None:
    """The record's date is the time of the response, in UTC."""
    with evidence.writer("run-1") as writer:
        place = respond(writer)
    with path_of(evidence, place).open("rb") as file:
        dates = [one.rec_headers.get_header("WARC-Date") for one in ArchiveIterator(file)]

    assert dates[1] == "2026-03-14T09:26:53.000000Z"
    assert datetime.fromisoformat(dates[0]).tzinfo == UTC
