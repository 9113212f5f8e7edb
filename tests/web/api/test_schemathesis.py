"""Schemathesis sends the API what its description allows, and what it does not, and checks each answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.alerts.samples import webhook_channel
from tests.alerts.world import World
from tests.web.api.askers import UNLIMITED, token_of
from tests.web.running import running_console
from web.api.reference import TOKEN, reference_text

LEAST_REQUESTS = 1_000
EXAMPLES = 5  # of each route, in the phase of random requests


def configuration(url: str, token: str) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "seed": 1,
            "max-stream-events": 2,
            "request-timeout": 10,
            "continue-on-failure": True,
            "auth": {"openapi": {TOKEN: {"bearer": token}}},
            "generation": {
                "max-examples": EXAMPLES,
                "database": "none",
                "deterministic": True,
                "with-security-parameters": False,
                "allow-x00": True,
            },
            "phases": {"stateful": {"enabled": False}},
            "checks": {
                # A change needs the ETag of what it changes, which no random value is.
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "304", "404", "409", "412", "422", "428"]
                },
                "missing_required_header": {"expected-statuses": [401, 403, 422, 428]},
            },
        }
    )


@pytest.mark.slow
def test_no_request_makes_an_answer_that_the_description_does_not_have(
    sqlite_database: Database, evidence: EvidenceStore
) -> None:
    """All checks of schemathesis, over all routes, with tables that have rows."""
    world = World(sqlite_database, channels={"hook": webhook_channel("http://localhost:9/x")})
    world.add_finding()
    world.add_finding("77")
    world.deliver_due()
    settings = Settings(web=WebSettings(listen="127.0.0.1:0", **UNLIMITED))
    with running_console(sqlite_database, evidence, world.clock, settings=settings) as console:
        token = token_of(console)
        schema = schemathesis.openapi.from_dict(
            json.loads(reference_text()), config=configuration(console.url, token)
        ).exclude(path="/api/v1/events")
        failures: Counter[str] = Counter()
        requests = 0
        for event in from_schema(schema).execute():
            if isinstance(event, events.NonFatalError | events.FatalError):
                failures[repr(event)[:1000]] += 1
            if isinstance(event, events.ScenarioFinished):
                requests += len(event.recorder.cases)
                failures.update(failed_checks(event.recorder))

    assert failures == {}
    assert requests > LEAST_REQUESTS


def failed_checks(recorder: ScenarioRecorder) -> Iterator[str]:
    """Yield the checks that failed, each with the command that repeats the request."""
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = recorder.cases[case_id].value
                yield f"{recorder.label}: {check.failure_info.failure} {case.as_curl_command()[:400]}"
