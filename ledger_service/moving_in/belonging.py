"""Which rows of the export are a merchant's own, table by table; what is in no table of this list is the
alliance's alone.

A fact belongs to the merchant where it came about (docs/consent.md). Who its members are by name, phone and
card is nobody's of them alone, so no table that says that stands here.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, false, or_, select, true

from ledger_service.db.tables import metadata
from ledger_service.kernel.gs1 import gln_text


class Through(NamedTuple):
    """A row is whose the row is that it names: its column, that row's table, and the column there where it
    goes by another name.
    """

    column: str
    table: str
    key: str = ""


class Within(NamedTuple):
    """A row is whose the 13 digits of a GLN in this text say."""

    column: str


# A column that holds the merchant's GLN, or the way to one.
Way = str | Through | Within
PROGRAMME, STORE = Through("programme_id", "programme"), Through("store_gln", "store", "gln")
SALE, DEFINITION = Through("sale_id", "sale"), Through("definition_id", "coupon_definition")
COUPON, LIST = Through("coupon_id", "coupon"), Through("list_id", "coupon_code_list")
CAMPAIGN, OFFERED = Through("campaign_id", "share_campaign"), Through("campaign_id", "coupon_campaign")
PRODUCT, BATCH, ITEM = Through("gtin", "trace_product"), Through("batch_no", "trace_batch"), Through(
    "item_id", "trace_item"
)
MERCHANT = "merchant_id"


def _each(way: Way, *tables: str) -> dict[str, tuple[Way, ...]]:
    return dict.fromkeys(tables, (way,))


OWN: dict[str, tuple[Way, ...]] = {
    **_each(
        MERCHANT, "merchant", "store", "terminal", "owner", "store_day", "staff_link", "sale", "refund",
        "imported_sale", "invoice", "unreceipted_return", "sale_attachment", "offline_sale", "hold",
        "payment", "claim", "return_policy", "attach_policy", "claim_policy", "taking_rule", "risk_rule_set",
        "risk_decision", "risk_review", "programme", "coupon_definition", "coupon_code_list",
        "coupon_campaign", "coupon_goods_list", "coupon_product", "coupon_consent", "share_campaign",
        "value_card", "ticket", "segment", "member_tag", "value_model", "webhook_endpoint",
        "trace_prefix", "trace_product", "trace_case", "trace_return", "epcis_event",
        "epcis_query", "api_key", "act",
    ),
    **_each(
        PROGRAMME, "programme_terms", "programme_epoch", "programme_end", "pair_terms", "conversion_terms",
        "earn_rule", "tier_ladder", "lot", "posting", "imported_history", "member_programme", "member_tier",
        "tier_change", "qualifying_day", "adjustment", "pending_issue", "set_aside", "expiry_notice",
        "trace_claim", "trace_claim_terms", "rest_conversion",
    ),
    **_each(STORE, "store_owner", "day_close", "day_line", "day_void"),
    **_each(Through("terminal_id", "terminal"), "offline_allowance"),
    **_each(SALE, "sale_coupon", "sale_coupon_return", "sale_event"),
    **_each(Through("hold_id", "hold"), "hold_event"),
    **_each(DEFINITION, "coupon_version", "coupon_type", "coupon", "spend_reward", "spend_receipt"),
    **_each(LIST, "coupon_code", "coupon_list_part"),
    **_each(COUPON, "coupon_event", "coupon_token"),
    **_each(OFFERED, "coupon_campaign_arm", "coupon_campaign_offer", "coupon_source"),
    **_each(Through("list_id", "coupon_goods_list"), "coupon_goods_item"),
    **_each(CAMPAIGN, "share_campaign_version", "share_link", "share_reward", "share_purchase"),
    **_each(Through("code", "share_link"), "share_holder", "share_rota"),
    **_each(Through("reward_id", "share_reward"), "share_reward_event"),
    **_each(Through("card_id", "value_card"), "value_entry", "value_hold"),
    **_each(Through("ticket_id", "ticket"), "ticket_entry"),
    **_each(Through("segment_id", "segment"), "segment_version", "segment_member"),
    **_each(Through("claim_id", "claim"), "claim_event"),
    **_each(Through("decision_id", "risk_decision"), "risk_appeal"),
    **_each(Through("review_id", "risk_review"), "risk_review_event"),
    **_each(PRODUCT, "trace_batch", "trace_item", "trace_link_set", "trace_scan_unknown"),
    **_each(BATCH, "trace_root", "trace_root_part", "trace_prize", "trace_prize_pool", "trace_prize_part"),
    **_each(ITEM, "trace_scan_sum"),
    **_each(Through("prefix", "trace_prefix"), "trace_prefix_act"),
    **_each(Through("case_id", "trace_case"), "trace_case_event"),
    **_each(Through("event_seq", "epcis_event"), "epcis_finding"),
    **_each("merchant", "chain_net", "chain_reserve"),
    "settlement_paper": (Within("name"),),
    "member_consent": ("owner_id",),
    "adjustment_limit": ("funder",),
    "settlement_word": ("debtor", "creditor"),
    "off_desk_payment": ("payer", "payee"),
    "coupon_debt": ("funder", "acceptor"),
}  # fmt: skip
# Whose rows are everybody's.
PUBLIC = frozenset({"alliance", "chain_period"})


def is_open(*tables: str) -> bool:
    """Whether each of these tables has rows that are a merchant's own, or everybody's."""
    return all(name in OWN or name in PUBLIC for name in tables)


def owned(table: Table, merchant_id: int) -> ColumnElement[bool]:
    """Whether a row is this merchant's own.

    Args:
        table: of the list, or one of no merchant, of which no row is.
        merchant_id: the merchant's GLN.
    """
    if table.name in PUBLIC:
        return true()
    return or_(false(), *(_by(table, way, merchant_id) for way in OWN.get(table.name, ())))


def _by(table: Table, way: Way, merchant_id: int) -> ColumnElement[bool]:
    if isinstance(way, str):
        return table.c[way] == merchant_id
    if isinstance(way, Within):
        return table.c[way.column].contains(gln_text(merchant_id))
    parent = metadata.tables[way.table]
    its = select(parent.c[way.key or way.column]).where(owned(parent, merchant_id))
    return table.c[way.column].in_(its)
