"""Tills that were cut off: what they sold meanwhile comes to the service later, and perhaps twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SpendPermit, acceptance_struct_hash
from ledger_service.kernel.secp256k1 import sign_digest
from tests.simulation.founding import Founded, Person, Till
from tests.simulation.machine.front import Asked
from tests.simulation.people.memory import Action

_AGO = (0, 20, 600, 7_200, 40_000, 90_000)
Lines = Callable[[], list[dict[str, Any]]]


@dataclass
class Alone:
    """Draws what a till sold alone and uploads."""

    founded: Founded
    random: Random
    now: Callable[[], int]
    nonce: Callable[[Person], int]
    lines: Lines
    sold: int = 0

    def upload(self) -> Action:
        """One to three sales of one till, in one batch."""
        till = self.random.choice(self.founded.cut_off)
        items, members, lines = [], {}, {}
        for _ in range(self.random.choice([1, 1, 3])):
            person = self.random.choice(self.founded.people)
            item = self._item(till, person)
            items.append(item)
            members[item["key"]] = person.number
            lines[item["key"]] = {line["line"]: line["quantity"] for line in item["sale"]["lines"]}
        facts = {"members": members, "lines": lines}
        return Action("upload", Asked(till.token, "upload-offline-sales", {"sales": items}), facts=facts)

    def _item(self, till: Till, person: Person) -> dict[str, Any]:
        self.sold += 1
        since = int(self.founded.at.timestamp())
        at = max(self.now() - self.random.choice(_AGO), since)
        sale: dict[str, Any] = {
            "store": gln_text(till.gln), "currency": "USD", "reference": f"o{self.sold}",
            "lines": self.lines(), "member": {"number": person.number},
        }  # fmt: skip
        if self.random.random() < 0.5:
            sale |= self._paid(till, person, at, sum(line["amount_minor"] for line in sale["lines"]))
        sold_at = format_instant(datetime.fromtimestamp(at, UTC))
        return {"key": f"alone-{self.sold}", "sold_at": sold_at, "sale": sale, "allowance_version": 1}

    def _paid(self, till: Till, person: Person, at: int, total: int) -> dict[str, Any]:
        domain = self.founded.alliance.domain
        permit = SpendPermit(person.account, self.nonce(person), 10**7, at + 60)
        signed = domain.digest(acceptance_struct_hash(domain.digest(permit.struct_hash()), at))
        return {
            "member": {"pay_code": encode_pay_code(sign_pay_code(person.key, domain, permit))},
            "spend": {"max_value_minor": self.random.randint(1, min(total, 900))},
            "acceptance": {
                "accepted_at": format_instant(datetime.fromtimestamp(at, UTC)),
                "signature": "0x" + sign_digest(till.key, signed).hex(),
            },
        }  # fmt: skip
