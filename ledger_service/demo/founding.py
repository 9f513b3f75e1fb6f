"""The alliance of the main run, founded over HTTP: merchants, programmes, shops with tills, members with
phones.

Every write has an idempotency key made of the run's seed and the thing's own name, so founding again finds
what it founded before, and a till's secret comes back from the service's sealed answer.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_service.demo.alliance_plan import (
    CURRENCY,
    FOUNDED_AT,
    LADDERS,
    MERCHANTS,
    TAKES_BACK,
    Merchant,
    Programme,
)
from ledger_service.demo.phones import EpochEnds, Phone
from ledger_service.demo.progress import Progress
from ledger_service.demo.service_client import Frame, Service
from ledger_service.demo.tills import till_signing_key
from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, address_text, sign_digest

PROOF_LIFE = timedelta(hours=1)
# Before anybody's first purchase in any of the plan's time zones.
LADDERS_FROM = datetime(2016, 12, 31, tzinfo=UTC)
_ALLOWANCE = {"allowance_micros": 500_000_000, "window_seconds": 86_400}
_NO_ACCOUNT = bytes(20)


class Founder:
    """Holds the operator's key; every method may be called again with the same effect."""

    def __init__(self, service: Service, operator_key: str, seed: str) -> None:
        self._service, self._key, self._seed = service, operator_key, seed

    async def merchants(self) -> None:
        """All merchants of the plan are admitted, on chain and in the service."""
        for merchant in MERCHANTS:
            body = {"merchant": merchant.gln, "name": merchant.name}
            await self._write("/v1/merchants", body, f"merchant:{merchant.gln}", FOUNDED_AT)

    async def programmes(self) -> None:
        """Each merchant but ``Unassigned`` has its programme with terms, calendar and earn rule."""
        for merchant in MERCHANTS:
            if merchant.programme is not None:
                body = programme_body(merchant, merchant.programme)
                await self._write("/v1/programmes", body, f"programme:{merchant.key}", FOUNDED_AT)

    async def ladders(self) -> None:
        """The programmes of the plan that have tiers publish them from the first midnight on."""
        for code, ladder in LADDERS.items():
            body = {"effective_from": format_instant(LADDERS_FROM), "ladder": ladder}
            frame = Frame(self._key, f"{self._seed}:ladder:{code}", FOUNDED_AT)
            await self._service.put(f"/v1/programmes/{code}/tiers", body, frame)

    async def return_policies(self) -> None:
        """Goods may come back at a partner where seller and partner both say so."""
        by_key = {merchant.key: merchant for merchant in MERCHANTS}
        for seller, partner in TAKES_BACK.items():
            policies = (
                (seller, {"where": "partners", "partners": [by_key[partner].gln]}),
                (partner, {"where": "merchant", "takes_back_for": [by_key[seller].gln]}),
            )
            for key, body in policies:
                path = f"/v1/merchants/{by_key[key].gln}/return-policy"
                await self._write(path, body, f"return-policy:{key}", FOUNDED_AT)

    async def allow(self, merchant: Merchant, store: int, at: datetime) -> int:
        """The till of a shop may take points alone; the version of its allowance."""
        gln = merchant.store_gln(store)
        terminal = await self._write("/v1/terminals", {"store": gln, "label": "till 1"}, f"till:{gln}", at)
        path = f"/v1/terminals/{terminal['terminal']}/offline-allowance"
        return int((await self._write(path, _ALLOWANCE, f"allowance:{gln}", at))["version"])

    async def forgive(self, sale_id: str, at: datetime) -> None:
        """The member does not owe what a merchant bears of an offline sale."""
        path = f"/v1/offline-losses/{sale_id}/decision"
        await self._write(path, {"collect": False}, f"forgiven:{sale_id}", at)

    async def till(self, merchant: Merchant, store: int, at: datetime) -> str:
        """The merchant's shop at one of the data's stores is open; returns the API key of its till."""
        gln = merchant.store_gln(store)
        shop = {
            "store": gln,
            "merchant": merchant.gln,
            "name": f"{merchant.name}, store {store}",
            "timezone": merchant.timezone,
        }
        await self._write("/v1/stores", shop, f"store:{gln}", at)
        terminal = await self._write("/v1/terminals", {"store": gln, "label": "till 1"}, f"till:{gln}", at)
        own = {"till_key": address_text(address_of_key(till_signing_key(self._seed, gln)))}
        await self._write(f"/v1/terminals/{terminal['terminal']}/till-key", own, f"till-signs:{gln}", at)
        wanted = {"role": "cashier", "subject": terminal["terminal"]}
        issued = await self._write("/v1/keys", wanted, f"till-key:{gln}", at)
        return str(issued["token"])

    async def enrol(self, phone: Phone, domain: Domain, at: datetime, touch: str | None = None) -> None:
        """The household is a member whose phone's own key is the account's first signer."""
        valid_until = seconds_floor(at + PROOF_LIFE)
        grant = SignerGrant(_NO_ACCOUNT, phone.signer, 0, valid_until)
        proof = sign_digest(phone.key, domain.digest(grant.struct_hash()))
        body: dict[str, Any] = {
            "identities": [{"kind": "social:complete-journey", "value": f"household-{phone.household}"}],
            "custody": "device",
            "device": {
                "signer": address_text(phone.signer),
                "valid_until": valid_until,
                "proof": "0x" + proof.hex(),
                "label": "phone",
            },
        }
        body |= {} if touch is None else {"touch": touch}
        member = await self._write("/v1/members", body, f"member:{phone.household}", at)
        phone.number = member["number"]
        phone.account = bytes.fromhex(member["account"][2:])
        phone.lane = member["devices"][0]["lane"]
        phone.joined = True

    async def epoch_ends(self) -> EpochEnds:
        """The calendars as the service publishes them."""
        answer = await self._service.get("/v1/programmes", self._key)
        return EpochEnds(
            {p["programme"]: [_end(e) for e in p["epochs"] if e["ends_at"]] for p in answer["programmes"]}
        )

    async def _write(self, path: str, body: dict[str, Any], name: str, at: datetime) -> dict[str, Any]:
        return await self._service.demand(path, body, Frame(self._key, f"{self._seed}:{name}", at))


