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
    """One alert per expected finding, delivered on both channels, is no problem."""
    assert alert_problems(EXPECTED, ALERTS, everything()) == []


def test_a_missing_alert_is_named_with_its_reason() -> None:
    """A missing alert is reported with its company, its posting and the reason why it is expected."""
    found = alert_problems(EXPECTED, ALERTS[:1] + ALERTS[2:], everything())

    assert all(part in found[0] for part in ("yutang", "forum/thread-2042.html", EXPECTED[1].because))


def test_a_second_alert_for_the_same_finding_is_a_shortfall() -> None:
    """Two alerts for one finding are one problem."""
    twice = [*ALERTS, replace(ALERTS[0], alert_id=9)]
    receipts = everything()
    receipts.all += [receipt("mail", 9), receipt("hook", 9)]

    (problem,) = alert_problems(EXPECTED, twice, receipts)
    assert all(part in problem for part in ("2 alerts", "quillmere", "market/offer/1042"))


def test_an_alert_that_nobody_expected_is_named() -> None:
    """An alert that is not in the story, for example about a source, is a problem."""
    trouble = AlertFacts(9, AlertKind.SOURCE, None, "pastes", None, 1, "pastes could not be fetched")
    receipts = everything()
    receipts.all += [receipt("mail", 9), receipt("hook", 9)]

    (problem,) = alert_problems(EXPECTED, [*ALERTS, trouble], receipts)
    assert all(part in problem for part in ("alert 9", "pastes"))


def test_an_alert_that_did_not_arrive_is_a_shortfall() -> None:
    """An alert that a channel did not receive is a problem."""
    receipts = everything()
    receipts.all = [each for each in receipts.all if (each.channel, each.alert_id) != ("hook", 2)]

    (problem,) = alert_problems(EXPECTED, ALERTS, receipts)
    assert all(part in problem for part in ("alert 2, revision 1", "0 ", "hook"))


def test_twice_is_once_under_one_key_only() -> None:
    """A delivery may arrive again with the same idempotency key, but not with another one."""
    again, anew = everything(), everything()
    again.all.append(receipt("mail", 1))
    anew.all.append(receipt("mail", 1, key="other"))

    assert alert_problems(EXPECTED, ALERTS, again) == []
    (problem,) = alert_problems(EXPECTED, ALERTS, anew)
    assert all(part in problem for part in ("alert 1, revision 1", "2 ", "mail"))


def test_a_signature_that_does_not_verify_is_a_shortfall() -> None:
    """A webhook with an invalid signature is a problem."""
    receipts = everything()
    receipts.all.append(receipt("hook", 1, verified=False))

    (problem,) = alert_problems(EXPECTED, ALERTS, receipts)
    assert all(part in problem for part in ("hook-1", "signature"))


def test_rows_are_counted_against_the_story() -> None:
    """A number of listings or versions that differs from the story is a problem with both numbers."""
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
    (problem,) = count_problems(replace(counts, versions=len(put) + 1))
    assert all(part in problem for part in ("versions", str(len(put) + 1), str(len(put))))
