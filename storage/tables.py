"""Every module that declares a table: a foreign key finds its target by name, so all must be known."""

from storage import (
    alerts,
    captures,
    companies,
    data_sets,
    deliveries,
    listings,
    matches,
    runs,
    sources,
    watch,
)

NOUNS = (sources, runs, captures, listings, data_sets, companies, watch, matches, alerts, deliveries)
