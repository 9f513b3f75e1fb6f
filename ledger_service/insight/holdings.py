"""Every table that names members: what a member is shown of it, and what erasure does to it.

A test holds this list against the schema, so a table that is added without a word here is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What erasure does to a member's rows of a table."""

    GONE = "gone"
    BLANKED = "blanked"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Holding:
    """A table that names members by row number.

    Attributes:
        table: its name.
        fate: of its rows when the member is erased.
        why: of what is kept, and for what; of what is blanked, what remains.
        by: the columns that name the member, any of them.
        through: tables whose rows are the member's, and the column that both share, where the table itself
            names nobody or has no index by member.
        hidden: columns that are not the member's: keyed hashes, secrets, somebody else's row number.
    """

    table: str
    fate: Fate
    why: str = ""
    by: tuple[str, ...] = ("member_id",)
    through: tuple[str, str] | None = None
    hidden: tuple[str, ...] = ()


_GONE, _BLANKED, _KEPT = Fate.GONE, Fate.BLANKED, Fate.KEPT
_PROOF = "every balance and proof is added up from it"
_TAX = "a purchase stands as long as the seller must keep it; it names a row number that nobody is"
_MONEY = "what was given, and by whom it was decided, is owed to the alliance's books"
_OTHERS = "it is another member's fact, too"
HOLDINGS = (
    Holding("member", _BLANKED, "row number and account, that bookings name", hidden=("salt", "ledger_base")),
    Holding("member_identity", _GONE, hidden=("value_hash",)),
    Holding("member_card", _GONE, hidden=("number_hash",)),
    Holding("member_preference", _GONE),
    Holding("member_access", _GONE, hidden=("pin_salt", "pin_hash", "last_nonce")),
    Holding("till_code", _GONE),
    Holding("passkey", _GONE, hidden=("credential_hash", "last_challenge")),
    Holding("device", _BLANKED, "signers that proofs name; no label", hidden=("otp_number",)),
    Holding("former_account", _BLANKED, "accounts that bookings name; no salt", hidden=("salt",)),
    Holding("member_consent", _KEPT, "that others read with leave; nothing is read on it any more"),
    Holding("member_read", _KEPT, "who read, by row number"),
    Holding("care_case", _BLANKED, "that an account moved, and who agreed; no label",
            hidden=("salt", "stays_id")),
    Holding("care_notice", _KEPT, "that a member was told of a case, by row number"),
    Holding("sale", _KEPT, _TAX),
    Holding("refund", _KEPT, _TAX, by=(), through=("sale", "sale_id")),
    Holding("invoice", _BLANKED, "the number, as the law wants; no carrier", by=(),
            through=("sale", "sale_id")),
    Holding("sale_coupon", _KEPT, _TAX, by=(), through=("sale", "sale_id"), hidden=("member_id",)),
    Holding("sale_attachment", _KEPT, _TAX),
    Holding("spend_receipt", _KEPT, "receipts that serve a reward serve no other"),
    Holding("spend_reward", _KEPT, _MONEY),
    Holding("offline_sale", _KEPT, _TAX, through=("sale", "sale_id")),
    Holding("imported_sale", _KEPT, _TAX),
    Holding("unreceipted_return", _KEPT, _TAX),
    Holding("hold", _KEPT, _PROOF, hidden=("ledger_base", "body")),
    Holding("lot", _KEPT, _PROOF),
    Holding("pending_issue", _KEPT, _PROOF, hidden=("leaf",)),
    Holding("member_programme", _KEPT, "a debt is what an issuer has lost"),
    Holding("adjustment", _BLANKED, f"{_MONEY}; no note"),
    Holding("set_aside", _KEPT, _PROOF),
    Holding("imported_history", _KEPT, _PROOF),
    Holding("moved_lot", _KEPT, _PROOF),
    Holding("earned_on_day", _KEPT, "limits of days, by row number"),
    Holding("expiry_notice", _KEPT, "that points did not lapse unannounced"),
    Holding("rest_conversion", _KEPT, _PROOF),
    Holding("member_tier", _KEPT, "levels, by row number"),
    Holding("tier_change", _KEPT, "levels, by row number"),
    Holding("qualifying_day", _KEPT, "levels are counted again from it"),
    Holding("coupon", _KEPT, "one use of each, whoever held it", by=("holder", "claimant"),
            hidden=("holder", "claimant")),
    Holding("value_card", _KEPT, "what is on it is owed to whoever has its code", by=("holder",),
            hidden=("holder", "tag", "pin_hash")),
    Holding("ticket", _KEPT, "who has its code still enters, once", by=("holder", "buyer"),
            hidden=("holder", "buyer", "tag")),
    Holding("claim", _BLANKED, "that a receipt was claimed; no reference, no code"),
    Holding("trace_claim", _KEPT, "an item earns once", hidden=("leaf", "device")),
    Holding("trace_prize", _KEPT, "an item wins once", by=(), through=("trace_claim", "item_id"),
            hidden=("leaf",)),
    Holding("household_mate", _KEPT, "whose points a household's were"),
    Holding("household_event", _KEPT, _OTHERS, through=("household_mate", "household_id")),
    Holding("household_gift", _KEPT, _PROOF, through=("household_mate", "household_id")),
    Holding("household_due", _KEPT, _PROOF, through=("household_mate", "household_id")),
    Holding("staff_link", _GONE),
    Holding("segment_member", _GONE),
    Holding("member_tag", _GONE),
    Holding("risk_decision", _KEPT, "that a sale was judged", hidden=("versions", "facts", "hits")),
    Holding("risk_challenge", _KEPT, "that a sale was judged", hidden=("nonce",)),
    Holding("risk_appeal", _GONE),
    Holding("risk_review", _KEPT, "that a sale was judged"),
    Holding("share_link", _KEPT, "who brought whom; ended"),
    Holding("share_bind", _BLANKED, "who brought whom was committed; its salts are gone",
            hidden=("sharer_id", "body", "salt", "member_salt", "sharer_salt", "newcomer", "customer")),
    Holding("share_tie", _KEPT, _OTHERS, hidden=("sharer_id",)),
    Holding("share_purchase", _KEPT, _OTHERS, hidden=("sharer_id",)),
    Holding("share_reward", _KEPT, _MONEY, hidden=("leaf", "reasons")),
    Holding("share_signal", _GONE, hidden=("digest",)),
    Holding("payment", _KEPT, _TAX, hidden=("payer",)),
    Holding("share_care", _GONE),
    Holding("share_care_event", _KEPT, "who of the staff looked after whom, by row number"),
)  # fmt: skip
# Tables that name members and are not shown row by row, and why.
UNSHOWN = {
    "account": "numbers of the ledger's accounts; what is on them stands in `lot`",
    "intent": "what was sent to the chain of bookings that are shown",
    "household_key": "a device that stands in `device`, once more for the household",
    "moved_member": "which import a member came with",
    "coupon_code": "the code of a coupon that is shown",
    "coupon_event": "steps of coupons that are shown",
    "spend_mark": "a sale or return that is shown, until its receipt is counted",
    "webhook_event": "what was told of rows that are shown, to whom they belong",
}
UNSHOWN_FATE = Fate.KEPT
