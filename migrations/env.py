"""Run the migrations on the connection that `node.jobs.schema` provides."""

from alembic import context

from node.jobs.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
