"""The first look: a company with hits of chance only is left out and named; nothing of others is lost.

All people are invented.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.people import Bytes, people
from benchmarks.segments import enrolled, write_base
from cli.match_report import as_dict, show
from matching.checkpoint import Checkpoint
from matching.comparing.chance import exceeds_chance, expected_by_chance, upper_bound
from matching.comparing.controls import CONTROLLED_FIELDS, neighbours
from matching.comparing.findings import Findings
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.identifiers import Field, scan
from matching.scanning.scanner import Scanner
from matching.sweep import Sweep, SweepProgress
from matching.watch import Watch, WatchedSegment, watch_of
from tests.matching.inputs.archives import zipped
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.invoked import answered, invoke

HERE, LATER, NOWHERE = 1, 2, 3
NAMES = {HERE: "here", LATER: "later", NOWHERE: "nowhere"}
ENROLLED = 60_000
ROWS = 110_000  # 11 MB
LOOK = 20_000  # candidates, which are one block
#: Rows of the dump that are LATER's customers: one behind the first look, many where a later look is.
EARLY, LATE = [20_000], range(70_000, 105_000, 70)


def table(seed: int, count: int) -> Bytes:
    return people(np.random.default_rng(seed), 0, count)


def company(folder: Path, number: int) -> WatchedSegment:
    """Return a segment of ENROLLED customers; all people of these tests are from the same six counties."""
    key = RootKey(f"k{number}", bytes([number]) * 32)
    path = folder / f"{number}.segment"
    parts = enrolled([table(number, ENROLLED)], company=NAMES[number], key=key)
    write_base(path, company=NAMES[number], key=key, customers=ENROLLED, parts=parts)
    return WatchedSegment(number, number, open_segment(path), "CN", key)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    folder = tmp_path_factory.mktemp("companies")
    return watch_of([], [company(folder, number) for number in NAMES])


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a dump of strangers; every hundredth row is HERE's customer, some later rows are LATER's."""
    rows = table(0, ROWS)
    rows[::100] = table(HERE, ENROLLED)[: len(rows[::100])]
    rows[[*EARLY, *LATE]] = table(LATER, ENROLLED)[: len(EARLY) + len(LATE)]
    path = tmp_path_factory.mktemp("dump") / "dump.csv"
    path.write_bytes(rows.tobytes())
    return path


@pytest.fixture(scope="module")
def whole(watch: Watch, dump: Path) -> Sweep:
    """The reference: everything compared for everybody."""
    return swept(watch, dump, first_look=0)


def swept(watch: Watch, path: Path, **options: int) -> Sweep:
    sweep = Sweep(Findings(watch, 100), **{"first_look": LOOK, **options})  # type: ignore[arg-type]  # numbers
    sweep.run([(path.name, path)])
    return sweep


def answer(sweep: Sweep, number: int) -> dict[str, object]:
    """Return everything that a sweep's answer says about a company."""
    found = sweep.findings.companies[number]
    return {
        "tally": found.tally,
        "customers": found.agreements.customers().tolist(),
        "fields": found.hit_fields,
        "tried": {field: count for field, count in sweep.findings.candidates_of(number).items() if count},
        "hits": [hit[1:] for hit in found.hits],
    }


def test_a_company_hit_by_chance_alone_is_left_out_and_named(watch: Watch, dump: Path) -> None:
    """The answer says how much was looked at, and at most which share of the rows may be its customers'."""
    sweep = swept(watch, dump)

    [read] = sweep.progress.read
    [one] = read.left_out
    assert (one.company, read.read_again_for, read.rows) == (NOWHERE, (), ROWS)
    assert ROWS // 20 < one.rows < ROWS // 4
    assert one.candidates == pytest.approx(4 * one.rows, rel=0.05)
    assert 3 / one.rows <= one.share < 0.005
    assert sum(sweep.findings.candidates_of(NOWHERE).values()) < one.candidates


def test_chance_gives_many_hits(whole: Sweep) -> None:
    """NOWHERE has no customer in the dump, and still dozens of hits, none of them in a coherent row."""
    assert whole.findings.companies[NOWHERE].hit_fields.total() > 30
    assert whole.findings.companies[NOWHERE].tally.coherent_rows == 0


def test_the_shown_lift_is_that_over_the_control(whole: Sweep) -> None:
    """Numbers of one town crowd. The control knows it: hits of strangers have no lift, those of HERE do."""
    findings = whole.findings
    strange, real = (
        [findings.expected_hits(number, field).lift or 0.0 for field in (Field.PHONE, Field.RESIDENT_ID)]
        for number in (NOWHERE, HERE)
    )
    by_use = expected_by_chance(
        Field.RESIDENT_ID,
        hits=findings.companies[NOWHERE].hit_fields[Field.RESIDENT_ID],
        candidates=findings.candidate_counts[Field.RESIDENT_ID],
        enrolled=ENROLLED,
    )

    assert (by_use.lift or 0.0) > 5
    assert max(strange) < 3
    assert min(real) > 5


