"""Quiet hours are local times, are joined where they touch, and are refused if they make no sense."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from crawler.sources.quiet_hours import QuietDay, QuietHours

READ: TypeAdapter[tuple[str, ...]] = TypeAdapter(QuietDay)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("spans", "moment", "begin", "end"),
    [
        (["22:00-06:00"], "2026-03-01T23:00", "2026-03-01T22:00", "2026-03-02T06:00"),
        (["22:00-06:00"], "2026-03-02T05:59", "2026-03-01T22:00", "2026-03-02T06:00"),
        (["12:00-14:00"], "2026-03-01T12:00", "2026-03-01T12:00", "2026-03-01T14:00"),
        (["22:00-06:00 Europe/Berlin"], "2026-03-01T21:30", "2026-03-01T21:00", "2026-03-02T05:00"),
        (["22:00-06:00 Europe/Berlin"], "2026-07-01T20:30", "2026-07-01T20:00", "2026-07-02T04:00"),
        (["22:00-02:00", "01:00-06:00"], "2026-03-01T23:00", "2026-03-01T22:00", "2026-03-02T06:00"),
        (["09:00-12:00", "12:00-14:00"], "2026-03-01T13:00", "2026-03-01T09:00", "2026-03-01T14:00"),
    ],
)
def test_a_moment_in_quiet_hours_knows_their_ends(
    spans: list[str], moment: str, begin: str, end: str
) -> None:
    """Spans over midnight, in a named zone, in summer and winter, and touching spans are found."""
    assert QuietHours(spans).around(at(moment)) == (at(begin), at(end))


@pytest.mark.parametrize("moment", ["2026-03-01T06:00", "2026-03-01T21:59", "2026-03-01T12:00"])
def test_other_moments_are_in_none(moment: str) -> None:
    """The end of a span is not quiet."""
    assert QuietHours(["22:00-06:00"]).around(at(moment)) is None


def test_the_sources_zone_is_that_of_hours_that_name_none() -> None:
    """Spans without a zone use the zone of the source."""
    quiet = QuietHours(["00:00-06:00"], timezone="Asia/Shanghai")

    assert quiet.around(at("2026-03-01T17:00")) == (at("2026-03-01T16:00"), at("2026-03-01T22:00"))


def test_the_next_beginning_is_later_than_the_moment() -> None:
    """A run that is started by hand in quiet hours continues until the next ones begin."""
    quiet = QuietHours(["22:00-06:00"])

    assert quiet.begins(at("2026-03-01T22:00")) == at("2026-03-02T22:00")
    assert quiet.begins(at("2026-03-01T21:59")) == at("2026-03-01T22:00")
    assert QuietHours(()).begins(at("2026-03-01T22:00")) is None


@pytest.mark.parametrize(
    "spans",
    [
        ["25:00-06:00"],
        ["22-06"],
        ["22:00-22:00"],
        ["22:00-06:00 Nowhere/City"],
        ["22:00-06:00 ../../etc/passwd"],
        ["00:00-12:00", "12:00-23:59"],
        ["00:00-12:00", "11:00-00:00"],
        ["at night"],
    ],
)
def test_hours_that_make_no_sense_are_a_mistake(spans: list[str]) -> None:
    """Invalid hours, an unknown zone, and spans that leave no time of the day are refused."""
    with pytest.raises(ValidationError):
        READ.validate_python(spans)
