"""A period over HTTP: closed, published, netted and paid by the operator, disputes decided by the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.settlement import MICROS, SIGNATURE, period_number, published, whose
from ledger_service.api.errors import NotYours
from ledger_service.api.ports import Governance
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.chain import periods
from ledger_service.chain.errors import PeriodNotDrained, PeriodUnknown
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.settlement_words import Decided
from ledger_service.settlement import agreed_words
from ledger_service.settlement.errors import NoSuchDispute, PeriodNotPublished, SettlementNotOffered

_PERIOD = "/v1/settlement/periods/<period>"
# The operator's alone.
_WRITE = scopes("merchant:write")
_LAST_PAYOUT = 255
_SHARED: dict[str, Any] = {
    "group": "Settlement", "write": True,
    "problems": (*WRITE_PROBLEMS, *CHAIN_PROBLEMS, PeriodUnknown, SettlementNotOffered),
}  # fmt: skip
CLOSE = Route(
    "POST", f"{_PERIOD}/closing", "close-settlement-period", _WRITE,
    "The open period ends; all that was accepted before belongs to it", body=Record({}),
    group="Settlement", write=True,
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, PeriodUnknown, PeriodNotDrained),
    success=Success(201, "It is closed on chain, also when it was before.", Record(closed=False)),
)  # fmt: skip
PUBLISH = Route(
    "POST", f"{_PERIOD}/publication", "publish-settlement-statements", _WRITE,
    "Statements of a closed period go on chain and wait for the merchants' answers",
    body=Named("PeriodPublication", Record({"answer_days": Integer(3, 90, "Days that merchants have")})),
    success=Success(201, "They stand on chain; `standing` shows them soon.", Record(closed=False)), **_SHARED,
)  # fmt: skip
NET = Route(
    "POST", f"{_PERIOD}/netting", "net-settlement-period", _WRITE,
    "A period that all have confirmed, or whose date has come, is netted", body=Record({}),
    success=Success(201, "Its payouts stand on chain.", Record(closed=False)), **_SHARED,
)  # fmt: skip
PAID = Route(
    "POST", f"{_PERIOD}/payments", "mark-settlement-payouts-paid", _WRITE,
    "Payouts are paid, as the bank says",
    body=Named("PayoutsPaid", Record(
        {"payouts": Listing(Integer(0, _LAST_PAYOUT), 256, 1, "Places in the list of `standing`, from 0"),
         "evidence": Text(pattern="[0-9a-f]{64}", about="SHA-256 of the bank's word, which you keep")})),
    success=Success(201, "They are marked on chain.", Record(closed=False)), **_SHARED,
)  # fmt: skip
RESOLVE = Route(
    "POST", f"{_PERIOD}/resolutions", "resolve-settlement-dispute", scopes("store:write"),
    "A merchant's word on what of a held amount is owed; both decide it", group="Settlement", write=True,
    body=Named("DisputeResolution", Record(
        {"merchant": shapes.GLN, "debtor": shapes.GLN, "creditor": shapes.GLN, "pay_micros": MICROS},
        {"signature": SIGNATURE}, about="Custody signs where there is no `signature`")),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, NotYours, PeriodNotPublished, NoSuchDispute,
              SettlementNotOffered),
    success=Success(201, "`agreed` once both have said the same amount: then it stands on chain.",
                    shapes.answer("DisputeWord", period=Integer(1), debtor=Text(), creditor=Text(),
                                  pay_micros=Text(), agreed=Flag())),
)  # fmt: skip
ARBITRATE = Route(
    "POST", f"{_PERIOD}/arbitrations", "arbitrate-settlement-dispute", _WRITE,
    "The board's decision on a held amount that the two did not agree on",
    body=Named("DisputeArbitration", Record(
        {"debtor": shapes.GLN, "creditor": shapes.GLN, "pay_micros": MICROS,
         "evidence": Text(pattern="[0-9a-f]{64}", about="SHA-256 of the board's reasons, which you keep")})),
    **{**_SHARED, "problems": (*_SHARED["problems"], PeriodNotPublished, NoSuchDispute)},
    success=Success(201, "`decided`: it stands on chain. Otherwise it is announced there, and counts once you"
                    " ask for it again, under another key, from `due` on.",
                    shapes.answer("DisputeArbitrated", period=Integer(1), debtor=Text(), creditor=Text(),
                                  pay_micros=Text(), decided=Flag(), due=Nullable(shapes.INSTANT))),
)  # fmt: skip
ROUTES = (CLOSE, PUBLISH, NET, PAID, RESOLVE, ARBITRATE)


@dataclass(frozen=True, slots=True)
class SettlingDoor:
    """The endpoints of this module; the leading bridge does each step, once, however often asked."""

    administration: Administration
    governance: Governance

    def close(self, call: Call) -> Reply:
        """The period is closed; one that was closed before stays so."""
        return self._step(call, self.governance.close_period, {})

    def publish(self, call: Call) -> Reply:
        """The period's statements are published."""
        days = call.body.fields["answer_days"]
        return self._step(call, lambda n: self.governance.publish_period(n, days), {"answer_days": days})

    def net(self, call: Call) -> Reply:
        """The period is netted."""
        return self._step(call, self.governance.net_period, {})

    def paid(self, call: Call) -> Reply:
        """Payouts are marked as paid."""
        payouts = sorted(set(call.body.fields["payouts"]))
        evidence = bytes.fromhex(call.body.fields["evidence"])
        told = {"payouts": payouts}
        return self._step(call, lambda n: self.governance.mark_paid(n, payouts, evidence), told)

    def resolve(self, call: Call) -> Reply:
        """The merchant's word is kept; with the other one's on the same amount the dispute is decided."""
        said, (merchant, signature) = _decided(call), whose(call)
        if merchant not in (said.debtor, said.creditor):
            raise MalformedField("merchant", "must be debtor or creditor")
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        self.administration.read(lambda conn: _open_dispute(conn, said))
        by = signature or self.governance.word_on_line(said, merchant)
        both = self._both(call, said, (merchant, by))
        if both is not None:
            self.governance.resolve_line(said, both)
        given = call.body.fields
        told = {name: given[name] for name in ("debtor", "creditor", "pay_micros")}
        done = {"period": said.period, **told, "agreed": both is not None}
        return self.administration.write(call, lambda conn: done)

    def arbitrate(self, call: Call) -> Reply:
        """The board's decision is announced, or made."""
        said, given = _decided(call), call.body.fields
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        self.administration.read(lambda conn: _open_dispute(conn, said))
        name = id_text(derive_id("arbitration", call.caller.subject, call.key))
        due = self.governance.arbitrate_line(said, bytes.fromhex(given["evidence"]), name)
        told = {name: given[name] for name in ("debtor", "creditor", "pay_micros")}
        when = format_instant(instant_of_seconds(due)) if due else None
        done = {"period": said.period, **told, "decided": not due, "due": when}
        return self.administration.write(call, lambda conn: done)

    def _both(self, call: Call, said: Decided, word: tuple[int, bytes]) -> tuple[bytes, bytes] | None:
        """Both words, once this one stands: of two said at once, whoever looks last sees the other's."""

        def note(conn: Connection) -> Json:
            agreed_words.note(conn, said, *word, call.at)
            return {}

        found: list[tuple[bytes, bytes] | None] = []

        def look(conn: Connection) -> Json:
            found.append(agreed_words.both_words(conn, said))
            return {}

        self.administration.apply(note)
        self.administration.read(look)
        return found[-1]

    def _step(self, call: Call, act: Callable[[int], None], told: Json) -> Reply:
        number = period_number(call.path["period"])
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        # A period that has not begun is unknown here already, and is not asked of the bridge.
        self.administration.read(lambda conn: {"period": periods.period_of(conn, number).number})
        act(number)
        return self.administration.write(call, lambda conn: {"period": number, **told})


def served(door: SettlingDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.close, door.publish, door.net, door.paid, door.resolve, door.arbitrate)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _decided(call: Call) -> Decided:
    given = call.body.fields
    debtor, creditor = (parse_gln(given[side], side) for side in ("debtor", "creditor"))
    return Decided(period_number(call.path["period"]), debtor, creditor, int(given["pay_micros"]))


def _open_dispute(conn: Connection, said: Decided) -> Json:
    """Refuses what no dispute is known of; whether it is open still, and the amount, the desk judges."""
    for one in published(conn, said.period)["disputes"]:
        if (int(one["debtor"]), int(one["creditor"])) == (said.debtor, said.creditor):
            return {}
    raise NoSuchDispute(said.period, f"{said.debtor:013}", f"{said.creditor:013}")
