"""A merchant's coupons: define, write terms, have them approved by another; campaigns and results."""

from __future__ import annotations

import json
from typing import Any

from ledger_service.web.drawing import Slice, Step, ageing, funnel
from ledger_service.web.office.blocks import Acts, Block, Cell, Field, Note, Picture, Rows, Sheet
from ledger_service.web.office.deeds import Deed, put, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    Json,
    acts,
    called,
    code,
    instant,
    listed,
    money,
    number,
    shows,
    state,
    words,
)
from ledger_service.web.office.telling import raw, summary, table
from ledger_service.web.screen import Problem, Screen, Visit, roles

MERCHANT = roles("merchant")
_HOME = "/merchant/coupons"
_DEFINITIONS, _CAMPAIGNS = f"{_HOME}/definitions", f"{_HOME}/campaigns"
_API = "/v1/merchants/{merchant}"
_MOST_LOOKED_THROUGH = 10
CHANNELS = ("app", "cashier", "mail", "poster", "receipt", "share", "web", "other")


def _own(visit: Visit, rest: str) -> str:
    return f"/v1/merchants/{visit.me.merchant}{rest}"


def name_of(visit: Visit, names: Json) -> str:
    """The name in the visitor's language, else in English."""
    return str(names.get(visit.formats.language) or names.get("en", ""))


def definitions(visit: Visit) -> Sheet:
    """What coupons there are."""
    found, more = listed(visit, _own(visit, "/coupon-definitions"), "definitions", _DEFINITIONS)
    rows = [
        [code(one["code"], f"{_DEFINITIONS}/{one['code']}"), Cell(name_of(visit, one["names"])),
         state("withdrawn" if one["withdrawn_at"] else "active"), instant(visit, one["created_at"])]
        for one in found
    ]  # fmt: skip
    table = Rows("coupons.definitions", ("col.code", "col.name", "col.state", "col.at"), rows, more)
    return Sheet("coupons.definitions", [table, Acts([DEFINE.form(visit)])], lead="coupons.lead", back=_HOME)


def definition(visit: Visit) -> Sheet:
    """A definition with its versions: who wrote is not who approves, and who pays must agree."""
    wanted = visit.path["code"]
    here = f"{_DEFINITIONS}/{wanted}"
    found, more = listed(visit, _own(visit, f"/coupon-definitions/{wanted}/versions"), "versions", here)
    names = names_of(visit)
    rows = [_version(visit, wanted, one, names) for one in found]
    terms = json.dumps(found[-1]["terms"], indent=1, ensure_ascii=False) if found else ""
    forms = [form.form(visit, {"terms": terms}, code=wanted) for form in (PERCENT, AMOUNT, TRY, WRITE)]
    headings = ("col.version", "col.from", "col.state", "col.waiting_for", "col.terms", "col.act")
    newest: list[Block] = []
    if found:
        newest = [table(visit, "coupons.newest", found[-1]["terms"], names), raw(found[-1]["terms"])]
    blocks: list[Block] = [
        Rows("coupons.versions", headings, rows, more), *newest,
        Acts([*forms, WITHDRAW.form(visit, code=wanted)]),
    ]  # fmt: skip
    return Sheet("coupons.definition", blocks, wanted, back=_DEFINITIONS)


def _version(visit: Visit, wanted: str, one: Json, names: dict[str, str]) -> list[Cell]:
    version = str(one["version"])
    standing = "live" if one["live_from"] else "approved" if one["approved"] else "draft"
    approve = [] if one["approved"] else [APPROVE.form(visit, code=wanted, version=version)]
    agree = (
        [AGREE.form(visit, code=wanted, version=version)] if visit.me.merchant in one["waiting_for"] else []
    )
    waits = [called(names, gln) for gln in one["waiting_for"]]
    return [
        number(visit, one["version"]), instant(visit, one["effective_from"]), state(standing), words(waits),
        Cell(summary(visit, one["terms"], names)), acts(*approve, *agree),
    ]  # fmt: skip


def tried(visit: Visit, told: Json) -> Sheet:
    """What the terms would be; nothing was written."""
    sheet = definition(visit)
    blocks = [
        Note("coupons.tried", "note"),
        table(visit, "coupons.as_read", told["terms"], names_of(visit)),
        raw(told["terms"]),
        *sheet.blocks,
    ]
    return Sheet(sheet.title, blocks, sheet.subject, back=sheet.back)


def campaigns(visit: Visit) -> Sheet:
    """What campaigns there are, and a form for the next."""
    found, more = listed(visit, _own(visit, "/coupon-campaigns"), "campaigns", _CAMPAIGNS)
    rows = [
        [code(one["code"], f"{_CAMPAIGNS}/{one['code']}"), Cell(name_of(visit, one["names"])),
         state(one["state"]),
         instant(visit, one["starts_at"]), instant(visit, one["ends_at"])]
        for one in found
    ]  # fmt: skip
    table = Rows(
        "coupons.campaigns", ("col.code", "col.name", "col.state", "col.from", "col.until"), rows, more
    )
    return Sheet("coupons.campaigns", [table, Acts([PROPOSE.form(visit)])], lead="campaigns.lead", back=_HOME)