@pytest.mark.parametrize("threads", [1, 3])
def test_the_answer_about_other_companies_is_complete(
    watch: Watch, dump: Path, whole: Sweep, threads: int
) -> None:
    """It equals the answer without a first look, also for a company that only a later look finds."""
    sweep = swept(watch, dump, threads=threads)

    assert {number: answer(sweep, number) for number in (HERE, LATER)} == {
        number: answer(whole, number) for number in (HERE, LATER)
    }
    assert answer(whole, LATER)["tally"].coherent_rows == len(EARLY) + len(LATE)  # type: ignore[attr-defined]
    assert sweep.findings.rows_scanned == whole.findings.rows_scanned == ROWS


def test_only_documents_with_a_late_find_are_read_again(watch: Watch, dump: Path, tmp_path: Path) -> None:
    """The other documents of the archive are not; candidates that were compared twice are counted once."""
    late = dump.read_bytes().splitlines(keepends=True)
    theirs = b"".join(line for number, line in enumerate(late) if number % 100)  # without HERE's
    packed = tmp_path / "dump.zip"
    others = {name: table(seed, 30_000).tobytes() for name, seed in (("a", 8), ("c", 9))}
    packed.write_bytes(zipped({"a": others["a"], "b": theirs, "c": others["c"]}))
    reference = swept(watch, packed, first_look=0)

    sweep = swept(watch, packed)

    found = [one.findings.companies[LATER].agreements.pairs() for one in (sweep, reference)]
    compared = [pairs[pairs["document"] == 1][["ordinal", "fields", "line"]].tolist() for pairs in found]
    assert compared[0] == compared[1]
    assert [[one.company for one in read.left_out] for read in sweep.progress.read] == [
        [HERE, LATER, NOWHERE],
        [HERE, NOWHERE],
        [HERE, LATER, NOWHERE],
    ]
    looked = sum(read.left_out[0].candidates for read in sweep.progress.read)
    assert sweep.findings.candidates_of(HERE).total() < looked < sweep.findings.candidates
    assert sweep.findings.candidates < reference.findings.candidates


class Killed(Exception):
    """Ends a sweep from outside."""


def test_a_sweep_that_is_killed_at_any_block_goes_on(watch: Watch, dump: Path, tmp_path: Path) -> None:
    """Killed in the first look, behind it or in the second reading, it gives the same answer in the end."""
    kept = Checkpoint(tmp_path / "one.sweep")
    again: list[int | None] = []

    def killed(findings: Findings, progress: SweepProgress, after: int) -> Sweep | None:
        """Run a sweep that is killed at the save behind the first `after` ones; None: it was killed."""
        left = iter(range(after))

        def save() -> None:
            kept.save(sweep)
            if next(left, None) is None:
                again.append(sweep.progress.again)
                raise Killed

        sweep = Sweep(findings, progress, first_look=LOOK, on_checkpoint=save, save_every_s=0, threads=2)
        try:
            sweep.run([(dump.name, dump)])
        except Killed:
            return None
        return sweep

    ended = killed(Findings(watch, 100), SweepProgress(), 0)
    while ended is None:
        loaded = kept.load(watch, 100)
        assert loaded is not None
        ended = killed(*loaded, after=2)

    assert {None, 0} == set(again)
    alone = swept(watch, dump)
    assert [answer(ended, number) for number in NAMES] == [answer(alone, number) for number in NAMES]
    assert ended.progress.read == alone.progress.read


def test_what_cannot_be_read_twice_is_compared_whole(watch: Watch, dump: Path, whole: Sweep) -> None:
    """A stream, such as standard input, is compared in full for all companies."""
    sweep = Sweep(Findings(watch, 100), first_look=LOOK)

    sweep.run([(dump.name, io.BytesIO(dump.read_bytes()))])

    assert [read.left_out for read in sweep.progress.read] == [()]
    assert [answer(sweep, number) for number in NAMES] == [answer(whole, number) for number in NAMES]


def phones(path: Path, *, theirs: Bytes) -> Path:
    """Write a list of telephone numbers only; every fiftieth is a customer's."""
    rows = table(7, ROWS * 2)
    rows[::50] = theirs[: len(rows[::50])]
    at = bytes(rows[0]).index(b".example,") + len(b".example,")
    lines = np.hstack([rows[:, at : at + 11], np.full((len(rows), 1), ord("\n"), np.uint8)])
    path.write_bytes(lines.tobytes())
    return path


def test_more_hits_than_chance_gives_are_enough_in_a_list_of_numbers(watch: Watch, tmp_path: Path) -> None:
    """No row there can agree on two fields; HERE is compared in full, NOWHERE is not."""
    path = phones(tmp_path / "phones.txt", theirs=table(HERE, ENROLLED))
    reference = swept(watch, path, first_look=0)

    sweep = swept(watch, path)

    assert answer(sweep, HERE) == answer(reference, HERE)
    assert HERE not in [one.company for one in sweep.progress.read[0].left_out]
    assert NOWHERE in [one.company for one in sweep.progress.read[0].left_out]


