"""All modules that declare tables.

A foreign key finds its target by name, so all of them must be imported.
"""

from storage import (
    alert_listings,
    alerts,
    audit_log,
    canary_matches,
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
    sample_verdicts,
    saved_searches,
    sources,
    triage,
    users,
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
    users,
    canary_matches,
    sample_verdicts,
    alerts,
    alert_listings,
    triage,
    saved_searches,
    audit_log,
    deliveries,
    nodes,
    holds,
    custody,
    erased_listings,
    evidence_removals,
    passes,
    dumps,
)