class DemoAlliance:
    """What the replay needs of the founded alliance; opens shops when the data first names them."""

    def __init__(self, founder: Founder, domain: Domain, ends: EpochEnds, progress: Progress) -> None:
        self.domain, self.ends = domain, ends
        self._founder, self._progress = founder, progress
        self._tills = progress.tills()
        self._opening: dict[tuple[str, int], asyncio.Lock] = {}
        self._allowed: dict[tuple[str, int], int] = {}

    async def publish(self) -> None:
        """What merchants publish before the first day: tiers, and who takes whose goods back."""
        await self._founder.ladders()
        await self._founder.return_policies()

    async def join(self, phone: Phone, at: datetime, touch: str | None = None) -> None:
        """Enrol a household and register its phone's key; ``touch`` is that of the share link it followed."""
        await self._founder.enrol(phone, self.domain, at, touch)

    async def allow(self, merchant: Merchant, store: int, at: datetime) -> int:
        """Let that till take points alone; the version of its allowance."""
        place = merchant.key, store
        if place not in self._allowed:
            self._allowed[place] = await self._founder.allow(merchant, store, at)
        return self._allowed[place]

    async def forgive(self, sale_id: str, at: datetime) -> None:
        """The operator decides that a member does not owe what a merchant bears of an offline sale."""
        await self._founder.forgive(sale_id, at)

    async def till_key(self, merchant: Merchant, store: int, at: datetime) -> str:
        """The API key of the till of a merchant's shop, opened on the first visit."""
        place = merchant.key, store
        if place not in self._tills:
            async with self._opening.setdefault(place, asyncio.Lock()):
                if place not in self._tills:
                    key = await self._founder.till(merchant, store, at)
                    self._progress.add_till(*place, key)
                    self._tills[place] = key
        return self._tills[place]


def programme_body(merchant: Merchant, programme: Programme) -> dict[str, Any]:
    """What POST /v1/programmes takes."""
    return {
        "code": programme.code,
        "merchant": merchant.gln,
        "name": f"{merchant.name} points",
        "currency": CURRENCY,
        "timezone": merchant.timezone,
        "cycle": programme.period,
        "point_value_micros": programme.point_value_micros,
        "fee_bps": programme.fee_bps,
        "issuance_cap": programme.issuance_cap,
        "validity_epochs": programme.validity_epochs,
        "earn": {"points": programme.points_per_unit, "per_minor": 100},
    }


def _end(epoch: dict[str, Any]) -> datetime:
    return parse_instant(epoch["ends_at"], "ends_at")
