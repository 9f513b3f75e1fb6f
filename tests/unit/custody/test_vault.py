"""What custody signs, under which limits, and what it never signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.custody.asking import CustodialPayCodes
from ledger_service.custody.errors import CustodialLimitReached, SigningRefused
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import (
    AddressOfKey,
    BindDomain,
    Request,
    ServiceSecret,
    SignBasis,
    SignConversion,
    SignMerchantKeys,
    SignPairTerms,
    SignSettlement,
    SignSignerGrant,
    SignSlice,
    SignSpendPermit,
    SignTerms,
    SignTransaction,
    SignWindDown,
    merchant_key_name,
    request_of_wire,
    request_to_wire,
)
from ledger_service.custody.vault import CustodialLimits
from ledger_service.kernel import settlement_words as words
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.paycode import decode_pay_code, encode_pay_code, signer_of
from ledger_service.kernel.permits import SignerGrant, SpendPermit, slice_struct_hash
from ledger_service.kernel.secp256k1 import address_of_key, recover_address

BOND = BindDomain(31337, b"\xcc" * 20, b"\xdd" * 20)
DOMAIN = BOND.domain
GLN = 9520001000010
NOW = 1_790_000_000 // 86_400 * 86_400 + 40_000
ACCOUNT = b"\xaa" * 20
PERMIT = SignSpendPermit(ACCOUNT, 7, 4_000_000, NOW + 60)
LIMITS = CustodialLimits(per_permit_micros=5_000_000, per_day_micros=10_000_000)
KEYSTORE = Keystore(bytes(range(32)))


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[LocalCustody]:
    """Custody that is bound and whose clock stands at NOW."""
    local = LocalCustody(KEYSTORE, tmp_path / "journal", LIMITS, now=lambda: NOW)
    local.bind(BOND)
    yield local
    local.close()


def test_a_merchants_word_on_a_period_is_signed_by_its_settlement_key_for_a_desk_of_its_alliance(
    custody: LocalCustody,
) -> None:
    desk, other = b"\xab" * 20, 9520001000027
    told = words.confirmation(3, GLN, -7, b"\x05" * 32)
    asked = SignSettlement(GLN, desk, words.CONFIRMATION, told)
    assert request_of_wire(request_to_wire(asked)) == asked
    with pytest.raises(SigningRefused, match="target-unknown"):
        custody.sign_settlement(asked)
    custody._journal.remember_contract(desk, bytes(32))
    struct = words.struct_of(words.CONFIRMATION, told, GLN)
    assert struct is not None
    signer = recover_address(Domain(31337, desk, words.NAME).digest(struct), custody.sign_settlement(asked))
    assert signer == custody.address_of(merchant_key_name(GLN, "settlement"))
    for wrong in (
        replace(asked, merchant=other),
        replace(asked, kind="Transfer"),
        replace(asked, words=told[:3]),
        replace(asked, kind=words.DISPUTE),
    ):
        with pytest.raises(SigningRefused, match="not-the-merchants-word"):
            custody.sign_settlement(wrong)
    resolved = words.resolution(3, other, GLN, 5)
    assert custody.sign_settlement(replace(asked, kind=words.RESOLUTION, words=resolved))


def test_a_slice_is_signed_by_the_merchants_operations_key(custody: LocalCustody) -> None:
    leaves = (b"\x01" * 32, b"\x02" * 32)
    (signature,) = custody.sign_slices([SignSlice(5, GLN, leaves)])
    signer = recover_address(DOMAIN.digest(slice_struct_hash(5, GLN, leaves)), signature)
    assert signer == custody.address_of(merchant_key_name(GLN, "operations"))
    assert signer != custody.address_of(merchant_key_name(GLN, "admin"))


def test_a_custodial_permit_makes_a_pay_code_that_names_the_accounts_own_key(custody: LocalCustody) -> None:
    permit = SpendPermit(ACCOUNT, 7, 4_000_000, NOW + 60)
    code = decode_pay_code(encode_pay_code(CustodialPayCodes(custody, DOMAIN).pay_code_of(permit)))
    mine, others = custody.custodial_addresses([ACCOUNT, b"\xab" * 20])
    assert signer_of(code, DOMAIN) == mine != others


def test_grants_terms_and_merchant_keys_are_signed_in_their_own_domains(custody: LocalCustody) -> None:
    grant = custody.sign_signer_grant(SignSignerGrant(ACCOUNT, b"\x05" * 20, 0, NOW))
    digest = DOMAIN.digest(SignerGrant(ACCOUNT, b"\x05" * 20, 0, NOW).struct_hash())
    assert recover_address(digest, grant) == custody.custodial_addresses([ACCOUNT])[0]
    registry = Domain(31337, BOND.registry)
    admin = custody.address_of(merchant_key_name(GLN, "admin"))
    terms = custody.sign_terms(SignTerms(GLN, 1, 2, NOW, 10_000, 250, 10**9, 4))
    kind = "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"  # noqa: E501 - one type
    assert (
        recover_address(registry.digest(struct_hash(kind, 1, 2, NOW, 10_000, 250, 10**9, 4)), terms) == admin
    )
    pair = (1, GLN + 7, 2, NOW, 10_000, 250)
    (terms,) = custody.sign_pair_terms([SignPairTerms(GLN, *pair)])
    kind = "PairTermsProposal(uint32 programme,uint64 acceptor,uint16 previous,uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps)"  # noqa: E501 - one type
    assert recover_address(registry.digest(struct_hash(kind, *pair)), terms) == admin
    (basis,) = custody.sign_bases([SignBasis(GLN, 1, 2, NOW, 2, 8_000, GLN + 7)])
    kind = "BasisProposal(uint32 programme,uint32 number,uint40 effectiveFrom,uint8 kind,uint16 reserveBps,uint64 pool)"  # noqa: E501 - one type
    assert recover_address(registry.digest(struct_hash(kind, 1, 2, NOW, 2, 8_000, GLN + 7)), basis) == admin
    both = [SignConversion(GLN, 1, 2, 3, NOW, 200), SignWindDown(GLN, 1, 5, NOW, 2, 9)]
    terms, end = custody.sign_by_both(both)
    kind = "ConversionProposal(uint32 programme,uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps)"  # noqa: E501 - one type
    assert recover_address(registry.digest(struct_hash(kind, 1, 2, 3, NOW, 200)), terms) == admin
    kind = (
        "WindDownProposal(uint32 programme,uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)"
    )
    assert recover_address(registry.digest(struct_hash(kind, 1, 5, NOW, 2, 9)), end) == admin
    keys = [bytes([i]) * 20 for i in (1, 2, 3)]
    signed = custody.sign_merchant_keys(SignMerchantKeys(GLN, *keys, nonce=0))
    kind = "MerchantKeys(uint64 merchant,address admin,address operations,address settlement,uint32 nonce)"
    assert recover_address(registry.digest(struct_hash(kind, GLN, *keys, 0)), signed) == admin


@pytest.mark.parametrize(
    "name",
    [
        "",
        "seed",
        "merchant:9520001000011:admin",
        "merchant:9520001000010:owner",
        "merchant::admin",
        "relayer:x",
    ],
)
def test_a_name_that_is_no_key_has_no_address(custody: LocalCustody, name: str) -> None:
    (answer,) = custody.ask([AddressOfKey(name)])
    assert isinstance(answer, SigningRefused)


def test_secrets_of_the_service_differ_by_purpose_and_are_no_keys(custody: LocalCustody) -> None:
    secrets = [custody.service_secret(p) for p in ("identity", "one-time", "receipt", "cursor")]
    assert len({*secrets, KEYSTORE.key("relayer"), KEYSTORE.seed}) == 6
    (answer,) = custody.ask([ServiceSecret("seed")])
    assert isinstance(answer, SigningRefused)


def test_a_permit_above_the_limit_is_refused(custody: LocalCustody) -> None:
    custody.sign_spend_permit(replace(PERMIT, max_value_micros=5_000_000))
    with pytest.raises(CustodialLimitReached) as refusal:
        custody.sign_spend_permit(replace(PERMIT, nonce=8, max_value_micros=5_000_001))
    assert (refusal.value.limit, refusal.value.limit_micros) == ("permit", 5_000_000)


def test_the_permits_of_a_day_add_up_to_the_limit_of_that_account_alone(custody: LocalCustody) -> None:
    for nonce in (1, 2):
        custody.sign_spend_permit(replace(PERMIT, nonce=nonce))
    with pytest.raises(CustodialLimitReached) as refusal:
        custody.sign_spend_permit(replace(PERMIT, nonce=3))
    assert (refusal.value.limit, refusal.value.asked_micros) == ("day", 12_000_000)
    custody.sign_spend_permit(replace(PERMIT, nonce=3, max_value_micros=2_000_000))
    custody.sign_spend_permit(replace(PERMIT, account=b"\xab" * 20))


def test_the_same_permit_again_is_signed_again_and_counted_once(custody: LocalCustody) -> None:
    assert len({custody.sign_spend_permit(PERMIT) for _ in range(10)}) == 1
    custody.sign_spend_permit(replace(PERMIT, nonce=8))


def test_permits_of_one_nonce_count_once_at_the_greatest_value(custody: LocalCustody) -> None:
    for micros in (4_000_000, 1_000_000, 5_000_000, 4_000_000):
        custody.sign_spend_permit(replace(PERMIT, max_value_micros=micros, valid_until=NOW + micros % 7))
    custody.sign_spend_permit(replace(PERMIT, nonce=8, max_value_micros=5_000_000))
    with pytest.raises(CustodialLimitReached) as refusal:
        custody.sign_spend_permit(replace(PERMIT, nonce=9, max_value_micros=1))
    assert refusal.value.asked_micros == 10_000_001


@pytest.mark.parametrize("valid_until", [NOW - 1, NOW + 181, NOW + 86_400])
def test_a_validity_that_is_not_now_is_refused(custody: LocalCustody, valid_until: int) -> None:
    with pytest.raises(SigningRefused) as refusal:
        custody.sign_spend_permit(replace(PERMIT, valid_until=valid_until))
    assert refusal.value.reason == "validity-out-of-range"


def test_in_replay_the_clock_of_the_data_rules_and_midnight_counts_for_both_days(tmp_path: Path) -> None:
    local = LocalCustody(KEYSTORE, tmp_path / "journal", LIMITS)
    local.bind(BOND)
    midnight = NOW // 86_400 * 86_400
    for nonce, until in ((1, midnight + 30), (2, midnight - 3_600)):
        local.sign_spend_permit(replace(PERMIT, nonce=nonce, valid_until=until))
    for nonce, until in ((3, midnight - 3_600), (4, midnight + 30)):
        with pytest.raises(CustodialLimitReached):
            local.sign_spend_permit(replace(PERMIT, nonce=nonce, valid_until=until))
    local.sign_spend_permit(replace(PERMIT, nonce=5, valid_until=midnight + 3_600))
    local.close()


def test_sums_and_bond_survive_a_restart(tmp_path: Path) -> None:
    for nonce in (1, 2):
        local = LocalCustody(KEYSTORE, tmp_path / "journal", LIMITS)
        local.bind(BOND)
        local.sign_spend_permit(replace(PERMIT, nonce=nonce))
        local.close()
    local = LocalCustody(KEYSTORE, tmp_path / "journal", LIMITS)
    with pytest.raises(CustodialLimitReached):
        local.sign_spend_permit(replace(PERMIT, nonce=3))
    local.close()


def test_custody_signs_for_one_alliance_and_for_none_before_it_is_told(tmp_path: Path) -> None:
    local = LocalCustody(KEYSTORE, tmp_path / "journal", LIMITS)
    for request in (PERMIT, SignSlice(1, GLN, ()), SignTerms(GLN, 1, 1, 1, 1, 1, 1, 1)):
        (answer,) = local.ask([request])
        assert isinstance(answer, SigningRefused)
        assert answer.reason == "not-bound-to-an-alliance"
    local.bind(BOND)
    local.bind(BOND)
    with pytest.raises(SigningRefused) as refusal:
        local.bind(replace(BOND, clearing_house=b"\xee" * 20))
    assert refusal.value.reason == "bound-to-another-alliance"
    local.sign_spend_permit(PERMIT)
    local.close()


def test_one_refusal_in_a_message_spoils_no_other_answer(custody: LocalCustody) -> None:
    answers = custody.ask([
        PERMIT, replace(PERMIT, nonce=8, max_value_micros=6_000_000), AddressOfKey("nobody"),
        SignSlice(1, GLN + 1, ()), AddressOfKey("relayer"), replace(PERMIT, nonce=9),
    ])  # fmt: skip
    assert [type(answer).__name__ for answer in answers] == [
        "bytes", "CustodialLimitReached", "SigningRefused", "SigningRefused", "bytes", "bytes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        SignSlice(1, GLN, (b"\x01" * 32,)),
        replace(PERMIT, nonce=2**64 - 1),
        SignSignerGrant(ACCOUNT, b"\x05" * 20, 1, 2),
        SignTerms(GLN, 1, 2, 3, 4, 5, 6, 7), SignPairTerms(GLN, 1, 2, 3, 4, 5, 6),
        SignBasis(GLN, 1, 2, 3, 4, 5, 6), SignConversion(GLN, 1, 2, 3, 4, 5),
        SignWindDown(GLN, 1, 2, 3, 4, 5), SignMerchantKeys(GLN, *[b"\x01" * 20] * 3, nonce=3),
        SignTransaction("relayer", bytes(range(77))),
        AddressOfKey("operator"), ServiceSecret("receipt"), BOND,
    ],
)  # fmt: skip
def test_every_request_survives_the_wire(request_: Request) -> None:
    assert request_of_wire(request_to_wire(request_)) == request_


@pytest.mark.parametrize(
    "raw",
    [
        None, [], ["sign-anything"], ["slice", 1], ["slice", 1, 2, ["00"]], ["slice", 1, 2, "x"],
        ["transaction", "relayer", "0x00"], ["transaction", "relayer", "000"],
        ["spend-permit", "aa" * 20, -1, 1, 1], ["address", 5],
        ["spend-permit", "aa" * 20, True, 1, 1], ["spend-permit", "zz" * 20, 1, 1, 1], [["slice"]],
        ["spend-permit", "aa" * 20, 2**64, 1, 1], ["spend-permit", "aa" * 20, 1.5, 1, 1],
    ],
)  # fmt: skip
def test_what_is_no_request_is_not_read(raw: object) -> None:
    with pytest.raises(ValueError):
        request_of_wire(raw)


def test_a_merchant_has_no_key_for_another_purpose() -> None:
    with pytest.raises(ValueError):
        merchant_key_name(GLN, "spare")


def test_an_imported_key_takes_the_place_of_the_derived_one() -> None:
    name = merchant_key_name(GLN, "admin")
    moved = Keystore(KEYSTORE.seed, {name: b"\x07" * 32})
    assert moved.key(name) == b"\x07" * 32 != KEYSTORE.key(name)
    assert address_of_key(moved.key("relayer")) == address_of_key(KEYSTORE.key("relayer"))
    assert KEYSTORE.seed.hex() not in repr(KEYSTORE) + repr(moved)
