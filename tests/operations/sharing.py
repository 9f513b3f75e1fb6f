"""A running alliance whose members share: campaigns, links, touches and purchases over HTTP alone."""

from __future__ import annotations

import os
import re
import socket
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
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
        """So much later, and the service's own clock stands there.

        What was accepted is on the chain by then: it takes nothing that is a week old by its clock.
        """
        wait_until(self.drained, "not every operation is final")
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

    def resident_mib(self, name: str) -> int:
        """How much memory a process and its children hold."""
        group, pages = self.running[name].pid, 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                # Behind the command in brackets: state, parent, process group, …; the 22nd is the pages held.
                fields = stat.read_text().rpartition(")")[2].split()
                pages += int(fields[21]) if int(fields[2]) == group else 0
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20

    def flooded(self, link: str, visits: range) -> dict[int, int]:
        """The link is opened over one connection, each time by somebody else; answers by status."""
        statuses: dict[int, int] = {}
        with closing(Clicks(self.port)) as line:
            for visit in visits:
                status = line.click(link, visit)
                statuses[status] = statuses.get(status, 0) + 1
        return statuses


class Clicks:
    """Touches over one connection with as little as HTTP needs: who floods has more machines than a test."""

    def __init__(self, port: int) -> None:
        self.port, self.line = port, socket.socket()
        self.close()

    def close(self) -> None:
        self.line.close()
        self.fresh = True

    def click(self, link: str, visit: int) -> int:
        """The link is opened by a visitor of this number; returns the status."""
        body = orjson.dumps({"link": link, "visit": f"{visit:032x}", "agent": BROWSER})
        if self.fresh:
            self.line = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.fresh = False
        self.line.sendall(b"%s%d\r\n\r\n%s" % (_HEAD, len(body), body))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, rest = answer.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        assert found is not None, head
        while len(rest) < int(found[1]):
            rest += self._more()
        if b"connection: close" in head.lower():
            self.close()
        return int(head[9:12])

    def _more(self) -> bytes:
        some = self.line.recv(65_536)
        assert some, "the service hung up"
        return some


_HEAD = (b"POST /v1/share/touches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
         b"Content-Length: ")  # fmt: skip
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
