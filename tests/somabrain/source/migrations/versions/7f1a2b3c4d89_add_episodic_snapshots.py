import sqlalchemy as sa
from alembic import op

revision = "7f1a2b3c4d89"
down_revision = "cf8b36c30d81"


def upgrade():
    op.create_table("episodic_snapshots", sa.Column("id", sa.Integer(), primary_key=True))
