"""Merchants, keys, terms, calendars: success and one test per cause of refusal."""

from __future__ import annotations

import pytest

from tests.contracts.alliance import Alliance, sign_registry
from tests.contracts.parties import (
    ADMIN,
    CAP,
    DAY,
    DEPLOYER,
    EPOCH_ENDS,
    FEE_BPS,
    HOUSE,
    MANAGER,
    OPERATOR,
    POINTS,
    REGISTRY,
    STRANGER,
    Merchant,
    gln_of,
)
from tests.contracts.refusals import refused

TERMS = (
    "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,"
    "uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"
)
KEYS = "MerchantKeys(uint64 merchant,address admin,address operations,address settlement,uint32 nonce)"


def publish(
    alliance: Alliance,
    programme: int,
    point_value: int = 10_000,
    notice: int = 8 * DAY,
    key: bytes | None = None,
) -> int:
    """Publish the next terms; the instant from which they are in force."""
    version = alliance.ask(REGISTRY, "programme", programme)[0][2] + 1
    start = alliance.evm.now + notice
    terms = (start, point_value, FEE_BPS, CAP, 4)
    signature = sign_registry(
        alliance, key or alliance.merchant_of(programme).admin, TERMS, programme, version, *terms
    )
    alliance.transact(STRANGER, REGISTRY, "publishTerms", programme, terms, signature)
    return start


def rotate(
    alliance: Alliance, merchant: Merchant, new: Merchant, nonce: int = 0, key: bytes | None = None
) -> None:
    signature = sign_registry(alliance, key or merchant.admin, KEYS, merchant.gln, *new.addresses(), nonce)
    alliance.transact(STRANGER, REGISTRY, "rotateKeys", merchant.gln, new.addresses(), signature)


def create(
    alliance: Alliance, ends: tuple[int, ...] = EPOCH_ENDS, terms: tuple[int, ...] = (0, 1, 0, 1, 1)
) -> None:
    alliance.transact(
        OPERATOR, REGISTRY, "createProgramme", alliance.merchants[0].gln, "Name", "SYM", ends, terms
    )


@pytest.mark.parametrize("gln", [0, 10**13, gln_of(1) + 1, gln_of(1) + 10])
def test_a_merchant_needs_a_valid_gln(alliance: Alliance, gln: int) -> None:
    with refused("RegistryGlnInvalid", gln):
        alliance.transact(OPERATOR, REGISTRY, "admitMerchant", gln, STRANGER, STRANGER, STRANGER)


def test_a_merchant_is_admitted_once(alliance: Alliance) -> None:
    merchant = alliance.merchants[0]
    with refused("RegistryMerchantKnown", merchant.gln):
        alliance.transact(OPERATOR, REGISTRY, "admitMerchant", merchant.gln, *merchant.addresses())


def test_an_unknown_merchant_has_neither_programme_nor_suspension(alliance: Alliance) -> None:
    for function, arguments in (
        ("suspendMerchant", (alliance.evm.now,)), ("reinstateMerchant", ()),
        ("createProgramme", ("Name", "SYM", EPOCH_ENDS, (0, 1, 0, 1, 1))),
    ):  # fmt: skip
        with refused("RegistryMerchantUnknown", gln_of(77)):
            alliance.transact(OPERATOR, REGISTRY, function, gln_of(77), *arguments)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_merchant_needs_all_its_keys(alliance: Alliance, position: int) -> None:
    keys = [STRANGER] * 3
    keys[position] = bytes(20)
    with refused("RegistryKeyZero", gln_of(77)):
        alliance.transact(OPERATOR, REGISTRY, "admitMerchant", gln_of(77), *keys)


def test_a_suspension_does_not_reach_back_and_can_end(alliance: Alliance) -> None:
    gln, now = alliance.merchants[0].gln, alliance.evm.now
    with refused("RegistrySuspensionInPast", gln, now - 1, now):
        alliance.transact(OPERATOR, REGISTRY, "suspendMerchant", gln, now - 1)
    alliance.transact(OPERATOR, REGISTRY, "suspendMerchant", gln, now)
    assert alliance.ask(REGISTRY, "sliceKey", gln)[1] == now
    alliance.transact(OPERATOR, REGISTRY, "reinstateMerchant", gln)
    assert alliance.ask(REGISTRY, "sliceKey", gln)[1] == 2**40 - 1


def test_a_merchant_rotates_its_keys_by_its_own_signature(alliance: Alliance) -> None:
    merchant, new = alliance.merchants[0], Merchant.numbered(70)
    with refused("RegistrySignatureInvalid", merchant.gln):
        rotate(alliance, merchant, new, key=alliance.merchants[1].admin)
    rotate(alliance, merchant, new)
    assert alliance.ask(REGISTRY, "merchantKeys", merchant.gln)[0] == new.addresses()
    with refused("RegistrySignatureInvalid", merchant.gln):
        rotate(alliance, merchant, new)


def test_a_recovery_waits_for_its_notice_and_the_merchant_can_object(alliance: Alliance) -> None:
    merchant, new = alliance.merchants[0], Merchant.numbered(70)
    alliance.as_admin("proposeRecovery", merchant.gln, new.addresses())
    with refused("RegistryRecoveryNotDue", merchant.gln):
        alliance.transact(STRANGER, REGISTRY, "completeRecovery", merchant.gln)
    rotate(alliance, merchant, merchant)
    alliance.evm.now += 8 * DAY
    with refused("RegistryRecoveryNotDue", merchant.gln, 0):
        alliance.transact(STRANGER, REGISTRY, "completeRecovery", merchant.gln)
    alliance.as_admin("proposeRecovery", merchant.gln, new.addresses())
    alliance.evm.now += 8 * DAY
    alliance.transact(STRANGER, REGISTRY, "completeRecovery", merchant.gln)
    assert alliance.ask(REGISTRY, "merchantKeys", merchant.gln)[0] == new.addresses()


