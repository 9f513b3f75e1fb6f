"""The product resolver (GS1-Conformant Resolver 1.2): codes lead to what their brands say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.routes import PUBLIC, Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.db.engine import Database
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import DigitalLink, parse_digital_link
from ledger_service.kernel.gs1 import parse_gtin
from ledger_service.traceability.goods.errors import BatchUnknown, ProductUnknown
from ledger_service.traceability.goods.queries import find_product
from ledger_service.traceability.linking import rules
from ledger_service.traceability.linking.errors import CodeMalformed, LinkAbsent
from ledger_service.traceability.linking.rules import Asked, Link
from ledger_service.traceability.linking.service import Led, find_links, links_of, set_links

GROUP = "Resolver"
_CORS = (
    ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
    ("Access-Control-Allow-Headers", "Accept, Accept-Language"),
    ("Access-Control-Expose-Headers", "Link, Location"),
)  # fmt: skip
_VARY = ("Vary", "Accept, Accept-Language")
_OPEN = Dialect(asked=("Accept", "Accept-Language", ":query"), told=(*_CORS, _VARY), free_query=True)
_LINK = Record({
    "kind": Text(one_of=rules.LINK_TYPES), "href": Text(1_000), "title": Text(200),
}, {"languages": Listing(Text(35), 20), "media_type": Text(80), "default": Flag()})  # fmt: skip
_LOT = Text(20, about="A lot, whose own links stand before the product's")
# As the document says of the parameter.
MOST_LINK_CHARACTERS = 1_024
RESOLVE = Route(
    "GET", "/01/<path:digital_link>", "resolve-code", PUBLIC, "Where a product's or item's code leads",
    group=GROUP, limited=True, personal=False, problems=(CodeMalformed, LinkAbsent), dialect=_OPEN,
    success=Success(307, "`Location`; 300 where several fit alike; 200 with the linkset that was asked for.",
                    media_types=("text/plain",)),
)  # fmt: skip
OPTIONS = Route(
    "OPTIONS", "/01/<path:digital_link>", "resolve-options", PUBLIC,
    "What the resolver answers to, as headers", problems=(CodeMalformed,),
    group=GROUP, limited=True, personal=False, dialect=Dialect(told=_CORS, free_query=True),
    success=Success(204, "The headers.", media_types=()),
)  # fmt: skip
DESCRIBE = Route(
    "GET", "/.well-known/gs1resolver", "describe-resolver", PUBLIC, "What this resolver resolves",
    group=GROUP, limited=True, personal=False, dialect=Dialect(told=_CORS),
    success=Success(200, "The description file.", Free("A resolver description file.")),
)  # fmt: skip
SET = Route(
    "PUT", "/v1/products/<gtin>/links", "set-product-links", scopes("store:write"),
    "Set where a product's codes lead, or those of one lot; exactly one link is the default", group="Goods",
    body=Named("ProductLinks", Record(
        {"links": Listing(_LINK, rules.MOST_LINKS, 1)}, {"lot": Nullable(_LOT)})),
    write=True, problems=(*WRITE_PROBLEMS, ProductUnknown, BatchUnknown),
    success=Success(200, "In force.", shapes.answer("ProductLinksSet", version=Integer(1))),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/products/<gtin>/links", "show-product-links", scopes("trace:read"),
    "Where a product's codes lead", group="Goods", query={"lot": Parameter(_LOT, "Only this lot's own")},
    problems=(ProductUnknown,),
    success=Success(200, "The links in force; version 0 before there were any.", shapes.answer(
        "ProductLinksInForce", version=Integer(0), links=Listing(_LINK, rules.MOST_LINKS))),
)  # fmt: skip
ROUTES = (RESOLVE, OPTIONS, DESCRIBE, SET, SHOW)


@dataclass(frozen=True, slots=True)
class ResolverDoor:
    """The endpoints of this module; ``url`` is where clients reach the service, if that is configured."""

    administration: Administration
    database: Database
    url: str

    def resolve(self, call: Call) -> Reply:
        """A redirect, a choice, or the linkset."""
        headers = call.headers or {}
        query = headers.get(":query", "")
        link = _parsed(call.path["digital_link"], query)
        gtin = link.key[1]
        with self.database.read() as conn:
            led = find_links(conn, gtin, link.find("10"), link.find("21"))
        if led is None:
            raise LinkAbsent
        asked = rules.asked_of(query, headers.get("Accept", ""), headers.get("Accept-Language", ""))
        anchor = self._anchor(link)
        return _answer(led, self._with_own(led, link, anchor), (asked, anchor, query))

    def describe(self, _call: Call) -> Reply:
        """The description file."""
        return Reply({
            "name": "Alliance Ledger product resolver", "resolverRoot": self.url or "/",
            "supportedPrimaryKeys": ["01"],
            "supportedLinkType": [{"namespace": rules.VOCABULARY, "prefix": "gs1:",
                                   "profile": "https://www.gs1.org/voc/?show=linktypes"}],
            "linkTypeDefaultCanBeLinkset": True, "validatesKeys": True,
        })  # fmt: skip

    def set(self, call: Call) -> Reply:
        """The links are in force."""
        given, gtin = call.body.fields, parse_gtin(call.path["gtin"], "gtin")
        links = rules.parse_links(given["links"])
        about = (gtin, given.get("lot") or "", call.caller.merchant_id)

        def act(conn: Connection) -> Json:
            return {"version": set_links(conn, about, links, call.caller.subject, call.at)}

        return self.administration.write(call, act, status=200)

    def show(self, call: Call) -> Reply:
        """The links in force."""
        gtin, own = parse_gtin(call.path["gtin"], "gtin"), call.caller.merchant_id

        def find(conn: Connection) -> Json:
            find_product(conn, gtin, own)
            version, links = links_of(conn, gtin, call.query.get("lot", ""))
            return {"version": version, "links": [asdict(link) for link in links]}

        return self.administration.read(find)

    def _anchor(self, link: DigitalLink) -> str:
        path = "/".join(f"{ai}/{quote(value, safe='')}" for ai, value in link.path)
        return f"{self.url.rstrip('/') or 'https://id.gs1.org'}/{path}"

    def _with_own(self, led: Led, link: DigitalLink, anchor: str) -> list[Link]:
        """The brand's links, and where the alliance itself tells of the item: the default if it has none."""
        code, own = quote(anchor, safe=""), self.url.rstrip("/")
        verdict = f"{own}/v1/scans?code={code}"
        brand, found = {link.kind for link in led.links}, list(led.links)
        page = link.find("21") is not None and not brand
        if page:
            found.append(Link("pip", f"{own}/item?code={code}", "Item", (), "text/html", True))
        if "verificationService" not in brand:
            default = not brand and not page
            found.append(Link("verificationService", verdict, "Verdict", (), "application/json", default))
        if led.recalled and "recallStatus" not in brand:
            found.append(Link("recallStatus", verdict, "Recalled", (), "application/json"))
        return found


