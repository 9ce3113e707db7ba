import sqlalchemy as sa
from alembic import op

revision = "3c1a2b4c5d67"
down_revision = "cf8b36c30d81"


def upgrade():
    op.create_table("cog_segments", sa.Column("id", sa.Integer(), primary_key=True))
