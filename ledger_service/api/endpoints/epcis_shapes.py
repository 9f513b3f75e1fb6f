"""What the routes of EPCIS share: headers, types of problems, pages, and the shapes of jobs and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson

from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints.epcis_wants import FORM_OF_NAMES, VERSION, unmet
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Parameter
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Record, Text
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.traceability.epcis.documents import CONTEXT, MOST_BYTES, MOST_EVENTS

GROUP = "EPCIS"
LINKED_JSON = ("application/ld+json",)
TOKEN = "nextPageToken"
MOST_ROWS, _ROWS = 200, 30
TOKEN_SECONDS = 86_400
BEHAVIOUR = "GS1-Capture-Error-Behaviour"
TOLD = (
    ("GS1-EPCIS-Version", VERSION), ("GS1-CBV-Version", VERSION), ("GS1-EPC-Format", FORM_OF_NAMES),
    ("GS1-Extensions", ""),
)  # fmt: skip
LIMITS = (
    ("GS1-EPCIS-Capture-Limit", str(MOST_EVENTS)), ("GS1-EPCIS-Capture-File-Size-Limit", str(MOST_BYTES)),
)  # fmt: skip
_TYPES = {
    401: "SecurityException", 403: "SecurityException", 404: "NoSuchResourceException",
    406: "NotAcceptableException", 409: "ResourceAlreadyExistsException", 414: "URITooLongException",
    415: "UnsupportedMediaTypeException",
    **dict.fromkeys((500, 503), "ImplementationException"),
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
OF_LIMITS = (*TOLD, *LIMITS)
OF_NAMES = Dialect(told=TOLD, problem_types={**OF_QUERY, **_OF_NAME}, unmet=unmet)
PLAIN = Dialect(told=TOLD, problem_types=OF_QUERY, unmet=unmet)
PAGES = {
    "perPage": Parameter(
        Text(pattern="[1-9][0-9]{0,8}"), f"Rows of a page, {_ROWS} when absent and never above {MOST_ROWS}"),
    TOKEN: Parameter(Text(300), "As the `Link` of the page before holds it"),
}
JOB = Named("CaptureJob", Record({
    "captureID": Text(), "createdAt": Text(), "finishedAt": Text(), "running": Flag(), "success": Flag(),
    "captureErrorBehaviour": Text(one_of=("rollback", "proceed")), "eventCount": Integer(),
    "storedCount": Integer(), "errors": Listing(Free("A problem document, its place in `params`."), 100),
}, closed=False))  # fmt: skip
JOBS = Listing(JOB, MOST_ROWS)
EVENT = Free("The event of EPCIS 2.0, with eventID and recordTime.")
COLLECTION = Named("EpcisCollection", Record({
    "@context": Text(), "type": Text(one_of=("Collection",)), "member": Listing(Text()),
}, closed=False))  # fmt: skip
DOCUMENT = Free("An EPCISQueryDocument of EPCIS 2.0.")
Row = TypeVar("Row")


def page_size(query: Mapping[str, str]) -> int:
    """How many rows a page has: as many as are wished, and not more than one answer takes."""
    return min(int(query.get("perPage", _ROWS)), MOST_ROWS)


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one list of a request; a token is good for a day."""

    cursors: Cursors
    name: str
    call: Call

    def after(self) -> str | None:
        """The position behind which the page begins; None for the first.

        Raises:
            CursorRefused: a token that is none of this list, or whose day is over.
        """
        sealed = self.cursors.open(self._listing, self.call.query.get(TOKEN))
        if sealed is None:
            return None
        ends, _, position = sealed.partition(" ")
        if int(ends) <= seconds_floor(self.call.at):
            raise CursorRefused
        return position

    def following(
        self, found: Sequence[Row], size: int, position: Callable[[Row], str]
    ) -> tuple[tuple[str, str], ...]:
        """The headers that lead to the next page where more rows were found than this one has.

        Args:
            found: up to one row more than the page has, in the list's order.
            size: how many it has.
            position: where a row stands.
        """
        return self.behind(position(found[size - 1])) if len(found) > size else ()

    def behind(self, position: str) -> tuple[tuple[str, str], ...]:
        """The headers that lead to the page that begins behind a position."""
        ends = seconds_floor(self.call.at) + TOKEN_SECONDS
        token = self.cursors.seal(self._listing, f"{ends} {position}")
        link = f'<?{urlencode({**self.call.query, TOKEN: token})}>; rel="next"'
        return ("Link", link), ("GS1-Next-Page-Token-Expires", format_instant(instant_of_seconds(ends)))

    @property
    def _listing(self) -> str:
        # Tokens that were made before they had a day are of another list.
        return f"{self.name}, by the day"


def event_path(event_id: str) -> str:
    """Where an event is read."""
    return f"/epcis/events/{quote(event_id, safe='')}"


def whole_event(body: bytes) -> bytes:
    """A stored event as it stands alone: with the standard's own context before its own."""
    event = orjson.loads(body)
    return dumped({"@context": [CONTEXT, *event.pop("@context", [])], **event})


def collection(members: Sequence[str]) -> bytes:
    """A list of names as EPCIS has it."""
    return dumped({"@context": CONTEXT, "type": "Collection", "member": members})


def dumped(value: Any) -> bytes:
    """The bytes of an answer that is no plain object, or is one whose order matters."""
    return orjson.dumps(value)
