"""Sharing as members, their browsers and the merchants' offices do it over HTTP.

Every write has a key of its own, so what was cut off is done again to the same effect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import orjson

from ledger_service.demo.http_client import Request
from ledger_service.demo.phones import Phone
from ledger_service.demo.service_client import Frame, Refused, Service
from ledger_service.kernel.clock import format_instant

_BASE, _LIMIT = "/v1/share", 200
BROWSER = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36"
PREVIEW = "WhatsApp/2.23 preview"


@dataclass(frozen=True, slots=True)
class Offices:
    """Asks with the keys of two operators: what one asks for, the other approves."""

    service: Service
    keys: tuple[str, str]
    seed: str
    _members: dict[str, str] = field(default_factory=dict)

    async def open(self, campaign: Mapping[str, Any], at: datetime) -> None:
        """The campaign is asked for, approved by another and live."""
        path, code = f"{_BASE}/campaigns", campaign["code"]
        await self._write(path, dict(campaign), f"ask:{code}", at)
        approve = Frame(self.keys[1], f"{self.seed}:share:approve:{code}", at)
        await self.service.demand(f"{path}/{code}/decision", {"approve": True}, approve)
        await self._write(f"{path}/{code}/state", {"state": "live"}, f"live:{code}", at)

    async def link(self, phone: Phone, campaign: str, channel: str, at: datetime) -> str:
        """The member's link for the channel; returns its code."""
        body = {"campaign": campaign, "channel": channel}
        frame = Frame(await self._key(phone, at), f"{self.seed}:link:{campaign}:{phone.household}", at)
        return str((await self.service.demand(f"{_BASE}/links", body, frame))["code"])

    async def touch(self, link: str, who: str, at: datetime, agent: str = BROWSER) -> str:
        """Somebody opens the link; returns the touch."""
        visit = sha256(f"{self.seed}|visit|{link}|{who}".encode()).hexdigest()[:32]
        body = {"link": link, "visit": visit, "agent": agent}
        headers = {"Alliance-Time": format_instant(at)}
        request = Request("POST", f"{_BASE}/touches", orjson.dumps(body), headers)
        answer = await self.service.send(request)
        if answer.status != 200:
            raise Refused(request, answer)
        return str(answer.document["touch"])

    async def follow(self, phone: Phone, touch: str, at: datetime) -> None:
        """A member says that it followed a link."""
        frame = Frame(await self._key(phone, at), f"{self.seed}:follow:{touch}", at)
        await self.service.demand(f"{_BASE}/follows", {"touch": touch}, frame)

    async def signal(self, phone: Phone, device: str, at: datetime) -> None:
        """The offices note the device that a member shows."""
        body = {"member": phone.number, "kind": "device", "signal": device}
        await self._write(f"{_BASE}/signals", body, f"signal:{phone.household}", at)

    async def decide(self, reward: str, step: str, reason: str, at: datetime) -> None:
        """A person releases or refuses what was held."""
        path, body = f"{_BASE}/rewards/{reward}/steps", {"step": step, "reason": reason}
        answer = await self.service.post(path, body, Frame(self.keys[0], f"{self.seed}:step:{reward}", at))
        # The goods may have come back, and the reward gone, since it was listed.
        if answer.status not in (200, 409):
            raise Refused(Request("POST", path), answer)

    async def rewards(self, at: datetime | None, state: str = "") -> list[Mapping[str, Any]]:
        """All rewards, or those of a state."""
        chosen = f"&state={state}" if state else ""
        return await self._pages(f"{_BASE}/rewards?limit={_LIMIT}{chosen}", "rewards", at)

    async def entries(self, phone: Phone, after: int, at: datetime) -> list[Mapping[str, Any]]:
        """The member's entries behind a sequence number, oldest first."""
        path = f"/v1/members/{phone.number}/entries?limit={_LIMIT}"
        found, cursor = [], ""
        while True:
            page = await self.service.get(path + cursor, self.keys[0], at)
            new = [one for one in page["entries"] if one["sequence"] > after]
            found += new
            if page["next_cursor"] is None or len(new) < len(page["entries"]):
                return found[::-1]
            cursor = f"&cursor={quote(page['next_cursor'])}"

    async def told(self, campaign: str, what: str) -> dict[str, Any]:
        """What the service tells of a campaign now: its funnel, or its network."""
        return await self.service.get(f"{_BASE}/campaigns/{campaign}{what}", self.keys[0])

    async def size(self, merchant: str, rule: Mapping[str, Any], at: datetime) -> dict[str, Any] | None:
        """How many of the merchant's customers a rule takes in, and by stage of life; ``None`` where the rule
        asks for a customer's value and too few of them came back for a model.
        """
        body = {"merchant": merchant, "rule": rule}
        try:
            return await self._write("/v1/segments/dry-run", body, f"segment:{rule}", at)
        except Refused as refused:
            if refused.answer.document.get("code") != "customer-value-unknown":
                raise
            return None

    async def nets(self) -> Counter[str]:
        """What each merchant is owed less what it owes, over all settlement periods, in micros."""
        found: Counter[str] = Counter()
        listed = await self._pages(f"/v1/settlement/periods?limit={_LIMIT}", "periods", None)
        for period in listed:
            told = await self.service.get(f"/v1/settlement/periods/{period['period']}", self.keys[0])
            found.update({one["merchant"]: int(one["net_micros"]) for one in told["nets"]})
        return found

    async def issued(self, programme: str) -> int:
        """All points of a programme that were ever issued, as the chain counts them."""
        path = f"/v1/programmes/{programme}/outstanding?limit={_LIMIT}"
        return sum(one["issued"] for one in await self._pages(path, "epochs", None))

    async def drawn(self, campaign: str) -> str:
        """The picture of the campaign's spread."""
        headers = {"Authorization": f"Bearer {self.keys[0]}"}
        request = Request("GET", f"{_BASE}/campaigns/{campaign}/spread", b"", headers)
        answer = await self.service.send(request)
        if answer.status != 200:
            raise Refused(request, answer)
        return answer.text

    async def _pages(self, path: str, name: str, at: datetime | None) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            page = await self.service.get(path + cursor, self.keys[0], at)
            found += page[name]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={quote(page['next_cursor'])}"

    async def _key(self, phone: Phone, at: datetime) -> str:
        """The member's own key, from the service's sealed answer where it was issued before."""
        if phone.number not in self._members:
            body = {"role": "member", "subject": phone.number}
            made = await self._write("/v1/keys", body, f"key:{phone.household}", at)
            self._members[phone.number] = str(made["token"])
        return self._members[phone.number]

    async def _write(self, path: str, body: dict[str, Any], name: str, at: datetime) -> dict[str, Any]:
        return await self.service.demand(path, body, Frame(self.keys[0], f"{self.seed}:share:{name}", at))


def of_sharing(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of a member's entries that came of sharing.

    A reward is an issue of its own, so where its promise vests the entry names itself for a sale. So does the
    claim of an item, which says which; the phone has its points from the claim's answer.
    """
    return [one for one in entries if _of_sharing(one["body"], one["operation"])]


def _of_sharing(body: Mapping[str, Any], operation: str) -> bool:
    return body.get("reason") == "referral" or (body.get("sale") == operation and "item" not in body)
