"""Rewards of sharing over HTTP: lists, reviews and appeals, and the evidence of an attribution."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import share_shapes as shares
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Listing, Record, Text
from ledger_service.kernel.clock import format_instant, micros_of
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.referrals.campaigns.errors import ShareCampaignUnknown
from ledger_service.referrals.rewards import errors as refusals
from ledger_service.referrals.rewards import queries
from ledger_service.referrals.rewards.queries import Evidence, Reach
from ledger_service.referrals.rewards.reviewing import Step
from ledger_service.referrals.rewards.rules import STATES
from ledger_service.referrals.rewards.service import RewardDesk

_GROUP, _BASE = "Sharing", "/v1/share/rewards"
_READ = scopes("self:read", "store:write", "audit:read")
_REASON = Text(500)
_STATE = Record({"state": Text(one_of=STATES)}, closed=False)
_STEPS = (*WRITE_PROBLEMS, refusals.ShareRewardUnknown, refusals.ShareRewardStepRefused, SecondPersonNeeded)
LIST = Route(
    "GET", _BASE, "list-share-rewards", _READ, "Rewards, newest first", group=_GROUP,
    query={**PAGE_QUERY, "state": Parameter(Text(one_of=STATES), "Only those of this state")},
    problems=(CursorRefused,),
    success=Success(200, "A page; a member sees its own, a merchant those of its campaigns.",
                    paged("rewards", shares.REWARD)),
)  # fmt: skip
SHOW = Route(
    "GET", f"{_BASE}/<reward>", "show-share-reward", _READ, "A reward and what happened to it", group=_GROUP,
    problems=(refusals.ShareRewardUnknown,),
    success=Success(200, "The reward.", Record(
        {"reward": shares.REWARD, "events": Listing(shares.EVENT)}, closed=False)),
)  # fmt: skip
STEP = Route(
    "POST", f"{_BASE}/<reward>/steps", "step-share-reward", scopes("store:write"),
    "Release a held reward, or refuse it with a reason", group=_GROUP, write=True,
    body=Record({"step": Text(one_of=("release", "refuse")), "reason": _REASON}), problems=_STEPS,
    success=Success(200, "Done.", _STATE),
)  # fmt: skip
APPEAL = Route(
    "POST", f"{_BASE}/<reward>/appeal", "appeal-share-reward", scopes("self:write"),
    "Object to a refusal; another person decides", group=_GROUP, write=True,
    body=Record({"reason": _REASON}), problems=_STEPS, success=Success(200, "It waits.", _STATE),
)  # fmt: skip
EVIDENCE = Route(
    "GET", "/v1/share/campaigns/<campaign>/purchases/<sale>", "share-evidence", _READ,
    "Why a purchase is whose doing: what was committed before it, and how to open it", group=_GROUP,
    problems=(ShareCampaignUnknown, refusals.SharePurchaseUnknown),
    success=Success(200, "For the buyer, who shared, the campaign's merchant and auditors.",
                    shares.EVIDENCE),
)  # fmt: skip
ROUTES = (LIST, SHOW, STEP, APPEAL, EVIDENCE)


@dataclass(frozen=True, slots=True)
class ShareRewardsDoor:
    """The endpoints of this module over the rewards room."""

    administration: Administration
    cursors: Cursors
    desk: RewardDesk

    def list(self, call: Call) -> Reply:
        """A page of rewards."""
        reach, state = _reach(call), call.query.get("state")
        page = self.cursors.page(f"share-rewards:{reach}:{state}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.rewards(conn, reach, state, _after(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"rewards": [_reward(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """One reward."""
        reward_id = parse_id(call.path["reward"], "reward")

        def find(conn: Connection) -> Json:
            row = queries.reward(conn, reward_id, _reach(call))
            events = [
                {"kind": e.kind, "by": e.by_whom, "reason": e.reason, "at": format_instant(e.at)}
                for e in queries.events_of(conn, reward_id)
            ]
            return {"reward": _reward(row), "events": events}

        return self.administration.read(find)

    def step(self, call: Call) -> Reply:
        """A person decides."""
        return self._do(call, call.body.fields["step"])

    def appeal(self, call: Call) -> Reply:
        """The member objects."""
        return self._do(call, "appeal")

    def evidence(self, call: Call) -> Reply:
        """The evidence."""
        sale_id = parse_id(call.path["sale"], "sale")
        return self.administration.read(
            lambda conn: _evidence(
                queries.evidence(conn, call.path["campaign"], sale_id, _reach(call)), call.path["campaign"]
            )
        )

    def _do(self, call: Call, kind: str) -> Reply:
        reach = _reach(call)
        step = Step(
            parse_id(call.path["reward"], "reward"), kind, call.caller.subject,
            clean_text(call.body.fields["reason"], "reason", 500), call.at, reach.merchant_id,
            reach.member_id,
        )  # fmt: skip
        keyed = self.administration.keyed(call, 200, lambda state: {"state": state})
        return reply_of(self.desk.step(step, keyed))


def served(door: ShareRewardsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list, door.show, door.step, door.appeal, door.evidence)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _reach(call: Call) -> Reach:
    return Reach(call.caller.member_id, call.caller.merchant_id)


def _reward(row: RowMapping) -> Json:
    return {
        "reward": id_text(row["reward_id"]), "campaign": row["campaign"], "sale": id_text(row["sale_id"]),
        "role": row["role"], "depth": row["depth"], "member": row["member_number"], "points": row["points"],
        "pays": row["pays"], "definition": row["definition_id"], "state": row["state"],
        "reasons": row["reasons"].split(), "commitment": row["number"],
        "until": format_instant(row["until"]), "sold_at": format_instant(row["sold_at"]),
        "made_at": format_instant(row["made_at"]),
    }  # fmt: skip


def _evidence(found: Evidence, campaign: str) -> Json:
    link = found.committed
    return {
        "sale": id_text(found.purchase["sale_id"]), "campaign": campaign,
        "outcome": found.purchase["outcome"], "ordinal": found.purchase["ordinal"],
        "commitment": {
            "number": link.number, "hash": link.commitment.hex(), "chain": link.hash.hex(),
            "at": format_instant(link.committed_at),
        },
        "body": found.body, "salt": found.salt.hex(),
        "own_salt": None if found.own_salt is None else found.own_salt.hex(),
        "opens": found.opens, "again": found.again, "log": _log(found),
        "sold_at": format_instant(found.purchase["sold_at"]),
        "recorded_at": format_instant(found.purchase["recorded_at"]),
        "rewards": [
            {"reward": id_text(one["reward_id"]), "role": one["role"], "pays": one["pays"],
             "points": one["points"], "state": one["state"]}
            for one in found.rewards
        ],
    }  # fmt: skip


def _log(found: Evidence) -> Json | None:
    """The commitment's leaf, and whether the log's checkpoint over it is older than the sale."""
    if found.logged is None:
        return None
    leaf, body, seen, proof = found.logged
    if seen is None:
        return {"leaf": leaf, "body": body.decode(), "checkpoint": None, "proof": [], "before_sale": False}
    told = {"size": seen.size, "root": seen.root.hex(), "at": format_instant(seen.made_at)}
    return {
        "leaf": leaf, "body": body.decode(), "checkpoint": told, "proof": [one.hex() for one in proof],
        "before_sale": seen.made_at <= found.purchase["recorded_at"],
    }  # fmt: skip


def _place(row: RowMapping) -> str:
    return f"{micros_of(row['made_at'])} {row['reward_id'].hex()}"


def _after(position: str | None) -> tuple[int, bytes] | None:
    if position is None:
        return None
    micros, _, last = position.partition(" ")
    return int(micros), bytes.fromhex(last)
