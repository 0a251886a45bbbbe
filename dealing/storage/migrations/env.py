"""What Alembic runs: all missing steps in the one transaction that it is given."""

from alembic import context

from dealing.storage.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
context.run_migrations()
