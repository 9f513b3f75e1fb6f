"""Words of other rooms in the transparency log; what a milestone is for; where a newcomer's code goes."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0083_share_proofs"
down_revision = "0082_events_by_papers"
_MILESTONE = sa.text("reached IS NOT NULL")
_MILESTONES = (
    "SELECT r.reward_id, r.member_id, r.campaign_id, r.pays, r.points, r.definition_id, v.body"
    " FROM share_reward r JOIN share_campaign_version v"
    " ON v.campaign_id = r.campaign_id AND v.version = r.version"
    " WHERE r.role = 'milestone' AND r.state NOT IN ('void', 'clawed') ORDER BY r.made_at, r.reward_id"
)


def upgrade() -> None:
    op.create_table(
        "log_word",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("ref", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('share')", name=op.f("ck_log_word_kind_known")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_log_word_seq_at_least_0")),
        sa.CheckConstraint("ref >= 1", name=op.f("ck_log_word_ref_at_least_1")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log_word")),
        sa.UniqueConstraint("kind", "ref", name="uq_log_word_kind"),
        sqlite_with_rowid=False,
    )
    for statement in guard_statements("log_word", op.get_bind().dialect.name):
        op.execute(statement)
    op.add_column("login_code", sa.Column("phone_sealed", sa.LargeBinary(), nullable=True))
    check = "CONSTRAINT ck_share_reward_reached_at_least_1 CHECK (reached >= 1)"
    op.execute(f"ALTER TABLE share_reward ADD COLUMN reached INTEGER {check}")
    op.create_index(
        "ix_share_reward_reached", "share_reward", ["member_id", "campaign_id"], unique=False,
        sqlite_where=_MILESTONE, postgresql_where=_MILESTONE,
    )  # fmt: skip
    _fill(op.get_bind())


def _fill(conn: sa.Connection) -> None:
    """Milestones of before are for the conversions that their terms say, of one sharer in order."""
    given: dict[tuple[int, bytes], set[tuple[int, str]]] = {}
    for row in conn.execute(sa.text(_MILESTONES)).all():
        done = given.setdefault((row.member_id, row.campaign_id), set())
        for count, points, *coupon in json.loads(row.body)["milestones"]:
            promised = points if row.pays == "points" else (coupon or [0])[0]
            paid = row.points if row.pays == "points" else row.definition_id
            if promised == paid and (count, row.pays) not in done:
                done.add((count, row.pays))
                its = sa.text("UPDATE share_reward SET reached = :reached WHERE reward_id = :reward_id")
                conn.execute(its, {"reached": count, "reward_id": row.reward_id})
                break


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
