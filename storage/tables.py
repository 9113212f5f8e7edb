"""All modules that declare tables.

A foreign key finds its target by name, so all of them must be imported.
"""

from storage import (
    alert_listings,
    alerts,
    captures,
    companies,
    custody,
    data_sets,
    deliveries,
    dumps,
    erased_listings,
    evidence_removals,
    holds,
    listings,
    matches,
    nodes,
    runs,
    sources,
    watch,
)
from storage.retention import passes

MODULES = (
    sources,
    runs,
    captures,
    listings,
    data_sets,
    companies,
    watch,
    matches,
    alerts,
    alert_listings,
    deliveries,
    nodes,
    holds,
    custody,
    erased_listings,
    evidence_removals,
    passes,
    dumps,
)
