"""What the routes of EPCIS share: headers, types of problems, pages, and the shapes of jobs and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson

from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints.epcis_wants import FORM_OF_NAMES, VERSION, unmet
from ledger_service.api.routes import Call, Parameter
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Record, Text
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis.documents import CONTEXT

GROUP = "EPCIS"
LINKED_JSON = ("application/ld+json",)
TOKEN = "nextPageToken"
MOST_ROWS, _ROWS = 200, 30
TOLD = (
    ("GS1-EPCIS-Version", VERSION), ("GS1-CBV-Version", VERSION), ("GS1-EPC-Format", FORM_OF_NAMES),
    ("GS1-Extensions", "none"),
)  # fmt: skip
_TYPES = {
    401: "SecurityException", 403: "SecurityException", 404: "NoSuchResourceException",
    406: "NotAcceptableException", 409: "ResourceAlreadyExistsException",
    415: "UnsupportedMediaTypeException", 500: "ImplementationException", 503: "ImplementationException",
}  # fmt: skip
OF_CAPTURE = {
    status: f"epcisException:{name}"
    for status, name in {**_TYPES, 400: "ValidationException", 413: "CaptureLimitExceededException"}.items()
}
OF_QUERY = {
    status: f"epcisException:{name}"
    for status, name in {**_TYPES, 400: "QueryParameterException", 413: "QueryTooLargeException"}.items()
}
_OF_NAME = {404: "epcisException:NoSuchNameException"}
OF_DEFINITION = {**OF_QUERY, **_OF_NAME, 400: "epcisException:QueryValidationException"}
OF_SUBSCRIPTION = {
    **OF_QUERY, **_OF_NAME,
    **dict.fromkeys((400, 422), "epcisException:SubscriptionControlsException"),
}  # fmt: skip
OF_NAMES = Dialect(told=TOLD, problem_types={**OF_QUERY, **_OF_NAME}, unmet=unmet)
PLAIN = Dialect(told=TOLD, problem_types=OF_QUERY, unmet=unmet)
PAGES = {
    "perPage": Parameter(Text(pattern="[1-9][0-9]{0,2}"), f"1 to {MOST_ROWS} rows, {_ROWS} when absent"),
    TOKEN: Parameter(Text(300), "As the `Link` of the page before holds it"),
}
JOB = Named("CaptureJob", Record({
    "captureID": Text(), "createdAt": Text(), "finishedAt": Text(), "running": Flag(), "success": Flag(),
    "captureErrorBehaviour": Text(one_of=("rollback", "proceed")), "eventCount": Integer(),
    "storedCount": Integer(), "errors": Listing(Free("A problem document, its place in `params`."), 100),
}, closed=False))  # fmt: skip
JOBS = Listing(JOB, MOST_ROWS)
EVENT = Free("The event of EPCIS 2.0, with eventID and recordTime.")
DOCUMENT = Free("An EPCISQueryDocument of EPCIS 2.0.")
Row = TypeVar("Row")


def page_size(query: Mapping[str, str]) -> int:
    """How many rows a page shall have.

    Raises:
        MalformedField: a number of none, or of too many.
    """
    size = int(query.get("perPage", _ROWS))
    if size > MOST_ROWS:
        raise MalformedField("query.perPage", f"must be a number from 1 to {MOST_ROWS}")
    return size


def next_page(
    call: Call, found: Sequence[Row], size: int, seal: Callable[[Row], str]
) -> tuple[tuple[str, str], ...]:
    """The ``Link`` to the next page where more rows were found than this one has."""
    if len(found) <= size:
        return ()
    query = {**call.query, TOKEN: seal(found[size - 1])}
    return (("Link", f'<?{urlencode(query)}>; rel="next"'),)


def event_path(event_id: str) -> str:
    """Where an event is read."""
    return f"/epcis/events/{quote(event_id, safe='')}"


def whole_event(body: bytes) -> bytes:
    """A stored event as it stands alone: with the standard's own context before its own."""
    event = orjson.loads(body)
    return dumped({"@context": [CONTEXT, *event.pop("@context", [])], **event})


def dumped(value: Any) -> bytes:
    """The bytes of an answer that is no plain object, or is one whose order matters."""
    return orjson.dumps(value)
