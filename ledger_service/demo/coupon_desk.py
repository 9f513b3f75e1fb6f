"""Whoever sets up a real campaign over HTTP: goods lists, definitions, sources, grants.

Every write has a key of its own, so what was cut off is done again to the same effect.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.demo.coupon_data import Campaign, Printing
from ledger_service.demo.coupon_rules import BENEFITS
from ledger_service.demo.service_client import Frame, Service
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.kernel.clock import format_instant, instant_of_seconds

_MOST_GOODS, _MOST_MEMBERS, _MOST_OFFERS = 250, 200, 100
# A process looks for new definitions once a second.
_KNOWN_AFTER_SECONDS = 1.1


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Sets up campaigns with the keys of two operators: what one writes, the other approves."""

    service: Service
    keys: tuple[str, str]
    seed: str

    async def prepare(
        self, campaign: Campaign, coupons: Sequence[Printing], at: datetime
    ) -> dict[int, tuple[int, str]]:
        """Everything of the campaign is live; the definition and the source of each coupon, by its UPC."""
        lists = await asyncio.gather(*(self._goods(one, at) for one in coupons))
        definitions = {}
        for one, list_id in zip(coupons, lists, strict=True):
            definitions[one.upc] = await self._define(campaign, one, list_id, at)
        sources: dict[int, str] = {}
        by_merchant: dict[str, list[int]] = defaultdict(list)
        for one in coupons:
            by_merchant[one.merchant].append(one.upc)
        for merchant, upcs in by_merchant.items():
            for start in range(0, len(upcs), _MOST_OFFERS):
                part = upcs[start : start + _MOST_OFFERS]
                sources |= dict.fromkeys(part, await self._campaign(campaign, (merchant, start), part, at))
        await asyncio.sleep(_KNOWN_AFTER_SECONDS)
        return {upc: (definitions[upc], sources[upc]) for upc in definitions}

    async def issue(self, made: tuple[int, str], numbers: Sequence[str], reference: str, at: datetime) -> int:
        """The members have the coupon; how many are new to it."""
        definition, source = made
        new = 0
        for start in range(0, len(numbers), _MOST_MEMBERS):
            members = list(numbers[start : start + _MOST_MEMBERS])
            body = {"definition": definition, "members": members, "reference": reference, "source": source}
            answer = await self._write(
                "/v1/coupon-grants", body, f"{reference}:{definition}:{members[0]}:{start}", at
            )
            new += int(answer["new"])
        return new

    async def wallet(self, number: str, at: datetime) -> list[Mapping[str, Any]]:
        """The member's coupons."""
        found: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            path = f"/v1/members/{number}/coupons?limit=200{cursor}"
            page = await self.service.get(path, self.keys[0], at)
            found += page["coupons"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def _goods(self, one: Printing, at: datetime) -> int:
        code = f"{one.campaign}-{one.upc}"
        path = f"/v1/merchants/{MERCHANT_OF[one.merchant].gln}/goods-lists"
        made = await self._write(path, {"code": code}, f"goods:{code}", at)
        skus = [str(product) for product in one.products]
        for start in range(0, len(skus), _MOST_GOODS):
            body = {"column": "sku", "rows": skus[start : start + _MOST_GOODS]}
            await self._write(f"{path}/{code}/goods", body, f"goods:{code}:{start}", at)
        return int(made["list"])

    async def _define(self, campaign: Campaign, one: Printing, list_id: int, at: datetime) -> int:
        code, gln = f"{one.campaign}-{one.upc}", MERCHANT_OF[one.merchant].gln
        path = f"/v1/merchants/{gln}/coupon-definitions"
        names = {"en": f"Coupon {one.upc} of campaign {one.campaign}"}
        made = await self._write(path, {"code": code, "names": names}, f"coupon:{code}", at)
        span = [format_instant(instant_of_seconds(s)) for s in (campaign.begins, campaign.ends)]
        terms = {
            "benefit": BENEFITS[campaign.kind],
            "funders": [{"party": gln, "bps": 10_000}],
            "scope": {"of": {"lists": [list_id]}},
            "window": {"starts_at": span[0], "ends_at": span[1], "zone": "America/New_York"},
        }
        await self._write(f"{path}/{code}/versions", {"terms": terms}, f"terms:{code}", at)
        await self._approve(f"{path}/{code}/versions/1/approval", f"terms:{code}", at)
        return int(made["definition"])

    async def _campaign(
        self, campaign: Campaign, part: tuple[str, int], upcs: Sequence[int], at: datetime
    ) -> str:
        merchant, start = part
        code = f"{campaign.number}-{start}"
        path = f"/v1/merchants/{MERCHANT_OF[merchant].gln}/coupon-campaigns"
        span = [format_instant(instant_of_seconds(s)) for s in (campaign.begins, campaign.ends)]
        body = {
            "code": code,
            "names": {"en": f"Campaign {campaign.number}, {campaign.kind}"},
            "starts_at": span[0],
            "ends_at": span[1],
            "arms": [{"weight": 1, "definitions": [f"{campaign.number}-{upc}" for upc in upcs]}],
        }
        name = f"campaign:{merchant}:{code}"
        await self._write(path, body, name, at)
        await self._approve(f"{path}/{code}/approval", name, at)
        source = {"channel": "mail", "label": "by post", "source": f"C{campaign.number:02}{merchant}{start}"}
        await self._write(f"{path}/{code}/sources", source, f"source:{merchant}:{code}", at)
        return str(source["source"])

    async def _approve(self, path: str, name: str, at: datetime) -> None:
        await self.service.demand(path, {}, Frame(self.keys[1], f"{self.seed}:approved:{name}", at))

    async def _write(self, path: str, body: dict[str, Any], name: str, at: datetime) -> dict[str, Any]:
        return await self.service.demand(path, body, Frame(self.keys[0], f"{self.seed}:{name}", at))
