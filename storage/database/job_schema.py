"""The tables of procrastinate, in a schema of their own beside ours: creating and upgrading them.

procrastinate ships the whole schema of its version, and one file per change since an older one. Which of them
a database has stands in a table of ours. `spillwatch_announce` is our only way to write a job: it finds
procrastinate's tables from any session, and takes part in the caller's transaction.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

from sqlalchemy import Connection, text

from storage.database.base import Database
from storage.database.faults import translate_faults
from storage.errors import SchemaNewer, SchemaOutdated

JOB_SCHEMA = "procrastinate"
TASK_NAME = "look"
UPGRADE_KEY = 0x5350494C4C2C  # advisory lock of an upgrade; a different one from that of our own schema
_APPLIED = f"{JOB_SCHEMA}.spillwatch_applied"

_ANNOUNCE = f"""
CREATE OR REPLACE FUNCTION {JOB_SCHEMA}.spillwatch_announce(
    work_queue text, work_kind text, work_rows bigint[]
) RETURNS void LANGUAGE plpgsql SET search_path = {JOB_SCHEMA}, pg_temp AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1((
        SELECT array_agg(
            ROW(
                work_queue, '{TASK_NAME}', 0, NULL, NULL,
                jsonb_build_object('kind', work_kind, 'row_id', each), NULL
            )::procrastinate_job_to_defer_v1
        )
        FROM unnest(work_rows) AS each
    ));
END $$
"""  # noqa: S608 - constants


def upgrade_job_schema(database: Database) -> None:
    """Create procrastinate's tables, or apply what its newer version changes; all of it or nothing.

    Raises SchemaNewer if a newer program has upgraded them.
    """
    with translate_faults(database.place), database.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_KEY})
        applied = _applied(connection)
        _require_known(database, applied)
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {JOB_SCHEMA}"))
        connection.execute(text(f"SET LOCAL search_path = {JOB_SCHEMA}"))
        if applied is None:
            _execute_script(connection, (files("procrastinate") / "sql" / "schema.sql").read_text("utf-8"))
            connection.execute(text(f"CREATE TABLE {_APPLIED} (version text PRIMARY KEY)"))
        else:
            for name in _changes():
                if name not in applied:
                    _execute_script(connection, (_folder() / name).read_text("utf-8"))
        for name in _changes():
            known = text(f"INSERT INTO {_APPLIED} VALUES (:name) ON CONFLICT DO NOTHING")  # noqa: S608
            connection.execute(known, {"name": name})
        _execute_script(connection, _ANNOUNCE)


def require_job_schema(database: Database) -> None:
    """Raise SchemaOutdated or SchemaNewer if procrastinate's tables are those of another version."""
    with translate_faults(database.place), database.readers.connect() as connection:
        applied = _applied(connection)
    _require_known(database, applied)
    if applied is None or set(_changes()) - applied:
        raise SchemaOutdated(
            f"{database.place}: the tables of procrastinate are missing or older than this program. "
            "Run `spillwatch db upgrade`."
        )


def _require_known(database: Database, applied: set[str] | None) -> None:
    unknown = (applied or set()) - set(_changes())
    if unknown:
        raise SchemaNewer(
            f"{database.place}: the tables of procrastinate have {max(unknown)}, which this program does not "
            "know. Install the newer program again, or restore the backup made before the upgrade."
        )


def _applied(connection: Connection) -> set[str] | None:
    """Return the changes that the database has; None: it has no tables of procrastinate."""
    if connection.scalar(text(f"SELECT to_regclass('{_APPLIED}')")) is None:
        return None
    return set(connection.scalars(text(f"SELECT version FROM {_APPLIED}")))  # noqa: S608


def _folder() -> Traversable:
    return files("procrastinate") / "sql" / "migrations"


def _changes() -> list[str]:
    """Return the names of the changes in their order: each begins with the version that made it."""
    return sorted(each.name for each in _folder().iterdir() if each.name.endswith(".sql"))


def _execute_script(connection: Connection, script: str) -> None:
    """Execute several statements, in which a percent sign is no parameter."""
    connection.execution_options(no_parameters=True).exec_driver_sql(script)
