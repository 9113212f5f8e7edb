"""When a source is visited, how much one visit may take, and how polite it is."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crawler.sources.expressions import Duration, mistake
from crawler.sources.quiet_hours import QuietDay

#: Minimum interval between visits to a site, whatever the source file says.
SHORTEST_INTERVAL = timedelta(seconds=10)
#: Minimum interval for a site of your own that `allow_private_addresses` names: a practice site, a test.
SHORTEST_INTERVAL_AT_HOME = timedelta(seconds=1)


class StrictModel(BaseModel):
    """A model that refuses unknown keys, so that a misspelt key is reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_cron(expression: str) -> str:
    fields = expression.split()
    # "5" is Saturday to APScheduler and Friday to crontab(5). Only names are unambiguous.
    if len(fields) == 5 and re.search(r"\d", fields[4].split("/")[0]):
        raise mistake("cron", "weekdays by name (mon, tue, ... or mon-fri) in the fifth field")
    try:
        CronTrigger.from_crontab(expression)
    except ValueError as error:
        wanted = f'five fields of crontab(5), such as "*/15 8-20 * * mon-fri"; the parser says: {error}'
        raise mistake("cron", wanted) from error
    return expression


Cron = Annotated[str, AfterValidator(_check_cron)]


class Schedule(StrictModel):
    """When a run is due: at an interval or by a cron line."""

    every: Duration | None = None
    cron: Cron | None = None
    jitter: Duration = timedelta(0)

    @model_validator(mode="after")
    def _check_schedule(self) -> Schedule:
        if self.every is not None and self.cron is not None:
            raise mistake("schedule", "either `every` or `cron`, not both")
        if self.every is not None and self.jitter and self.jitter >= self.every:
            raise mistake("schedule", "a `jitter` shorter than `every`")
        return self


class VisitBudget(StrictModel):
    """The limits of one run. It ends at the first limit that it reaches, and reports what it did not read."""

    pages: int = Field(default=200, ge=1, le=100_000)
    seconds: int = Field(default=900, ge=5, le=86_400)
    bytes: int = Field(default=200_000_000, ge=10_000)
    #: Maximum pages per thread: the first one and the newest ones.
    thread_pages: int = Field(default=20, ge=1, le=1_000)
    #: Maximum list pages per start, over as many visits as needed. None: 2,000, or `pages` if that is
    #: larger.
    depth: int | None = Field(default=None, ge=1, le=1_000_000)
    #: Maximum addresses of one pattern (/thread-N.html) per visit. None: as many as there are pages.
    alike: int | None = Field(default=None, ge=1, le=100_000)
    recheck_items: int = Field(default=10, ge=0, le=1_000)


class Politeness(StrictModel):
    """How much load a run may put on the site."""

    delay_s: float = Field(default=1.0, ge=0, le=600)
    concurrency: int = Field(default=2, ge=1, le=16)
    robots: bool = True
    quiet: QuietDay = ()
