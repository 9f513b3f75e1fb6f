"""What an export holds of each table of the schema: which file tells it, or why none does.

A test holds these lists against the schema, so a table or a secret that is added without a word here is
noticed.
"""

from __future__ import annotations

# The files that are written by hand, and the tables that each is made of.
TOLD: dict[str, tuple[str, ...]] = {
    "members": ("member", "member_identity", "member_preference"), "identities": ("member_identity",),
    "cards": ("member_card",), "ended_cards": ("member_card",), "accounts": ("member",),
    "lots": ("lot",), "pending": ("lot",), "history": ("posting", "imported_history"),
    "sales": ("sale", "imported_sale"), "entries": ("entry",), "postings": ("posting",),
    "sale_details": ("sale",), "sale_lines": ("sale",), "tenders": ("sale",), "refunds": ("refund",),
    "refund_tenders": ("refund",), "refund_lines": ("refund",), "invoices": ("invoice",),
    "coupon_uses": ("sale_coupon",), "coupon_returns": ("sale_coupon_return",),
    "debts": ("member_programme",), "tiers": ("member_tier",), "qualifying": ("qualifying_day",),
    "coupons": ("coupon",), "households": ("household",), "household_mates": ("household_mate",),
    "claims": ("claim",), "consents": ("member_consent",), "adjustments": ("adjustment",),
    "late_receipts": ("sale_attachment",), "unreceipted_returns": ("unreceipted_return",),
    "risk_decisions": ("risk_decision",), "risk_appeals": ("risk_appeal",), "item_claims": ("trace_claim",),
    "item_returns": ("trace_return",), "share_links": ("share_link",), "share_ties": ("share_tie",),
    "share_rewards": ("share_reward",), "value_cards": ("value_card",), "tickets": ("ticket",),
    "programmes": ("programme",), "terms": ("programme_terms",),
}  # fmt: skip

# Tables that are written as they stand, one file each under the table's own name.
WHOLE: tuple[str, ...] = (
    # Who takes part, and with what.
    "alliance", "merchant", "store", "owner", "store_owner", "terminal", "offline_allowance", "staff_link",
    "api_key", "device", "passkey", "former_account", "account", "webhook_endpoint", "act", "operator_act",
    # Rules of the programmes, of tiers and of the counter.
    "earn_rule", "programme_epoch", "programme_end", "pair_terms", "conversion_terms", "tier_ladder",
    "adjustment_limit", "adjustment_agent", "return_policy", "attach_policy", "claim_policy", "taking_rule",
    "risk_rule_set",
    # Coupons: their definitions, campaigns, lists of codes, steps.
    "coupon_definition", "coupon_version", "coupon_consent", "coupon_type", "coupon_campaign",
    "coupon_campaign_arm", "coupon_campaign_offer", "coupon_source", "coupon_goods_list", "coupon_goods_item",
    "coupon_product", "coupon_code_list", "coupon_code", "coupon_list_part", "coupon_event", "coupon_token",
    "spend_reward", "spend_receipt", "value_entry", "value_hold", "ticket_entry",
    # Sharing.
    "share_campaign", "share_campaign_version", "share_bind", "share_purchase", "share_reward_event",
    "share_holder", "share_rota", "share_care", "share_care_event",
    # Settlement: periods, nets, reserves, where payment stands, words, payments, papers.
    "chain_period", "chain_net", "chain_reserve", "chain_standing", "settlement_figures", "settlement_word",
    "off_desk_payment", "settlement_paper", "coupon_debt",
    # Goods and what happened to them.
    "trace_prefix", "trace_prefix_act", "trace_product", "trace_batch", "trace_root", "trace_root_part",
    "trace_item", "trace_claim_terms", "trace_link_set", "trace_case", "trace_case_event", "trace_prize_pool",
    "trace_prize", "trace_prize_part", "trace_scan_sum", "trace_scan_unknown", "epcis_event",
    "epcis_finding", "epcis_query", "epcis_subscription", "log_checkpoint",
    # The counter's days, holds, tills that sold alone, promised points.
    "hold", "hold_event", "sale_event", "offline_sale", "store_day", "day_close", "day_line", "day_void",
    "payment", "pending_issue", "set_aside", "set_aside_retry", "expiry_notice",
    "rest_conversion",
    # Members: wishes, groups, cases, households, whoever read of them.
    "member_preference", "member_read", "member_tag", "segment", "segment_version", "segment_member",
    "care_case", "care_event", "household_event", "household_gift", "household_due", "claim_event",
    "risk_review", "risk_review_event", "value_model", "tier_change",
    # Imports that went before.
    "moving_in",
)  # fmt: skip

