"""Alembic runs the revisions against the database of SOMABRAIN_POSTGRES_DSN."""

import os

from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["SOMABRAIN_POSTGRES_DSN"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