def test_people_and_programs_learn_who_was_left_out(
    watch: Watch, dump: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both name the company that was left out and the rows; people also get the option that compares all."""
    sweep = swept(watch, dump)

    show(sweep.findings, sweep.progress, NAMES)

    [sentence] = [line for line in capsys.readouterr().err.splitlines() if "--first-look 0" in line]
    assert [word in sentence for word in ("dump.csv", "nowhere", f"{ROWS:,}")] == [True] * 3
    [one] = as_dict(sweep.findings, sweep.progress, NAMES)["documents"][0]["not_compared_for"]
    assert one["company"] == "nowhere"
    assert one["rows"] == sweep.progress.read[0].left_out[0].rows


def test_hits_of_chance_do_not_bury_the_others(
    watch: Watch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables leave the hits of chance out and one sentence counts them; --json has each."""
    sweep = swept(watch, phones(tmp_path / "phones.txt", theirs=table(HERE, ENROLLED)))
    assert sweep.findings.companies[NOWHERE].hit_fields

    show(sweep.findings, sweep.progress, NAMES)

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("nowhere")]
    companies = as_dict(sweep.findings, sweep.progress, NAMES)["companies"]
    assert ["chance" in line.lower() for line in lines] == [True]
    assert all(one["matches"] for one in companies)


def test_nothing_found_is_no_clean_answer_if_a_company_was_left_out(tmp_path: Path) -> None:
    """`match` ends with 6 then, and with 1 if everything was compared."""
    (tmp_path / "spillwatch.toml").write_text("")
    (tmp_path / "companies").mkdir()
    for slug, first in (("one", 0), ("other", 100)):
        (tmp_path / f"{slug}.csv").write_bytes(as_csv(customers(first + 100)[first:]))
        assert invoke(tmp_path, "keygen", f"{slug}.key").code == 0
        definition = f'name = "{slug}"\n[fingerprints]\nkey_file = "../{slug}.key"\n'
        (tmp_path / "companies" / f"{slug}.toml").write_text(definition)
        answered(tmp_path, "enroll", f"{slug}.csv", "--key", f"{slug}.key")
        answered(tmp_path, "segment", "import", f"{slug}.segment")
    (tmp_path / "dump.csv").write_bytes(table(5, 20_000).tobytes())

    looked = answered(tmp_path, "match", "dump.csv", "--first-look", "1000", code=6)
    compared = answered(tmp_path, "match", "dump.csv", "--first-look", "0", code=1)

    names = [one["company"] for one in looked["documents"][0]["not_compared_for"]]
    assert (names, compared["documents"][0]["not_compared_for"]) == (["one", "other"], [])


@pytest.mark.parametrize("field", sorted(CONTROLLED_FIELDS))
def test_a_neighbour_is_another_valid_number(field: Field) -> None:
    """It has the same form and a correct check digit, and differs in the last five digits only."""
    found = Scanner("CN", [field]).scan(table(6, 2_000).tobytes())[field]

    other = neighbours(field, found)

    assert len(found) >= 2_000
    for shown, changed in zip(found.forms(), other.forms(), strict=True):
        assert [one.canonical for one in scan(f" {changed} ", "CN", [field])] == [changed]
        assert shown != changed
        assert shown[:-5] == changed[:-5]


def poisson_tails(mean: float, most: int) -> Iterator[float]:
    """Yield P(X >= 0), P(X >= 1), ... of a Poisson count, by adding up."""
    below = 0.0
    for count in range(most):
        yield 1 - below
        below += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


@pytest.mark.parametrize("mean", [0.01, 0.7, 11.7, 90.0])
def test_chance_is_rarely_taken_for_more(mean: float) -> None:
    """By the exact tail at most once in a hundred thousand times; what is far beyond chance is not missed."""
    tails = list(poisson_tails(mean, 300))

    first = next(hits for hits in range(1, 300) if exceeds_chance(hits, mean, 0))

    assert tails[first] <= 1e-5
    assert first <= mean + 8 + 5.5 * math.sqrt(mean)
    assert all(exceeds_chance(hits, mean, 0) for hits in range(first, 300))


def test_a_control_explains_what_crowded_numbers_do() -> None:
    """About as many hits of the neighbours explain the hits; a field without numbers in use needs none."""
    assert not exceeds_chance(454, 0.7, 430)
    assert exceeds_chance(454, 0.7, 270)
    assert exceeds_chance(22, 0.7, 1)
    assert exceeds_chance(1, 0.0, 0)
    assert (upper_bound(0, 0.0, 0), upper_bound(12, 11.7, 9) > 5) == (3.0, True)


def test_nothing_seen_is_three_rows_upper_bound() -> None:
    """The rule of three, against the exact probability of no hit in n rows, which is 5%."""
    rows = 50_000

    assert (1 - upper_bound(0, 0.0, 0) / rows) ** rows == pytest.approx(0.05, rel=0.01)
