"""The story of the main run: a lost phone, a stolen session, two cards that become one (docs/shop-day.md).

Each act has its instant and its members, and everything it writes has an idempotency key made of the run's
seed and the act's name, so an act that was interrupted is played again with the same effect.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger_service.demo.acts import Scene, put_on
from ledger_service.demo.cast import Cast
from ledger_service.demo.phones import Phone, device_key
from ledger_service.demo.service_client import Frame
from ledger_service.demo.thief import LOOT_MINOR, attempt, loot
from ledger_service.demo.town import Town
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, address_text, keccak256, sign_digest

_LOST = parse_instant("2017-01-01T22:00:00Z", "story")
_LOST_PHONE_TRIED = parse_instant("2017-01-01T22:30:00Z", "story")
_APPROVED = parse_instant("2017-01-01T23:00:00Z", "story")
_STOLEN = parse_instant("2017-01-02T17:00:00Z", "story")
_NOTICED = parse_instant("2017-01-02T18:00:00Z", "story")
_TRIED_AGAIN = parse_instant("2017-01-03T18:30:00Z", "story")
# Before any store's line can fail: nobody has a payment that no receipt tells of yet. At night, as its end a
# week later, so that nothing comes back in the minutes between the notice's end and the act.
_ONE_CARD = parse_instant("2017-01-04T08:00:00Z", "story")
_MERGED = parse_instant("2017-01-11T08:30:00Z", "story")
_RECOVERED = parse_instant("2017-01-09T12:00:00Z", "story")
_PROOF_LIFE = timedelta(hours=1)
_PATIENCE_SECONDS = 300
_ASK_EVERY_SECONDS = 0.1
_NO_ACCOUNT = bytes(20)


class StoryStuck(Exception):
    """A case did not come as far as it must; the message holds where it stands."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The API keys of the two operators."""

    first: str
    second: str


