"""The export's lists of tables are held against the schema: a table without a word is noticed."""

from __future__ import annotations

import re

from sqlalchemy import MetaData, Table

from ledger_service.db.schema import whole_metadata
from ledger_service.moving_in.belonging import OWN, PUBLIC, is_open, owned
from ledger_service.moving_in.contents import LEFT, LEFT_OUT, TOLD, WHOLE
from ledger_service.moving_in.exporting import _COLUMNS
from ledger_service.moving_in.exporting_baskets import BASKETS
from ledger_service.moving_in.exporting_dealings import DEALINGS
from ledger_service.moving_in.exporting_standings import STANDINGS
from ledger_service.moving_in.exporting_whole import columns_of

BY_HAND = {name for names in TOLD.values() for name in names}
NOT_EXPORTED = [name for names in LEFT_OUT.values() for name in names]
# What sounds like a secret and is none: public addresses and roots, ids of keys, days, own words.
HARMLESS = {
    "admin_key", "operations_key", "settlement_key", "till_key", "key_id", "public_key", "passkey_id",
    "challenged_at", "terms_hash", "block_hash", "hash", "hash_version", "epc_key", "sealed_at", "tag", "key",
}  # fmt: skip
SOUNDS_SECRET = re.compile("secret|seed|salt|token|hash|pin|otp|key|sealed|nonce|tag|challenge|password")
# Tables whose column of such a name is its point, and public.
TOKENS_ON_CHAIN = {("programme", "token")}


def schema() -> MetaData:
    return whole_metadata()


def test_every_table_is_exported_or_says_why_not() -> None:
    exported = BY_HAND | set(WHOLE)
    assert len(NOT_EXPORTED) == len(set(NOT_EXPORTED))
    assert not exported & set(NOT_EXPORTED)
    assert exported | set(NOT_EXPORTED) == set(schema().tables)


def test_every_file_written_by_hand_says_of_which_tables_it_is() -> None:
    assert set(TOLD) == {"members", *_COLUMNS, *BASKETS, *STANDINGS, *DEALINGS}
    assert not set(TOLD) & set(WHOLE)


def test_no_secret_leaves_with_a_table_that_is_written_as_it_stands() -> None:
    schema()
    suspects = {
        (name, column)
        for name in WHOLE
        for column in columns_of(name)
        if SOUNDS_SECRET.search(column) and column not in HARMLESS
    }
    assert suspects - TOKENS_ON_CHAIN == set()


def test_columns_that_stay_behind_are_there_and_a_key_is_known_by_more_than_its_hash() -> None:
    tables = schema().tables
    assert all(column in tables[name].c for name, some in LEFT.items() for column in some)
    assert {"key_id", "role", "scopes", "status"} <= set(columns_of("api_key"))
    assert {"external_id", "lane", "signer", "status"} <= set(columns_of("device"))


def test_no_two_columns_of_a_file_have_one_name() -> None:
    schema()
    assert all(len(set(columns_of(name))) == len(columns_of(name)) for name in WHOLE)


def leads_to_a_merchant(table: Table) -> bool:
    return str(owned(table, 1)).strip() not in ("", "false", "0 = 1")


def test_each_way_to_a_merchant_is_there_and_no_member_is_one_of_a_merchants_own() -> None:
    tables = schema().tables
    assert all(leads_to_a_merchant(tables[name]) for name in OWN)
    assert set(tables) >= PUBLIC
    for personal in ("member", "member_identity", "member_card", "member_preference", "device", "passkey"):
        assert not is_open(personal)
        assert not leads_to_a_merchant(tables[personal])
