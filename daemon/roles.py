"""Which role of a node does which kind of work."""

from __future__ import annotations

from collections.abc import Collection

from storage.work import NodeRole, WorkKind

#: SCHEDULE is not here: it writes run rows, and reads the declared sources and companies.
ROLE_OF = {
    WorkKind.RUN: NodeRole.CRAWL,
    WorkKind.MATCH: NodeRole.MATCH,
    WorkKind.REMATCH: NodeRole.MATCH,
    WorkKind.UNIT: NodeRole.MATCH,
    WorkKind.RETENTION: NodeRole.MATCH,
    WorkKind.AUDIT: NodeRole.MATCH,
    WorkKind.EVALUATE: NodeRole.MATCH,
    WorkKind.SOURCE_CHANGE: NodeRole.MATCH,
    WorkKind.INSTALLATION: NodeRole.MATCH,
    WorkKind.SCHEDULE: NodeRole.MATCH,
    WorkKind.LIFE: NodeRole.MATCH,
    WorkKind.DIGEST: NodeRole.MATCH,
    WorkKind.ESCALATION: NodeRole.MATCH,
    WorkKind.BUNDLE: NodeRole.MATCH,
    WorkKind.DELIVER: NodeRole.DELIVER,
}
#: Kinds that take milliseconds, and share one worker of procrastinate.
JUDGING = frozenset(
    {
        WorkKind.EVALUATE,
        WorkKind.SOURCE_CHANGE,
        WorkKind.INSTALLATION,
        WorkKind.SCHEDULE,
        WorkKind.LIFE,
        WorkKind.DIGEST,
        WorkKind.ESCALATION,
        WorkKind.BUNDLE,
    }
)


def has_role(kind: WorkKind, roles: Collection[NodeRole]) -> bool:
    """Return whether a node with these roles does this kind of work."""
    return ROLE_OF[kind] in roles
