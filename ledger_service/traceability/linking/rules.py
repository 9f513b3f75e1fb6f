"""Which link a request for a code is led to (GS1-Conformant Resolver 1.2, RFC 9264, RFC 9110 12.5). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_text

VOCABULARY = "https://gs1.org/voc/"
LINK_TYPES = (
    "pip", "traceability", "epcis", "verificationService", "recallStatus", "registerProduct",
    "loyaltyProgram", "dpp", "sustainabilityInfo", "instructions", "certificationInfo", "hasRetailers",
)  # fmt: skip
DEFAULT, LINKSET = "defaultLink", "linkset"
LINKSET_TYPE = "application/linkset+json"
# Makes JSON-LD of a linkset.
LINKSET_CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"
MOST_LINKS = 50
_MOST_URL = 1_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_MEDIA = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")
_PREFIXES = (
    VOCABULARY,
    "https://www.gs1.org/voc/",
    "http://gs1.org/voc/",
    "https://ref.gs1.org/voc/",
    "gs1:",
)
# What a target's own query is joined with must be printable ASCII: a redirect is a header.
_PLAIN = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a code leads: what is there, in which languages and media type; one of a set is the default."""

    kind: str
    href: str
    title: str
    languages: tuple[str, ...] = ()
    media_type: str = "text/html"
    default: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants: a link type, a linkset, or neither; and what its reader understands."""

    kind: str | None = None
    linkset: bool = False
    languages: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()


def asked_of(query: str, accept: str, accept_language: str) -> Asked:
    """What query and headers ask for."""
    given = dict(parse_qsl(query, keep_blank_values=True)).get("linkType", "")
    kind = given
    for prefix in _PREFIXES:
        kind = kind.removeprefix(prefix)
    media = _preferred(accept)
    wants_set = kind in (LINKSET, "all") or LINKSET_TYPE in media[:1]
    return Asked(kind or None, wants_set, _preferred(accept_language), media)


def chosen(links: Sequence[Link], asked: Asked) -> list[Link]:
    """The links that fit: one to go to, several that fit alike, or none.

    The link type decides first, then the language, then the media type; what fits nothing of these better
    than others leaves all of them, so that nobody is sent astray.
    """
    if asked.kind in (None, DEFAULT):
        found = [link for link in links if link.default]
        same = [link for link in links if found and link.kind == found[0].kind]
        # The default of a product is one link; of its kind, the reader's language may have another.
        narrowed = _narrowed(same, asked)
        return narrowed if len(narrowed) == 1 else found[:1]
    return _narrowed([link for link in links if link.kind == asked.kind], asked)


def merged(product: Sequence[Link], batch: Sequence[Link]) -> list[Link]:
    """A product's links with those of a batch instead, wherever the batch has some of the kind."""
    own = {link.kind for link in batch}
    default = any(link.default for link in batch)
    rest = [link for link in product if link.kind not in own]
    if default:
        rest = [Link(o.kind, o.href, o.title, o.languages, o.media_type) for o in rest]
    elif batch and not any(link.default for link in rest):
        first, *others = batch
        batch = [Link(first.kind, first.href, first.title, first.languages, first.media_type, True), *others]
    return [*batch, *rest]


def target_of(link: Link, query: str) -> str:
    """The link's address with the request's query passed through, less what asked this resolver."""
    parts = [part for part in query.split("&") if part and not part.startswith("linkType=")]
    if not parts or not _PLAIN.fullmatch(query):
        return link.href
    head, mark, fragment = link.href.partition("#")
    return f"{head}{'&' if '?' in head else '?'}{'&'.join(parts)}{mark}{fragment}"


def linkset_of(links: Sequence[Link], anchor: str, name: str) -> dict[str, Any]:
    """The links as RFC 9264 has them, by the GS1 Web Vocabulary."""
    context: dict[str, Any] = {"anchor": anchor, "description": name, "itemDescription": name}
    for link in links:
        shown: dict[str, Any] = {"href": link.href, "title": link.title, "type": link.media_type}
        if link.languages:
            shown["hreflang"] = list(link.languages)
        context.setdefault(VOCABULARY + link.kind, []).append(shown)
        if link.default:
            # With a title and nothing else, as the standard has it.
            context[VOCABULARY + DEFAULT] = [{"href": link.href, "title": link.title}]
    return {"linkset": [context]}


def parse_links(given: Sequence[Mapping[str, Any]]) -> list[Link]:
    """The links of a brand's body.

    Raises:
        MalformedField: an address that is not https, an unknown kind, or not exactly one default.
    """
    links = [_link(one, f"links[{place}]") for place, one in enumerate(given)]
    if sum(link.default for link in links) != 1:
        raise MalformedField("links", "must have exactly one default")
    return links


def _link(given: Mapping[str, Any], where: str) -> Link:
    href, languages = given["href"], tuple(given.get("languages") or ())
    _check_address(href, f"{where}.href")
    if not all(_LANGUAGE.fullmatch(tag) for tag in languages):
        raise MalformedField(f"{where}.languages", "must be language tags, such as zh-Hans")
    media = given.get("media_type") or "text/html"
    if not _MEDIA.fullmatch(media):
        raise MalformedField(f"{where}.media_type", "must be a media type")
    title = clean_text(given["title"], f"{where}.title", 200)
    return Link(given["kind"], href, title, languages, media, bool(given.get("default")))


def _check_address(href: str, where: str) -> None:
    try:
        parts = urlsplit(href)
        right = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
        right = right and parts.port != 0
    except ValueError:
        right = False
    if not right or not _PLAIN.fullmatch(href) or len(href) > _MOST_URL or '"' in href or "\\" in href:
        raise MalformedField(where, "must be an https address in ASCII, without a user")


def _narrowed(links: list[Link], asked: Asked) -> list[Link]:
    for fits in (_speaks, _is_of):
        for wanted in asked.languages if fits is _speaks else asked.media_types:
            some = [link for link in links if fits(link, wanted)]
            if some:
                links = some
                break
    return links


def _speaks(link: Link, wanted: str) -> bool:
    """Whether a link is in a language, or in one that it is a kind of (RFC 4647, basic filtering)."""
    lower = wanted.lower()
    own = [tag.lower() for tag in link.languages]
    return any(tag == lower or tag.startswith(lower + "-") or lower.startswith(tag + "-") for tag in own)


def _is_of(link: Link, wanted: str) -> bool:
    return link.media_type == wanted


def _preferred(header: str) -> tuple[str, ...]:
    """The names of an Accept header, the most wanted first; those that are refused are left out."""
    found: list[tuple[int, int, str]] = []
    for place, part in enumerate(header.split(",")[:20]):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1_000
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = _weight(parameter[2:])
        if name and name not in ("*", "*/*") and weight:
            found.append((-weight, place, name.lower()))
    return tuple(name for _, _, name in sorted(found))


def _weight(text: str) -> int:
    """A quality value in thousandths; 0 where it is none."""
    whole, _, part = text.partition(".")
    if whole not in ("0", "1") or not (part or "0").isdigit() or len(part) > 3:
        return 0
    return min(1_000, int(whole) * 1_000 + int(part.ljust(3, "0") or "0"))
