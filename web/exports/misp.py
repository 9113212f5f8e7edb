"""MISP: an event per finding, and a feed of events (manifest.json and one file per event).

Posts of ransomware groups are the object `ransomware-group-post`, all others `ail-leak`; the company is a
`victim`. The object `credential` is for a name and its password: no export holds either of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pymisp import MISPEvent, MISPObject, MISPOrganisation

from configuration.web_settings import Tlp
from storage.alerts import Severity
from web.exports.findings import FindingDocument, Naming, offer_words

#: Kinds of sources whose listings are posts of ransomware groups.
RANSOM_KINDS = frozenset({"ransomlook", "ransomware_live"})
THREAT_LEVELS = {Severity.CRITICAL: 1, Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3}
ONGOING, COMPLETE = 1, 2  # of MISP's analysis
OWN_ORGANISATION = 0  # of MISP's distribution: whoever imports an event decides whom it goes on to


def event_uuid(reference: str, naming: Naming) -> UUID:
    return naming.uuid("misp event", reference)


def misp_event(finding: FindingDocument, naming: Naming, tlp: Tlp) -> dict[str, Any]:
    """Return an event as MISP's JSON has it: {"Event": {...}}."""
    event = MISPEvent()
    event.uuid = str(event_uuid(finding.reference, naming))
    event.info = finding.title
    event.set_date(finding.opened_at.date())
    event.timestamp = finding.updated_at
    event.threat_level_id = THREAT_LEVELS[finding.severity]
    event.analysis = COMPLETE if finding.state.value in ("resolved", "false_positive") else ONGOING
    event.distribution = OWN_ORGANISATION
    event.published = False
    event.Orgc = MISPOrganisation()
    event.Orgc.name, event.Orgc.uuid = naming.installation, str(naming.uuid("installation"))
    for tag in (f"tlp:{tlp.value}", f'spillwatch:severity="{finding.severity.value}"'):
        event.add_tag(tag)
    _add_victim(event, finding)
    _add_offer(event, finding, naming)
    _add_texts(event, finding)
    _name_parts(event, finding, naming)
    whole: dict[str, Any] = {"Event": json.loads(event.to_json())}
    return whole


def misp_manifest(findings: Iterable[FindingDocument], naming: Naming, tlp: Tlp) -> dict[str, Any]:
    """Return the manifest of a feed: what MISP shows of each event before it fetches it."""
    return {
        str(event_uuid(each.reference, naming)): {
            "info": each.title,
            "date": each.opened_at.date().isoformat(),
            "timestamp": int(each.updated_at.timestamp()),
            "analysis": COMPLETE if each.state.value == "resolved" else ONGOING,
            "threat_level_id": THREAT_LEVELS[each.severity],
            "Orgc": {"name": naming.installation, "uuid": str(naming.uuid("installation"))},
            "Tag": [{"name": f"tlp:{tlp.value}"}, {"name": f'spillwatch:severity="{each.severity.value}"'}],
        }
        for each in findings
    }


def _add_victim(event: MISPEvent, finding: FindingDocument) -> None:
    victim = MISPObject("victim", standalone=False)
    victim.add_attribute("name", finding.company_name or finding.company_slug, to_ids=False)
    event.add_object(victim)


def _add_offer(event: MISPEvent, finding: FindingDocument, naming: Naming) -> None:
    listing, source = finding.content.listing, finding.content.source
    if listing is None or source is None:
        return
    if source.kind in RANSOM_KINDS:
        offer = MISPObject("ransomware-group-post", standalone=False)
        values = {
            "title": listing.title,
            "description": offer_words(finding),
            "date": (listing.posted_at or listing.first_seen_at).isoformat(),
            "entity-name": finding.company_name,
            "ransomware-group": listing.seller,
            "severity": finding.severity.value,
        }
    else:
        offer = MISPObject("ail-leak", standalone=False)
        values = {
            "sensor": naming.installation,
            "origin": f"{source.name}: {listing.url}",
            "text": f"{listing.title}\n{offer_words(finding)}",
            "first-seen": listing.first_seen_at.isoformat(),
            "last-seen": listing.last_seen_at.isoformat(),
            "original-date": None if listing.posted_at is None else listing.posted_at.isoformat(),
        }
    for relation, value in values.items():
        if value:
            offer.add_attribute(relation, value, to_ids=False)
    event.add_object(offer)


def _add_texts(event: MISPEvent, finding: FindingDocument) -> None:
    """Add what no object has. Addresses stay defanged, so that nobody opens one by a click."""
    texts = [("Finding of Spillwatch", finding.reference), ("What happened", finding.content.summary)]
    sample = finding.content.sample
    if sample is not None and sample.verdict:
        texts.append(("Is the sample the company's?", sample.verdict))
    texts += [(f"Excerpt, masked ({each.place})", each.text) for each in finding.content.excerpts]
    for comment, value in texts:
        if value:
            event.add_attribute("text", value, comment=comment, category="Other", to_ids=False)
    for proof in finding.content.proof:
        event.add_attribute(
            "sha256",
            proof.sha256,
            comment=f"Response in the evidence store ({proof.role})",
            category="External analysis",
            to_ids=False,
        )


def _name_parts(event: MISPEvent, finding: FindingDocument, naming: Naming) -> None:
    """Give objects and attributes names and times that stay, so that a second import changes nothing."""
    for place, held in enumerate(event.objects):
        held.uuid = str(naming.uuid("misp object", finding.reference, held.name, str(place)))
        held.timestamp = finding.revised_at
        for each in held.attributes:
            each.uuid = str(naming.uuid("misp attribute", held.uuid, each.object_relation))
            each.timestamp = finding.revised_at
    for place, attribute in enumerate(event.attributes):
        attribute.uuid = str(naming.uuid("misp attribute", finding.reference, str(place)))
        attribute.timestamp = finding.revised_at
