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
    mutes,
    nodes,
    runs,
    sample_verdicts,
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
    mutes,
    alert_listings,
    triage,
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
