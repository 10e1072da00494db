"""Alembic's entry: it is given the open connection, so there is no alembic.ini and no second way to find the ledger."""

from alembic import context

from syncd.adapters.ledger.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
