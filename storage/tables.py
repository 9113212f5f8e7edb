"""All modules that declare tables.

A foreign key finds its target by name, so all of them must be imported.
"""

from storage import (
    alert_listings,
    alerts,
    captures,
    companies,
    data_sets,
    deliveries,
    dumps,
    listings,
    matches,
    runs,
    sources,
    watch,
)

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
    dumps,
)
