"""Canaries in texts and dumps: each one is found wherever it is, and nothing ordinary is taken for one."""

import io
import random
from pathlib import Path

import pytest

from cli.match_report import as_dict
from matching.comparing.findings import Findings
from matching.comparing.results import canary_records, results_of
from matching.comparing.stored_findings import agreement_arrays, findings_as_json, findings_from_json
from matching.fingerprints.scheme import RootKey
from matching.sweep import Sweep
from matching.watch import Watch, watch_of
from storage.canary_matches import CanaryEvidence
from tests.matching.canaries.planted import invented, planted_segment, row_of
from tests.matching.comparing.test_findings import matched, segment
from tests.matching.customers import customers

CANARIES = invented()
ROWS = customers(200)
CRM, ACME = CANARIES[0], CANARIES[7]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """A company with 200 customers and ten canaries, and another company with customers only."""
    folder = tmp_path_factory.mktemp("segments")
    own, other = segment(folder, ROWS), segment(folder, customers(9), company=2)
    return watch_of([], [own, planted_segment(folder, CANARIES), other])


def seen(findings: Findings, company: int = 1) -> list[tuple[str, int | None, str, int, str]]:
    """What is told of each canary: label of its set, number, evidence, rows, place."""
    found = findings.companies[company].canaries if company in findings.companies else ()
    records = canary_records(found, findings.watch) if found else ()
    return [(one.label, one.ordinal, one.evidence.value, one.rows, one.place) for one in records]


def test_a_row_of_a_canary_names_its_set_and_is_no_customer(watch: Watch) -> None:
    """Two canaries among customers: both are certain; hits, coherent rows and customers don't count them."""
    text = "\n".join([",".join(ROWS[0]), row_of(CRM), ",".join(ROWS[1]), row_of(ACME), row_of(ACME)])
    findings = matched(watch, text)

    found = findings.companies[1]
    assert seen(findings) == [
        ("crm", 1, "certain", 1, "body 0:2"),
        ("crm--acme", 8, "certain", 2, "body 0:4"),
    ]
    assert (found.tally.coherent_rows, found.tally.single_hits, found.tally.customers) == (2, 0, 2)
    assert {hit.segment.id for hit in found.hits} == {11}
    [crm, acme] = results_of(findings)[0].canary_records
    assert (crm.fields, acme.expires) == (
        ("email", "phone", "resident_id"),
        watch.segments[1].segment.header.canary_sets[1].expires,
    )


@pytest.mark.parametrize(
    "text",
    [
        str(CRM.email),
        f"contact: {CRM.email} telegram",
        f"x {CRM.resident_id} y",
        f'{{"id": "{CRM.resident_id}"}}',
        f"姓名：{CRM.name}\n电话：{CRM.phone}\n邮箱：{CRM.email}",
        str(CRM.email).upper(),
        str(CRM.resident_id)[:6] + " " + str(CRM.resident_id)[6:14] + " " + str(CRM.resident_id)[14:],
        f"<td>{CRM.email}</td><td>{CRM.phone}</td>",
    ],
    ids=["mail", "mail in words", "resident id", "json", "record", "capitals", "groups", "html"],
)
def test_a_value_that_only_the_canary_has_is_enough(watch: Watch, text: str) -> None:
    """Nobody else was ever issued it."""
    assert [one[:3] for one in seen(matched(watch, text))] == [("crm", 1, "certain")]


def test_a_telephone_number_alone_is_no_canary(watch: Watch) -> None:
    """Numbers of drama stand in books; with a second field of the same canary it is certain."""
    alone = matched(watch, f"call {CRM.phone}")
    mixed = matched(watch, f"{CRM.phone}\n\n{CANARIES[1].phone}")
    later = matched(watch, f"{CRM.phone}\n\nfoo\n\n{row_of(CRM)}")

    assert [one[2] for one in seen(alone)] == ["single"]
    assert [one[2] for one in seen(mixed)] == ["single", "single"]
    assert seen(later) == [("crm", 1, "certain", 1, "body 0:5")]
    assert not alone.companies[1].hit_fields


def test_no_bound_of_kept_matches_hides_a_canary(watch: Watch) -> None:
    """All ten behind two hundred customers, where one match is kept."""
    text = "\n".join([*(",".join(row) for row in ROWS), *map(row_of, CANARIES)])
    findings = matched(watch, text, limit=1)

    assert [one[1] for one in seen(findings)] == list(range(1, 11))
    assert (len(findings.companies[1].kept), findings.cut) == (1, {"matches"})


