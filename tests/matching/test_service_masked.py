"""The daemon's path for masked rows: a verdict for each company, and what could not be said."""

import csv
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from matching.canaries.people import invented_birth_date, invented_name
from matching.enrolment.enrol import enroll
from matching.enrolment.segment_intake import base_record
from matching.fingerprints.segments import HeaderParts, SegmentPurpose, open_segment
from matching.identifiers import resident_id
from storage import canary_matches, companies, sample_verdicts
from storage.alerts import Severity
from storage.canary_matches import CanaryMatch
from storage.sample_verdicts import MaskedSample, SampleVerdict
from storage.work import WorkKind
from tests.matching.canaries.planted import SETS, invented
from tests.matching.test_service import KEY, Archive
from tests.matching.test_service import archive as archive
from tests.matching.test_service_canaries import told

TODAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CANARIES = HeaderParts(purpose=SegmentPurpose.CANARIES, canary_sets=SETS)
COUNT = 3_000
Person = tuple[str, str, str, str]  # name, phone, birth date, resident ID


def people(count: int, seed: int) -> list[Person]:
    choice = random.Random(seed)
    found = []
    for number in range(count):
        name = invented_name("CN", man=choice.random() < 0.5, choice=choice).whole
        born = invented_birth_date(TODAY, number, count, choice).isoformat()
        phone = choice.choice(("136", "137", "138", "139", "150", "151")) + f"{choice.randrange(10**8):08}"
        found.append((name, phone, born, resident_number(born, choice)))
    return found


def resident_number(born: str, choice: random.Random) -> str:
    area = choice.choice(("110105", "310104", "440106", "330106", "510107", "420106"))
    start = f"{area}{born.replace('-', '')}{choice.randrange(1000):03}"
    return next(start + digit for digit in "0123456789X" if resident_id(start + digit))


CUSTOMERS, STRANGERS = people(COUNT, 1), people(40, 2)


def masked(person: Person) -> str:
    name, phone, *_ = person
    return f"{name[0]}{'*' * (len(name) - 1)} {phone[:3]}****{phone[-4:]}"


