"""storage.work: the interface of the dispatcher."""

from storage.database.base import Database
from storage.work import Dispatcher, SilentDispatcher, Work, WorkKind


def test_nobody_has_to_listen(database: Database) -> None:
    """A command without a daemon can announce work to the SilentDispatcher."""
    dispatcher: Dispatcher = SilentDispatcher()
    with database.transaction() as session:
        dispatcher.announce(session, Work(WorkKind.RUN, 1))
