"""Tables of code lists and codes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger_service.coupons.codes.rules import KINDS, ORIGINS, STATES
from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

# gcn is the definition's GCN type, first the serial of position 0: a list gets its serials when it is sealed.
# seed is what a generated list's codes follow from, sealed; it is gone once they were exported. size is how
# many there will be, made how many there are; most is how often a generic code is claimed at most (None: no
# limit), taken how often it was. closed lists keep keyed hashes.
coupon_code_list = Table(
    "coupon_code_list", metadata,
    Column("list_id", Int64, Identity(), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("definition_id", BigInteger, nullable=False),
    Column("gcn", BigInteger, nullable=False),
    Column("first", BigInteger),
    Column("kind", String(8), nullable=False),
    Column("origin", String(9), nullable=False),
    Column("pattern", Text),
    Column("closed", Boolean, nullable=False),
    Column("seed", Bytes()),
    Column("source", String(64)),
    Column("size", Integer, nullable=False),
    Column("made", Integer, nullable=False, default=0),
    Column("most", Integer),
    Column("taken", Integer, nullable=False, default=0),
    Column("state", String(8), nullable=False),
    Column("root", Bytes(32)),
    Column("begun_at", UtcInstant, nullable=False),
    Column("sealed_at", UtcInstant),
    Column("exported_at", UtcInstant),
    Column("exported_by", Text),
    UniqueConstraint("name", name="uq_coupon_code_list_name"),
    one_of("kind", KINDS), one_of("origin", ORIGINS), one_of("state", STATES),
    at_least("size"), at_least("made"), at_least("taken"), at_least("first"),
    CheckConstraint("most IS NULL OR taken <= most", name="taken_within_most"),
    CheckConstraint("(state = 'making') = (root IS NULL)", name="root_once_sealed"),
    UniqueConstraint("gcn", "first", name="uq_coupon_code_list_serials"),
    Index("ix_coupon_code_list_merchant_id", "merchant_id"),
)  # fmt: skip

# member_id: who alone may use the code; None where whoever has it may.
coupon_code = append_only(Table(
    "coupon_code", metadata,
    Column("tag", Bytes(16), primary_key=True),
    Column("list_id", Int64, ForeignKey("coupon_code_list.list_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("member_id", BigInteger),
    fixed_length("tag", 16),
    at_least("position"),
    UniqueConstraint("list_id", "position", name="uq_coupon_code_place"),
    sqlite_with_rowid=False,
))  # fmt: skip
