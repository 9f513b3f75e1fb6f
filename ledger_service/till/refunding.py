"""A refund at the till: against a sale that the service has booked, for the amounts that the service says."""

from __future__ import annotations

import json
from typing import Any

from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.till.book import Deed
from ledger_service.till.deeds import do, key_of, known_deed
from ledger_service.till.refusals import TillRefused
from ledger_service.till.selling import Till


def refund(till: Till, request: dict[str, Any]) -> dict[str, Any]:
    """What became of a refund: ``certain``, ``waiting`` (nobody knows yet) or ``refused``, with a code.

    Args:
        till: which till.
        request: ``key`` of the refund, ``of`` (the key of the sale), and ``lines`` unless all comes back.

    Raises:
        TillRefused: the request is malformed, or the sale waits to be booked itself.
    """
    key = key_of(request, "key")
    body: dict[str, Any] = {"reference": key}
    if request.get("lines") is not None:
        body["lines"] = request["lines"]
    deed = Deed(key, f"/v1/sales/{sale_of(till, request)}/refunds", json.dumps(body))
    told = known_deed(till, deed)
    if told is not None:
        return told
    check_booked(till, request)
    return do(till, deed)


def sale_of(till: Till, request: dict[str, Any]) -> str:
    """The id that the service gives to the sale that a request is ``of``."""
    return id_text(derive_id("sale", till.enrolment.subject, key_of(request, "of"), 0))


def check_booked(till: Till, request: dict[str, Any]) -> None:
    """The sale that a request is ``of`` does not wait in this till.

    Raises:
        TillRefused: it does.
    """
    sale = till.book.find(key_of(request, "of"))
    if sale is not None and sale["state"] in ("asking", "queued"):
        raise TillRefused("needs-the-service", "the sale itself is not booked yet: let the till synchronise")
