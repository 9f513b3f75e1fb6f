"""What brands do over HTTP: products, batches, labels, terms of claims, events, a recall, proofs."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from ledger_service.demo.alliance_plan import POINT_VALUES
from ledger_service.demo.goods_data import LOT, Lot
from ledger_service.demo.goods_journey import Event
from ledger_service.demo.http_client import Answer, Request
from ledger_service.demo.service_client import Frame, Refused, Service
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.kernel.clock import format_instant

_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_MOST_EVENTS, _MOST_LABELS = 250, 500
_PATIENCE_SECONDS, _ASK_EVERY_SECONDS = 300, 0.25
# What an item's claim is worth, in micros of the settlement currency: ten cents.
_CLAIM_MICROS = 100_000


class GoodsStuck(Exception):
    """What the bridge has to do for the goods did not happen in time."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What stands on the items of a lot, in order: serials, and PINs under their covers."""

    serials: tuple[str, ...]
    pins: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GoodsDesk:
    """Acts with an operator's key, and with those of merchants where it is their word."""

    service: Service
    key: str
    seed: str

    async def merchant_key(self, merchant: str, at: datetime) -> str:
        """The API key of a merchant's own systems; the same whenever it is asked for."""
        wanted = {"role": "merchant", "subject": MERCHANT_OF[merchant].gln}
        return str((await self.write("/v1/keys", wanted, f"goods-key:{merchant}", at))["token"])

    async def open(self, lot: Lot, at: datetime) -> int:
        """The product and its lot are there, with what a claim of an item gives; the batch's number."""
        names = {"en": lot.name, "zh-Hans": lot.name, "zh-Hant": lot.name}
        body = {"gtin": lot.gtin, "merchant": MERCHANT_OF[lot.merchant].gln, "names": names,
                "brand": f"Manufacturer {lot.manufacturer}"}  # fmt: skip
        await self.write("/v1/products", body, f"product:{lot.gtin}", at)
        opened = {"lot": LOT, "size": lot.size}
        path = f"/v1/products/{lot.gtin}"
        made = await self.write(f"{path}/batches", opened, f"batch:{lot.gtin}", at)
        points = max(1, _CLAIM_MICROS // POINT_VALUES[lot.merchant])
        frame = Frame(self.key, f"{self.seed}:claim-terms:{lot.gtin}", at)
        terms = {"programme": lot.merchant, "points": points}
        await self.service.put(f"{path}/claim-terms", terms, frame)
        return int(made["batch"])

    async def codes(self, lot: Lot, batch: int) -> Codes:
        """What the printer is given once all items are made."""
        await self._until_made(lot)
        rows: list[dict[str, str]] = []
        while len(rows) < lot.size:
            path = f"/v1/batches/{batch}/labels?format=csv&first={len(rows)}&count={_MOST_LABELS}"
            # Nothing is printed before the chain has the batch's root.
            answer = await self._until(path, lambda answer: answer.status == 200)
            rows += csv.DictReader(io.StringIO(answer.text))
        return Codes(tuple(row["serial"] for row in rows), tuple(row["pin"] for row in rows))

    async def until_rooted(self, lot: Lot, codes: Codes) -> None:
        """The lot's root is made: what is claimed from now on is told to the chain, too."""
        path = f"/v1/items/{lot.gtin}/{codes.serials[0]}/proof"
        await self._until(path, lambda answer: answer.status == 200)

    async def capture(self, key: str, events: Sequence[Event], at: datetime) -> None:
        """The events are stored, also where some were before.

        Raises:
            Refused: any was refused.
        """
        for start in range(0, len(events), _MOST_EVENTS):
            document = {
                "@context": [_CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0",
                "creationDate": format_instant(at),
                "epcisBody": {"eventList": list(events[start : start + _MOST_EVENTS])},
            }  # fmt: skip
            headers = {"Authorization": f"Bearer {key}", "Alliance-Time": format_instant(at)}
            request = Request("POST", "/epcis/capture", orjson.dumps(document), headers)
            answer = await self.service.send(request)
            if answer.status != 202 or not answer.document["success"]:
                raise Refused(request, answer)

    async def claim(self, number: str, code: str, pin: str, at: datetime) -> Answer:
        """A member opens the cover and claims the item; an honest refusal is an answer."""
        wanted = {"role": "member", "subject": number}
        session = await self.write("/v1/keys", wanted, f"claims-of:{number}", at)
        body = {"code": code, "pin": pin, "channel": "app", "device": f"phone of {number}"}
        frame = Frame(session["token"], f"{self.seed}:claim:{number}:{code[-20:]}", at)
        return await self.service.post(f"/v1/members/{number}/item-claims", body, frame)

    async def recall(self, batch: int, at: datetime) -> None:
        """Nothing of the lot is genuine any more, and nothing of it can be claimed."""
        await self.write(f"/v1/batches/{batch}/recall", {}, f"recall:{batch}", at)

    async def verdict(self, code: str, number: str = "") -> dict[str, Any]:
        """What a stranger is told, of which nothing is kept; or the member that scans with its phone."""
        if not number:
            return dict((await self.get(f"/v1/scans?code={quote(code, safe='')}")).document)
        body = orjson.dumps({"code": code, "device": f"phone of {number}"})
        return dict((await self.service.send(Request("POST", "/v1/scans", body))).document)

    async def bundle(self, gtin: str, serial: str) -> dict[str, Any]:
        """The proof bundle of an item once all its events are under a checkpoint on the chain."""

        def whole(answer: Answer) -> bool:
            document = answer.document
            return answer.status == 200 and document["checkpoint"] is not None and not document["waiting"]

        return dict((await self._until(f"/v1/items/{gtin}/{serial}/proof", whole)).document)

    async def get(self, path: str) -> Answer:
        """Read with the operator's key."""
        return await self.service.send(Request("GET", path, b"", {"Authorization": f"Bearer {self.key}"}))

    async def write(self, path: str, body: dict[str, Any], name: str, at: datetime) -> dict[str, Any]:
        """Write with the operator's key what must succeed."""
        return await self.service.demand(path, body, Frame(self.key, f"{self.seed}:{name}", at))

    async def _until_made(self, lot: Lot) -> None:
        def made(answer: Answer) -> bool:
            return all(one["made"] == one["size"] for one in answer.document["batches"])

        await self._until(f"/v1/products/{lot.gtin}/batches", made)

    async def _until(self, path: str, good: Any) -> Answer:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = await self.get(path)
            if good(answer):
                return answer
            if time.monotonic() > deadline:
                raise GoodsStuck(f"{path}: {answer.status} {str(answer.document)[:300]}")
            await asyncio.sleep(_ASK_EVERY_SECONDS)
