"""The e-mail: headers, threads, and the content of its two forms."""

from __future__ import annotations

import pytest

from alerts.message import Message
from alerts.render import details, headline, html_page, plain_text
from alerts.transports.email_message import email_of, message_id
from storage.alerts import AlertChange, AlertKind, Severity
from tests.alerts.samples import KEY, content, email_channel, message, update_of


def test_the_headers_of_a_first_message() -> None:
    """A first message has its own id and a List-Id, and asks for no automatic reply."""
    mail = email_of(message(), email_channel(25), idempotency_key=KEY)

    assert mail["From"] == "Spillwatch <spillwatch@lender.test>"
    assert mail["To"] == "soc@lender.test"
    assert mail["Subject"] == "[CRITICAL] 趣店 Lending: 出售趣店学生数据 100万条 手机 身份证 (#7)"
    assert mail["Date"] == "Wed, 04 Mar 2026 03:07:00 +0000"
    assert mail["List-Id"] == "Spillwatch alerts <alerts.lender.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Spillwatch-Alert"] == "7/1"
    assert mail["In-Reply-To"] is None


def test_updates_are_threaded() -> None:
    """The third message replies to the second and refers to all messages before it."""
    first, second, third = (
        email_of(one, email_channel(25), idempotency_key=KEY)
        for one in (message(), update_of(2), update_of(3))
    )

    assert third["In-Reply-To"] == second["Message-ID"]
    assert third["References"].split() == [first["Message-ID"], second["Message-ID"]]


def test_a_long_thread_keeps_its_root() -> None:
    """The References of the hundredth message contain the first id and the latest ones, ten in total."""
    mail = email_of(update_of(100), email_channel(25), idempotency_key=KEY)

    references = mail["References"].split()
    assert message_id(message(), 1, "lender.test") == references[0]
    assert message_id(message(), 99, "lender.test") == references[-1]
    assert len(references) == 10


def test_the_id_is_the_same_at_every_attempt() -> None:
    """The Message-ID depends on the alert, the revision and the installation only."""
    again = message(severity=Severity.LOW, state="acknowledged")
    elsewhere = message(installation="another")

    assert message_id(message(), 1, "lender.test") == message_id(again, 1, "lender.test")
    assert message_id(message(), 1, "lender.test") != message_id(message(), 2, "lender.test")
    assert message_id(message(), 1, "lender.test") != message_id(elsewhere, 1, "lender.test")


def test_every_line_fits_into_smtp() -> None:
    """No line is longer than the 998 bytes that SMTP allows, also with Chinese text."""
    long = message(summary="很长的一句话" * 500)

    wire = email_of(long, email_channel(25), idempotency_key=KEY).as_bytes()

    assert max(len(line) for line in wire.splitlines()) <= 998


@pytest.mark.parametrize("form", [plain_text, html_page])
def test_both_forms_say_all_of_it(form: object) -> None:
    """Both forms contain the facts, the score, the next steps, the excerpts, the coverage and the proof."""
    assert callable(form)
    text = form(message())

    for expected in (
        "CRITICAL",
        "趣店 Lending",
        "night-market",
        "hxxps://market[.]example/offer/8812",
        "2026-03-04 03:05 UTC",
        "0.5 BTC",
        "1,000,000",
        "+70",
        "coherent_rows",
        "200",
        "critical from 100",
        "Call the person who decides on incidents now.",
        "张*三 138****5678 110101********123X",
        "250,000",
        "1,207",
        "5f" * 32,
        "spillwatch alerts ack 7",
        "spillwatch investigate --alert 7 --html",
    ):
        assert expected in text


@pytest.mark.parametrize("form", [plain_text, html_page])
def test_an_update_says_what_changed(form: object) -> None:
    """An update shows the values before and after ahead of the next steps."""
    assert callable(form)
    text = form(update_of(3)).lower()

    assert text.index("what changed") < text.index("what to do next")
    assert "0.2 btc" in text


@pytest.mark.parametrize(
    ("sample", "subject"),
    [
        (update_of(2), "[CRITICAL] Update: 趣店 Lending"),
        (message(change=AlertChange.ESCALATED, revision=2), "[CRITICAL] Stronger: 趣店 Lending"),
        (message(change=AlertChange.REOPENED, revision=2), "[CRITICAL] Reopened: 趣店 Lending"),
        (
            message(change=AlertChange.RESOLVED, revision=2, severity=Severity.LOW),
            "[LOW] Resolved: 趣店 Lending",
        ),
    ],
)
def test_the_subject_says_what_kind_of_message_it_is(sample: Message, subject: str) -> None:
    """The subject begins with the severity, followed by the kind of the revision."""
    assert headline(sample).startswith(subject)


@pytest.mark.parametrize("kind", list(AlertKind))
def test_a_message_about_ourselves_needs_no_listing(kind: AlertKind) -> None:
    """Alerts about a source, a channel or a test leave out the parts about a listing."""
    bare = content(
        company=None,
        source=None,
        listing=None,
        matches=None,
        excerpts=(),
        coverage=None,
        proof=(),
        next_steps=(),
    )
    sample = message(**{name: getattr(bare, name) for name in type(bare).model_fields}, kind=kind)

    assert list(details(sample)) == []
    for text in (plain_text(sample), html_page(sample)):
        assert "MASKED EXCERPTS" not in text.upper()
        assert "PROOF" not in text.upper()