def _campaign(visit: Visit, wanted: str) -> Json:
    """The campaign of this code, looked for page by page."""
    query: dict[str, str] = {"limit": "200"}
    told: dict[str, Any] = {}
    for _ in range(_MOST_LOOKED_THROUGH):
        told = visit.get(_own(visit, "/coupon-campaigns"), **query)
        found = next((one for one in told["campaigns"] if one["code"] == wanted), None)
        if found is not None:
            return dict(found)
        if not told["next_cursor"]:
            break
        query["cursor"] = told["next_cursor"]
    raise Problem(visit.ask(_own(visit, f"/coupon-campaigns/{wanted}/sources")))


def campaign(visit: Visit) -> Sheet:
    """A campaign with its results: how many coupons each source gave out, and how many were used."""
    wanted = visit.path["code"]
    here, told = f"{_CAMPAIGNS}/{wanted}", _campaign(visit, wanted)
    sources, more = listed(visit, _own(visit, f"/coupon-campaigns/{wanted}/sources"), "sources", here)
    taken, used = sum(one["coupons"] for one in sources), sum(one["used"] for one in sources)
    steps = [Step(visit.say("campaign.taken"), taken), Step(visit.say("campaign.used"), used)]
    forms = [SOURCE.form(visit, code=wanted), END.form(visit, code=wanted)]
    if told["state"] == "draft":
        forms.insert(0, LAUNCH.form(visit, code=wanted))
    count = visit.formats.number
    by_source = [Slice(one["label"], one["used"]) for one in sources if one["used"]]
    blocks: list[Block] = [
        _facts(visit, told),
        Picture("campaign.funnel", funnel(steps, visit.say("campaign.funnel"), count)),
        Picture("campaign.by_source", ageing(by_source, visit.say("campaign.by_source"), count)),
        _sources(visit, sources, more), Acts(forms),
    ]  # fmt: skip
    return Sheet("campaign.title", blocks, f"{name_of(visit, told['names'])} · {wanted}", back=_CAMPAIGNS)


def _facts(visit: Visit, told: Json) -> Rows:
    arms = [[number(visit, place), number(visit, one["weight"]), words(one["definitions"])]
            for place, one in enumerate(told["arms"])]  # fmt: skip
    return Rows("campaign.arms", ("col.arm", "col.weight", "col.coupons"), arms)


def _sources(visit: Visit, sources: list[Json], more: str) -> Rows:
    rows = [
        [code(one["source"]), state(one["channel"]), Cell(one["label"]), number(visit, one["coupons"]),
         number(visit, one["used"]), money(visit, one["discount_minor"]),
         money(visit, one["baskets_minor"])]
        for one in sources
    ]  # fmt: skip
    headings = (
        "col.source", "col.channel", "col.name", "campaign.taken", "campaign.used", "campaign.discount",
        "campaign.baskets",
    )  # fmt: skip
    return Rows("campaign.sources", headings, rows, more, "campaign.no_sources")


_NAMES = (
    Field("names.en", "text", "field.name_en"), Field("names.zh-Hans", "text", "field.name_hans",
                                                      optional=True),
    Field("names.zh-Hant", "text", "field.name_hant", optional=True),
)  # fmt: skip
_CODE = Field("code", "text", "field.code", about="field.code_about")
_VERSION = "/coupon-definitions/{code}/versions"
_TERMS = (
    Field("terms", "json", "field.terms", about="field.terms_about"),
    Field("effective_from", "instant", "field.effective_from", optional=True, about="field.utc"),
)
DEFINE = Deed(
    "define-coupon", _DEFINITIONS, f"{_API}/coupon-definitions", MERCHANT, _DEFINITIONS, definitions,
    (_CODE, *_NAMES,
     Field("jurisdiction", "choice", "field.jurisdiction", True,
           ("none", "US", "US-CA", "CA-ON", "CA-QC", "CN", "HK", "TW"))),
)  # fmt: skip
TRY = Deed("try-coupon", f"{_DEFINITIONS}/<code>/trial", _API + _VERSION, MERCHANT,
           f"{_DEFINITIONS}/{{code}}",
           definition, _TERMS, {"dry_run": True}, shown=tried)  # fmt: skip
