"""What to do next: the sentences at the end of an alert, for whoever is woken by it."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.finding import CompanyFinding
from storage.alerts import Severity
from storage.sources import SourceHealth

SOURCE_STEPS: dict[SourceHealth, tuple[str, ...]] = {
    SourceHealth.PAGE_NOT_RECOGNISED: (
        "Look at the site: a redesign, a login wall, a captcha, or a notice of closure?",
        "See what each selector finds there: spillwatch source try sources/{name}.toml",
        "Mend the selectors. What was captured meanwhile is kept.",
    ),
    SourceHealth.COULD_NOT_FETCH: (
        "Read the reason: spillwatch runs --source {name}",
        "If the site has moved, change its address in sources/{name}.toml; if it is down, nothing needs to "
        "be done.",
    ),
    SourceHealth.REFUSED: (
        "Read the reason: spillwatch runs --source {name}",
        "Decide whether robots.txt or the address rule should hold for this source, and write it into "
        "sources/{name}.toml.",
    ),
    SourceHealth.WALL: (
        "Read which wall it is: spillwatch runs --source {name}",
        "A login: give the source the cookies of an account that may be there (cookies_file), or renew them.",
        "A queue or a captcha often goes away by itself. A ban: visit less often, or leave the site alone.",
    ),
    SourceHealth.PARSER_DEGRADED: (
        "See which selector found nothing: spillwatch source health {name}",
        "Look at the site, and at what each selector finds there: spillwatch source try sources/{name}.toml",
        "Mend the selector, or take it out if the site has no such thing any more.",
    ),
    SourceHealth.FLAPPING: (
        "Read how its runs end: spillwatch runs --source {name}",
        "If the site is slow or overloaded, visit it less often; if Tor is, see spillwatch doctor.",
    ),
    SourceHealth.FAILING: (
        "Read the reason: spillwatch runs --source {name}",
        "Raise the source's budget if its pages are really that many; report a crash as a defect.",
    ),
    SourceHealth.OK: ("Nothing. What was offered meanwhile is read as far as the site still shows it.",),
}


def source_steps(health: SourceHealth, *, name: str) -> tuple[str, ...]:
    """What to do about a source's health."""
    return tuple(
        step.format(name=name) for step in SOURCE_STEPS.get(health, SOURCE_STEPS[SourceHealth.FAILING])
    )


def finding_steps(finding: CompanyFinding, severity: Severity) -> tuple[str, ...]:
    """What to do about a finding: the order is that of the doing."""
    return tuple(_finding_steps(finding, severity))


def _finding_steps(finding: CompanyFinding, severity: Severity) -> Iterator[str]:
    if severity in (Severity.HIGH, Severity.CRITICAL):
        yield (
            "Call whoever decides on incidents now, and note the time: this message is when you came to know."
        )
    yield "Take it on, so that nobody does the work twice; the command stands at the end."
    if finding.facts.coherent_rows:
        yield (
            "Have the owner of the customer list name the customers from the ordinals of the hits; compare "
            "what is "
            "offered with what your systems hold, to see which one it came from."
        )
    elif finding.facts.single_hits:
        yield "Treat the single hits as a hint: without a second identifier in the row they may be chance."
    elif finding.facts.enrolled:
        yield "Nothing here shows that the data is yours: it is named, and no customer matches. Watch it."
    else:
        yield (
            "Nothing here shows that the data is yours: it is named, and there is nothing to compare it "
            "with. Enrol "
            "your customers' fingerprints (spillwatch enroll), and the archive is searched again by itself."
        )
    yield (
        "Keep the proof: the captures below are in the evidence store, and their hashes are in this message. "
        "Do not "
        "contact the seller, and do not buy."
    )
