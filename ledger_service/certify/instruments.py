"""What members pay with beside points on a phone: coupons, PINs, one-time codes, value cards, households."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from ledger_service.certify.failures import CertificationFailed
from ledger_service.certify.merchant import GLN, Merchant
from ledger_service.certify.sandbox import Sandbox
from ledger_service.certify.shoppers import Shopper, new_device
from ledger_service.kernel.secp256k1 import keccak256

OFF_MINOR, PIN, CARD_PIN = 100, "2580", "4711"
COUPON, VALUE_CARD = "certified-coupon", "certified-card"
_TERMS: dict[str, dict[str, Any]] = {
    COUPON: {"benefit": {"type": "AmountOff", "minor": OFF_MINOR}},
    VALUE_CARD: {"benefit": {"type": "StoredValue", "most_minor": 50_000}, "kind": "paid"},
}
_LAWS = {COUPON: "none", VALUE_CARD: "US"}
# A process looks for new definitions once a second.
_KNOWN_AFTER_SECONDS = 1.2


def coupon(merchant: Merchant, number: str, reference: str) -> str:
    """The id of a coupon of the merchant's that the member has in its wallet: so much off a basket."""
    office, operator = merchant.sandbox.office, merchant.sandbox.operator_key
    body = {"definition": _defined(merchant, COUPON), "members": [number], "reference": reference[-64:]}
    office.post(operator, "/v1/coupon-grants", body)
    rows = office.get(operator, f"/v1/members/{number}/coupons")["coupons"]
    return str(rows[0]["coupon"])


def coupon_state(merchant: Merchant, number: str) -> str:
    """What has become of the member's one coupon."""
    rows = merchant.sandbox.office.get(merchant.sandbox.operator_key, f"/v1/members/{number}/coupons")
    return str(rows["coupons"][0]["state"])


def pin_set(merchant: Merchant, who: Shopper) -> str:
    """A card of the member, who has set a PIN."""
    sandbox = merchant.sandbox
    sandbox.office.put(key_of(sandbox, who.number), f"/v1/members/{who.number}/pin", {"pin": PIN})
    return merchant.card(who.number)


def code_sent(sandbox: Sandbox, key: str, phone: str, most_minor: int) -> str:
    """The one-time code that a till (its API key) has had sent to a member's phone."""
    if sandbox.machine is None:
        raise CertificationFailed("nobody can read here what is sent to members")
    body = {"member": {"phone": phone}, "purpose": "spend", "max_value_minor": most_minor}
    sandbox.office.post(key, "/v1/member-codes", body)
    return sandbox.machine.code_sent_to(phone)


def value_card(merchant: Merchant, key: str, minor: int) -> str:
    """The code of a value card that a till (its API key) has sold for so much."""
    if merchant.sandbox.machine is None:
        raise CertificationFailed("nobody can print value cards here")
    _defined(merchant, VALUE_CARD)
    code = merchant.sandbox.machine.value_card(GLN, VALUE_CARD, lambda: _may_go_out(merchant))
    body = {
        "card": code, "amount_minor": minor, "currency": merchant.sandbox.currency, "reference": "card",
        "pin": CARD_PIN, "tenders": [{"type": "cash", "amount_minor": minor}],
    }  # fmt: skip
    merchant.sandbox.office.post(key, "/v1/value-cards", body)
    return code


def left_on(merchant: Merchant, key: str, code: str) -> int:
    """What the card still holds, in minor units."""
    told = merchant.sandbox.office.post(key, "/v1/value-cards/balances", {"card": code, "pin": CARD_PIN})
    return int(told["balance_minor"])


def household(owner: Shopper, mate: Shopper, limit_minor: int, at: datetime) -> Shopper:
    """The household's phone of a mate, who may pay so much of the household's points a day."""
    sandbox, office = owner.sandbox, owner.sandbox.office
    ours, theirs = keccak256(b"household" + owner.key), keccak256(b"household" + mate.key)
    begun = office.post(key_of(sandbox, owner.number), f"/v1/members/{owner.number}/household", {
        "timezone": "UTC", "parting": "own-part", "display_name": "Certified", "own_lane": owner.lane,
        "device": new_device(sandbox, ours, at),
    })  # fmt: skip
    number, path = str(begun["household"]), f"/v1/households/{begun['household']}"
    rights = {"spends": "day", "limit_minor": limit_minor, "sees_balances": False}
    office.post(key_of(sandbox, owner.number), f"{path}/invitations", {"member": mate.number, **rights})
    account = bytes.fromhex(office.get(key_of(sandbox, owner.number), path)["account"][2:])
    device = new_device(sandbox, theirs, at, account=account, by=ours)
    office.post(key_of(sandbox, mate.number), f"{path}/acceptance",
                {"accept": True, "device": device, "own_lane": mate.lane})  # fmt: skip
    return Shopper(sandbox, theirs, number, account, 2)


def key_of(sandbox: Sandbox, number: str) -> str:
    """An API key of the member's own."""
    body = {"role": "member", "subject": number}
    return str(sandbox.office.post(sandbox.operator_key, "/v1/keys", body)["token"])


def _may_go_out(merchant: Merchant) -> bool:
    """Whether the chain has the roots of all that was printed."""
    lists = merchant.sandbox.office.get(merchant.key, f"/v1/merchants/{GLN}/coupon-code-lists")["lists"]
    return all(one["may_go_out"] for one in lists)


def _defined(merchant: Merchant, code: str) -> int:
    """The id of a definition that is live."""
    office, path = merchant.sandbox.office, f"/v1/merchants/{GLN}/coupon-definitions"
    known = {row["code"]: row for row in office.get(merchant.key, path)["definitions"]}
    if code in known:
        return int(known[code]["definition"])
    body = {"code": code, "names": {"en": code}, "jurisdiction": _LAWS[code]}
    made = office.post(merchant.key, path, body)
    terms = {**_TERMS[code], "funders": [{"party": GLN, "bps": 10_000}]}
    office.post(merchant.key, f"{path}/{code}/versions", {"terms": terms})
    office.post(merchant.sandbox.operator_key, f"{path}/{code}/versions/1/approval", {})
    time.sleep(_KNOWN_AFTER_SECONDS)
    return int(made["definition"])
