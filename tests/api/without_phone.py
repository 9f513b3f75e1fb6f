"""What tests of members without a phone share: a card and a PIN, and the codes that were sent."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ledger_service.bootstrap.carriers import FolderCarrier
from ledger_service.bootstrap.messages import Postman
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.members.cards.pumping import Bounds
from ledger_service.members.identities import IdentityVault
from ledger_service.members.ports import Carrier
from tests.api.service import GROCER, Shop, basket

_MANY = Bounds(50, 50)
PHONE, PIN = "+14155550123", "2580"
SPEND = [{"programme": "GROC", "points": 100}]


def card_of(shop: Shop, number: str) -> str:
    """A fresh card of the grocer, bound to the member."""
    made = shop.must("grocer", "/v1/card-batches", {"merchant": GROCER, "count": 1})
    card = str(made["numbers"][0])
    shop.must("grocer", f"/v1/members/{number}/cards", {"card": card})
    return card


def enrol(shop: Shop, custody: str = "custodial", **more: Any) -> str:
    """The number of a member with 1,000 points, enrolled at the grocer."""
    number = str(shop.must("grocer", "/v1/members", {"custody": custody, **more})["number"])
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": number}))
    return number


def with_pin(shop: Shop, pin: str = PIN) -> tuple[str, str]:
    """(number, card) of a member with 1,000 points and a PIN, set with its own key."""
    number = enrol(shop)
    card = card_of(shop, number)
    answer = shop.put(shop.key_for("member", number), f"/v1/members/{number}/pin", {"pin": pin})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return number, card


def now(shop: Shop) -> datetime:
    return parse_instant(shop.at, "at")


def later(shop: Shop, **span: int) -> None:
    """So much later, and behind all that strangers did: without a key, the clock goes on at real speed."""
    shop.at = format_instant(max(now(shop) + timedelta(**span), shop.serving.clock.now()))


def bring(shop: Shop, carrier: Carrier, bounds: Bounds = _MANY) -> None:
    """One run of the job that hands codes over."""
    serving = shop.serving
    vault, secret = IdentityVault(serving.secrets.identity), serving.secrets.one_time
    database, name = serving.foundations.database, serving.foundations.alliance.name
    postman = Postman(carrier, database, serving.writer, vault, secret, "USD", name, bounds)
    postman.run(now(shop))


def delivered(shop: Shop, folder: Path) -> list[dict[str, Any]]:
    """What the postman brought since, in any order."""
    bring(shop, FolderCarrier(folder))
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    for path in folder.glob("*.json"):
        path.unlink()
    return found


def code_in(message: dict[str, Any]) -> str:
    return re.findall(r"[0-9]{8}", message["text"])[0]