class Story:
    """Plays the acts of a cast; what it has done is kept with the replay's checkpoints."""

    def __init__(self, cast: Cast, desk: Desk) -> None:
        self._cast, self._desk = cast, desk
        self._town: Town

    def enter(self, town: Town) -> None:
        """The acts that were not played yet are on the town's agenda."""
        self._town = town
        cast, told = self._cast, town.pending.story
        for now, fact in ((town.cards, "cards"), (town.merged, "merged")):
            now.update({int(gone): kept for gone, kept in told.get(fact, {}).items()})
        lost, stolen = (cast.loses_phone,), (cast.session_stolen,)
        both = (cast.gives_card_up, cast.keeps_card)
        put_on(town, [
            Scene(_LOST, self._phone_is_lost, lost),
            Scene(_LOST_PHONE_TRIED, self._lost_phone_is_tried, lost),
            Scene(_APPROVED, self._case_is_approved, lost, waits=True),
            Scene(_STOLEN, self._session_is_stolen, stolen),
            Scene(_NOTICED, self._theft_is_noticed, stolen),
            Scene(_TRIED_AGAIN, self._thief_tries_again, stolen),
            Scene(_ONE_CARD, self._two_cards_become_one, both, waits=True),
            Scene(_RECOVERED, self._account_is_recovered, lost, waits=True),
            Scene(_MERGED, self._cards_are_one, both, waits=True),
        ])  # fmt: skip

    async def _phone_is_lost(self, at: datetime) -> None:
        """The first operator revokes the phone and opens a case for the household's next one."""
        phone = self._town.phone(self._cast.loses_phone)
        await self._write(f"/v1/members/{phone.number}/devices/{phone.lane}/revoke", {}, ("lost", at))
        body = {
            "member": phone.number, "kind": "lost_phone",
            "evidence": "0x" + keccak256(f"{self._town.seed}|shown at the desk".encode()).hex(),
            "device": self._new_device(self._next_key(phone), at, "next phone"),
        }  # fmt: skip
        case = await self._write("/v1/cases", body, ("case", at))
        phone.lost = True
        self._town.keep(phone)
        self._town.remember("case", case["case"])

    async def _lost_phone_is_tried(self, at: datetime) -> None:
        """Whoever found the phone unlocks it and shows its code."""
        phone = self._town.phone(self._cast.loses_phone)
        code = phone.pay_code(self._town.alliance.domain, at, LOOT_MINOR * 10_000)
        await self._try(phone, code, ("the finder of a lost phone", at))

    async def _case_is_approved(self, at: datetime) -> None:
        """Another operator approves, and the desk on chain begins its seven days of notice."""
        case = self._town.pending.story["case"]
        await self._write(f"/v1/cases/{case}/approval", {}, ("approval", at), self._desk.second)
        await self._until(case, ("notice", "executed"), at)

    async def _account_is_recovered(self, at: datetime) -> None:
        """The notice has ended without an objection: the new phone has everything."""
        case, phone = self._town.pending.story["case"], self._town.phone(self._cast.loses_phone)
        await self._until(case, ("executed",), at)
        member = await self._town.service.get(f"/v1/members/{phone.number}", self._desk.first, at)
        key = self._next_key(phone)
        mine = address_text(address_of_key(key)).lower()
        lane = next(one["lane"] for one in member["devices"] if one["signer"].lower() == mine)
        phone.move_in(bytes.fromhex(member["account"][2:]), lane, key)
        self._town.keep(phone)

    async def _session_is_stolen(self, at: datetime) -> None:
        """A thief in a member's session registers a key of its own, which does not count for a day."""
        phone = self._town.phone(self._cast.session_stolen)
        wanted = {"role": "member", "subject": phone.number}
        session = await self._write("/v1/keys", wanted, ("session", at))
        path = f"/v1/members/{phone.number}/devices"
        body = self._new_device(self._thiefs_key(phone), at, "tablet", phone.account)
        device = await self._write(path, body, ("takeover", at), session["token"])
        self._town.remember("stolen", {"token": session["token"], "lane": device["lane"]})
        await self._try_takeover(phone, device["lane"], ("a key in its first day", at))

    async def _theft_is_noticed(self, at: datetime) -> None:
        """The member sees a device that it does not know, and revokes it."""
        phone, stolen = self._town.phone(self._cast.session_stolen), self._town.pending.story["stolen"]
        path = f"/v1/members/{phone.number}/devices/{stolen['lane']}/revoke"
        await self._write(path, {}, ("noticed", at), stolen["token"])

    async def _thief_tries_again(self, at: datetime) -> None:
        """After its day the key is still worthless."""
        phone, stolen = self._town.phone(self._cast.session_stolen), self._town.pending.story["stolen"]
        await self._try_takeover(phone, stolen["lane"], ("a revoked key after its day", at))

    async def _two_cards_become_one(self, at: datetime) -> None:
        """Two operators agree that both cards are one person's; from now on only one is shown, and the
        desk on chain begins its seven days of notice.
        """
        closes, stays = self._both_cards()
        body = {
            "member": closes.number, "into": stays.number,
            "evidence": "0x" + keccak256(f"{self._town.seed}|two cards of one person".encode()).hex(),
        }  # fmt: skip
        case = (await self._write("/v1/merges", body, ("merge", at)))["case"]
        await self._write(f"/v1/cases/{case}/approval", {}, ("merge-approval", at), self._desk.second)
        self._town.cards[closes.household] = stays.household
        self._town.remember("cards", {str(closes.household): stays.household})
        self._town.remember("merge", case)
        await self._until(case, ("notice", "executed"), at)

    async def _cards_are_one(self, at: datetime) -> None:
        """Nobody objected: whatever the one had, and whatever still comes back to it, is the other's."""
        closes, stays = self._both_cards()
        await self._until(self._town.pending.story["merge"], ("executed",), at)
        closes.forget_expired(at)
        for programme, lots in closes.lots.items():
            for end, points in lots.items():
                stays.add(programme, end, points)
                self._town.counts["points that came over from the other card"] += points
        closes.lots = {}
        self._town.merged[closes.household] = stays.household
        self._town.remember("merged", {str(closes.household): stays.household})
        for phone in (closes, stays):
            self._town.keep(phone)

    def _both_cards(self) -> tuple[Phone, Phone]:
        return self._town.phone(self._cast.gives_card_up), self._town.phone(self._cast.keeps_card)

    async def _try_takeover(self, phone: Phone, lane: int, what: tuple[str, datetime]) -> None:
        thief = Phone(phone.household, self._thiefs_key(phone), phone.number, phone.account, lane)
        thief.counter = seconds_floor(what[1]) % 1_000
        code = thief.pay_code(self._town.alliance.domain, what[1], LOOT_MINOR * 10_000)
        await self._try(phone, code, what)

    async def _try(self, phone: Phone, code: str, what: tuple[str, datetime]) -> None:
        key, store = min(phone.shops.items())
        shop = MERCHANT_OF[key]
        who, at = what
        body = loot(shop, store, LOOT_MINOR, who)
        told = await attempt(self._town, body, (shop, store, code), who.replace(" ", "-"), at)
        self._town.remember("tried", [*self._town.pending.story.get("tried", []), [who, told]])

    def _new_device(
        self, key: bytes, at: datetime, label: str, account: bytes = _NO_ACCOUNT
    ) -> dict[str, Any]:
        until = seconds_floor(at + _PROOF_LIFE)
        grant = SignerGrant(account, address_of_key(key), 0, until)
        proof = sign_digest(key, self._town.alliance.domain.digest(grant.struct_hash()))
        signer = address_text(address_of_key(key))
        return {"signer": signer, "valid_until": until, "proof": "0x" + proof.hex(), "label": label}

    def _next_key(self, phone: Phone) -> bytes:
        return device_key(self._town.seed, phone.household, "next")

    def _thiefs_key(self, phone: Phone) -> bytes:
        return device_key(self._town.seed, phone.household, "thief")

    async def _write(
        self, path: str, body: dict[str, Any], what: tuple[str, datetime], key: str = ""
    ) -> dict[str, Any]:
        name, at = what
        frame = Frame(key or self._desk.first, f"{self._town.seed}:story:{name}", at)
        return await self._town.service.demand(path, body, frame)

    async def _until(self, case: str, states: Sequence[str], at: datetime) -> None:
        """The case has come so far; the bridge does it, on the clock that our questions move."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            told = await self._town.service.get(f"/v1/cases/{case}", self._desk.first, at)
            if told["state"] in states:
                return
            if time.monotonic() > deadline:
                raise StoryStuck(f"case {case} is {told['state']}, not {' or '.join(states)}")
            await asyncio.sleep(_ASK_EVERY_SECONDS)
