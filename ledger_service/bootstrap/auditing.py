"""The audit: ledger against itself, outbox against leaves, ledger against chain, mirror against node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from ledger_service.archive import verifying as archives
from ledger_service.bootstrap.booked import unbooked
from ledger_service.bootstrap.chain_parts import node_of
from ledger_service.bootstrap.foundations import Foundations, background_clock, lay_foundations
from ledger_service.bootstrap.ledger_view import SqlLedgerView
from ledger_service.bootstrap.operator_keys import keys_given_by_others
from ledger_service.bootstrap.relaying import targets_of
from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.errors import ChainUnavailable, LyingNode, NodeRefusal, WrongNetwork
from ledger_service.chain.node_check import ChainMoves, check_node
from ledger_service.chain.reconciler import reconcile
from ledger_service.chain.settings import Contracts
from ledger_service.chain.status import ProgrammeTotal, net_positions, programme_totals
from ledger_service.checkout.collecting import reconcile as spends
from ledger_service.checkout.couponing import reconcile as coupons
from ledger_service.checkout.stored import reconcile as stored_value
from ledger_service.checkout.tickets import reconcile as tickets
from ledger_service.config import Settings
from ledger_service.kernel.gs1 import gln_text
from ledger_service.ledger import reconcile as ledger
from ledger_service.merchants.queries import list_merchants
from ledger_service.moving_in import reconcile as imports
from ledger_service.outbox import queries as outbox
from ledger_service.points import reconcile as points
from ledger_service.points.catalogue import read_catalogue


@dataclass(frozen=True, slots=True)
class Finding:
    """Two books that tell one thing differently."""

    check: str
    subject: str
    expected: str
    actual: str


@dataclass(slots=True)
class Verdict:
    """What was compared, what differs, and the figures that everybody may recompute.

    ``moving`` says why mirror and node could not be compared, where the chain never held still; ``warnings``
    are no differences, but a person should look at them.
    """

    balances: int = 0
    operations: int = 0
    pending: int = 0
    block_number: int = -1
    node_asked: bool = False
    moving: str = ""
    findings: list[Finding] = field(default_factory=list)
    programmes: list[dict[str, Any]] = field(default_factory=list)
    nets: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every comparison could be made and agrees."""
        return not self.findings and not self.moving

    def document(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {"clean": self.clean, **asdict(self)}

    def text(self) -> str:
        """The verdict for people."""
        lines = [f"{f.check}: {f.subject}: expected {f.expected}, found {f.actual}" for f in self.findings]
        lines += [f"warning: {warning}" for warning in self.warnings]
        counted = f"{self.operations} operations, {self.balances} balances, block {self.block_number}"
        word = f"{len(self.findings)} differences" if self.findings else "database = chain"
        asked = "mirror = node" if self.node_asked else "node not asked"
        if self.moving:
            word, asked = word if self.findings else "moving, ask again", self.moving
        return "\n".join([*lines, f"{word} ({counted}, {self.pending} not on chain yet; {asked})"])


def audit(settings: Settings, *, ask_node: bool) -> Verdict:
    """Compare every book with its other side.

    Raises:
        NotFounded: the database holds no alliance yet.
    """
    foundations = lay_foundations(settings)
    verdict = Verdict()
    _audit_ledger(foundations, verdict)
    _audit_chain(foundations, verdict)
    if ask_node:
        _audit_node(foundations, verdict)
    with foundations.database.snapshot() as conn:
        _figures(conn, verdict)
        now = background_clock(settings, foundations.database).now()
        verdict.warnings += [key.warning() for key in keys_given_by_others(conn, now)]
    foundations.close()
    return verdict


def _audit_ledger(foundations: Foundations, verdict: Verdict) -> None:
    with foundations.database.snapshot() as conn:
        rooms = ledger.differences(conn), points.differences(conn), imports.differences(conn)
        for one in chain(*rooms, *_instruments(conn)):
            verdict.findings.append(
                Finding(f"ledger-{one.check}", one.subject, str(one.expected), str(one.found))
            )
        for forged in outbox.forgeries(conn):
            verdict.findings.append(Finding("outbox-leaf", forged.op_id.hex(), "as accepted", forged.what))
        for other in unbooked(conn):
            verdict.findings.append(Finding("outbox-entry", other.op_id.hex(), other.booked, other.operation))


def _instruments(conn: Connection) -> tuple[Iterator[ledger.Difference], ...]:
    sold = archives.differences(conn), coupons.differences(conn), spends.differences(conn)
    return *sold, stored_value.differences(conn), tickets.differences(conn)


def _audit_chain(foundations: Foundations, verdict: Verdict) -> None:
    report = reconcile(foundations.database, SqlLedgerView())
    verdict.balances, verdict.operations = report.balances, report.operations
    verdict.pending, verdict.block_number = report.pending, report.block_number
    for one in report.differences:
        verdict.findings.append(Finding(one.check, one.subject, str(one.expected), str(one.actual)))


def _audit_node(foundations: Foundations, verdict: Verdict) -> None:
    alliance = foundations.alliance
    contracts = Contracts(alliance.clearing_house, alliance.registry)
    node = node_of(foundations.settings)
    try:
        with closing(node.transport):
            node.must_serve(alliance.chain_id)
            found = check_node(foundations.database, node, contracts)
            for target in targets_of(alliance):
                found += check_beside(foundations.database, node, target)
    except WrongNetwork as other:
        numbers = str(other.expected_chain_id), str(other.actual_chain_id)
        verdict.findings.append(Finding("node", "chain id", *numbers))
        return
    except (ChainUnavailable, NodeRefusal, LyingNode) as failure:
        verdict.findings.append(Finding("node", "reachable", "an answer", str(failure)))
        return
    except ChainMoves as moving:
        verdict.moving = str(moving)
        return
    verdict.node_asked = True
    for one in found:
        verdict.findings.append(Finding(one.check, one.subject, str(one.expected), str(one.actual)))


def _figures(conn: Connection, verdict: Verdict) -> None:
    codes = {p.programme_id: p.code for p in read_catalogue(conn).programmes.values()}
    names = {m.merchant_id: m.name for m in list_merchants(conn)}
    for total in programme_totals(conn):
        verdict.programmes.append({"programme": codes.get(total.programme_id), **_total(total)})
    for period, merchant, net_micros in net_positions(conn):
        verdict.nets.append({
            "period": period, "merchant": gln_text(merchant), "name": names.get(merchant),
            "net_micros": net_micros,
        })  # fmt: skip


def _total(total: ProgrammeTotal) -> dict[str, int]:
    return {**asdict(total), "outstanding": total.outstanding}
