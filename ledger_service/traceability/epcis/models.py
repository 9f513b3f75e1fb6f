"""Tables of events: each as it was told, where its things are looked up, what contradicts, capture jobs."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

_GIVEN = text("given_id IS NOT NULL")

# hash is the CBV hash under hash_version, of which the original and what declares it wrong have the same;
# given_id an eventID that is not that hash. body is the event's JSON, keys sorted, with eventID, recordTime
# and a context of its own: the bytes that answers show and whose hash is the leaf of the log. merchant_id is
# None for what the operator told.
epcis_event = append_only(Table(
    "epcis_event", metadata,
    Column("event_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Bytes(32), nullable=False),
    Column("hash_version", String(16), nullable=False),
    Column("declares", Boolean, nullable=False),
    Column("given_id", Text),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id")),
    Column("kind", String(24), nullable=False),
    Column("action", String(7)),
    Column("event_time", UtcInstant, nullable=False),
    Column("record_time", UtcInstant, nullable=False),
    Column("biz_step", Text),
    Column("disposition", Text),
    Column("read_point", Text),
    Column("biz_location", Text),
    Column("transformation_id", Text),
    Column("body", Bytes, nullable=False),
    fixed_length("hash", 32),
    UniqueConstraint("hash", "declares", name="uq_epcis_event_hash"),
    Index("uq_epcis_event_given_id", "given_id", "declares", unique=True, sqlite_where=_GIVEN,
          postgresql_where=_GIVEN),
    Index("ix_epcis_event_merchant_id", "merchant_id", "event_time"),
    Index("ix_epcis_event_event_time", "event_time"),
    Index("ix_epcis_event_record_time", "record_time"),
))  # fmt: skip

# One row for each thing of an event, by 16 bytes of its name's SHA-256 (``prepared.key_of``) and role; also
# for the class that things are of, for a transformation's id, and for each paper (``papers``). deed is what
# the event does to a thing as ``deeds`` reads it, parent the key of what a child went into or came out of,
# voids the event that this one declares wrong.
epcis_event_epc = append_only(Table(
    "epcis_event_epc", metadata,
    Column("epc_key", Bytes(16), primary_key=True),
    Column("event_time", UtcInstant, primary_key=True),
    Column("event_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("role", SmallInteger, primary_key=True, autoincrement=False),
    Column("deed", SmallInteger, nullable=False),
    Column("parent", Bytes(16)),
    Column("voids", BigInteger),
    sqlite_with_rowid=False,
))  # fmt: skip

# The places that a merchant's events name, or (0) the operator's: for lists of them.
epcis_place = Table(
    "epcis_place", metadata,
    Column("kind", String(11), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    one_of("kind", ("readPoint", "bizLocation")),
    Index("ix_epcis_place_merchant_id", "merchant_id", "kind", "name"),
)  # fmt: skip

# What an event said that others contradict, as soon as it shows; other_seq is one of those.
epcis_finding = append_only(Table(
    "epcis_finding", metadata,
    Column("event_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("epc_key", Bytes(16), primary_key=True),
    Column("code", String(24), primary_key=True),
    Column("epc", Text, nullable=False),
    Column("other_seq", BigInteger),
    Column("noted_at", UtcInstant, nullable=False),
    Index("ix_epcis_finding_noted_at", "noted_at"),
))  # fmt: skip

epcis_capture_job = Table(
    "epcis_capture_job", metadata,
    Column("job_id", Bytes(16), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("behaviour", String(8), nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("stored_count", BigInteger, nullable=False),
    Column("errors", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("finished_at", UtcInstant),
    one_of("behaviour", ("rollback", "proceed")),
    Index("ix_epcis_capture_job_subject", "subject", "created_at"),
)  # fmt: skip