def text_of(rows: list[Person]) -> str:
    return "样本\n" + "\n".join(map(masked, rows))


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company's segment with masks, one without, and one of its canaries."""
    folder = tmp_path_factory.mktemp("lists")
    with (folder / "customers.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("name", "phone", "birth_date", "resident_id"), *CUSTOMERS])
    with (folder / "canaries.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        canaries = [
            (one.name, "0" + str(one.phone)[3:], one.birth_date.isoformat(), one.resident_id, planted.issued)
            for planted in SETS
            for one in invented()[planted.first - 1 : planted.last]
        ]
        writer.writerows([("name", "phone", "birth_date", "resident_id", "planted_since"), *canaries])
    options: dict[str, Any]
    for name, options in (
        ("customers", {}),
        ("plain", {"masks": False}),
        ("canaries", {"since": "planted_since", "parts": CANARIES}),
    ):
        enroll(
            folder / ("canaries.csv" if name == "canaries" else "customers.csv"),
            folder / f"{name}.segment",
            company="quillmere",
            key=KEY,
            default_region="CN",
            now=NOW,
            **options,
        )
    return folder


def add(archive: Archive, lists: Path, *names: str) -> None:
    """Import segments of the company."""
    folder = archive.settings.segments_dir
    folder.mkdir(exist_ok=True)
    for name in names:
        path = folder / f"{name}.segment"
        path.write_bytes((lists / path.name).read_bytes())
        segment = open_segment(path)
        with archive.database.transaction() as session:
            company = companies.company_by_slug(session, "quillmere")
            assert company is not None
            companies.add_segment(session, base_record(segment, path.name, company.id), archive.clock())


def matched(
    archive: Archive, *, title: str = "data", body: str
) -> tuple[int, MaskedSample | None, list[SampleVerdict]]:
    """Store and match a version; return its number and what is stored of its masked rows."""
    version_id = archive.store(title=title, body=body)
    archive.service.match_version(version_id)
    return version_id, *stored(archive, version_id)


def stored(archive: Archive, version_id: int) -> tuple[MaskedSample | None, list[SampleVerdict]]:
    with archive.database.reading() as session:
        listing_id = archive.version(version_id).listing_id
        found = sample_verdicts.verdicts_of_listing(session, listing_id)
        return sample_verdicts.sample_of_version(session, version_id), list(found)


def canaries_of(archive: Archive, version_id: int) -> list[CanaryMatch]:
    with archive.database.reading() as session:
        listing_id = archive.version(version_id).listing_id
        return list(canary_matches.canaries_of_listing(session, listing_id, limit=100))


def test_masked_rows_of_customers_are_ours_and_wake_the_alerts(archive: Archive, lists: Path) -> None:
    """No name, no whole value: twenty masked rows are enough for a finding, with share and assumption."""
    add(archive, lists, "customers")
    version_id, sample, verdicts = matched(archive, body=text_of(CUSTOMERS[100:120]))

    (summary,) = archive.summaries(version_id)
    assert sample is not None
    assert (sample.rows, sample.unread_rows, sample.cut) == (20, 0, False)
    [verdict] = verdicts
    assert (verdict.verdict, verdict.rows, verdict.usable_rows) == ("ours", 20, 20)
    assert verdict.share_low is not None
    assert verdict.share_low > 0.7
    assert verdict.assumption
    assert (summary.masked_verdict, summary.mentions, summary.customers) == ("ours", 0, 0)
    assert archive.dispatcher.row_ids(WorkKind.EVALUATE) == [summary.id]


def test_a_better_sample_escalates_the_alert(archive: Archive, lists: Path) -> None:
    """Named with two rows, then twenty rows: medium becomes critical, with the share in the message."""
    add(archive, lists, "customers")
    matched(archive, title="qudian", body=text_of(CUSTOMERS[:2]))
    before, _ = told(archive)
    archive.dispatcher.work.clear()
    matched(archive, title="qudian", body=text_of(CUSTOMERS[:20]))
    after, text = told(archive)

    assert (before, after) == (Severity.MEDIUM, Severity.CRITICAL)
    for expected in ("20 rows have masked identifiers", "90% interval", "Weakest assumption", "masked_ours"):
        assert expected in text
    assert not [phone for _, phone, *_ in CUSTOMERS[:20] if phone in text]


def test_masked_rows_of_strangers_are_an_answer_and_no_finding(archive: Archive, lists: Path) -> None:
    """The answer is kept where an analyst looks; nobody is woken."""
    add(archive, lists, "customers")
    version_id, sample, [verdict] = matched(archive, body=text_of(STRANGERS))

    assert sample is not None
    assert sample.rows == 40
    assert verdict.verdict == "not_ours"
    assert (archive.summaries(version_id), archive.dispatcher.row_ids(WorkKind.EVALUATE)) == ([], [])


def test_two_rows_are_too_little_and_it_is_said_how_many_more(archive: Archive, lists: Path) -> None:
    """With a mention it is part of the finding."""
    add(archive, lists, "customers")
    version_id, _, [verdict] = matched(archive, title="qudian", body=text_of(CUSTOMERS[:2]))

    (summary,) = archive.summaries(version_id)
    assert (verdict.verdict, summary.masked_verdict, summary.mentions) == ("too_little", "too_little", 1)
    assert verdict.more_rows


def test_a_company_that_is_named_and_has_no_masks_is_told_so(archive: Archive, lists: Path) -> None:
    """Its customers were enrolled without masks; a rematch after enrolling them with masks answers."""
    add(archive, lists, "plain")
    version_id, sample, [verdict] = matched(archive, title="qudian", body=text_of(CUSTOMERS[:20]))
    add(archive, lists, "customers")
    archive.rematch_all()
    _, [later] = stored(archive, version_id)

    assert sample is not None
    assert (verdict.verdict, verdict.rows, verdict.detail) == ("no_masks", 20, "masks_missing")
    assert later.verdict == "ours"
    assert [summary.masked_verdict for summary in archive.summaries(version_id)] == ["ours"]


def test_a_rematch_of_terms_leaves_the_verdict(archive: Archive, lists: Path) -> None:
    """The masked text of the database is masked by us: it says nothing of the sample."""
    add(archive, lists, "customers")
    archive.rematch_all()
    version_id, _, _ = matched(archive, body=text_of(CUSTOMERS[:20]))
    archive.declare("another term")
    archive.rematch_all()

    sample, [verdict] = stored(archive, version_id)
    assert sample is not None
    assert verdict.verdict == "ours"
    assert [summary.masked_verdict for summary in archive.summaries(version_id)] == ["ours"]


def test_masks_of_a_form_that_is_not_known_are_counted(archive: Archive, lists: Path) -> None:
    """Silence must be true: rows that could not be read are a row of their own, with or without masks."""
    add(archive, lists, "plain")
    body = "\n".join(f"{number}: **************{number}4711" for number in range(3))
    version_id, sample, verdicts = matched(archive, body=f"qudian\n{body}")

    assert sample is not None
    assert sample.rows + sample.unread_rows == 3
    assert [one.verdict for one in verdicts] in ([], ["no_masks"])
    assert len(archive.summaries(version_id)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Price **100** USD, contact @seller_x, see ***rules***",
        "xxx hot data xxx\n# heading\n## another\n* item one\n* item two",
        "some text without anything, 2026-03-01, 10.0.0.1, build 1.2.*",
        "某公司数据，某某平台，联系某人",
    ],
    ids=["markdown", "headings", "plain", "words"],
)
def test_ordinary_text_has_no_masked_rows(archive: Archive, lists: Path, text: str) -> None:
    """Stars and crosses of ordinary posts are no masks."""
    add(archive, lists, "customers")
    _, sample, verdicts = matched(archive, body=text)

    assert (sample.rows if sample else 0, verdicts) == (0, [])


