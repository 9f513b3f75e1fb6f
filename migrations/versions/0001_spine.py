"""Every table of the spine, and the guards of those that only grow; written by Alembic, never edited."""

# ruff: noqa: E501 - the lines of tables are written by Alembic

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = (
    "entry",
    "hold_event",
    "posting",
)
FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


def upgrade() -> None:
    make_tables()
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(FUNCTION.replace("%", "%%"))
    for table in APPEND_ONLY:
        guard(table, op.get_bind().dialect.name)


def guard(table: str, dialect: str) -> None:
    if dialect == "postgresql":
        op.execute(f"CREATE TRIGGER {table}_refuse_rewrite BEFORE UPDATE OR DELETE ON {table}"
                   " FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()")
        op.execute(f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}"
                   " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()")
        return
    for act in ("update", "delete"):
        op.execute(f"CREATE TRIGGER {table}_refuse_{act} BEFORE {act.upper()} ON {table}"
                   f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_tables() -> None:
    make_account()
    make_alliance()
    make_api_key_change()
    make_chain_alarm()
    make_chain_applied()
    make_chain_balance()
    make_chain_batch()
    make_chain_block()
    make_chain_counter()
    make_chain_cursor()
    make_chain_journal()
    make_chain_leader()
    make_chain_merchant_keys()
    make_chain_net()
    make_chain_operation()
    make_chain_period()
    make_chain_programme()
    make_chain_restored()
    make_chain_signer()
    make_chain_step()
    make_chain_terms()
    make_custodial_use()
    make_entry()
    make_hold()
    make_idempotency()
    make_intent()
    make_ledger_head()
    make_lot()
    make_member()
    make_merchant()
    make_operator_act()
    make_pay_code_revocation()
    make_permit_use()
    make_points_change()
    make_receipt_series()
    make_service_clock()
    make_api_key()
    make_chain_batch_item()
    make_chain_tx()
    make_device()
    make_hold_event()
    make_member_identity()
    make_posting()
    make_programme()
    make_sale()
    make_store()
    make_adjustment()
    make_earn_rule()
    make_issuance_budget()
    make_issuance_reservation()
    make_member_programme()
    make_otp_use()
    make_pending_issue()
    make_programme_epoch()
    make_programme_terms()
    make_refund()
    make_terminal()


def make_account() -> None:
    op.create_table('account',
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=True),
    sa.Column('merchant_id', sa.BigInteger(), nullable=True),
    sa.Column('programme_id', sa.Integer(), nullable=True),
    sa.Column('pool_id', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_account'))
    )
    op.create_index(op.f('ix_account_member_id'), 'account', ['member_id'], unique=False)


def make_alliance() -> None:
    op.create_table('alliance',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('gs1_prefix', sa.Text(), nullable=False),
    sa.Column('chain_id', sa.BigInteger(), nullable=False),
    sa.Column('clearing_house', sa.LargeBinary(), nullable=False),
    sa.Column('registry', sa.LargeBinary(), nullable=False),
    sa.Column('manager', sa.LargeBinary(), nullable=False),
    sa.Column('points_implementation', sa.LargeBinary(), nullable=False),
    sa.Column('per_permit_micros', sa.BigInteger(), nullable=False),
    sa.Column('per_day_micros', sa.BigInteger(), nullable=False),
    sa.Column('founded_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_alliance_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alliance'))
    )


def make_api_key_change() -> None:
    op.create_table('api_key_change',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key_change'))
    )


