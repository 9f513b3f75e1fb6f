"""What each good answer leads to: the routes whose parameters stand in it, as OpenAPI links.

Readers, generated clients and the stateful tests follow them; a test holds them against the routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """A route to go on with; ``parameters`` and ``body`` hold runtime expressions over the answer."""

    route: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """The OpenAPI link object."""
        found: dict[str, Any] = {"operationId": self.route}
        if self.parameters:
            found["parameters"] = dict(self.parameters)
        if self.body:
            found["requestBody"] = dict(self.body)
        return found


def _answered(field_name: str) -> str:
    return f"$response.body#/{field_name}"


def _each(parameters: Mapping[str, str], *routes: str) -> tuple[Link, ...]:
    return tuple(Link(route, parameters) for route in routes)


_SALE = {"sale": _answered("sale_id")}
_HOLD = {"hold": _answered("hold_id")}
_SAME_HOLD = {"hold": "$request.path.hold"}
_NUMBER = {"number": _answered("number")}
_SAME_NUMBER = {"number": "$request.path.number"}
_KEY = {"key": _answered("key_id")}
_PROGRAMME = {"code": _answered("programme")}
_AFTER_SALE = _each(_SALE, "find-sale", "refund")
_AFTER_PROGRAMME = _each(_PROGRAMME, "publish-terms", "append-epochs", "add-earn-rule")
_OF_A_MEMBER = _each(_NUMBER, "show-member", "balance", "entries")

# By the name of the route that answers.
LINKS: Mapping[str, tuple[Link, ...]] = {
    "sale": _AFTER_SALE,
    "authorise": _each(_HOLD, "capture", "extend", "void"),
    "extend": _each(_SAME_HOLD, "capture", "void"),
    "capture": (*_AFTER_SALE, *_each(_SAME_HOLD, "capture", "void")),
    "refund": _each({"sale": "$request.path.sale"}, "find-sale", "refund"),
    "enrol-member": (
        *_OF_A_MEMBER,
        *_each(_NUMBER, "add-device", "allow-digits", "freeze-member", "erase-member"),
        Link("revoke-device", _NUMBER | {"device": _answered("devices/0/lane")}),
        Link("issue-key", body={"role": "member", "subject": "{$response.body#/number}"}),
        Link("ask-adjustment", body={"member": "{$response.body#/number}"}),
        Link("sale", body={"member": {"number": "{$response.body#/number}"}}),
    ),
    "identify-member": _OF_A_MEMBER,
    "add-device": (Link("revoke-device", _SAME_NUMBER | {"device": _answered("lane")}),),
    "allow-digits": (
        Link("revoke-device", _SAME_NUMBER | {"device": _answered("lane")}),
        *_each(_SAME_NUMBER, "member-code", "member-code-image"),
    ),
    "member-code": (
        Link("query-pay-code", body={"pay_code": "{$response.body#/digits}"}),
        Link("draw-pay-code", body={"pay_code": "{$response.body#/digits}"}),
    ),
    "entries": (Link("entries", _SAME_NUMBER | {"cursor": _answered("next_cursor")}),),
    "ask-adjustment": (Link("decide-adjustment", {"adjustment": _answered("adjustment")}),),
    "ask-retry": (
        Link("decide-retry", {"operation": "$request.path.operation", "retry": _answered("retry")}),
    ),
    "create-programme": _AFTER_PROGRAMME,
    "admit-merchant": (
        Link("suspend-merchant", {"gln": _answered("merchant")}),
        Link("open-store", body={"merchant": "{$response.body#/merchant}"}),
        Link("issue-key", body={"role": "merchant", "subject": "{$response.body#/merchant}"}),
    ),
    "open-store": (
        Link("close-store", {"gln": _answered("store")}),
        Link("add-terminal", body={"store": "{$response.body#/store}"}),
    ),
    "add-terminal": (
        *_each({"terminal": _answered("terminal")}, "set-till-key", "disable-terminal"),
        Link("issue-key", body={"role": "cashier", "subject": "{$response.body#/terminal}"}),
    ),
    "issue-key": _each(_KEY, "rotate-key", "revoke-key"),
    "rotate-key": _each(_KEY, "rotate-key", "revoke-key"),
}
