"""Tables of cards, PINs and one-time codes; ``member_card`` itself stands with the members' other tables."""

from __future__ import annotations

from sqlalchemy import CHAR, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

# A card that a merchant has made or taken over, for a member to be; used_at once it was bound, for ever.
card_stock = Table(
    "card_stock",
    metadata,
    Column("number_hash", Bytes(32), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("batch_id", Bytes(16), nullable=False),
    Column("tail", CHAR(4), nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("used_at", UtcInstant),
    fixed_length("batch_id", 16),
    Index("ix_card_stock_merchant_id", "merchant_id", "made_at", "number_hash"),
    sqlite_with_rowid=False,
)

# How a member without a phone pays. pin_hash is Argon2id over a keyed tag, so the table alone tells no PIN.
# tries are wrong ones since the last right one; last_nonce counts the permits that were asked of custody.
member_access = Table(
    "member_access",
    metadata,
    Column("member_id", Int64, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("pin_salt", Bytes(16)),
    Column("pin_hash", Bytes(32)),
    Column("pin_set_at", UtcInstant),
    Column("pin_set_by", Text),
    Column("tries", Integer, nullable=False, default=0),
    Column("locked_until", UtcInstant),
    Column("last_nonce", BigInteger, nullable=False, default=0),
    at_least("tries"),
    at_least("last_nonce"),
)

# A code for one payment, or for setting a PIN. It follows from its id and a secret and stands in no table.
# channel desk: a till asked, and approved_by lets the service desk show it; else it is delivered by a job.
till_code = Table(
    "till_code",
    metadata,
    Column("code_id", Bytes(16), primary_key=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), nullable=False),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("purpose", String(8), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("state", String(8), nullable=False),
    Column("max_value_micros", BigInteger, nullable=False, default=0),
    Column("asked_by", Text, nullable=False),
    Column("approved_by", Text),
    Column("made_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("used_at", UtcInstant),
    Column("sends", Integer, nullable=False, default=0),
    Column("send_at", UtcInstant),
    fixed_length("code_id", 16),
    one_of("purpose", ("spend", "pin")),
    one_of("channel", ("phone", "email", "desk")),
    one_of("state", ("waiting", "sent", "failed", "shown")),
    at_least("tries"),
    at_least("sends"),
    Index("ix_till_code_member_id", "member_id", "made_at"),
    Index("ix_till_code_send_at", "send_at"),
)

# How many codes went out by text message in a UTC day (days since 1970): to a range of numbers, to everybody.
code_count = Table(
    "code_count",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("subject", String(32), primary_key=True),
    Column("sent", Integer, nullable=False),
    at_least("sent", 1),
    sqlite_with_rowid=False,
)
