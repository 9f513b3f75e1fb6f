"""Merchants, programmes, terms, calendars, roles and periods: what the operator and merchants decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger_service.kernel.eip712 import struct_hash
from ledger_service.kernel.secp256k1 import recover_address
from tests.simulation.model.abi import Log, log_of, refusal
from tests.simulation.model.state import NEVER, Merchant, Programme, State

NOTICE = 8 * 86_400
PAUSE, COOL_DOWN = 48 * 3_600, 7 * 86_400
_TERMS = (
    "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,"
    "uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"
)
_KEYS = "MerchantKeys(uint64 merchant,address admin,address operations,address settlement,uint32 nonce)"


def admit(state: State, now: int, merchant: int, *keys: bytes) -> list[Log]:
    if not _is_gln(merchant):
        raise refusal("RegistryGlnInvalid", merchant)
    if merchant in state.merchants:
        raise refusal("RegistryMerchantKnown", merchant)
    if not all(map(any, keys)):
        raise refusal("RegistryKeyZero", merchant)
    state.merchants[merchant] = Merchant(*keys)
    return [log_of(state.site.registry, "MerchantAdmitted", (merchant,), keys)]


def suspend(state: State, now: int, merchant: int, since: int) -> list[Log]:
    if since < now:
        raise refusal("RegistrySuspensionInPast", merchant, since, now)
    state.merchants[merchant] = replace(_known(state, merchant), suspended_from=since)
    return [log_of(state.site.registry, "MerchantSuspended", (merchant,), (since,))]


def reinstate(state: State, now: int, merchant: int) -> list[Log]:
    state.merchants[merchant] = replace(_known(state, merchant), suspended_from=NEVER)
    return [log_of(state.site.registry, "MerchantReinstated", (merchant,), ())]


def rotate_keys(state: State, now: int, merchant: int, keys: tuple[bytes, ...], by: bytes) -> list[Log]:
    known = _known(state, merchant)
    _require_admin(state, merchant, struct_hash(_KEYS, merchant, *keys, known.nonce), by)
    if not all(map(any, keys)):
        raise refusal("RegistryKeyZero", merchant)
    state.merchants[merchant] = Merchant(*keys, known.nonce + 1, known.suspended_from)
    return [log_of(state.site.registry, "MerchantKeysChanged", (merchant,), keys)]


def create_programme(state: State, now: int, merchant: int, *rest: Any) -> list[Log]:
    name, symbol, ends, first = rest
    _known(state, merchant)
    number = len(state.programmes) + 1
    if not ends:
        raise refusal("RegistryCalendarEmpty", number)
    token = state.create_address(state.site.registry)
    state.programmes[number] = Programme(token, merchant)
    made = log_of(state.site.registry, "ProgrammeCreated", (number, merchant), (token, name, symbol))
    return [made, _add_terms(state, number, first), _append(state, number, ends)]


def publish_terms(state: State, now: int, number: int, terms: tuple[int, ...], by: bytes) -> list[Log]:
    known = _programme(state, number)
    _require_admin(state, known.issuer, struct_hash(_TERMS, number, len(known.terms) + 1, *terms), by)
    earliest = max(now + NOTICE, known.terms[-1][0] + 1)
    if terms[0] < earliest:
        raise refusal("RegistryNoticeTooShort", number, terms[0], earliest)
    return [_add_terms(state, number, terms)]


def append_epochs(state: State, now: int, number: int, ends: tuple[int, ...]) -> list[Log]:
    _programme(state, number)
    return [_append(state, number, ends)]


def set_limits(state: State, now: int, per_permit: int, per_day: int) -> list[Log]:
    state.limits = (per_permit, per_day)
    return [log_of(state.site.registry, "CustodialLimitsSet", (), state.limits)]


def set_house(state: State, now: int, house: bytes) -> list[Log]:
    before, state.in_force = state.in_force, house
    return [log_of(state.site.registry, "ClearingHouseSet", (house, before), ())]


def close_period(state: State, now: int, period: int) -> list[Log]:
    if period != state.period:
        raise refusal("PeriodNotOpen", period, state.period)
    state.period += 1
    return [log_of(state.site.house, "PeriodClosed", (period,), (state.last_batch,))]


def pause(state: State, now: int) -> list[Log]:
    if now < state.pause_allowed_from:
        raise refusal("PauseCoolingDown", state.pause_allowed_from)
    state.paused_until = now + PAUSE
    state.pause_allowed_from = state.paused_until + COOL_DOWN
    return [log_of(state.site.house, "Paused", (), (state.paused_until,))]


def _known(state: State, merchant: int) -> Merchant:
    known = state.merchants.get(merchant)
    if known is None:
        raise refusal("RegistryMerchantUnknown", merchant)
    return known


def _programme(state: State, number: int) -> Programme:
    known = state.programmes.get(number)
    if known is None:
        raise refusal("RegistryProgrammeUnknown", number)
    return known


def _require_admin(state: State, merchant: int, struct: bytes, by: bytes) -> None:
    digest = state.site.registry_domain.digest(struct)
    if recover_address(digest, by) != _known(state, merchant).admin:
        raise refusal("RegistrySignatureInvalid", merchant, digest)


def _add_terms(state: State, number: int, terms: Any) -> Log:
    _, value, fee, cap, _ = terms
    if value == 0 or fee > 10_000 or cap == 0:
        raise refusal("RegistryTermsInvalid", value, fee, cap)
    known = state.programmes[number]
    state.programmes[number] = replace(known, terms=(*known.terms, tuple(terms)))
    return log_of(state.site.registry, "TermsPublished", (number, len(known.terms) + 1), tuple(terms))


def _append(state: State, number: int, ends: Any) -> Log:
    known = state.programmes[number]
    previous = known.ends[-1] if known.ends else 0
    for place, end in enumerate(ends, start=len(known.ends) + 1):
        if end <= previous:
            raise refusal("RegistryEpochNotLater", number, place, end, previous)
        previous = end
    state.programmes[number] = replace(known, ends=(*known.ends, *ends))
    return log_of(state.site.registry, "EpochsAppended", (number,), (len(known.ends) + 1, tuple(ends)))


def _is_gln(number: int) -> bool:
    digits = [int(d) for d in reversed(str(number))]
    total = sum(d * (3 if place % 2 else 1) for place, d in enumerate(digits))
    return 0 < number < 10**13 and total % 10 == 0
