"""The table of docs/pos-integration.md out of the OpenAPI document: field by operation, with its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger_service.bootstrap.doors import openapi_document

Json = Mapping[str, Any]
OFFLINE = "upload-offline-sales"
OPERATIONS = ("quote", "sale", "authorise", "capture", "extend", "void", "refund", "exchange", "take-back",
              OFFLINE, "attach-sale", "record-event", "close-day")  # fmt: skip
# Sales that were made alone come in a list; each holds a sale, whose fields are those of a sale.
_ALONE = "sales[].sale."
# What the list refuses of such a sale, though its shape is that of a sale: only the service can judge it.
NEEDS_SERVICE = frozenset({"member.pin", "member.code", "spend[].programme", "spend[].points",
                           "tenders[].programme", "tenders[].points"})  # fmt: skip
REQUIRED, OPTIONAL, ABSENT = "R", "o", ""
_SPEND = ("unknown-programme", "programme-without-terms", "programme-frozen-for-member", "not-enough-points",
          "too-many-legs", "spend-exceeds-total", "spend-worth-nothing", "permit-value-exceeded",
          "custodial-limit-exceeded", "custodial-limit-reached", "signer-unavailable",
          "self-checkout-limit")  # fmt: skip
# Which refusals are about which field; every other one of an operation is about none.
CODES: dict[str, tuple[str, ...]] = {
    "store": ("store-unknown", "store-of-another-merchant"),
    "currency": ("wrong-currency",),
    "lines[].quantity": ("refund-exceeds-sale", "line-unit-differs"),
    "lines[].line": ("unknown-line",),
    "lines[].price_of": ("exchange-price-differs",),
    "returned[].line": ("unknown-line",),
    "returned[].quantity": ("refund-exceeds-sale", "line-unit-differs"),
    "member": ("sale-has-member", "attach-to-staff"),
    "sales[].sold_at": ("offline-sale-too-late",),
    "event": ("event-not-awaited", "event-recorded", "event-too-late"),
    "parts": ("day-lines-incomplete",),
    "sale": ("unknown-sale", "sale-was-imported"),
    "member.number": ("member-unknown", "member-frozen"),
    "member.pay_code": (
        "pay-code-malformed", "pay-code-version-unknown", "pay-code-foreign", "pay-code-expired",
        "pay-code-too-long-lived", "pay-code-altered", "pay-code-used", "pay-code-revoked", "pay-code-wrong",
        "pay-code-locked",
    ),
    "member.card": ("card-ended",),
    "member.pin": ("pin-wrong", "pin-locked", "pin-blocked", "custody-missing"),
    "member.code": ("code-wrong",),
    "spend": _SPEND,
    "acceptance.accepted_at": ("clock-skew",),
    "acceptance.signature": ("acceptance-forged",),
    "tenders": ("tenders-do-not-add-up",),
    "tenders[].amount_minor": ("points-tender-differs", "value-card-short"),
    "tenders[].card": ("value-card-unknown", "value-card-not-usable", "coupon-codes-locked"),
    "invoice.number": ("invoice-number-used",),
    "allowance.number": ("invoice-number-used",),
    "delivered_at": ("hold-frozen",),
    "business_date": ("business-date-out-of-range",),
    "cashier": ("attendant-needed",),
    "training": ("not-in-training", "training-mixed"),
    "ttl_seconds": ("extension-refused",),
}  # fmt: skip


@dataclass
class Field:
    """One field of bodies: its limits, and in which operations it stands how."""

    limits: str
    stands: dict[str, str] = field(default_factory=dict)


def document() -> Json:
    """The OpenAPI document of today."""
    return openapi_document()


def operations(doc: Json) -> dict[str, Json]:
    """The operations of the table by their name."""
    found = {op["operationId"]: op for methods in doc["paths"].values() for op in methods.values()}
    return {name: found[name] for name in OPERATIONS}


def fields_of(doc: Json) -> dict[str, Field]:
    """Every field of every operation's body, in the order of the bodies."""
    found: dict[str, Field] = {}
    for name, operation in operations(doc).items():
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        for where, schema, required in _walk(doc, body, ""):
            path = where.removeprefix(_ALONE)
            if name == OFFLINE and path in NEEDS_SERVICE:
                continue
            known = found.setdefault(path, Field(_limits(doc, schema)))
            known.stands[name] = REQUIRED if required else OPTIONAL
    return found