# Columns of those that stay behind: secrets, keyed hashes, what is sealed, and what means nothing elsewhere.
LEFT: dict[str, tuple[str, ...]] = {
    "api_key": ("secret_hash",), "device": ("otp_number", "otp_failures", "otp_locked_until"),
    "passkey": ("credential_hash", "last_challenge"), "former_account": ("salt",), "care_case": ("salt",),
    "coupon_code_list": ("seed",), "coupon_code": ("tag",), "share_bind": ("salt", "member_salt",
    "sharer_salt", "body"), "trace_batch": ("seed",), "trace_item": ("pin_hash", "wrong_pins"),
    "epcis_subscription": ("token",), "payment": ("payer",), "hold": ("body", "ledger_base"),
}  # fmt: skip

_ANEW = "made anew from what the export holds"
_CHAIN = "the chain's own, and read from it again: its journal and its backup hold it"
_SECRET = "a secret, or the keyed hash of one; whoever moves sets it anew"
_PASSING = "stands for minutes or a day, and means nothing elsewhere"
_PLACE = "how far a job of this installation has come, or what its processes share"
LEFT_OUT: dict[str, tuple[str, ...]] = {
    _ANEW: (
        "carried", "earned_on_day", "epcis_event_epc", "epcis_place", "taking_sum", "coupon_use",
        "risk_tally", "log_tile", "log_word", "share_commitment", "issuance_budget", "trace_claim_count",
        "ledger_head", "share_network",
    ),
    _CHAIN: (
        "chain_alarm", "chain_applied", "chain_balance", "chain_basis", "chain_batch", "chain_batch_item",
        "chain_beside_batch", "chain_beside_item", "chain_block", "chain_conversion", "chain_counter",
        "chain_cursor", "chain_house", "chain_issuance_limit", "chain_journal", "chain_leader",
        "chain_merchant_keys", "chain_operation", "chain_programme", "chain_restored", "chain_signer",
        "chain_step", "chain_terms", "chain_tx", "chain_wind_down", "intent", "beside_intent",
        "coupon_telling", "permit_use", "pay_code_revocation",
    ),
    _SECRET: (
        "cashier_pin", "member_access", "card_stock", "trace_scan_salt", "share_signal", "household_key",
    ),
    _PASSING: (
        "till_code", "login_code", "code_count", "coupon_guess", "custodial_use", "web_session", "otp_use",
        "risk_challenge", "offline_window", "share_touch", "training_sale", "care_notice", "spend_mark",
        "epcis_capture_job", "webhook_delivery", "webhook_event", "webhook_fresh",
    ),
    _PLACE: (
        "api_key_change", "coupon_change", "points_change", "risk_change", "issuance_reservation",
        "receipt_series", "idempotency", "service_clock", "extension_run", "expiry_notice_run", "tier_run",
        "webhook_cursor", "share_cursor", "share_head", "moving_in_file", "moving_in_reject", "moved_lot",
        "moved_member", "claimed_receipt",
    ),
    "who scanned what where: strangers' phones, kept for the brand's warnings alone": (
        "trace_scan", "trace_scan_device",
    ),
    "files of the archive are the export of what they hold": ("archive", "archive_chapter"),
}  # fmt: skip
