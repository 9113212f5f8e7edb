"""Writes the rows of the schema that is about to be released: `python -m tests.storage.released`.

Run it once per release. The file of a released revision is never written again.
"""

import json
import tempfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from storage import (
    alerts,
    api_answers,
    audit_checks,
    audit_log,
    canary_matches,
    captures,
    companies,
    custody,
    data_sets,
    deliveries,
    dumps,
    erased_listings,
    evidence_removals,
    holds,
    invitations,
    listings,
    matches,
    mutes,
    nodes,
    oidc,
    sample_verdicts,
    saved_searches,
    second_factors,
    service_tokens,
    sign_in_limits,
    sources,
    triage,
    users,
)
from storage.alert_listings import ListingNews
from storage.database import schema
from storage.database.base import Database, keep_numbers_used
from storage.deliveries import AttemptOutcome
from storage.evidence.warc import RecordPlace
from storage.retention import passes
from tests.storage import given
from tests.storage.given import NOW

LATER = NOW + timedelta(minutes=5)
PLACE = RecordPlace("2026-03-14/run-1-00c0ffee.warc.gz", 300, 200)


def fill(session: Session) -> None:
    """Store at least one row in every table."""
    source_id = given.source(session)
    run_id, _ = given.running(session, source_id)
    sources.record_health(session, source_id, run_id=run_id, health=sources.SourceHealth.REFUSED, now=NOW)
    [capture_id] = captures.add_captures(
        session,
        [
            captures.CaptureRecord(
                run_id=run_id,
                source_id=source_id,
                url="https://market.example/offer/1",
                role=captures.CaptureRole.ITEM,
                fetched_at=NOW,
                status=200,
                sha256="0" * 64,
                size=12,
                place=PLACE,
                content_type="text/html",
                charset="gb18030",
            )
        ],
    )
    _offer(session, source_id, capture_id)
    _match(session)
    told = {"price": "99 USD", "claimed_records": "1,000,000", "life": "there"}
    delivery_id = given.alert(session, news=ListingNews(1, 2, 1, told)).delivery_ids[0]
    claimed = deliveries.claim_delivery(session, delivery_id, now=NOW)
    assert claimed
    deliveries.record_outcome(session, claimed, outcome=AttemptOutcome.SENT, now=LATER, status_code=204)
    _triage(session)
    _mute(session)
    _keep_and_erase(session, source_id)
    deliveries.record_channel_result(session, "soc", transport="webhook", ok=True, now=LATER)
    nodes.join(session, given.profile(), lease=timedelta(seconds=30), now=NOW)
    dump_id = dumps.open_dump(session, "d0", watch_version="w0", company=None, options={"limit": 1}, now=NOW)
    dumps.add_units(session, dump_id, [dumps.NewUnit("u0", {"path": "dump.csv"}, 90)], now=NOW)
    _let_in(session)
    _keep_search(session)
    _keep_answer(session)


def _keep_answer(session: Session) -> None:
    api_answers.claim_answer(session, "token:siem", "4f1c", "digest", now=NOW)
    api_answers.keep_answer(
        session, "token:siem", "4f1c", claimed_at=NOW, status=201, body='{"text": "seen"}', alert_id=1
    )


def _let_in(session: Session) -> None:
    person = users.User(name="oidc.anna", created_at=NOW, preferences={})
    session.add(person)
    session.flush()
    oidc.add_identity(session, person, "https://login.lender.example", "5f1c", now=NOW)
    oidc.use_state(session, "state", now=NOW, kept=timedelta(hours=1))
    service_tokens.make_token(
        session,
        "siem",
        [service_tokens.TokenScope.FINDINGS_READ],
        company_id=1,
        by="anna",
        expires_at=LATER,
        now=NOW,
    )
    audit_log.write_entry(
        session, actor="anna", action="token_made", subject="token:siem", now=NOW, company_id=1
    )
    whole = audit_checks.ChainState(audit_checks.CheckOutcome.WHOLE, 1, "0" * 64)
    audit_checks.record_check(session, whole, by="spillwatch", now=NOW)


def _keep_search(session: Session) -> None:
    assert saved_searches.save_search(
        session,
        1,
        name="bank, high",
        query="owner=all&severity=high",
        company_id=None,
        shared_with_all=True,
        now=NOW,
    )


def _triage(session: Session) -> None:
    """Do with the alert, and with another one, all that people do."""
    other_id = given.alert(session, key="another").alert_id
    alert, other = alerts.lock_alert(session, 1), alerts.lock_alert(session, other_id)
    assert alert
    assert other
    triage.change_state(
        session, alert, alerts.TriageState.INVESTIGATING, by="anna", reason="asking CRM", now=LATER
    )
    triage.declare_certain(session, alert, at=LATER, by="anna", reason="the canary is ours", now=LATER)
    triage.add_note(session, alert, by="anna", text="called the owner of the CRM", now=LATER)
    triage.add_label(session, alert, "crm")
    triage.link_findings(session, alert, other, by="anna", reason="same seller", now=LATER)
    _people(session)


