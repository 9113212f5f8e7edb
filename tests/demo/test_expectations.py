from __future__ import annotations

from dataclasses import replace

from demo.database_snapshot import AlertFacts, Counts
from demo.delivery_receipts import Receipt, Receipts
from demo.expectations import alert_problems, count_problems
from demo.story import EXPECTED, STORY
from storage.alerts import AlertKind

ALERTS = [
    AlertFacts(
        alert_id=number,
        kind=AlertKind.FINDING,
        company=expected.company,
        source=expected.posting.section.value,
        url=f"http://127.0.0.1:4000{expected.posting.path}",
        revision=1,
        title=expected.posting.title,
    )
    for number, expected in enumerate(EXPECTED, 1)
]


def receipt(channel: str, alert_id: int, *, key: str = "", verified: bool = True) -> Receipt:
    return Receipt(channel, alert_id, 1, key or f"{channel}-{alert_id}", verified, "subject", "text")


def everything() -> Receipts:
    return Receipts([receipt(channel, alert.alert_id) for channel in ("mail", "hook") for alert in ALERTS])


def test_nothing_is_missing_when_all_arrived() -> None:
    """One alert for each row of the table, each on both channels: no sentence."""
    assert alert_problems(EXPECTED, ALERTS, everything()) == []


def test_a_missing_alert_is_named_with_its_reason() -> None:
    """What is missing is said in the table's words."""
    found = alert_problems(EXPECTED, ALERTS[:1] + ALERTS[2:], everything())

    assert found[0].startswith(
        "0 alerts for yutang at forum/thread-2042.html; expected 1, because its name is in"
    )


def test_a_second_alert_for_the_same_finding_is_a_shortfall() -> None:
    """A finding that was told twice as two alerts is as wrong as one that was not told."""
    twice = [*ALERTS, replace(ALERTS[0], alert_id=9)]
    receipts = everything()
    receipts.all += [receipt("mail", 9), receipt("hook", 9)]

    assert alert_problems(EXPECTED, twice, receipts) == [
        "2 alerts for quillmere at market/offer/1042; expected 1, because "
        "its name and twenty-five of its customers are on the marketplace"
    ]


def test_an_alert_that_nobody_expected_is_named() -> None:
    """A false alarm, or a source that is in trouble, does not pass."""
    trouble = AlertFacts(9, AlertKind.SOURCE, None, "pastes", None, 1, "pastes could not be fetched")
    receipts = everything()
    receipts.all += [receipt("mail", 9), receipt("hook", 9)]

    assert alert_problems(EXPECTED, [*ALERTS, trouble], receipts) == [
        "alert 9 was not expected (source, None, pastes: pastes could not be fetched)"
    ]


def test_an_alert_that_did_not_arrive_is_a_shortfall() -> None:
    """A row is not a delivery: each channel must have received it."""
    receipts = everything()
    receipts.all = [each for each in receipts.all if (each.channel, each.alert_id) != ("hook", 2)]

    assert alert_problems(EXPECTED, ALERTS, receipts) == ["alert 2, revision 1: 0 keys on hook; expected 1"]


def test_twice_is_once_under_one_key_only() -> None:
    """The same delivery may arrive again, but not under another idempotency key."""
    again, anew = everything(), everything()
    again.all.append(receipt("mail", 1))
    anew.all.append(receipt("mail", 1, key="other"))

    assert alert_problems(EXPECTED, ALERTS, again) == []
    assert alert_problems(EXPECTED, ALERTS, anew) == ["alert 1, revision 1: 2 keys on mail; expected 1"]


def test_a_signature_that_does_not_verify_is_a_shortfall() -> None:
    """A webhook that cannot be trusted was not delivered as promised."""
    receipts = everything()
    receipts.all.append(receipt("hook", 1, verified=False))

    assert alert_problems(EXPECTED, ALERTS, receipts) == [
        "the signature of the webhook hook-1 did not verify"
    ]


def test_rows_are_counted_against_the_story() -> None:
    """Each posting is one listing and each of its forms one version: more or fewer is said."""
    put = [posting for step in STORY for posting in step.puts]
    counts = Counts(
        runs=9,
        listings=len({(posting.section, posting.key) for posting in put}),
        versions=len(put),
        mentions=0,
        fingerprint_hits=0,
        alerts=3,
    )

    assert count_problems(counts) == []
    assert count_problems(replace(counts, versions=len(put) + 1)) == [
        f"{len(put) + 1} versions; expected {len(put)}"
    ]
