"""STIX 2.1: an Incident per finding, a Report per listing, Identities of the company and the installation.

What STIX has no property for is in an extension (`property-extension`); without it the objects are valid,
too. A Report names the company's Incident, so each company has a Report of its own about a listing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import stix2
from stix2.v21 import (
    ExtensionDefinition,
    Identity,
    Incident,
    Report,
)

from configuration.web_settings import Tlp
from web.exports.findings import FindingDocument, Naming, offer_words

#: The marking definitions that OASIS publishes (cti-stix-common-objects). STIX 2.1 itself has TLP 1 only.
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_CREATED = "2022-10-01T00:00:00.000Z"
TLP_MARKINGS: Mapping[Tlp, str] = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
#: When the objects that only name the installation were made: they never change.
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
EXTENSION_VERSION = "1.0.0"
EXTENSION_TEXT = (
    "Properties of an incident: reference (name of the finding), severity (low, medium, high, critical), "
    "score, state of triage, revision, verdict (whether the masked sample is the company's), share_low and "
    "share_high (bounds of the share of rows that is); what was found: mentions, coherent_rows, customers."
)


def stix_bundle(findings: Iterable[FindingDocument], naming: Naming, tlp: Tlp) -> str:
    """Return a bundle, with everything that its objects refer to, each object once."""
    found = {each["id"]: each for each in common_objects(naming, tlp)}
    names = [str(each) for each in found]
    for finding in findings:
        for each in finding_objects(finding, naming, tlp):
            held = found.get(each["id"])
            if held is None or held.get("modified", "") < each.get("modified", ""):
                found[each["id"]] = each
            names.append(f"{each['id']} {each.get('modified', '')}")
    bundle_id = f"bundle--{naming.uuid('bundle', *names)}"
    whole = {"type": "bundle", "id": bundle_id, "objects": list(found.values())}
    return json.dumps(whole, ensure_ascii=False, indent=1)


def common_objects(naming: Naming, tlp: Tlp) -> Iterator[dict[str, Any]]:
    """Yield what every document refers to: the marking, the installation and the extension."""
    yield {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_MARKINGS[tlp],
        "created": TLP_CREATED,
        "name": f"TLP:{tlp.value.upper()}",
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp.value}},
    }
    yield _plain(
        Identity(
            id=_installation_id(naming),
            created=BEGINNING,
            modified=BEGINNING,
            name=naming.installation,
            description="An installation of Spillwatch, a leak monitor.",
            identity_class="system",
            object_marking_refs=[TLP_MARKINGS[tlp]],
        )
    )
    yield _plain(
        ExtensionDefinition(
            id=_extension_id(naming),
            created_by_ref=_installation_id(naming),
            created=BEGINNING,
            modified=BEGINNING,
            name="Spillwatch finding",
            schema=EXTENSION_TEXT,
            version=EXTENSION_VERSION,
            extension_types=["property-extension"],
        )
    )


def finding_objects(finding: FindingDocument, naming: Naming, tlp: Tlp) -> Iterator[dict[str, Any]]:
    """Yield the objects of one finding. A false positive has a label and confidence 0: STIX's `revoked` would
    be for ever, and a finding can be reopened.
    """
    shared = {
        "created_by_ref": _installation_id(naming),
        "object_marking_refs": [TLP_MARKINGS[tlp]],
    }
    victim = f"identity--{naming.uuid('company', finding.company_slug)}"
    yield _plain(
        Identity(
            id=victim,
            created=finding.company_since,
            modified=max(finding.company_changed_at, finding.company_since),
            name=finding.company_name or finding.company_slug,
            identity_class="organization",
            **shared,
        )
    )
    incident = f"incident--{naming.uuid('finding', finding.reference)}"
    yield _plain(
        Incident(
            id=incident,
            created=finding.opened_at,
            modified=finding.updated_at,
            name=finding.title,
            description=finding.content.summary,
            labels=[f"severity-{finding.severity.value}", f"state-{finding.state.value}"],
            external_references=_references(finding, naming),
            extensions={_extension_id(naming): _extension(finding)},
            **_confidence(finding),
            **shared,
        )
    )
    listing, source = finding.content.listing, finding.content.source
    if listing is None or source is None:
        return
    created = min(listing.first_seen_at, finding.revised_at)
    yield _plain(
        Report(
            id=f"report--{naming.uuid('listing', finding.reference, source.name, listing.key)}",
            created=created,
            modified=max(created, finding.revised_at),
            name=listing.title or finding.title,
            description=offer_words(finding),
            published=listing.first_seen_at,
            report_types=["observed-data"],
            object_refs=[incident, victim],
            **shared,
        )
    )


def _confidence(finding: FindingDocument) -> dict[str, int]:
    """Return STIX's confidence, 0 to 100: the most likely share of a sample's rows that is ours."""
    if finding.false_positive:
        return {"confidence": 0}
    sample = finding.content.sample
    if sample is None or sample.share_middle is None:
        return {}
    return {"confidence": min(max(round(sample.share_middle * 100), 0), 100)}


def _extension(finding: FindingDocument) -> dict[str, Any]:
    matches, sample = finding.content.matches, finding.content.sample
    found: dict[str, Any] = {
        "reference": finding.reference,
        "severity": finding.severity.value,
        "score": finding.score,
        "state": finding.state.value,
        "revision": finding.revision,
        "verdict": sample.verdict if sample else None,
        "share_low": sample.share_low if sample else None,
        "share_high": sample.share_high if sample else None,
        "mentions": sum(matches.mentions.values()) if matches else None,
        "coherent_rows": matches.coherent_rows if matches else None,
        "customers": matches.customers if matches else None,
    }
    kept = {name: value for name, value in found.items() if value is not None}
    return {"extension_type": "property-extension"} | kept


def _references(finding: FindingDocument, naming: Naming) -> list[dict[str, str]]:
    held = {"source_name": naming.installation, "external_id": finding.reference}
    address = naming.address(finding.reference)
    return [held | ({"url": address} if address else {})]


def _installation_id(naming: Naming) -> str:
    return f"identity--{naming.uuid('installation')}"


def _extension_id(naming: Naming) -> str:
    return f"extension-definition--{naming.uuid('extension', EXTENSION_VERSION)}"


def _plain(made: stix2.base._STIXBase) -> dict[str, Any]:
    """Return an object of the library, which has checked it, as JSON has it."""
    plain: dict[str, Any] = json.loads(made.serialize())
    return plain
