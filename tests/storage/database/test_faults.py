"""storage.database.faults: what a PostgreSQL server refuses is told as what it is, not as silence."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import exc
from sqlalchemy.engine import make_url

from storage.database.base import Database
from storage.database.faults import storage_error
from storage.errors import DatabaseCrowded, DatabaseReadOnly, DatabaseRefused, StorageError
from storage.write_probe import require_writable_database


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("//spillwatch@", "//nobody_here@", DatabaseRefused),
        ("/?host=", "/not_there?host=", DatabaseRefused),
        ("//spillwatch@", "//crowded@", DatabaseCrowded),
        ("?host=", "?options=-c%20default_transaction_read_only%3Don&host=", DatabaseReadOnly),
    ],
)
def test_a_server_that_refuses_is_not_one_that_does_not_answer(
    postgres_url: str, before: str, after: str, kind: type[StorageError]
) -> None:
    """A wrong user, a wrong database, no connection left and a read-only server each have an error."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS crowded")
        admin.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    name = str(make_url(postgres_url).database)
    database = Database.open(postgres_url.replace(before.replace("/?", f"/{name}?"), after))
    with pytest.raises(kind):
        require_writable_database(database)
    database.close()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('connection failed: FATAL:  password authentication failed for user "x"', "database_refused"),
        ('connection failed: FATAL:  no pg_hba.conf entry for host "192.0.2.1"', "database_refused"),
        ("connection failed: fe_sendauth: no password supplied", "database_refused"),
        ("connection failed: FATAL:  sorry, too many clients already", "database_crowded"),
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
            "database_crowded",
        ),
        ("cannot set transaction read-write mode during recovery", "database_read_only"),
        ("connection failed: FATAL:  the database system is starting up", "database_unreachable"),
        ("connection failed: FATAL:  the database system is shutting down", "database_unreachable"),
        ("connection failed: Connection refused. Is the server running?", "database_unreachable"),
        ("connection failed: timeout expired", "database_unreachable"),
        ("connection failed: server closed the connection unexpectedly", "database_unreachable"),
    ],
)
def test_what_a_server_says_while_it_connects(said: str, reason: str) -> None:
    """psycopg has no code for what happens while it connects, so words decide; none are passed on."""
    error = storage_error("here", exc.OperationalError("SELECT 1", {}, psycopg.OperationalError(said)))

    assert (error.reason, error.permanent) == (reason, reason == "database_refused")
    assert said not in str(error)
