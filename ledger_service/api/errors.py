"""What the HTTP door itself refuses, before any service is called."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class RouteUnknown(DomainError):
    """No route has this path."""

    code = "route-unknown"
    category = Category.MISSING
    why = "No resource of this service has this path."
    fix = "Compare the path with /openapi.json; ids are lower-case hex, GLNs and member numbers plain digits."


@dataclass(eq=False)
class MethodNotAllowed(DomainError):
    """The path exists, but not with this method."""

    method: str
    allowed: str

    code = "method-not-allowed"
    category = Category.WRONG_METHOD
    why = "The resource exists but does not answer to this method."
    fix = "Use one of the methods in `allowed`."


@dataclass(eq=False)
class BodyTooLarge(DomainError):
    """The body is longer than the door reads."""

    most_bytes: int

    code = "body-too-large"
    category = Category.TOO_LARGE
    why = "The request body is longer than this service reads."
    fix = "Send at most `most_bytes` bytes; split a larger basket into several sales."


@dataclass(eq=False)
class BodyTooSlow(DomainError):
    """The body was not there in time."""

    most_seconds: int

    code = "body-too-slow"
    category = Category.TOO_SLOW
    why = "The request body did not arrive within the time that this service waits for one; nothing was done."
    fix = "Send the same request again over a new connection, its body at once, with the same key."


@dataclass(eq=False)
class MediaTypeUnsupported(DomainError):
    """The body is not announced as JSON, or as packed."""

    expected: str

    code = "media-type-unsupported"
    category = Category.WRONG_MEDIA_TYPE
    why = "The Content-Type or Content-Encoding of the request is not one this resource reads."
    fix = "Send the body as `expected`, in UTF-8."


@dataclass(eq=False)
class NotAcceptable(DomainError):
    """What the request wants of the answer cannot be had."""

    header: str

    code = "not-acceptable"
    category = Category.NOT_ACCEPTABLE
    why = "The request's `header` asks for a media type, version or form of names that is not offered here."
    fix = "Ask for JSON of EPCIS 2.0 with names as they were told, or leave the header out."


@dataclass(eq=False)
class AddressTooLong(DomainError):
    """The path and query are longer than what is read of them."""

    most_bytes: int

    code = "address-too-long"
    category = Category.ADDRESS_TOO_LONG
    why = "The path and query of the request are longer than this resource reads."
    fix = "Ask for fewer values at once, or define the search as a named query, which takes them in its body."


@dataclass(eq=False)
class MalformedBody(DomainError):
    """The body is not one JSON object that has a single meaning."""

    reason: str

    code = "malformed-body"
    category = Category.MALFORMED
    why = "The body is not a JSON object in UTF-8, or names a field twice, or holds a NUL character."
    fix = "Correct the body as `reason` says; a JSON library's own output is always accepted."


@dataclass(eq=False)
class IdempotencyKeyMissing(DomainError):
    """A write came without a key."""

    code = "idempotency-key-missing"
    category = Category.MALFORMED
    why = "Every write needs an Idempotency-Key, so that a retry can never act twice."
    fix = "Make one key per business act (a UUID does), and send the same key with every retry of it."


@dataclass(eq=False)
class IdempotencyKeyMalformed(DomainError):
    """The key has a length or characters that we do not take."""

    code = "idempotency-key-malformed"
    category = Category.MALFORMED
    why = "The Idempotency-Key is not 1 to 128 printable ASCII characters without spaces."
    fix = "Send a key of 1 to 128 printable ASCII characters, for example a UUID."


@dataclass(eq=False)
class CredentialsMissing(DomainError):
    """No bearer key came with the request."""

    code = "credentials-missing"
    category = Category.UNAUTHENTICATED
    why = "The resource needs an API key and the request carries none."
    fix = "Send `Authorization: Bearer alk_…` with the key that the operator or merchant issued."


@dataclass(eq=False)
class CredentialsRefused(DomainError):
    """The bearer key is not one in force."""

    code = "credentials-refused"
    category = Category.UNAUTHENTICATED
    why = "The API key is unknown, revoked or altered."
    fix = "Check the key for lost characters; ask for a new one if it was rotated or revoked."


@dataclass(eq=False)
class NotYours(DomainError):
    """The object belongs to somebody else."""

    field: str

    code = "not-yours"
    category = Category.FORBIDDEN
    why = "The request names a store, terminal, merchant or member that this API key does not act for."
    fix = "Use the key of the party named in `field`, or leave the field to the key's own party."


@dataclass(eq=False)
class RateLimited(DomainError):
    """The key's bucket is empty."""

    retry_after_seconds: int

    code = "rate-limited"
    category = Category.THROTTLED
    why = "This API key, or this address with wrong keys, sent more requests than its limit allows."
    fix = "Wait `retry_after_seconds`; the RateLimit headers of every answer show what is left."


@dataclass(eq=False)
class ServiceBusy(DomainError):
    """No place is free, or too many bodies of this key are on their way."""

    retry_after_seconds: int

    code = "service-busy"
    category = Category.UNAVAILABLE
    why = "The service has as many requests as it can work on, or too many unfinished ones of this API key."
    fix = "Wait `retry_after_seconds` and send the same request again, its body whole, with the same key."


@dataclass(eq=False)
class ReplayClockRefused(DomainError):
    """An instant was sent to a service that runs on real time."""

    code = "replay-clock-refused"
    category = Category.MALFORMED
    why = "The header Alliance-Time is only taken while the service replays old data."
    fix = "Leave the header out, or start the service with ALLIANCE_REPLAY=1 on a fresh database."


@dataclass(eq=False)
class ReplayTimeOutOfRange(DomainError):
    """An instant of replayed data that is too far from where the replay stands."""

    said: str
    clock: str

    code = "replay-time-out-of-range"
    category = Category.REFUSED
    why = (
        "Alliance-Time is more than 92 days ahead of the service's clock, or a write's is more than 4 days"
        " behind it, when the chain would soon find its operations too old."
    )
    fix = "Send the data in the order of its time; cross a longer gap by reads with times in between."


@dataclass(eq=False)
class CursorRefused(DomainError):
    """A paging cursor that this service did not give out for this list."""

    code = "cursor-refused"
    category = Category.MALFORMED
    why = "The cursor was altered, cut, or given out for another list."
    fix = "Start again without a cursor and follow `next_cursor` of each page unchanged."


@dataclass(eq=False)
class ServiceNotReady(DomainError):
    """Something the service cannot work without is missing."""

    part: str
    retry_after_seconds: int

    code = "service-not-ready"
    category = Category.UNAVAILABLE
    why = "The database cannot be reached, its migrations are behind, or the writer has stopped."
    fix = "Wait `retry_after_seconds`; the operator looks at the part named in `part`."
