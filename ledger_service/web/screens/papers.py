"""Papers of periods: statements and journals to keep, and the order by which a bank pays what is owed."""

from __future__ import annotations

from base64 import b64decode

from ledger_service.web.office.blocks import Acts, Block, Cell, Check, Field, Rows, Search, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import Json, called, link, listed, shows, state
from ledger_service.web.screen import Download, Problem, Screen, Visit, roles

SETTLING, OPERATOR = roles("merchant", "auditor", "operator"), roles("operator")
_HOME = "/settlement/papers"
PAPERS = ("statement.csv", "statement.pdf", "journal.csv")
_ACCOUNTS = '[{"merchant": "…", "name": "…", "iban": "…", "bic": "…"}]'


def overview(visit: Visit) -> Sheet:
    """Each closed period's papers; a merchant's own, or those of the one that is chosen."""
    names = names_of(visit)
    merchant = visit.me.merchant or _chosen(visit, names)
    here = _HOME if visit.me.merchant else f"{_HOME}?merchant={merchant}"
    found, more = listed(visit, "/v1/settlement/periods", "periods", here)
    rows = [_row(visit, one, merchant) for one in found]
    headings = ("papers.period", "col.state", *(f"papers.{name}" for name in PAPERS), "papers.as_of_close")
    blocks: list[Block] = [Rows("papers.all", headings, rows, more, "papers.none"), _check(visit, merchant)]
    if not visit.me.merchant:
        blocks.insert(0, Search(_HOME, "merchant", "col.merchant", merchant, tuple(names), named=names))
    if visit.me.role == "operator":
        blocks.append(Acts([ORDER.form(visit)]))
    return Sheet("papers.title", blocks, called(names, merchant), "papers.lead")


def _chosen(visit: Visit, names: dict[str, str]) -> str:
    wanted = visit.query.get("merchant", "")
    return wanted if wanted in names else next(iter(names), "")


def _row(visit: Visit, one: Json, merchant: str) -> list[Cell]:
    period = visit.say("settlement.period", n=one["period"])
    lines = link(period, f"/settlement/{one['period']}/lines")
    if one["state"] == "open":
        return [lines, state(one["state"]), *[Cell("–")] * 4]
    base = f"/settlement/{one['period']}/papers/{merchant}/"
    files = [link(name.rpartition(".")[2].upper(), base + name) for name in PAPERS]
    return [lines, state(one["state"]), *files, link("PDF", f"{base}statement.pdf?stage=closed")]


def _check(visit: Visit, merchant: str) -> Check:
    return Check(
        f"alliance settle statement --rpc URL {visit.contracts} {visit.desk} "
        f"--currency {visit.formats.currency} --merchant {merchant} --period N --into DIR"
    )


def paper(visit: Visit) -> Download:
    """One paper, the same bytes for ever; a PDF is in the reader's language.

    Raises:
        Problem: there is none yet, or it is another merchant's.
    """
    place = visit.path
    query = {"paper": place["paper"]} | ({"stage": "closed"} if "stage" in visit.query else {})
    if place["paper"].endswith(".pdf"):
        query["language"] = visit.formats.language
    answer = visit.ask(f"/v1/settlement/periods/{place['period']}/papers/{place['gln']}", **query)
    if not answer.good:
        raise Problem(answer)
    return Download(answer.raw, answer.media_type, answer.file)


def _ordered(visit: Visit, told: Json) -> Download:
    return Download(b64decode(told["document"]), "application/xml", f"payouts-{told['period']}.xml")


ORDER = Deed(
    "order-payouts", f"{_HOME}/order", "/v1/settlement/periods/{period}/payment-orders", OPERATOR, _HOME,
    overview,
    (Field("execution", "day", "field.execution"),
     Field("accounts", "json", "field.accounts", value=_ACCOUNTS, about="field.accounts_about"),
     Field("attempt", "int", "field.attempt", optional=True, about="field.attempt_about"),
     Field("charset", "choice", "field.charset", True, ("unicode", "latin"))),
    asks=(Field("period", "int", "field.period"),), risky=True, file=_ordered,
)  # fmt: skip
SCREENS = (
    Screen("GET", _HOME, "settlement-papers", SETTLING, shows(overview)),
    Screen("GET", "/settlement/<period>/papers/<gln>/<paper>", "settlement-paper-file", SETTLING, paper),
    *screens_of(ORDER),
)