def test_an_unknown_programme_is_refused(alliance: Alliance) -> None:
    with refused("RegistryProgrammeUnknown", 9):
        alliance.ask(REGISTRY, "batchTerms", [(9, 1)])
    with refused("RegistryProgrammeUnknown", 9):
        alliance.transact(OPERATOR, REGISTRY, "appendEpochs", 9, [2**40 - 1])


@pytest.mark.parametrize("version", [0, 2])
def test_an_unknown_version_of_terms_is_refused(alliance: Alliance, version: int) -> None:
    with refused("RegistryTermsUnknown", 1, version):
        alliance.ask(REGISTRY, "batchTerms", [(1, version)])
    with refused("RegistryTermsUnknown", 1, version):
        alliance.ask(REGISTRY, "terms", 1, version)


@pytest.mark.parametrize("terms", [(0, 0, 0, 1, 1), (0, 1, 10_001, 1, 1), (0, 1, 0, 0, 1)])
def test_terms_out_of_range_are_refused(alliance: Alliance, terms: tuple[int, ...]) -> None:
    with refused("RegistryTermsInvalid", *terms[1:4]):
        create(alliance, terms=terms)


def test_terms_change_with_eight_days_notice_signed_by_the_issuer(alliance: Alliance) -> None:
    earliest = alliance.evm.now + 8 * DAY
    with refused("RegistryNoticeTooShort", 1, earliest - 1, earliest):
        publish(alliance, 1, notice=8 * DAY - 1)
    with refused("RegistrySignatureInvalid", alliance.merchants[0].gln):
        publish(alliance, 1, key=alliance.merchants[1].admin)
    start = publish(alliance, 1, point_value=20_000)
    with refused("RegistryNoticeTooShort", 1, start, start + 1):
        publish(alliance, 1)
    assert alliance.ask(REGISTRY, "currentTerms", 1)[1] == 1
    alliance.evm.now = start
    terms, version = alliance.ask(REGISTRY, "currentTerms", 1)
    assert (terms[1], version) == (20_000, 2)


def test_epochs_only_rise_and_only_grow(alliance: Alliance) -> None:
    last = EPOCH_ENDS[-1]
    with refused("RegistryEpochNotLater", 1, 13, last, last):
        alliance.transact(OPERATOR, REGISTRY, "appendEpochs", 1, [last])
    with refused("RegistryEpochNotLater", 4, 2, 5, 5):
        create(alliance, ends=(5, 5))
    alliance.transact(OPERATOR, REGISTRY, "appendEpochs", 1, [last + 1, last + 2])
    assert alliance.ask(REGISTRY, "epochEnd", 1, 12)[0] == last
    assert alliance.ask(REGISTRY, "epochEnd", 1, 14)[0] == last + 2
    assert alliance.ask(REGISTRY, "epochEnd", 1, 15)[0] == 0


def test_a_calendar_has_at_least_one_epoch(alliance: Alliance) -> None:
    with refused("RegistryCalendarEmpty", 4):
        create(alliance, ends=())


def test_a_calendar_has_at_most_65535_epochs(alliance: Alliance) -> None:
    with refused("RegistryCalendarFull", 1, 65_536):
        alliance.transact(OPERATOR, REGISTRY, "appendEpochs", 1, [0] * (65_536 - 12))


def test_the_current_epoch_follows_the_calendar(alliance: Alliance) -> None:
    for now, epoch in (
        (EPOCH_ENDS[0] - 1, 1), (EPOCH_ENDS[0], 2), (EPOCH_ENDS[10], 12),
        (EPOCH_ENDS[11] - 1, 12), (EPOCH_ENDS[11], 13),
    ):  # fmt: skip
        alliance.evm.now = now
        assert alliance.ask(REGISTRY, "currentEpoch", 1)[0] == epoch


def test_a_clearing_house_must_continue_the_one_in_force(alliance: Alliance) -> None:
    stray = alliance.new_house(bytes(20))
    alliance.evm.send(
        ADMIN, alliance.manager,
        MANAGER.call_data("schedule", alliance.registry, REGISTRY.call_data("setClearingHouse", stray), 0),
    )  # fmt: skip
    alliance.evm.now += 2 * DAY
    with refused("RegistryPredecessorMismatch", stray, bytes(20), alliance.house):
        alliance.transact(ADMIN, REGISTRY, "setClearingHouse", stray)


def test_a_token_clone_is_bound_once(alliance: Alliance) -> None:
    for token in (alliance.tokens[0], alliance.points):
        with refused("InvalidInitialization"):
            alliance.evm.send(STRANGER, token, POINTS.call_data("initialize", STRANGER, 1, "", ""))


def test_the_deployer_kept_no_power(alliance: Alliance) -> None:
    with refused("AccessManagedUnauthorized", DEPLOYER):
        alliance.transact(DEPLOYER, REGISTRY, "setCustodialLimits", 1, 1)
    assert alliance.ask(HOUSE, "registry")[0] == alliance.registry