def _people(session: Session) -> None:
    user = users.add_user(session, "anna", now=NOW)
    assert user
    users.set_role(session, user.id, None, users.Role.ADMIN)
    users.begin_session(session, user, now=NOW, lasts=timedelta(hours=12), browser="Firefox, Linux")
    invitations.invite_again(session, user.id, by="cli:root", now=NOW)
    second_factors.set_totp(session, user.id, "sealed", 57_853_133)
    handle = second_factors.passkey_handle(session, user.id)
    session.add(
        second_factors.Passkey(
            user_id=user.id, credential_id="c1", public_key=handle, sign_count=3, name="laptop", added_at=NOW
        )
    )
    second_factors.replace_recovery_codes(session, user.id, ["23456789ABCDEFGH"], now=NOW)
    second_factors.use_challenge(session, b"challenge", LATER, now=NOW)
    limit = sign_in_limits.LimitKey(sign_in_limits.LimitKind.NAME, "5f" * 16, user.id)
    sign_in_limits.admit_attempt(session, [limit], now=NOW)


def _mute(session: Session) -> None:
    mute = mutes.Mute(
        company_id=1,
        max_severity=alerts.Severity.HIGH,
        reason="known",
        by="anna",
        created_at=NOW,
        until=NOW + timedelta(days=7),
    )
    session.add(mute)
    session.flush()


def _keep_and_erase(session: Session, source_id: int) -> None:
    hold_id = holds.add_hold(
        session, "2026-17", holds.HoldSubject.LISTING, 1, person="anna", reason="court order", now=NOW
    )
    assert hold_id
    subject = custody.CustodySubject(holds.HoldSubject.LISTING, 1)
    custody.write_entry(
        session, custody.CustodyAction.HELD, subject, person="anna", reason="court order", now=NOW
    )
    evidence_removals.request_removals(session, [RecordPlace("2026-03-13/run.warc.gz", 300, 200)], NOW)
    erased_listings.note_erased(session, 7, source_id, "7", now=NOW)
    keep_numbers_used(session, listings.Listing)
    passes.begin_pass(session, now=NOW)


def _offer(session: Session, source_id: int, capture_id: int) -> None:
    offer = given.record(
        title="出售趣店学生数据",
        body="138****5678 j***n@example.com",
        price_amount=Decimal("250.50"),
        price_currency="USD",
        claimed_records=1_000_000,
        data_classes=("phone",),
        posted_at=NOW,
        capture_id=capture_id,
        place=PLACE,
        attachments=(listings.AttachmentRecord("sample.txt", "text/plain", 90, PLACE, capture_id),),
    )
    listings.upsert_many(session, source_id, [offer], NOW)
    cheaper = replace(offer, price_amount=Decimal(99))
    listings.upsert_many(session, source_id, [cheaper], LATER)
    data_sets.place_listing(
        session, 1, [data_sets.DataSetSign(data_sets.SignKind.ROW, 4_611_686_018_427_387_903)]
    )


def _match(session: Session) -> None:
    company_id = given.company(session, terms=("趣店",))
    states = ("5" * 32, "6" * 32)
    segment = companies.SegmentRecord(
        company_id, "lender.seg", "k1", "check", ("phone",), 9, 3, "ab", states[0], states[0]
    )
    segment_id = companies.add_segment(session, segment, NOW)
    delta = companies.DeltaRecord(segment_id, states[1], 1, "lender-1.seg", ("phone",), 3, 4, 1, "cd")
    companies.add_delta(session, delta, NOW)
    kinds = matches.MatchKind
    found = [
        matches.MatchRecord(kinds.MENTION, "title", "title:1", "m1", term_id=1, excerpt="出售趣店学生数据"),
        matches.MatchRecord(kinds.FINGERPRINT, "phone", "body:1", "f1", segment_id=segment_id, ordinal=7),
    ]
    result = matches.CompanyResult(
        company_id,
        found,
        1,
        {"title": 1},
        ["趣店"],
        {"phone": 1},
        single_hits=1,
        customers=1,
        canary_records=[
            canary_matches.CanaryRecord(
                segment_id,
                canary_matches.CanaryEvidence.CERTAIN,
                "crm--acme",
                NOW.date(),
                None,
                7,
                ("phone", "email"),
                1,
                "body:1",
            )
        ],
        verdict=sample_verdicts.VerdictRecord("ours", 20, 19, 18, 0.8, 0.95, 1.0, "rows at random"),
    )
    sample = sample_verdicts.SampleRecord(20, 3)
    matches.record_matches(session, 1, [result], now=NOW, sample=sample)


def rows(session: Session) -> dict[str, list[dict[str, object]]]:
    """Return the rows as SQLite stores them, in an order in which they can be inserted."""
    return {
        table.name: [dict(row) for row in session.execute(text(f"SELECT * FROM {table.name}")).mappings()]
        for table in schema.METADATA.sorted_tables
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/released.db")
        schema.upgrade_schema(database)
        with database.transaction() as session:
            fill(session)
        with database.reading() as session:
            found = rows(session)
        database.close()
    path = Path(__file__).parent / f"{schema.newest_revision()}.json"
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