def codes_of(operation: Json) -> set[str]:
    """Every refusal of an operation."""
    return {code for answer in operation["responses"].values() for code in answer.get("x-problem-codes", ())}


def table(doc: Json) -> str:
    """The Markdown between the marks of the page."""
    head = ["field", "what, unit and limits", *OPERATIONS, "codes"]
    rows = [head, ["---"] * len(head)]
    for path, known in fields_of(doc).items():
        stands = [known.stands.get(name, ABSENT) for name in OPERATIONS]
        codes = " ".join(f"[`{code}`](errors.md#{code})" for code in CODES.get(path, ()))
        rows.append([f"`{path}`", known.limits, *stands, codes])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *_about_no_field(doc)])


def _about_no_field(doc: Json) -> Iterator[str]:
    told = {code for codes in CODES.values() for code in codes}
    yield "Refusals that are about no field:\n"
    for name, operation in operations(doc).items():
        codes = " ".join(f"[`{code}`](errors.md#{code})" for code in sorted(codes_of(operation) - told))
        yield f"- **{name}**: {codes}"


def _resolved(doc: Json, schema: Json) -> Json:
    """The schema itself: references followed, the null of an optional field taken off."""
    if "$ref" in schema:
        return _resolved(doc, doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    choices = [one for one in schema.get("oneOf", ()) if one.get("type") != "null"]
    return _resolved(doc, choices[0]) if len(choices) == 1 else schema


def _walk(doc: Json, raw: Json, path: str) -> Iterator[tuple[str, Json, bool]]:
    schema = _resolved(doc, raw)
    if "anyOf" in schema and path == "sales[]":
        # The other choice is whatever is wrong with one of them, so that it does not refuse the list.
        yield from _walk(doc, schema["anyOf"][0], path)
    elif "anyOf" in schema:
        seen: dict[str, list[tuple[Json, bool]]] = {}
        for choice in schema["anyOf"]:
            for where, inner, required in _walk(doc, choice, path):
                seen.setdefault(where, []).append((inner, required))
        for where, found in seen.items():
            always = len(found) == len(schema["anyOf"]) and all(required for _, required in found)
            yield where, _merged([inner for inner, _ in found]), always
    elif schema.get("type") == "array":
        yield from _walk(doc, schema["items"], f"{path}[]")
    for name, inner in schema.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        yield where, inner, name in schema.get("required", ())
        yield from _walk(doc, inner, where)


def _merged(schemas: list[Json]) -> Json:
    """One schema for a field of several choices: the first, with the listed values of all."""
    listed = [value for schema in schemas for value in schema.get("enum", ())]
    return {**schemas[0], "enum": list(dict.fromkeys(listed))} if listed else schemas[0]


def _limits(doc: Json, raw: Json) -> str:
    schema = _resolved(doc, raw)
    kind = schema.get("type", "one of several")
    if "enum" in schema:
        kind = " ".join(f"`{value}`" for value in schema["enum"])
    elif kind == "integer":
        most = f"{schema['maximum']:,}" if schema["maximum"] < 2**53 - 1 else "2^53 - 1"
        kind = f"{schema['minimum']:,} to {most}"
    elif kind == "string" and "maxLength" in schema:
        kind = f"text of {schema['minLength']} to {schema['maxLength']}"
    elif kind == "string":
        kind = f"`{schema['pattern']}`".replace("|", "\\|")
    elif kind == "array":
        kind = f"list of {schema.get('minItems', 0)} to {schema['maxItems']}"
    about = schema.get("description", "")
    return f"{about}; {kind}" if about else kind
