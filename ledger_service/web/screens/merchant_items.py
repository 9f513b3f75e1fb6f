"""A brand's goods with codes: products, batches with how far they are, labels for the printer, recalls."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Rows, Search, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.reading import Json, code, instant, link, listed, number, shows, state, worded
from ledger_service.web.screen import Download, Problem, Screen, Visit, roles

MERCHANT = roles("merchant")
_HOME, _BATCHES, _PRODUCTS = "/merchant/items", "/merchant/batches", "/v1/products"
# As many as the API hands out at once.
_LABELS = 500
_FORMATS = ("pdf", "csv", "zip")


def overview(visit: Visit) -> Sheet:
    """The products, a form for another, and the prefixes that the operator has allotted."""
    found, more = listed(visit, _PRODUCTS, "products", _HOME)
    rows = [
        [code(one["gtin"], f"{_HOME}/{one['gtin']}"), Cell(one["names"][visit.formats.language]),
         Cell(one["brand"]), Cell(", ".join(one["markets"]) or visit.say("word.all"))]
        for one in found
    ]  # fmt: skip
    table = Rows("goods.products", ("goods.gtin", "col.name", "goods.brand", "goods.markets"), rows, more,
                 "goods.no_products")  # fmt: skip
    prefixes = visit.get("/v1/prefixes", limit="25")["prefixes"]
    own = ", ".join(one["prefix"] for one in prefixes) or visit.say("word.none")
    return Sheet("goods.title", [Facts([("goods.prefixes", own)]), table, Acts([ADD.form(visit)])],
                 lead="goods.lead")  # fmt: skip


def product(visit: Visit) -> Sheet:
    """The batches of a product, and a form for another."""
    gtin = visit.path["gtin"]
    found, more = listed(visit, f"{_PRODUCTS}/{gtin}/batches", "batches", f"{_HOME}/{gtin}")
    rows = [
        [link(one["lot"], f"{_BATCHES}/{one['batch']}"), number(visit, one["size"]), Cell(_progress(one)),
         Cell(one["expiry"] or "–"), instant(visit, one["opened_at"]), instant(visit, one["recalled_at"])]
        for one in found
    ]  # fmt: skip
    headings = ("goods.lot", "goods.size", "goods.made", "goods.expiry", "goods.opened", "goods.recalled")
    table = Rows("goods.batches", headings, rows, more, "goods.no_batches")
    return Sheet("goods.product", [table, Acts([OPEN.form(visit, gtin=gtin)])], gtin, back=_HOME)


def batch(visit: Visit) -> Sheet:
    """One batch: how far it is, its labels part by part, its items, and its recall."""
    wanted = visit.path["batch"]
    told, here = visit.get(f"/v1/batches/{wanted}"), f"{_BATCHES}/{wanted}"
    found, more = listed(visit, f"/v1/batches/{wanted}/items", "items", here)
    rows = [[number(visit, one["index"]), code(one["serial"]), state(one["state"]),
             instant(visit, one["state_at"])] for one in found]  # fmt: skip
    headings = ("goods.index", "goods.serial", "col.state", "col.at")
    blocks: list[Block] = [
        _facts(visit, told), *_labels(visit, told, here), Rows("goods.all", headings, rows, more),
    ]  # fmt: skip
    if told["recalled_at"] is None:
        blocks.append(Acts([RECALL.form(visit, batch=wanted)]))
    return Sheet("goods.batch", blocks, f"{told['gtin']} · {told['lot']}", back=f"{_HOME}/{told['gtin']}")


def _facts(visit: Visit, told: Json) -> Facts:
    return Facts([
        ("goods.size", visit.formats.number(told["size"])), ("goods.made", _progress(told)),
        ("goods.root", worded(visit, told["root"])), ("goods.expiry", told["expiry"] or "–"),
        ("goods.recalled", visit.formats.instant(told["recalled_at"])),
    ])  # fmt: skip


def _progress(told: Json) -> str:
    """How much of a batch is made, in whole per cent; 100 only for all of it."""
    return f"{100 * told['made'] // told['size']} %"


def _labels(visit: Visit, told: Json, here: str) -> list[Block]:
    """The parts of the batch's labels from an item on, each in every format."""
    typed = visit.query.get("first", "0")
    first = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 8 else 0
    starts = range(first, min(told["size"], first + 10 * _LABELS), _LABELS)
    shown, end = visit.formats.number, told["size"]
    rows = [
        [Cell(f"{shown(start)} – {shown(min(start + _LABELS, end) - 1)}"),
         *(link(form.upper(), f"{here}/labels/{start}/{form}") for form in _FORMATS)]
        for start in starts
    ]  # fmt: skip
    headings = ("goods.part", "goods.pdf", "goods.csv", "goods.zip")
    look = [Search(here, "first", "goods.first", str(first))] if told["size"] > 10 * _LABELS else []
    return [*look, Rows("goods.labels", headings, rows, empty="goods.no_labels")]


def labels(visit: Visit) -> Download:
    """A file for the printer, with the PINs under their covers.

    Raises:
        StepUp: the key was not entered a moment ago.
        Problem: the batch is not whole or not on the chain yet.
    """
    visit.step_up()
    place = visit.path
    query = {"format": place["form"], "first": place["first"], "count": str(_LABELS)}
    answer = visit.ask(f"/v1/batches/{place['batch']}/labels", **query)
    if not answer.good:
        raise Problem(answer)
    return Download(answer.raw, answer.media_type, answer.file)


ADD = Deed(
    "add-product", _HOME, _PRODUCTS, MERCHANT, _HOME, overview,
    (Field("gtin", "text", "goods.gtin", about="goods.gtin_about"), Field("brand", "text", "goods.brand"),
     Field("names.en", "text", "goods.name.en"), Field("names.zh-Hans", "text", "goods.name.zh-Hans"),
     Field("names.zh-Hant", "text", "goods.name.zh-Hant"),
     Field("markets", "list", "goods.markets", optional=True, about="goods.markets_about")),
    own="merchant",
)  # fmt: skip
OPEN = Deed(
    "open-batch", f"{_HOME}/<gtin>/batches", f"{_PRODUCTS}/{{gtin}}/batches", MERCHANT, f"{_HOME}/{{gtin}}",
    product,
    (Field("lot", "text", "goods.lot", about="goods.lot_about"), Field("size", "int", "goods.size"),
     Field("expiry", "text", "goods.expiry", optional=True, about="goods.expiry_about"),
     Field("prizes", "json", "goods.prizes", optional=True, about="goods.prizes_about")),
)  # fmt: skip
RECALL = Deed(
    "recall-batch", f"{_BATCHES}/<batch>/recall", "/v1/batches/{batch}/recall", MERCHANT,
    f"{_BATCHES}/{{batch}}", batch, risky=True, danger=True,
)  # fmt: skip
SCREENS = (
    Screen("GET", _HOME, "merchant-items", MERCHANT, shows(overview)),
    Screen("GET", f"{_HOME}/<gtin>", "merchant-product", MERCHANT, shows(product)),
    Screen("GET", f"{_BATCHES}/<batch>", "merchant-batch", MERCHANT, shows(batch)),
    Screen("GET", f"{_BATCHES}/<batch>/labels/<first>/<form>", "merchant-labels-file", MERCHANT, labels),
    *screens_of(ADD, OPEN, RECALL),
)
