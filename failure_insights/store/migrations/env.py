"""What Alembic runs: our migrations, in our own schema, over the connection handed to it."""

from alembic import context

from failure_insights.store.database import SCHEMA

context.configure(connection=context.config.attributes["connection"], version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