def make_chain_alarm() -> None:
    op.create_table('chain_alarm',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('raised_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('code', 'subject', name=op.f('pk_chain_alarm'))
    )


def make_chain_applied() -> None:
    op.create_table('chain_applied',
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('period', sa.BigInteger(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_chain_applied'))
    )
    op.create_index('ix_chain_applied_block_number', 'chain_applied', ['block_number'], unique=False)


def make_chain_balance() -> None:
    op.create_table('chain_balance',
    sa.Column('account', sa.LargeBinary(), nullable=False),
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'programme_id', 'epoch', name=op.f('pk_chain_balance'))
    )


def make_chain_batch() -> None:
    op.create_table('chain_batch',
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('signed', 'mined', 'final', 'reverted', 'dead')", name=op.f('ck_chain_batch_state_known')),
    sa.CheckConstraint('count >= 1', name=op.f('ck_chain_batch_count_at_least_1')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_chain_batch'))
    )
    op.create_index('ix_chain_batch_unsettled', 'chain_batch', ['state'], unique=False, sqlite_where=sa.text("state IN ('signed', 'mined', 'reverted')"), postgresql_where=sa.text("state IN ('signed', 'mined', 'reverted')"))


def make_chain_block() -> None:
    op.create_table('chain_block',
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('parent_hash', sa.LargeBinary(), nullable=False),
    sa.Column('timestamp', sa.BigInteger(), nullable=False),
    sa.Column('base_fee', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_chain_block'))
    )


def make_chain_counter() -> None:
    op.create_table('chain_counter',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('issued', sa.BigInteger(), nullable=False),
    sa.Column('redeemed', sa.BigInteger(), nullable=False),
    sa.Column('restored', sa.BigInteger(), nullable=False),
    sa.Column('clawed_back', sa.BigInteger(), nullable=False),
    sa.Column('expired', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('programme_id', 'epoch', name=op.f('pk_chain_counter'))
    )


def make_chain_cursor() -> None:
    op.create_table('chain_cursor',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('parent_hash', sa.LargeBinary(), nullable=False),
    sa.Column('final_number', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_chain_cursor_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_chain_cursor'))
    )


def make_chain_journal() -> None:
    op.create_table('chain_journal',
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tx_hash', sa.LargeBinary(), nullable=False),
    sa.Column('raw_tx', sa.LargeBinary(), nullable=False),
    sa.Column('block_timestamp', sa.BigInteger(), nullable=True),
    sa.Column('block_number', sa.BigInteger(), nullable=True),
    sa.Column('block_hash', sa.LargeBinary(), nullable=True),
    sa.Column('block_position', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_chain_journal')),
    sa.UniqueConstraint('tx_hash', name=op.f('uq_chain_journal_tx_hash'))
    )
    op.create_index('ix_chain_journal_block_number', 'chain_journal', ['block_number'], unique=False)


def make_chain_leader() -> None:
    op.create_table('chain_leader',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('holder', sa.Text(), nullable=False),
    sa.Column('token', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_chain_leader_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_chain_leader'))
    )


def make_chain_merchant_keys() -> None:
    op.create_table('chain_merchant_keys',
    sa.Column('merchant', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('block_number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('log_index', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('admin', sa.LargeBinary(), nullable=False),
    sa.Column('operations', sa.LargeBinary(), nullable=False),
    sa.Column('settlement', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('merchant', 'block_number', 'log_index', name=op.f('pk_chain_merchant_keys'))
    )


def make_chain_net() -> None:
    op.create_table('chain_net',
    sa.Column('period', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('merchant', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('net_micros', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('period', 'merchant', name=op.f('pk_chain_net'))
    )


def make_chain_operation() -> None:
    op.create_table('chain_operation',
    sa.Column('batch', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('op_id', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.Integer(), nullable=False),
    sa.Column('account', sa.LargeBinary(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('batch', 'position', name=op.f('pk_chain_operation'))
    )
    op.create_index('ix_chain_operation_account', 'chain_operation', ['account'], unique=False)
    op.create_index('ix_chain_operation_leaf', 'chain_operation', ['leaf'], unique=False)


def make_chain_period() -> None:
    op.create_table('chain_period',
    sa.Column('period', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('last_batch', sa.BigInteger(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('period', name=op.f('pk_chain_period'))
    )


def make_chain_programme() -> None:
    op.create_table('chain_programme',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('issuer', sa.BigInteger(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('programme_id', name=op.f('pk_chain_programme'))
    )


def make_chain_restored() -> None:
    op.create_table('chain_restored',
    sa.Column('original_leaf', sa.LargeBinary(), nullable=False),
    sa.Column('leg_index', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('most', sa.BigInteger(), nullable=False),
    sa.Column('restored', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('original_leaf', 'leg_index', name=op.f('pk_chain_restored'))
    )


def make_chain_signer() -> None:
    op.create_table('chain_signer',
    sa.Column('address', sa.LargeBinary(), nullable=False),
    sa.Column('next_nonce', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('next_nonce >= 0', name=op.f('ck_chain_signer_next_nonce_at_least_0')),
    sa.PrimaryKeyConstraint('address', name=op.f('pk_chain_signer'))
    )


def make_chain_step() -> None:
    op.create_table('chain_step',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('signer', sa.LargeBinary(), nullable=False),
    sa.Column('nonce', sa.BigInteger(), nullable=False),
    sa.Column('address', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_chain_step'))
    )


def make_chain_terms() -> None:
    op.create_table('chain_terms',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('effective_from', sa.BigInteger(), nullable=False),
    sa.Column('point_value_micros', sa.BigInteger(), nullable=False),
    sa.Column('fee_bps', sa.Integer(), nullable=False),
    sa.Column('issuance_cap', sa.BigInteger(), nullable=False),
    sa.Column('validity_epochs', sa.Integer(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('programme_id', 'version', name=op.f('pk_chain_terms'))
    )


def make_custodial_use() -> None:
    op.create_table('custodial_use',
    sa.Column('account', sa.LargeBinary(), nullable=False),
    sa.Column('day', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('spent_micros', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('spent_micros >= 0', name=op.f('ck_custodial_use_spent_micros_at_least_0')),
    sa.PrimaryKeyConstraint('account', 'day', name=op.f('pk_custodial_use')),
    sqlite_with_rowid=False
    )


def make_entry() -> None:
    op.create_table('entry',
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('op_id', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint('length(hash) = 32', name=op.f('ck_entry_hash_length')),
    sa.CheckConstraint('length(op_id) = 16', name=op.f('ck_entry_op_id_length')),
    sa.CheckConstraint('sequence >= 1', name=op.f('ck_entry_sequence_at_least_1')),
    sa.PrimaryKeyConstraint('sequence', name=op.f('pk_entry'))
    )
    op.create_index(op.f('ix_entry_occurred_at'), 'entry', ['occurred_at'], unique=False)
    op.create_index(op.f('ix_entry_op_id'), 'entry', ['op_id'], unique=False)


def make_hold() -> None:
    op.create_table('hold',
    sa.Column('hold_id', sa.LargeBinary(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('ledger_base', sa.BigInteger(), nullable=False),
    sa.Column('merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('store_gln', sa.BigInteger(), nullable=False),
    sa.Column('terminal_id', sa.String(length=64), nullable=True),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('accepted_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.Column('latest_at', sa.BigInteger(), nullable=False),
    sa.Column('legs', sa.Text(), nullable=False),
    sa.Column('legs_left', sa.Text(), nullable=False),
    sa.Column('points_held', sa.BigInteger(), nullable=False),
    sa.Column('points_captured', sa.BigInteger(), nullable=False),
    sa.Column('points_released', sa.BigInteger(), nullable=False),
    sa.Column('events', sa.Integer(), nullable=False),
    sa.Column('permit_digest', sa.LargeBinary(), nullable=False),
    sa.Column('max_value_micros', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.CheckConstraint("state = 'open' OR points_captured + points_released = points_held", name=op.f('ck_hold_closed_is_empty')),
    sa.CheckConstraint("state IN ('open', 'closed')", name=op.f('ck_hold_state_known')),
    sa.CheckConstraint('accepted_at <= expires_at AND expires_at <= latest_at', name=op.f('ck_hold_deadlines')),
    sa.CheckConstraint('length(hold_id) = 16', name=op.f('ck_hold_hold_id_length')),
    sa.CheckConstraint('length(permit_digest) = 32', name=op.f('ck_hold_permit_digest_length')),
    sa.CheckConstraint('points_captured + points_released <= points_held', name=op.f('ck_hold_within_held')),
    sa.CheckConstraint('points_captured >= 0', name=op.f('ck_hold_points_captured_at_least_0')),
    sa.CheckConstraint('points_held >= 1', name=op.f('ck_hold_points_held_at_least_1')),
    sa.CheckConstraint('points_released >= 0', name=op.f('ck_hold_points_released_at_least_0')),
    sa.PrimaryKeyConstraint('hold_id', name=op.f('pk_hold'))
    )
    op.create_index(op.f('ix_hold_member_id'), 'hold', ['member_id'], unique=False)
    op.create_index('ix_hold_open_expires_at', 'hold', ['expires_at'], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))


def make_idempotency() -> None:
    op.create_table('idempotency',
    sa.Column('subject', sa.String(length=80), nullable=False),
    sa.Column('key', sa.String(length=128), nullable=False),
    sa.Column('body_hash', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.SmallInteger(), nullable=False),
    sa.Column('response', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('subject', 'key', name=op.f('pk_idempotency')),
    sqlite_with_rowid=False
    )


def make_intent() -> None:
    op.create_table('intent',
    sa.Column('intent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('op_id', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.SmallInteger(), nullable=False),
    sa.Column('merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=True),
    sa.Column('programme_ids', sa.Text(), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('original_op_id', sa.LargeBinary(), nullable=True),
    sa.Column('state', sa.String(length=9), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('batch_number', sa.BigInteger(), nullable=True),
    sa.Column('batch_index', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state <> 'set_aside' OR reason IS NOT NULL", name=op.f('ck_intent_reasoned')),
    sa.CheckConstraint("state IN ('queued', 'packed', 'mined', 'final', 'set_aside')", name=op.f('ck_intent_state_known')),
    sa.CheckConstraint("state IN ('queued', 'set_aside') OR (batch_number IS NOT NULL AND batch_index IS NOT NULL)", name=op.f('ck_intent_placed')),
    sa.CheckConstraint('length(leaf) = 32', name=op.f('ck_intent_leaf_length')),
    sa.CheckConstraint('length(op_id) = 16', name=op.f('ck_intent_op_id_length')),
    sa.PrimaryKeyConstraint('intent_id', name=op.f('pk_intent')),
    sa.UniqueConstraint('op_id', name=op.f('uq_intent_op_id'))
    )
    op.create_index('ix_intent_batch', 'intent', ['batch_number', 'batch_index'], unique=False)
    op.create_index(op.f('ix_intent_member_id'), 'intent', ['member_id'], unique=False)
    op.create_index('ix_intent_state', 'intent', ['state', 'intent_id'], unique=False)


def make_ledger_head() -> None:
    op.create_table('ledger_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('intent_id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_ledger_head_only_one')),
    sa.CheckConstraint('intent_id >= 0', name=op.f('ck_ledger_head_intent_id_at_least_0')),
    sa.CheckConstraint('sequence >= 0', name=op.f('ck_ledger_head_sequence_at_least_0')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_head'))
    )


def make_lot() -> None:
    op.create_table('lot',
    sa.Column('member_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('available', sa.BigInteger(), nullable=False),
    sa.Column('held', sa.BigInteger(), nullable=False),
    sa.Column('pending', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('available >= 0', name=op.f('ck_lot_available_at_least_0')),
    sa.CheckConstraint('held >= 0', name=op.f('ck_lot_held_at_least_0')),
    sa.CheckConstraint('pending >= 0', name=op.f('ck_lot_pending_at_least_0')),
    sa.PrimaryKeyConstraint('member_id', 'programme_id', 'epoch', name=op.f('pk_lot')),
    postgresql_with={'fillfactor': 80},
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_lot_programme_id_epoch_member_id'), 'lot', ['programme_id', 'epoch', 'member_id'], unique=False)


def make_member() -> None:
    op.create_table('member',
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('member_number', sa.CHAR(length=18), nullable=True),
    sa.Column('account', sa.LargeBinary(), nullable=True),
    sa.Column('salt', sa.LargeBinary(), nullable=True),
    sa.Column('display_name', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('custody', sa.Text(), nullable=False),
    sa.Column('ledger_base', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('erased_at', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("custody IN ('device', 'custodial')", name=op.f('ck_member_custody_known')),
    sa.CheckConstraint("status IN ('active', 'frozen', 'erased')", name=op.f('ck_member_status_known')),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_member')),
    sa.UniqueConstraint('account', name=op.f('uq_member_account')),
    sa.UniqueConstraint('ledger_base', name=op.f('uq_member_ledger_base')),
    sa.UniqueConstraint('member_number', name=op.f('uq_member_member_number'))
    )


def make_merchant() -> None:
    op.create_table('merchant',
    sa.Column('merchant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('admin_key', sa.LargeBinary(), nullable=False),
    sa.Column('operations_key', sa.LargeBinary(), nullable=False),
    sa.Column('settlement_key', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f('ck_merchant_status_known')),
    sa.PrimaryKeyConstraint('merchant_id', name=op.f('pk_merchant'))
    )


def make_operator_act() -> None:
    op.create_table('operator_act',
    sa.Column('act_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('result', sa.Text(), nullable=True),
    sa.Column('asked_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'done', 'refused')", name=op.f('ck_operator_act_state_known')),
    sa.PrimaryKeyConstraint('act_id', name=op.f('pk_operator_act'))
    )


def make_pay_code_revocation() -> None:
    op.create_table('pay_code_revocation',
    sa.Column('account', sa.LargeBinary(), nullable=False),
    sa.Column('nonce', sa.LargeBinary(), nullable=False),
    sa.Column('merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('terminal_id', sa.String(length=64), nullable=False),
    sa.Column('revoked_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'nonce', name=op.f('pk_pay_code_revocation')),
    sqlite_with_rowid=False
    )


def make_permit_use() -> None:
    op.create_table('permit_use',
    sa.Column('account', sa.LargeBinary(), nullable=False),
    sa.Column('nonce', sa.LargeBinary(), nullable=False),
    sa.Column('used_by', sa.LargeBinary(), nullable=False),
    sa.Column('used_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'nonce', name=op.f('pk_permit_use')),
    sqlite_with_rowid=False
    )


def make_points_change() -> None:
    op.create_table('points_change',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_points_change_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_points_change'))
    )


def make_receipt_series() -> None:
    op.create_table('receipt_series',
    sa.Column('worker', sa.String(length=32), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('last >= 0', name=op.f('ck_receipt_series_last_at_least_0')),
    sa.PrimaryKeyConstraint('worker', name=op.f('pk_receipt_series'))
    )


def make_service_clock() -> None:
    op.create_table('service_clock',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('now', sa.BigInteger(), nullable=False),
    sa.Column('noted_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_service_clock_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_service_clock'))
    )


def make_api_key() -> None:
    op.create_table('api_key',
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(), nullable=False),
    sa.Column('subject_kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Text(), nullable=False),
    sa.Column('merchant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('scopes', sa.Text(), nullable=False),
    sa.Column('label', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('revoked_at', sa.BigInteger(), nullable=True),
    sa.Column('replaced_by', sa.Text(), nullable=True),
    sa.CheckConstraint("role IN ('member', 'cashier', 'merchant', 'auditor', 'operator')", name=op.f('ck_api_key_role_known')),
    sa.CheckConstraint("status IN ('active', 'revoked')", name=op.f('ck_api_key_status_known')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchant.merchant_id'], name=op.f('fk_api_key_merchant_id')),
    sa.PrimaryKeyConstraint('key_id', name=op.f('pk_api_key'))
    )
    op.create_index('ix_api_key_subject', 'api_key', ['subject_kind', 'subject_id'], unique=False)


def make_chain_batch_item() -> None:
    op.create_table('chain_batch_item',
    sa.Column('batch', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('op_id', sa.LargeBinary(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('live', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['batch'], ['chain_batch.number'], name=op.f('fk_chain_batch_item_batch')),
    sa.PrimaryKeyConstraint('batch', 'position', name=op.f('pk_chain_batch_item'))
    )
    op.create_index('uq_chain_batch_item_live_op_id', 'chain_batch_item', ['op_id'], unique=True, sqlite_where=sa.text('live'), postgresql_where=sa.text('live'))


def make_chain_tx() -> None:
    op.create_table('chain_tx',
    sa.Column('tx_hash', sa.LargeBinary(), nullable=False),
    sa.Column('signer', sa.LargeBinary(), nullable=False),
    sa.Column('nonce', sa.BigInteger(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('slot', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('batch_number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('step', sa.Text(), nullable=True),
    sa.Column('gas', sa.BigInteger(), nullable=False),
    sa.Column('max_fee', sa.BigInteger(), nullable=False),
    sa.Column('priority_fee', sa.BigInteger(), nullable=False),
    sa.Column('timestamp', sa.BigInteger(), nullable=True),
    sa.Column('block_number', sa.BigInteger(), nullable=True),
    sa.Column('gas_used', sa.BigInteger(), nullable=True),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.Column('signed_at', sa.BigInteger(), nullable=False),
    sa.Column('sent_at', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("state IN ('queued', 'signed', 'broadcast', 'mined', 'final', 'reverted', 'replaced', 'dropped')", name=op.f('ck_chain_tx_state_known')),
    sa.CheckConstraint('length(signer) = 20', name=op.f('ck_chain_tx_signer_length')),
    sa.ForeignKeyConstraint(['batch_number'], ['chain_batch.number'], name=op.f('fk_chain_tx_batch_number')),
    sa.ForeignKeyConstraint(['tx_hash'], ['chain_journal.tx_hash'], name=op.f('fk_chain_tx_tx_hash')),
    sa.PrimaryKeyConstraint('tx_hash', name=op.f('pk_chain_tx'))
    )
    op.create_index('ix_chain_tx_batch_number', 'chain_tx', ['batch_number'], unique=False)
    op.create_index('ix_chain_tx_open', 'chain_tx', ['state'], unique=False, sqlite_where=sa.text("state IN ('signed', 'broadcast', 'mined')"), postgresql_where=sa.text("state IN ('signed', 'broadcast', 'mined')"))
    op.create_index('uq_chain_tx_live_signer_nonce', 'chain_tx', ['signer', 'nonce'], unique=True, sqlite_where=sa.text("state NOT IN ('replaced', 'dropped')"), postgresql_where=sa.text("state NOT IN ('replaced', 'dropped')"))
    op.create_index('uq_chain_tx_signer_nonce_attempt', 'chain_tx', ['signer', 'nonce', 'attempt'], unique=True)


def make_device() -> None:
    op.create_table('device',
    sa.Column('device_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lane', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('signer', sa.LargeBinary(), nullable=False),
    sa.Column('flags', sa.Integer(), nullable=False),
    sa.Column('label', sa.Text(), nullable=True),
    sa.Column('otp_number', sa.CHAR(length=8), nullable=True),
    sa.Column('otp_failures', sa.Integer(), nullable=False),
    sa.Column('otp_locked_until', sa.BigInteger(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('active_from', sa.BigInteger(), nullable=False),
    sa.Column('revoked_at', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("status IN ('active', 'revoked')", name=op.f('ck_device_status_known')),
    sa.CheckConstraint('lane BETWEEN 0 AND 4294967295', name=op.f('ck_device_lane_is_uint32')),
    sa.CheckConstraint('length(signer) = 20', name=op.f('ck_device_signer_length')),
    sa.ForeignKeyConstraint(['member_id'], ['member.member_id'], name=op.f('fk_device_member_id')),
    sa.PrimaryKeyConstraint('device_id', name=op.f('pk_device')),
    sa.UniqueConstraint('member_id', 'lane', name='uq_device_lane'),
    sa.UniqueConstraint('member_id', 'signer', name='uq_device_signer'),
    sa.UniqueConstraint('otp_number', name=op.f('uq_device_otp_number'))
    )
    op.create_index('ix_device_signer', 'device', ['signer'], unique=False)


def make_hold_event() -> None:
    op.create_table('hold_event',
    sa.Column('hold_id', sa.LargeBinary(), nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('closing', sa.SmallInteger(), nullable=True),
    sa.Column('op_id', sa.LargeBinary(), nullable=False),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.Column('captured', sa.Text(), nullable=False),
    sa.CheckConstraint("kind IN ('capture', 'extend', 'void', 'expire')", name=op.f('ck_hold_event_kind_known')),
    sa.CheckConstraint('closing = 1', name=op.f('ck_hold_event_closing_is_one')),
    sa.CheckConstraint('length(op_id) = 16', name=op.f('ck_hold_event_op_id_length')),
    sa.ForeignKeyConstraint(['hold_id'], ['hold.hold_id'], name=op.f('fk_hold_event_hold_id')),
    sa.PrimaryKeyConstraint('hold_id', 'position', name=op.f('pk_hold_event')),
    sa.UniqueConstraint('hold_id', 'closing', name=op.f('uq_hold_event_hold_id_closing'))
    )


def make_member_identity() -> None:
    op.create_table('member_identity',
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('value_hash', sa.LargeBinary(), nullable=False),
    sa.Column('value_sealed', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['member.member_id'], name=op.f('fk_member_identity_member_id')),
    sa.PrimaryKeyConstraint('member_id', 'kind', name=op.f('pk_member_identity')),
    sa.UniqueConstraint('kind', 'value_hash', name='uq_member_identity_value')
    )


def make_posting() -> None:
    op.create_table('posting',
    sa.Column('sequence', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('position', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('source_id', sa.BigInteger(), nullable=False),
    sa.Column('destination_id', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.Integer(), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount >= 1', name=op.f('ck_posting_amount_at_least_1')),
    sa.CheckConstraint('epoch >= 0', name=op.f('ck_posting_epoch_at_least_0')),
    sa.CheckConstraint('source_id <> destination_id', name=op.f('ck_posting_two_accounts')),
    sa.ForeignKeyConstraint(['sequence'], ['entry.sequence'], name=op.f('fk_posting_sequence')),
    sa.PrimaryKeyConstraint('sequence', 'position', name=op.f('pk_posting')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_posting_destination_id_sequence'), 'posting', ['destination_id', 'sequence'], unique=False)
    op.create_index(op.f('ix_posting_source_id_sequence'), 'posting', ['source_id', 'sequence'], unique=False)


def make_programme() -> None:
    op.create_table('programme',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('code', sa.String(length=12), nullable=False),
    sa.Column('merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('timezone', sa.Text(), nullable=False),
    sa.Column('cycle', sa.String(length=8), nullable=False),
    sa.Column('pending_days', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("cycle IN ('week', 'month', 'quarter', 'year', 'never')", name=op.f('ck_programme_cycle_known')),
    sa.CheckConstraint('pending_days BETWEEN 0 AND 3650', name=op.f('ck_programme_pending_days_sane')),
    sa.CheckConstraint('programme_id BETWEEN 1 AND 2147483647', name=op.f('ck_programme_programme_id_sane')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchant.merchant_id'], name=op.f('fk_programme_merchant_id')),
    sa.PrimaryKeyConstraint('programme_id', name=op.f('pk_programme')),
    sa.UniqueConstraint('code', name=op.f('uq_programme_code'))
    )
    op.create_index(op.f('ix_programme_merchant_id'), 'programme', ['merchant_id'], unique=False)


def make_sale() -> None:
    op.create_table('sale',
    sa.Column('sale_id', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('store_gln', sa.BigInteger(), nullable=False),
    sa.Column('terminal_id', sa.String(length=64), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=True),
    sa.Column('hold_id', sa.LargeBinary(), nullable=True),
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('lines', sa.Text(), nullable=False),
    sa.Column('spent', sa.Text(), nullable=False),
    sa.Column('earned', sa.Text(), nullable=False),
    sa.Column('returned', sa.Text(), nullable=False),
    sa.Column('receipt', sa.Text(), nullable=False),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("kind IN ('sale', 'capture')", name=op.f('ck_sale_kind_known')),
    sa.CheckConstraint('length(sale_id) = 16', name=op.f('ck_sale_sale_id_length')),
    sa.CheckConstraint('total_minor >= 0', name=op.f('ck_sale_total_minor_at_least_0')),
    sa.ForeignKeyConstraint(['member_id'], ['member.member_id'], name=op.f('fk_sale_member_id')),
    sa.PrimaryKeyConstraint('sale_id', name=op.f('pk_sale'))
    )
    op.create_index('ix_sale_member_id', 'sale', ['member_id', 'occurred_at'], unique=False)
    op.create_index('ix_sale_merchant_id', 'sale', ['merchant_id', 'occurred_at'], unique=False)


def make_store() -> None:
    op.create_table('store',
    sa.Column('gln', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('merchant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('timezone', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("status IN ('active', 'closed')", name=op.f('ck_store_status_known')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchant.merchant_id'], name=op.f('fk_store_merchant_id')),
    sa.PrimaryKeyConstraint('gln', name=op.f('pk_store'))
    )
    op.create_index('ix_store_merchant_id', 'store', ['merchant_id'], unique=False)


def make_adjustment() -> None:
    op.create_table('adjustment',
    sa.Column('adjustment_id', sa.LargeBinary(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=16), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('funder_merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.BigInteger(), nullable=False),
    sa.Column('decided_by', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.CheckConstraint("(state = 'asked') = (decided_by IS NULL)", name=op.f('ck_adjustment_decided_by_somebody')),
    sa.CheckConstraint("reason IN ('goodwill', 'correction', 'extension')", name=op.f('ck_adjustment_reason_known')),
    sa.CheckConstraint("state IN ('asked', 'approved', 'declined')", name=op.f('ck_adjustment_state_known')),
    sa.CheckConstraint('decided_by IS NULL OR decided_by <> requested_by', name=op.f('ck_adjustment_two_people')),
    sa.CheckConstraint('length(adjustment_id) = 16', name=op.f('ck_adjustment_adjustment_id_length')),
    sa.CheckConstraint('points >= 1', name=op.f('ck_adjustment_points_at_least_1')),
    sa.ForeignKeyConstraint(['funder_merchant_id'], ['merchant.merchant_id'], name=op.f('fk_adjustment_funder_merchant_id')),
    sa.ForeignKeyConstraint(['member_id'], ['member.member_id'], name=op.f('fk_adjustment_member_id')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_adjustment_programme_id')),
    sa.PrimaryKeyConstraint('adjustment_id', name=op.f('pk_adjustment'))
    )
    op.create_index('ix_adjustment_funder', 'adjustment', ['funder_merchant_id', 'decided_at'], unique=False)
    op.create_index(op.f('ix_adjustment_member_id'), 'adjustment', ['member_id'], unique=False)


def make_earn_rule() -> None:
    op.create_table('earn_rule',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('effective_from', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.CheckConstraint('version >= 1', name=op.f('ck_earn_rule_version_at_least_1')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_earn_rule_programme_id')),
    sa.PrimaryKeyConstraint('programme_id', 'version', name=op.f('pk_earn_rule'))
    )


def make_issuance_budget() -> None:
    op.create_table('issuance_budget',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('drawn_total', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('drawn_total >= 0', name=op.f('ck_issuance_budget_drawn_total_at_least_0')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_issuance_budget_programme_id')),
    sa.PrimaryKeyConstraint('programme_id', name=op.f('pk_issuance_budget'))
    )


def make_issuance_reservation() -> None:
    op.create_table('issuance_reservation',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('worker', sa.String(length=32), nullable=False),
    sa.Column('remaining', sa.BigInteger(), nullable=False),
    sa.Column('cap', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('remaining >= 0', name=op.f('ck_issuance_reservation_remaining_at_least_0')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_issuance_reservation_programme_id')),
    sa.PrimaryKeyConstraint('programme_id', 'worker', name=op.f('pk_issuance_reservation'))
    )


def make_member_programme() -> None:
    op.create_table('member_programme',
    sa.Column('member_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('debt', sa.BigInteger(), nullable=False),
    sa.Column('frozen', sa.Boolean(), nullable=False),
    sa.Column('frozen_reason', sa.Text(), nullable=True),
    sa.Column('earned_day', sa.Integer(), nullable=False),
    sa.Column('earned_today', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('debt >= 0', name=op.f('ck_member_programme_debt_at_least_0')),
    sa.CheckConstraint('earned_today >= 0', name=op.f('ck_member_programme_earned_today_at_least_0')),
    sa.ForeignKeyConstraint(['member_id'], ['member.member_id'], name=op.f('fk_member_programme_member_id')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_member_programme_programme_id')),
    sa.PrimaryKeyConstraint('member_id', 'programme_id', name=op.f('pk_member_programme')),
    sqlite_with_rowid=False
    )


def make_otp_use() -> None:
    op.create_table('otp_use',
    sa.Column('device_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('step', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('used_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['device_id'], ['device.device_id'], name=op.f('fk_otp_use_device_id')),
    sa.PrimaryKeyConstraint('device_id', 'step', name=op.f('pk_otp_use'))
    )


def make_pending_issue() -> None:
    op.create_table('pending_issue',
    sa.Column('op_id', sa.LargeBinary(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('left', sa.BigInteger(), nullable=False),
    sa.Column('vests_at', sa.BigInteger(), nullable=False),
    sa.Column('sale_id', sa.LargeBinary(), nullable=False),
    sa.Column('rule_version', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint("state <> 'vested' OR leaf IS NOT NULL", name=op.f('ck_pending_issue_vested_has_leaf')),
    sa.CheckConstraint("state IN ('waiting', 'vested', 'reversed')", name=op.f('ck_pending_issue_state_known')),
    sa.CheckConstraint('"left" BETWEEN 0 AND amount', name=op.f('ck_pending_issue_left_of_amount')),
    sa.CheckConstraint('amount >= 1', name=op.f('ck_pending_issue_amount_at_least_1')),
    sa.ForeignKeyConstraint(['member_id'], ['member.member_id'], name=op.f('fk_pending_issue_member_id')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_pending_issue_programme_id')),
    sa.PrimaryKeyConstraint('op_id', name=op.f('pk_pending_issue'))
    )
    op.create_index(op.f('ix_pending_issue_member_id'), 'pending_issue', ['member_id'], unique=False)
    op.create_index('ix_pending_issue_waiting', 'pending_issue', ['vests_at'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))


def make_programme_epoch() -> None:
    op.create_table('programme_epoch',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('ends_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('epoch >= 1', name=op.f('ck_programme_epoch_epoch_at_least_1')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_programme_epoch_programme_id')),
    sa.PrimaryKeyConstraint('programme_id', 'epoch', name=op.f('pk_programme_epoch'))
    )


def make_programme_terms() -> None:
    op.create_table('programme_terms',
    sa.Column('programme_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('effective_from', sa.BigInteger(), nullable=False),
    sa.Column('point_value_micros', sa.BigInteger(), nullable=False),
    sa.Column('fee_bps', sa.Integer(), nullable=False),
    sa.Column('issuance_cap', sa.BigInteger(), nullable=False),
    sa.Column('validity_epochs', sa.Integer(), nullable=False),
    sa.CheckConstraint('fee_bps BETWEEN 0 AND 10000', name=op.f('ck_programme_terms_fee_is_a_share')),
    sa.CheckConstraint('issuance_cap >= 0', name=op.f('ck_programme_terms_issuance_cap_at_least_0')),
    sa.CheckConstraint('point_value_micros >= 1', name=op.f('ck_programme_terms_point_value_micros_at_least_1')),
    sa.CheckConstraint('validity_epochs >= 0', name=op.f('ck_programme_terms_validity_epochs_at_least_0')),
    sa.CheckConstraint('version BETWEEN 1 AND 65535', name=op.f('ck_programme_terms_version_is_uint16')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.programme_id'], name=op.f('fk_programme_terms_programme_id')),
    sa.PrimaryKeyConstraint('programme_id', 'version', name=op.f('pk_programme_terms'))
    )


def make_refund() -> None:
    op.create_table('refund',
    sa.Column('refund_id', sa.LargeBinary(), nullable=False),
    sa.Column('sale_id', sa.LargeBinary(), nullable=False),
    sa.Column('merchant_id', sa.BigInteger(), nullable=False),
    sa.Column('terminal_id', sa.String(length=64), nullable=False),
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('length(refund_id) = 16', name=op.f('ck_refund_refund_id_length')),
    sa.ForeignKeyConstraint(['sale_id'], ['sale.sale_id'], name=op.f('fk_refund_sale_id')),
    sa.PrimaryKeyConstraint('refund_id', name=op.f('pk_refund'))
    )
    op.create_index(op.f('ix_refund_sale_id'), 'refund', ['sale_id'], unique=False)


def make_terminal() -> None:
    op.create_table('terminal',
    sa.Column('terminal_id', sa.Text(), nullable=False),
    sa.Column('merchant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('store_gln', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('till_key', sa.LargeBinary(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f('ck_terminal_status_known')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchant.merchant_id'], name=op.f('fk_terminal_merchant_id')),
    sa.ForeignKeyConstraint(['store_gln'], ['store.gln'], name=op.f('fk_terminal_store_gln')),
    sa.PrimaryKeyConstraint('terminal_id', name=op.f('pk_terminal'))
    )
    op.create_index('ix_terminal_merchant_id', 'terminal', ['merchant_id'], unique=False)