def test_a_masked_canary_is_told_with_its_chance(archive: Archive, lists: Path) -> None:
    """Among masked rows of customers, one is consistent with a canary, and with no customer.

    Its segment holds two sets of few canaries, which masks do not tell apart: both are named.
    """
    add(archive, lists, "customers", "canaries")
    canary = invented()[7]
    number = str(canary.resident_id)
    row = f"{canary.name[0]}** {number[:6]}********{number[-4:]}"
    version_id, _, _ = matched(archive, body=f"{text_of(CUSTOMERS[:10])}\n{row}")

    found = canaries_of(archive, version_id)
    (summary,) = archive.summaries(version_id)
    assert {(one.label, one.evidence.value, one.ordinal) for one in found} == {
        ("crm", "consistent", None),
        ("crm--acme", "consistent", None),
    }
    assert all(one.chance is not None and one.chance <= 1e-3 for one in found)
    assert (summary.masked_canaries, summary.canaries) == (2, 0)


def test_masked_rows_of_customers_are_no_canaries(archive: Archive, lists: Path) -> None:
    """A thousand of them: what looks like a customer, too, is no canary."""
    add(archive, lists, "customers", "canaries")
    rows = [
        f"{one[0][0]}** {one[3][:6]}********{one[3][-4:]} {one[1][:3]}****{one[1][-4:]}" for one in CUSTOMERS
    ]
    version_id, _, [verdict] = matched(archive, body="\n".join(rows[:1_000]))

    assert (verdict.verdict, canaries_of(archive, version_id)) == ("ours", [])


def test_a_defect_in_reading_masked_rows_does_not_lose_the_version(
    archive: Archive, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mention is found, and it is said that masked rows were not read."""
    add(archive, lists, "customers")
    monkeypatch.setattr("matching.service.answer_masked_rows", lambda *_, **__: 1 / 0)
    version_id, sample, _ = matched(archive, title="qudian", body=text_of(CUSTOMERS[:9]))

    assert sample is not None
    assert (sample.rows, sample.unread_rows, sample.cut) == (0, 1, True)
    assert [summary.mentions for summary in archive.summaries(version_id)] == [1]
