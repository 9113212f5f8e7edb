"""The texts of an alert about a finding: title, summary and next steps, for a reader who was just woken by
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from alerts.dedupe import Decision
from alerts.finding import CompanyFinding
from alerts.message import MessageCapture, MessageContent, MessageListing, MessageSource
from alerts.rules import CanaryFact, FindingFacts
from alerts.wording import format_count, format_time
from storage.alerts import AlertChange, Severity
from storage.canary_matches import CanaryEvidence

_STRONGER = {
    AlertChange.ESCALATED: " This is stronger than in the messages before.",
    AlertChange.REOPENED: " This is stronger than what was known when the alert was acknowledged or closed.",
}


def finding_content(finding: CompanyFinding, decision: Decision, severity: Severity) -> MessageContent:
    """Return the content of a revision about what was found."""
    return MessageContent(
        title=f"{finding.company.name}: {finding.listing.title or 'a listing without a title'}",
        state=decision.state,
        summary=decision.digest or _finding_summary(finding, decision.change),
        company=finding.company,
        source=finding.source,
        listing=finding.listing,
        matches=finding.matches,
        canaries=finding.canaries,
        sample=finding.sample,
        excerpts=finding.excerpts,
        changes=decision.differences,
        next_steps=tuple(_finding_steps(finding, severity)),
        coverage=finding.coverage,
        proof=finding.proof,
        proof_missing=finding.proof_missing,
    )


def listing_life_content(
    last: MessageContent,
    decision: Decision,
    *,
    source: MessageSource,
    listing: MessageListing,
    is_there: Callable[[MessageCapture], bool],
) -> MessageContent:
    """Return the content of a revision about the presence of a listing: it is gone or back.

    The rest stays as in `last`, the content of the alert's last revision. `is_there`: whether the evidence
    still holds a capture; one that is gone is no longer proof.
    """
    what = "is gone from" if listing.gone_at else "is back on"
    proof = tuple(filter(is_there, last.proof))
    missing = last.proof_missing + len(last.proof) - len(proof)
    kept = "What was captured of it is kept." if not missing else _missing_proof_sentence(missing)
    return last.model_copy(
        update={
            "state": decision.state,
            "summary": decision.digest or f"The listing {what} {source.name}. {kept}",
            "proof": proof,
            "proof_missing": missing,
            "listing": listing,
            "source": source,
            "changes": decision.differences,
        }
    )


def _missing_proof_sentence(count: int) -> str:
    what = "1 capture" if count == 1 else f"{count} captures"
    return f"Of what was captured of it, {what} can no longer be found in the evidence folder."


def digest_summary(changes: int, since: datetime, listing: MessageListing) -> str:
    """Return the summary of a revision about changes that were held."""
    times = "once" if changes == 1 else f"{format_count(changes)} times"
    price = f"asks {listing.price.label}" if listing.price else "gives no price"
    now = "is gone" if listing.gone_at else f"is there and {price}"
    return (
        f"The offer changed {times} since {format_time(since)}; this one message is about all of it. Now the "
        f"listing {now}. Each of its versions is kept."
    )


def _finding_summary(finding: CompanyFinding, change: AlertChange) -> str:
    """Say how certain it is that the data is the company's, where it is offered and since when."""
    facts, name, where = finding.facts, finding.company.name, finding.source.name
    certain = _certain_canary(facts)
    masked = facts.masked.verdict if facts.masked else None
    if certain:
        certainty = (
            f"Data of {name} is on {where}: a canary of {certain.place} is in it, so it was copied from "
            "there."
        )
    elif facts.coherent_rows:
        rows = (
            "1 row agrees" if facts.coherent_rows == 1 else f"{format_count(facts.coherent_rows)} rows agree"
        )
        certainty = f"Data of {name} is on {where}: {rows} with enrolled customers."
    elif masked == "ours":
        certainty = f"Data of {name} is on {where}: rows with masked identifiers are those of its customers."
    elif masked == "partly_ours":
        certainty = (
            f"Data of {name} is on {where}: a part of the rows with masked identifiers is that of its "
            "customers."
        )
    elif facts.mentions and facts.mentions.keys() <= {"address"}:
        certainty = f"E-mail addresses at a domain of {name} are on {where}."
    elif facts.mentions and facts.mentions.keys() <= {"address", "lookalike"}:
        certainty = f"A host whose name looks like a domain of {name} is on {where}."
    elif facts.mentions and facts.enrolled:
        certainty = f"{name} is named on {where}. No row there agrees with an enrolled customer."
    elif facts.mentions:
        certainty = f"{name} is named on {where}. No customers are enrolled to compare it with."
    elif not facts.single_hits and facts.known_rows:
        certainty = f"Rows of a known breach of {name} are on {where}."
    elif not facts.single_hits and facts.canaries:
        certainty = f"Values of canaries of {name} are on {where}."
    elif not facts.single_hits and facts.masked:
        certainty = f"Rows with masked identifiers on {where} have something of customers of {name}."
    else:
        certainty = f"Single identifiers of customers of {name} are on {where}."
    first_seen = format_time(finding.listing.first_seen_at)
    return f"{certainty} First seen {first_seen}.{_STRONGER.get(change, '')}"


def _certain_canary(facts: FindingFacts) -> CanaryFact | None:
    return next((one for one in facts.canaries if one.evidence is CanaryEvidence.CERTAIN), None)


def _finding_steps(finding: CompanyFinding, severity: Severity) -> Iterator[str]:
    """Yield what to do, in the order of doing it."""
    if severity in (Severity.HIGH, Severity.CRITICAL):
        yield (
            "Call the person who decides on incidents now, and write down the time: with this message, your "
            "company knows."
        )
    yield (
        "Acknowledge the alert, so that nobody does the work twice. The command is at the end of this "
        "message."
    )
    certain = _certain_canary(finding.facts)
    if certain:
        yield (
            f"Find the canary in your register by its number. Keep the logs and backups of {certain.place} "
            f"{certain.days}: the data was copied from there in that time."
        )
    if finding.facts.coherent_rows:
        yield (
            "Ask the owner of the customer list to name the customers behind the ordinals of the hits. "
            "Compare the offered data with what your systems hold, to see which system it came from."
        )
    elif certain:
        pass
    elif finding.facts.masked and finding.facts.masked.verdict in ("ours", "partly_ours"):
        yield (
            "Keep the sample. Masked rows show that customers are in it and not which ones; ask for nothing "
            "from the seller."
        )
    elif finding.facts.single_hits:
        yield (
            "Treat the single hits as a hint. Without a second identifier in the same row, they may be "
            "chance."
        )
    elif finding.facts.enrolled:
        yield (
            "Keep an eye on it. So far nothing shows that the data is yours: the company is named, but no "
            "customer matches."
        )
    else:
        yield (
            "Enrol your customers (spillwatch enroll). So far nothing shows that the data is yours: the "
            "company is named, but there are no customers to compare with. After enrolment the archive is "
            "searched again automatically."
        )
    yield (
        "Keep the proof. The captures listed below are in the evidence store, and this message has their "
        "hashes. Do not contact the seller, and do not buy the data."
    )
