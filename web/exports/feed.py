"""RSS 2.0 and Atom feeds of findings. An entry keeps its id for ever, whatever becomes of the finding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from web.exports.findings import FindingDocument, Naming, offer_words
from web.exports.stix import BEGINNING

ATOM = "http://www.w3.org/2005/Atom"


def rss_feed(findings: Sequence[FindingDocument], naming: Naming) -> bytes:
    """Return RSS 2.0. `guid` is a URN, which no reader takes for an address."""
    root = Element("rss", version="2.0")
    channel = SubElement(root, "channel")
    _text(channel, "title", f"Findings of {naming.installation}")
    _text(channel, "link", naming.public_url or "https://spillwatch.invalid/")
    _text(channel, "description", "Offers of data that Spillwatch found for the companies it protects.")
    _text(channel, "lastBuildDate", format_datetime(_newest(findings), usegmt=True))
    for finding in findings:
        item = SubElement(channel, "item")
        _text(item, "title", _title(finding))
        if address := naming.address(finding.reference):
            _text(item, "link", address)
        _text(item, "description", _words(finding))
        _text(item, "category", finding.severity.value)
        _text(item, "guid", _id(finding, naming)).set("isPermaLink", "false")
        _text(item, "pubDate", format_datetime(finding.opened_at.astimezone(UTC), usegmt=True))
    return _written(root)


def atom_feed(findings: Sequence[FindingDocument], naming: Naming) -> bytes:
    """Return an Atom feed (RFC 4287). `updated` moves with each revision and each act of triage."""
    root = Element("feed", {"xmlns": ATOM})
    _text(root, "id", f"urn:uuid:{naming.uuid('atom feed')}")
    _text(root, "title", f"Findings of {naming.installation}")
    _text(root, "updated", _newest(findings).isoformat())
    author = SubElement(root, "author")
    _text(author, "name", naming.installation)
    for finding in findings:
        entry = SubElement(root, "entry")
        _text(entry, "id", _id(finding, naming))
        _text(entry, "title", _title(finding))
        if address := naming.address(finding.reference):
            SubElement(entry, "link", rel="alternate", href=address)
        _text(entry, "published", finding.opened_at.astimezone(UTC).isoformat())
        _text(entry, "updated", finding.updated_at.astimezone(UTC).isoformat())
        SubElement(entry, "category", term=finding.severity.value)
        _text(entry, "summary", _words(finding))
    return _written(root)


def _id(finding: FindingDocument, naming: Naming) -> str:
    return f"urn:uuid:{naming.uuid('feed entry', finding.reference)}"


def _title(finding: FindingDocument) -> str:
    return _harmless(f"[{finding.severity.value}] {finding.title}")


def _words(finding: FindingDocument) -> str:
    return _harmless("\n".join(part for part in (finding.content.summary, offer_words(finding)) if part))


def _harmless(text: str) -> str:
    """Return text that holds no tag, whether a reader takes it as HTML or not: RSS does not say which."""
    return text.replace("<", "\u2039").replace(">", "\u203a")


def _newest(findings: Sequence[FindingDocument]) -> datetime:
    return max((each.updated_at for each in findings), default=BEGINNING).astimezone(UTC)


def _text(parent: Element, name: str, text: str) -> Element:
    made = SubElement(parent, name)
    made.text = "".join(sign for sign in text if sign >= " " or sign in "\t\n")
    return made


def _written(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written
