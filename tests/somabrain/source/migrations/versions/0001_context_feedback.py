import sqlalchemy as sa
from alembic import op

revision = "0001_context_feedback"
down_revision = None


def upgrade():
    op.create_table("feedback_events", sa.Column("id", sa.String(64), primary_key=True))
