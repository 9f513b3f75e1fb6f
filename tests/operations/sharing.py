"""A running alliance whose members share: campaigns, links, touches and purchases over HTTP alone."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection
from typing import Any

import orjson

from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from tests.api.service import basket
from tests.operations.installation import GROCER, STORE, Installation, wait_until

BROWSER = "Mozilla/5.0 (iPhone) MicroMessenger/8.0"
BASE = "/v1/share/campaigns"
TERMS = {"trigger": "first-purchase", "sharer_points": 100, "newcomer_points": 50, "vest_days": 0}


class Member:
    """A member in custody: its number, its key, and the digits that its phone shows."""

    def __init__(self, town: Town, touch: str | None = None) -> None:
        body = {"custody": "custodial"} | ({} if touch is None else {"touch": touch})
        made = town.must(town.operator, "/v1/members", body)
        self.town, self.number, self.device = town, str(made["number"]), made["devices"][0]["digits"]
        wanted = {"role": "member", "subject": self.number}
        self.key = str(town.must(town.operator, "/v1/keys", wanted)["token"])

    def link(self, campaign: str, channel: str = "wechat-group") -> str:
        body = {"campaign": campaign, "channel": channel}
        return str(self.town.must(self.key, "/v1/share/links", body)["code"])

    def buys(self, amount: int = 1_000, spend_minor: int = 0) -> str:
        member: dict[str, Any] = {"number": self.number}
        more: dict[str, Any] = {}
        if spend_minor:
            now = parse_instant(self.town.run("clock").strip(), "clock")
            secret, lane = bytes.fromhex(self.device["secret"]), self.device["number"]
            member = {"pay_code": otp.digits_at(secret, lane, seconds_floor(now))}
            more = {"spend": {"max_value_minor": spend_minor}}
        sold = self.town.must(self.town.till, "/v1/sales", basket(STORE, amount, member=member, **more))
        return str(sold["sale_id"])

    def points(self) -> tuple[int, int]:
        """(available, pending) over all epochs."""
        rows = self.town.get(self.town.operator, f"/v1/members/{self.number}/balance")["balances"]
        return sum(row["available"] for row in rows), sum(row["pending"] for row in rows)

    def rewards(self) -> list[tuple[str, str]]:
        """Role and state of each, oldest first."""
        told = self.town.get(self.key, "/v1/share/rewards")["rewards"]
        return sorted((one["role"], one["state"]) for one in told)


class Town(Installation):
    """One alliance with two operators."""

    def found(self, *setup: str) -> None:
        super().found(*setup)
        self.second = self.run("keys", "issue", "operator", "second").split()[0]
        self.clock_watcher = Member(self).number

    def campaign(self, code: str, budget: int = 10_000, **terms: Any) -> str:
        new = {"code": code, "merchant": GROCER, "programme": "GROC", "name": code, "terms": TERMS | terms,
               "budget": {"points": budget, "rewards": 1_000}}  # fmt: skip
        self.must(self.operator, BASE, new)
        self.must(self.second, f"{BASE}/{code}/decision", {"approve": True})
        self.must(self.operator, f"{BASE}/{code}/state", {"state": "live"})
        return code

    def touch(self, link: str, visit: int = 1, agent: str = BROWSER) -> tuple[int, Any]:
        body = {"link": link, "visit": f"{visit:032x}", "agent": agent}
        return self.ask("POST", "/v1/share/touches", body)

    def touched(self, link: str, visit: int = 1) -> str:
        status, answer = self.touch(link, visit)
        assert status == 200, answer
        return str(answer["touch"])

    def brings(self, sharer: Member, campaign: str, visit: int = 1) -> Member:
        """A newcomer that enrols over the sharer's link, and looks round for more than a minute."""
        return self.looked_round(Member(self, self.touched(sharer.link(campaign), visit)))

    def looked_round(self, member: Member) -> Member:
        self.later("--seconds", "90")
        return member

    def later(self, *span: str) -> None:
        """So much later, and the service's own clock stands there."""
        to = parse_instant(self.run("clock", *span).strip(), "clock")
        wait_until(lambda: self.now() >= to, "the service's clock stands")

    def now(self) -> datetime:
        """The instant by the service's own clock."""
        path = "/v1/members/" + self.clock_watcher + "/balance"
        return parse_instant(self.get(self.operator, path)["as_of"], "as_of")

    def refused(self, token: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """Status and code of a write that is refused."""
        self.writes += 1
        more = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"w{self.writes}"}
        status, answer = self.ask("POST", path, body, **more)
        return status, str(answer["code"])

    def evidence(self, campaign: str, sale: str) -> dict[str, Any]:
        return self.get(self.operator, f"{BASE}/{campaign}/purchases/{sale}")

    def outcome(self, campaign: str, sale: str) -> str:
        """What came of a purchase, once the job has seen it."""
        found: list[str] = []

        def told() -> bool:
            status, answer = self.ask("GET", f"{BASE}/{campaign}/purchases/{sale}",
                                      Authorization=f"Bearer {self.operator}")  # fmt: skip
            found.extend([answer["outcome"]] if status == 200 else [])
            return bool(found)

        wait_until(told, "the purchase was not attributed")
        return found[0]

    def used(self, campaign: str) -> tuple[int, int]:
        budget = self.get(self.operator, f"{BASE}/{campaign}")["campaign"]["budget"]
        return int(budget["used_points"]), int(budget["used_rewards"])

    def flooded(self, link: str, visits: range) -> dict[int, int]:
        """The link is opened over one connection, each time by somebody else; answers by status."""
        statuses: dict[int, int] = {}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as line:
            for visit in visits:
                body = orjson.dumps({"link": link, "visit": f"{visit:032x}", "agent": BROWSER})
                line.request("POST", "/v1/share/touches", body, {"Content-Type": "application/json"})
                answer = line.getresponse()
                answer.read()
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                if answer.will_close:
                    line.close()
        return statuses