_PLAIN = (
    Field("terms.scope.least_minor", "money", "coupon_form.least", optional=True),
    Field(
        "terms.scope.of.departments",
        "list",
        "coupon_form.departments",
        optional=True,
        about="field.list_about",
    ),
    Field("terms.window.starts_at", "instant", "field.starts_at", optional=True, about="field.utc"),
    Field("terms.window.ends_at", "instant", "field.ends_at", optional=True, about="field.utc"),
    Field("terms.window.days_after_claim", "int", "coupon_form.days", optional=True),
    Field("terms.limits.per_member", "int", "coupon_form.per_member", optional=True),
    Field("terms.limits.budget_count", "int", "coupon_form.budget", optional=True),
    Field("terms.gift", "choice", "coupon_form.gift", options=("none", "once", "alliance")),
    Field("terms.automatic", "flag", "coupon_form.automatic"),
)


def _own_cost(visit: Visit, body: Json) -> None:
    """Whoever writes plain terms pays for them alone; who shares the cost writes them in full."""
    put(body, "terms.funders", [{"party": visit.me.merchant, "bps": 10_000}])


PERCENT = Deed(
    "percent-coupon", f"{_DEFINITIONS}/<code>/percent", _API + _VERSION, MERCHANT, f"{_DEFINITIONS}/{{code}}",
    definition,
    (Field("terms.benefit.bps", "percent", "coupon_form.percent"),
     Field("terms.benefit.most_minor", "money", "coupon_form.most", optional=True), *_PLAIN),
    {"terms.benefit.type": "PercentOff"}, completes=_own_cost,
)  # fmt: skip
AMOUNT = Deed(
    "amount-coupon", f"{_DEFINITIONS}/<code>/amount", _API + _VERSION, MERCHANT, f"{_DEFINITIONS}/{{code}}",
    definition, (Field("terms.benefit.minor", "money", "coupon_form.amount"), *_PLAIN),
    {"terms.benefit.type": "AmountOff"}, completes=_own_cost,
)  # fmt: skip
WRITE = Deed("write-coupon", f"{_DEFINITIONS}/<code>/versions", _API + _VERSION, MERCHANT,
             f"{_DEFINITIONS}/{{code}}", definition, _TERMS)  # fmt: skip
APPROVE = Deed("approve-coupon", f"{_DEFINITIONS}/<code>/<version>/approval",
               _API + _VERSION + "/{version}/approval",
               MERCHANT, f"{_DEFINITIONS}/{{code}}", definition, risky=True)  # fmt: skip
AGREE = Deed("agree-coupon", f"{_DEFINITIONS}/<code>/<version>/consent",
             _API + _VERSION + "/{version}/consent",
             MERCHANT, f"{_DEFINITIONS}/{{code}}", definition, risky=True)  # fmt: skip
WITHDRAW = Deed("withdraw-coupon", f"{_DEFINITIONS}/<code>/withdrawal",
                _API + "/coupon-definitions/{code}/withdrawal", MERCHANT, f"{_DEFINITIONS}/{{code}}",
                definition,
                risky=True, danger=True)  # fmt: skip
PROPOSE = Deed(
    "propose-campaign", _CAMPAIGNS, f"{_API}/coupon-campaigns", MERCHANT, _CAMPAIGNS, campaigns,
    (_CODE, *_NAMES, Field("starts_at", "instant", "field.starts_at", about="field.utc"),
     Field("ends_at", "instant", "field.ends_at", about="field.utc"),
     Field("arms", "json", "field.arms", value='[{"weight": 1, "definitions": ["…"]}]',
           about="field.arms_about")),
)  # fmt: skip
_CAMPAIGN = _API + "/coupon-campaigns/{code}"
LAUNCH = Deed("approve-campaign", f"{_CAMPAIGNS}/<code>/approval", f"{_CAMPAIGN}/approval", MERCHANT,
              f"{_CAMPAIGNS}/{{code}}", campaign, risky=True)  # fmt: skip
END = Deed("end-campaign", f"{_CAMPAIGNS}/<code>/end", f"{_CAMPAIGN}/end", MERCHANT, f"{_CAMPAIGNS}/{{code}}",
           campaign, risky=True, danger=True)  # fmt: skip
SOURCE = Deed(
    "add-source", f"{_CAMPAIGNS}/<code>/sources", f"{_CAMPAIGN}/sources", MERCHANT, f"{_CAMPAIGNS}/{{code}}",
    campaign,
    (Field("channel", "choice", "field.channel", options=CHANNELS), Field("label", "text", "field.label"),
     Field("arm", "int", "field.arm", optional=True)),
)  # fmt: skip
SCREENS = (
    Screen("GET", _DEFINITIONS, "merchant-definitions", MERCHANT, shows(definitions)),
    Screen("GET", f"{_DEFINITIONS}/<code>", "merchant-definition", MERCHANT, shows(definition)),
    Screen("GET", _CAMPAIGNS, "merchant-campaigns", MERCHANT, shows(campaigns)),
    Screen("GET", f"{_CAMPAIGNS}/<code>", "merchant-campaign", MERCHANT, shows(campaign)),
    *screens_of(DEFINE, PERCENT, AMOUNT, TRY, WRITE, APPROVE, AGREE, WITHDRAW, PROPOSE, LAUNCH, END, SOURCE),
)
