"""People of the main run who are in no data: they have a phone each, and come to one counter for the story.

Household numbers from ``FIRST`` on are theirs; the data's end at 2,469.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger_service.demo.alliance_plan import CURRENCY, MERCHANTS, Merchant
from ledger_service.demo.http_client import Answer
from ledger_service.demo.phones import Phone, device_key
from ledger_service.demo.service_client import Frame
from ledger_service.demo.story import Desk
from ledger_service.demo.tills import acceptance
from ledger_service.demo.town import Town
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, address_text, sign_digest

FIRST = 9_001
MICROS_PER_CENT = 10_000
_PROOF_LIFE = timedelta(hours=1)
_SHOP = "GENL"


@dataclass(frozen=True, slots=True)
class ShopCounter:
    """One merchant's till in one store, the operators behind it, and who comes to it."""

    town: Town
    desk: Desk
    store: int

    @property
    def shop(self) -> Merchant:
        """Whose till it is."""
        return next(merchant for merchant in MERCHANTS if merchant.key == _SHOP)

    @property
    def gln(self) -> str:
        """The store's GLN."""
        return self.shop.store_gln(self.store)

    async def join(self, phone: Phone, at: datetime) -> None:
        """Somebody becomes a member."""
        await self.town.alliance.join(phone, at)
        self.town.keep(phone)

    async def sell(self, what: tuple[str, int, datetime], who: Mapping[str, Any], **more: Any) -> Answer:
        """One thing is rung up: its reference, its price in cents, when; ``who`` is the sale's member."""
        reference, minor, at = what
        body = self.basket(reference, minor) | more
        body |= {"member": dict(who)} if who else {}
        return await self.till("/v1/sales", body, (reference, at))

    async def pay(self, phone: Phone, what: tuple[str, int, datetime], **more: Any) -> Answer:
        """The same for somebody who pays all of it with points, and shows the phone's code."""
        town, at = self.town, what[2]
        code = phone.pay_code(town.alliance.domain, at, what[1] * MICROS_PER_CENT)
        taken = acceptance(town.seed, self.gln, town.alliance.domain, code, at)
        spend = {"max_value_minor": what[1]}
        return await self.sell(what, {"pay_code": code}, acceptance=taken, spend=spend, **more)

    def basket(self, reference: str, minor: int) -> dict[str, Any]:
        """A basket of one line."""
        line = {
            "line": "1", "sku": "1", "category": self.shop.departments[0], "quantity": 1,
            "amount_minor": minor,
        }  # fmt: skip
        return {"store": self.gln, "reference": reference, "currency": CURRENCY, "lines": [line]}

    def read(self, phone: Phone, answer: Answer) -> dict[str, Any]:
        """The phone reads the receipt of a sale, or of a receipt that joined its member.

        Raises:
            NotSold: there is none.
        """
        if answer.status != 201:
            raise NotSold(f"{phone.household}: {answer.status} {answer.document}")
        phone.read_sale({"spent": [], **answer.document}, self.town.alliance.ends)
        self.town.keep(phone)
        return dict(answer.document)

    async def till(self, path: str, body: dict[str, Any], what: tuple[str, datetime]) -> Answer:
        """The till asks; a refusal is an answer."""
        name, at = what
        key = await self.town.alliance.till_key(self.shop, self.store, at)
        return await self.town.service.post(path, body, self._frame(key, name, at))

    async def office(
        self, path: str, body: dict[str, Any], what: tuple[str, datetime], key: str = ""
    ) -> dict[str, Any]:
        """The first operator, or whose ``key`` it is, does what must succeed."""
        name, at = what
        frame = self._frame(key or self.desk.first, name, at)
        return await self.town.service.demand(path, body, frame)

    async def own_key(self, phone: Phone, at: datetime) -> str:
        """The member's own API key, from the service's sealed answer where it was issued before."""
        wanted = {"role": "member", "subject": phone.number}
        made = await self.office("/v1/keys", wanted, (f"session:{phone.household}", at))
        return str(made["token"])

    def device(self, key: bytes, at: datetime, account: bytes = bytes(20), by: bytes = b"") -> dict[str, Any]:
        """A key that shows itself for a device of an account, allowed ``by`` one that counts already."""
        until = seconds_floor(at + _PROOF_LIFE)
        digest = self.town.alliance.domain.digest(
            SignerGrant(account, address_of_key(key), 0, until).struct_hash()
        )
        made = {
            "signer": address_text(address_of_key(key)), "valid_until": until,
            "proof": "0x" + sign_digest(key, digest).hex(), "label": "further phone",
        }  # fmt: skip
        return made | ({"authorisation": "0x" + sign_digest(by, digest).hex()} if by else {})

    def further_key(self, phone: Phone, whose: str) -> bytes:
        """The key of another phone of a household."""
        return device_key(self.town.seed, phone.household, whose)

    def _frame(self, key: str, name: str, at: datetime) -> Frame:
        return Frame(key, f"{self.town.seed}:day:{name.replace(' ', '-')}", at)


class NotSold(Exception):
    """The story goes no further: a sale that nothing speaks against was refused."""