def test_ordinary_lists_hit_no_canary(watch: Watch) -> None:
    """Numbers of the same ranges, names of the same kind, mail at the same domain, and other canaries."""
    chance = random.Random(11)
    others = invented(200, seed=6)
    numbers = [f"+8610{chance.randint(90_000_000, 94_999_999)}" for _ in range(2_000)]
    names = [f"{one.name},{one.birth_date}" for one in others]
    mails = [f"info{number}@postkasten.example" for number in range(500)]
    drama = ["020 7946 0123", "+1 212 555 0142", "+49 30 23125 042", "01 99 00 12 34", "4111 1111 1111 1111"]
    dates = [f"{one.birth_date} {one.address}" for one in CANARIES]
    text = "\n".join([*map(row_of, others), *numbers, *names, *mails, *drama, *dates])

    assert [one for one in seen(matched(watch, text)) if one[2] == "certain"] == []


def test_a_dump_tells_every_canary_in_any_unit_and_after_an_interruption(watch: Watch) -> None:
    """Findings that were stored and read again, and those of later units, say the same."""
    limit = 3
    parts = ["\n".join(map(row_of, CANARIES[:6])), "\n".join(map(row_of, CANARIES[4:]))]
    first, second = (Sweep(Findings(watch, limit)) for _ in parts)
    for sweep, part in zip((first, second), parts, strict=True):
        sweep.run([("part", io.BytesIO(part.encode()))])
    stored = findings_as_json(second.findings)
    arrays = dict(agreement_arrays(second.findings))
    first.findings.add(findings_from_json(stored, arrays, watch, limit))

    assert [(one[1], one[3]) for one in seen(first.findings)] == [
        (number, 2 if number in (5, 6) else 1) for number in range(1, 11)
    ]
    answer = as_dict(first.findings, first.progress, {1: "one", 2: "two"})["companies"][0]["canaries"]
    assert [one["number"] for one in answer] == list(range(1, 11))
    assert answer[7] | {"place": ""} == {
        "label": "crm--acme",
        "issued": "2026-04-01",
        "expires": "2026-09-01",
        "number": 8,
        "evidence": CanaryEvidence.CERTAIN.value,
        "fields": ["email", "phone", "resident_id"],
        "rows": 1,
        "place": "",
        "segment": 90,
    }


def test_the_first_look_leaves_no_canary_out(tmp_path: Path) -> None:
    """One e-mail address of a canary deep in a dump of strangers: its company is compared with all of it."""
    key = RootKey("k2", bytes([2]) * 32)
    people = [segment(tmp_path, ROWS), segment(tmp_path, customers(900)[800:], company=2)]
    watch = watch_of([], [*people, planted_segment(tmp_path, CANARIES, company=1, key=key)])
    rows = [",".join(row) for row in customers(30_000)[1_000:]]
    rows[5_000] = f"x,{ACME.email}"
    for place, row in zip((9_000, 13_000, 17_000), ROWS, strict=False):
        rows[place] = f"{row.email};{row.phone}"
    (tmp_path / "dump.csv").write_text("\n".join(rows))
    sweeps = {}
    for look in (200, 0):
        sweeps[look] = sweep = Sweep(Findings(watch, 100), first_look=look)
        sweep.run([("dump.csv", tmp_path / "dump.csv")])
    sweep, whole = sweeps[200], sweeps[0]

    assert seen(sweep.findings) == seen(whole.findings) == [("crm--acme", 8, "certain", 1, "dump.csv:5001")]
    assert sweep.findings.companies[1].tally == whole.findings.companies[1].tally
    assert sweep.findings.companies[1].tally.coherent_rows == 3
    assert [one.company for one in sweep.progress.read[0].left_out] == [2]


def test_a_company_that_has_canaries_alone_is_never_left_out(tmp_path: Path) -> None:
    """There is nobody else of it to compare: its canaries were looked for in the whole dump."""
    key = RootKey("k2", bytes([2]) * 32)
    people = [segment(tmp_path, ROWS, company=2), segment(tmp_path, ROWS, company=3)]
    watch = watch_of([], [*people, planted_segment(tmp_path, CANARIES, company=1, key=key)])
    strangers = "\n".join(",".join(row) for row in customers(4_000)[1_000:])
    (tmp_path / "dump.csv").write_text(strangers)
    sweep = Sweep(Findings(watch, 100), first_look=200)
    sweep.run([("dump.csv", tmp_path / "dump.csv")])
    alone = Sweep(Findings(watch_of([], watch.segments[2:]), 100))
    alone.run([("dump.csv", tmp_path / "dump.csv")])

    assert [one.company for one in sweep.progress.read[0].left_out] == [2, 3]
    assert (alone.progress.read[0].left_out, alone.findings.candidates > 0) == ((), True)
