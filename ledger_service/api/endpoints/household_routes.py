"""The routes of households: what each takes, answers and refuses."""

from __future__ import annotations

from ledger_service.api import shapes
from ledger_service.api.endpoints import household_shapes as house_shapes
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import PAGE_QUERY
from ledger_service.api.routes import Route, Success, scopes
from ledger_service.api.schema import Flag, Listing, Record, Text
from ledger_service.members import errors as member_errors
from ledger_service.members.households import errors as refusals

_GROUP = "Households"
_OWN = scopes("self:write")
_CARE = scopes("self:write", "member:write")
_READ = scopes("self:read", "member:read")
_PROBLEMS = (
    *WRITE_PROBLEMS, refusals.HouseholdUnknown, refusals.HouseholdConflict, member_errors.MemberFrozen,
)  # fmt: skip
_OWNERS = (*_PROBLEMS, refusals.HouseholdRightMissing)
_KEYS = (
    member_errors.DeviceUnknown, member_errors.DeviceProofInvalid, member_errors.SignerKnown,
    member_errors.DeviceLimitReached, member_errors.GrantInvalid, member_errors.NumbersExhausted,
)  # fmt: skip
_DONE = Record(closed=False)
_PATH = "/v1/households/<household>"

BEGIN = Route(
    "POST", "/v1/members/<number>/household", "begin-household", _OWN, "Begin a household, as its owner",
    group=_GROUP, body=house_shapes.NEW, write=True,
    problems=(*WRITE_PROBLEMS, NotYours, member_errors.MemberUnknown, member_errors.MemberFrozen,
              refusals.HouseholdConflict, member_errors.DeviceUnknown, member_errors.DeviceProofInvalid,
              member_errors.NumbersExhausted, refusals.HouseholdAccount),
    success=Success(201, "It has an account of its own.", shapes.answer(
        "HouseholdBegun", household=shapes.NUMBER)),
)  # fmt: skip
MINE = Route(
    "GET", "/v1/members/<number>/households", "member-households", _READ,
    "A member's households and invitations", group=_GROUP, problems=(member_errors.MemberUnknown, NotYours),
    success=Success(200, "The latest fifty.", house_shapes.MINE),
)  # fmt: skip
SHOW = Route(
    "GET", _PATH, "show-household", _READ, "A household, its mates and, with that right, its points",
    group=_GROUP, problems=(refusals.HouseholdUnknown,),
    success=Success(200, "The household.", house_shapes.HOUSEHOLD),
)  # fmt: skip
INVITE = Route(
    "POST", f"{_PATH}/invitations", "invite-mate", _OWN, "Invite a member, as the owner", group=_GROUP,
    body=house_shapes.INVITATION, write=True, problems=(*_OWNERS, member_errors.MemberUnknown),
    success=Success(201, "It may accept for fourteen days.", _DONE),
)  # fmt: skip
ANSWER = Route(
    "POST", f"{_PATH}/acceptance", "answer-invitation", _OWN, "Accept or decline one's own invitation",
    group=_GROUP, body=house_shapes.ACCEPTANCE, write=True,
    problems=(*_PROBLEMS, *_KEYS, member_errors.MemberUnknown, refusals.HouseholdAccount),
    success=Success(200, "In the household, or not.", shapes.answer("HouseholdJoined", state=Text())),
)  # fmt: skip
ADD_KEY = Route(
    "POST", f"{_PATH}/keys", "add-household-key", _OWN, "A further phone of a mate speaks for the household",
    group=_GROUP, body=Record(house_shapes.KEY), write=True, problems=(*_PROBLEMS, *_KEYS),
    success=Success(201, "At once with another signer's grant, else after 24 hours (D1).", _DONE),
)  # fmt: skip
RIGHTS = Route(
    "POST", f"{_PATH}/mates/<number>/rights", "set-mate-rights", _CARE, "What a mate may do from now on",
    group=_GROUP, body=Record(house_shapes.RIGHTS, house_shapes.LIMIT), write=True,
    problems=(*_OWNERS, member_errors.MemberUnknown),
    success=Success(200, "Set; an operator can only take the right to spend away.", _DONE),
)  # fmt: skip
PRIVACY = Route(
    "POST", f"{_PATH}/privacy", "show-own-baskets", _OWN, "Whether the other mates see what one bought",
    group=_GROUP, body=Record({"shows_baskets": Flag()}), write=True, problems=_PROBLEMS,
    success=Success(200, "So it is.", _DONE),
)  # fmt: skip
PART = Route(
    "POST", f"{_PATH}/mates/<number>/removal", "part-mate", _CARE, "Leave, or remove a mate, at once",
    group=_GROUP, body=shapes.EMPTY_BODY, write=True, problems=(*_OWNERS, member_errors.MemberUnknown),
    success=Success(200, "Out; `part` waits thirty days to be fetched by a gift.", shapes.answer(
        "MateParted", part=Listing(house_shapes.WAITING))),
)  # fmt: skip
OWNER = Route(
    "POST", f"{_PATH}/owner", "hand-over-household", _CARE, "Another mate owns the household", group=_GROUP,
    body=Record({"member": shapes.NUMBER}), write=True, problems=(*_OWNERS, member_errors.MemberUnknown),
    success=Success(200, "Done, or, for an operator, asked for until a second one agrees.", shapes.answer(
        "HouseholdOwner", done=Flag())),
)  # fmt: skip
DISSOLVE = Route(
    "POST", f"{_PATH}/dissolution", "dissolve-household", _OWN, "End a household; again, once it is empty",
    group=_GROUP, body=shapes.EMPTY_BODY, write=True, problems=_OWNERS,
    success=Success(200, "Closing until nothing is left, then closed.", shapes.answer(
        "HouseholdEnd", state=Text())),
)  # fmt: skip
PURCHASES = Route(
    "GET", f"{_PATH}/purchases", "household-purchases", _READ, "What was bought for it, newest first",
    group=_GROUP, query=PAGE_QUERY, problems=(refusals.HouseholdUnknown,),
    success=Success(200, "A page; baskets of those alone who show them.", house_shapes.PURCHASES),
)  # fmt: skip
EVENTS = Route(
    "GET", f"{_PATH}/events", "household-events", _READ, "What happened to it, oldest first", group=_GROUP,
    query=PAGE_QUERY, problems=(refusals.HouseholdUnknown,),
    success=Success(200, "A page.", house_shapes.EVENTS),
)  # fmt: skip
ROUTES = (
    BEGIN, MINE, SHOW, INVITE, ANSWER, ADD_KEY, RIGHTS, PRIVACY, PART, OWNER, DISSOLVE, PURCHASES, EVENTS,
)  # fmt: skip
