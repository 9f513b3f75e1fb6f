"""An operation as an auditor reads it: what it says, its entry, its place on the chain, each in words."""

from __future__ import annotations

from typing import Any

from ledger_service.web.office.blocks import Block, Cell, Check, Facts, Note, Rows, Search, Sheet
from ledger_service.web.office.deeds import page_of
from ledger_service.web.office.names import names_of, programmes_of
from ledger_service.web.office.reading import code, link, worded
from ledger_service.web.office.telling import raw, table
from ledger_service.web.screen import Download, Page, Screen, Visit, roles
from ledger_service.web.screens.member import saved

AUDITOR = roles("auditor", "operator")
_HERE = "/audit/operation"


def operation(visit: Visit) -> Page:
    """An operation with its entry, leaf, batch and path."""
    wanted = visit.query.get("operation", "").strip().lower()
    search = Search(_HERE, "operation", "operation.id", wanted)
    answer = visit.ask(f"/v1/operations/{wanted}/proof") if wanted.isalnum() else None
    if answer is None or not answer.good:
        problem = None if answer is None else answer.document
        return page_of(visit, Sheet("operation.title", [search, _check(visit)]), problem)
    return page_of(visit, Sheet("operation.title", [search, *_told(visit, answer.document)], wanted[:8]))


def _told(visit: Visit, told: dict[str, Any]) -> list[Block]:
    names, proof, entry = names_of(visit) | programmes_of(visit), told["proof"], told["entry"]
    blocks: list[Block] = [
        Facts([("proof.kind", worded(visit, told["kind"])), ("proof.state", worded(visit, told["state"]))]),
        Rows("operation.itself", ("col.field", "col.value"), [
            [Cell(visit.say("proof.operation")), code(told["operation"])],
            [Cell(visit.say("proof.leaf")), code(told["leaf"])],
            [Cell(visit.say("proof.title")),
             link(visit.say("proof.save"), f"{_HERE}/{told['operation']}/file")],
            *([[Cell(visit.say("col.reason")), Cell(told["reason"], "code")]] if told["reason"] else []),
        ]),
        table(visit, "operation.says", _reasoned(visit, told), names, ("op_id",)),
        Note("operation.no_entry", "note") if entry is None
        else table(visit, "operation.entry", entry, names, ("operation",)),
    ]  # fmt: skip
    if proof is None:
        blocks.append(Note("operation.no_block", "note"))
    else:
        blocks.append(table(visit, "operation.chain", proof, names, ("path",)))
        blocks.append(Rows("operation.path", ("col.value",), [[code(one)] for one in proof["path"]],
                           empty="operation.alone"))  # fmt: skip
    return [*blocks, raw(told), _check(visit)]


def _reasoned(visit: Visit, told: dict[str, Any]) -> dict[str, Any]:
    """What the operation says, with its reason in words beside the number that the chain has."""
    facts: dict[str, Any] = told["facts"]
    if "reason" not in facts:
        return facts
    key = f"operation.reason.{told['kind']}.{facts['reason']}"
    said = visit.say(key)
    return facts if said == key else facts | {"reason": f"{said} ({facts['reason']})"}


def _check(visit: Visit) -> Check:
    return Check(f"alliance verify receipt FILE --rpc URL {visit.contracts}")


def operation_file(visit: Visit) -> Download:
    """The same as a file, which a command holds against the chain without us."""
    return saved(visit, visit.path["operation"])


SCREENS = (
    Screen("GET", _HERE, "audit-operation", AUDITOR, operation),
    Screen("GET", f"{_HERE}/<operation>/file", "audit-operation-file", AUDITOR, operation_file),
)
