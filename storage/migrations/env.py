"""Alembic's entry point: migrates on the connection of `storage.database.schema`, in its transaction."""

from alembic import context

from storage.database.schema import METADATA, include_object

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_object=include_object,
    render_as_batch=True,  # SQLite alters a table by creating a new one
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