def options(call: Call) -> Reply:
    """What the resolver answers to; of a path that no code can have, that it is none."""
    if len(call.path["digital_link"]) > MOST_LINK_CHARACTERS:
        raise CodeMalformed("is too long")
    return Reply(b"", 204, headers=(("Allow", "GET, HEAD, OPTIONS"),))


def served(door: ResolverDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.resolve, options, door.describe, door.set, door.show)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _parsed(code: str, query: str) -> DigitalLink:
    """The code behind /01/, its parts escaped again, with one slash at its end let pass."""
    path = "/".join(quote(part, safe="") for part in code.removesuffix("/").split("/"))
    try:
        link = parse_digital_link(f"https://id.gs1.org/01/{path}{'?' if query else ''}{query}")
    except LinkMalformed as fault:
        raise CodeMalformed(str(fault)) from None
    if link.key[0] != "01" or link.stem != "https://id.gs1.org":
        raise CodeMalformed("does not name a product")
    return link


def _answer(led: Led, links: Sequence[Link], how: tuple[Asked, str, str]) -> Reply:
    asked, anchor, query = how
    name = str(led.product["name_en"])
    told: list[tuple[str, str]] = [
        ("Link", f'<{anchor}?linkType=linkset>; rel="linkset"; type="{rules.LINKSET_TYPE}"'),
    ]  # fmt: skip
    if asked.linkset:
        return _linkset(rules.linkset_of(links, anchor, name), 200, told)
    found = rules.chosen(links, asked)
    if not found:
        raise LinkAbsent
    if len(found) > 1:
        return _linkset(rules.linkset_of(found, anchor, name), 300, told)
    told.append(("Location", rules.target_of(found[0], query)))
    return Reply(b"", 307, media_type="text/plain", headers=tuple(told))


def _linkset(document: dict[str, Any], status: int, told: list[tuple[str, str]]) -> Reply:
    rel = "http://www.w3.org/ns/json-ld#context"
    context = f'<{rules.LINKSET_CONTEXT}>; rel="{rel}"; type="application/ld+json"'
    links = ", ".join([value for name, value in told if name == "Link"] + [context])
    return Reply(orjson.dumps(document), status, media_type=rules.LINKSET_TYPE, headers=(("Link", links),))
