import sqlalchemy as sa
from alembic import op

revision = "cf8b36c30d81"
down_revision = "0001_context_feedback"


def upgrade():
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("created_at", sa.DateTime()),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", sa.String()),
        sa.Column("retries", sa.Integer()),
        sa.Column("dedupe_key", sa.String(), nullable=False, unique=True),
        sa.Column("tenant_id", sa.String()),
        sa.Column("last_error", sa.String()),
    )
