"""What the sending keys sign: transactions that custody reads itself, to contracts that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.chain.artifacts import load
from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.journal import Journal
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import (
    APPROVER,
    OPERATOR,
    RELAYER,
    BindDomain,
    SignTransaction,
    merchant_key_name,
)
from ledger_service.kernel.beside import SUBMIT_SELECTOR
from ledger_service.kernel.chain_tx import Fee, Unsigned, created_address, rlp, unsigned_of
from ledger_service.kernel.secp256k1 import keccak256, recover_address

BOND = BindDomain(31337, b"\xcc" * 20, b"\xdd" * 20)
HOUSE, REGISTRY, STRANGER = BOND.clearing_house, BOND.registry, b"\x66" * 20
CALL = Unsigned(31337, 3, Fee(2 * 10**9, 7), 300_000, HOUSE, b"\x01" * 300)
CODE = replace(CALL, to=None, nonce=0, data=b"\x60" * 40)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalCustody]:
    """Custody that is bound to nothing yet."""
    local = LocalCustody(Keystore(bytes(range(32))), tmp_path / "journal")
    yield local
    local.close()


@pytest.fixture
def custody(fresh: LocalCustody) -> LocalCustody:
    """Custody that is bound to the alliance."""
    fresh.bind(BOND)
    return fresh


def sign(custody: LocalCustody, key: str, transaction: Unsigned) -> bytes:
    return custody.sign_transaction(SignTransaction(key, transaction.encoded()))


def refusal(custody: LocalCustody, key: str, transaction: Unsigned | bytes) -> str:
    raw = transaction if isinstance(transaction, bytes) else transaction.encoded()
    with pytest.raises(SigningRefused) as refused:
        custody.sign_transaction(SignTransaction(key, raw))
    return refused.value.reason


@pytest.mark.parametrize(("key", "to"), [(RELAYER, HOUSE), (OPERATOR, HOUSE), (OPERATOR, REGISTRY)])
def test_a_call_of_the_alliances_contracts_is_signed_over_the_digest_of_its_own_fields(
    custody: LocalCustody, key: str, to: bytes
) -> None:
    call = replace(CALL, to=to)
    digest = keccak256(b"\x02" + rlp([31337, 3, 7, 2 * 10**9, 300_000, to, 0, b"\x01" * 300, []]))
    assert recover_address(digest, sign(custody, key, call)) == custody.address_of(key)


@pytest.mark.parametrize("key", ["", "root", merchant_key_name(9520001000010, "operations"), "relayer "])
def test_no_other_key_signs_a_transaction(custody: LocalCustody, key: str) -> None:
    assert refusal(custody, key, CALL) == "not-a-sending-key"


def test_another_chain_or_another_target_is_refused(custody: LocalCustody) -> None:
    for key in (RELAYER, OPERATOR):
        assert refusal(custody, key, replace(CALL, chain_id=1)) == "another-chain"
        assert refusal(custody, key, replace(CALL, to=STRANGER)) == "target-unknown"
        assert refusal(custody, key, CODE) == "creates-a-contract"
    assert refusal(custody, RELAYER, replace(CALL, to=REGISTRY)) == "target-unknown"


def test_the_approver_calls_what_the_founding_created_and_neither_house_nor_registry(
    fresh: LocalCustody,
) -> None:
    desk = created_address(fresh.address_of(OPERATOR), CODE.nonce)
    sign(fresh, OPERATOR, CODE)
    fresh.bind(BOND)
    assert len(sign(fresh, APPROVER, replace(CALL, to=desk))) == 65
    for to in (HOUSE, REGISTRY, STRANGER):
        assert refusal(fresh, APPROVER, replace(CALL, to=to)) == "target-unknown"
    assert refusal(fresh, APPROVER, CODE) == "creates-a-contract"


@pytest.mark.parametrize("key", [RELAYER, OPERATOR])
def test_a_nonce_is_filled_by_a_transaction_to_the_key_itself(custody: LocalCustody, key: str) -> None:
    noop = replace(CALL, to=custody.address_of(key), data=b"")
    assert len(sign(custody, key, noop)) == 65
    other = custody.address_of(OPERATOR if key == RELAYER else RELAYER)
    assert refusal(custody, key, replace(noop, to=other)) == "target-unknown"
    assert refusal(custody, key, replace(noop, chain_id=1)) == "another-chain"


def test_a_founding_creates_and_calls_what_it_created_and_nothing_else(fresh: LocalCustody) -> None:
    manager = created_address(fresh.address_of(OPERATOR), CODE.nonce)
    grant = replace(CALL, nonce=1, to=manager)
    assert refusal(fresh, OPERATOR, grant) == "target-unknown"
    assert refusal(fresh, RELAYER, CODE) == "creates-a-contract"
    sign(fresh, OPERATOR, CODE)
    sign(fresh, OPERATOR, grant)
    assert refusal(fresh, RELAYER, grant) == "target-unknown"
    assert refusal(fresh, OPERATOR, replace(grant, to=STRANGER)) == "target-unknown"


def test_a_founding_happens_on_one_chain(fresh: LocalCustody, tmp_path: Path) -> None:
    elsewhere = replace(CODE, nonce=7, chain_id=1)
    assert refusal(fresh, RELAYER, elsewhere) == "creates-a-contract"  # what is refused names no chain
    sign(fresh, OPERATOR, CODE)
    assert refusal(fresh, OPERATOR, elsewhere) == "another-chain"
    noop = replace(CALL, to=fresh.address_of(RELAYER), data=b"", chain_id=1)
    assert refusal(fresh, RELAYER, noop) == "another-chain"
    with pytest.raises(SigningRefused):
        fresh.bind(replace(BOND, chain_id=1))
    journal = Journal(tmp_path / "journal")
    journal.unbind()
    journal.close()
    sign(fresh, OPERATOR, elsewhere)


def test_what_was_founded_is_called_and_sent_again_later_and_nothing_new_is_created(
    fresh: LocalCustody, tmp_path: Path
) -> None:
    sign(fresh, OPERATOR, CODE)
    fresh.bind(BOND)
    fresh.close()
    again = LocalCustody(Keystore(bytes(range(32))), tmp_path / "journal")
    manager = created_address(again.address_of(OPERATOR), CODE.nonce)
    sign(again, OPERATOR, replace(CALL, to=manager))
    sign(again, OPERATOR, replace(CODE, fee=CODE.fee.bumped(20)))
    assert refusal(again, OPERATOR, replace(CODE, data=b"\x61" * 40)) == "creates-a-contract"
    assert refusal(again, OPERATOR, replace(CODE, nonce=1)) == "creates-a-contract"
    again.close()


def test_the_hand_at_the_machine_names_a_contract_for_the_operator_alone(
    custody: LocalCustody, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal")
    journal.remember_contract(STRANGER, None)
    journal.close()
    sign(custody, OPERATOR, replace(CALL, to=STRANGER))
    assert refusal(custody, RELAYER, replace(CALL, to=STRANGER)) == "target-unknown"


def test_the_relayer_hands_signed_batches_to_contracts_of_the_alliance_and_calls_nothing_else_of_them(
    custody: LocalCustody, tmp_path: Path
) -> None:
    batch = replace(CALL, to=STRANGER, data=SUBMIT_SELECTOR + b"\x01" * 300)
    assert load("AllianceCoupons").selector("submitBatch") == SUBMIT_SELECTOR
    assert refusal(custody, RELAYER, batch) == "target-unknown"
    journal = Journal(tmp_path / "journal")
    journal.remember_contract(STRANGER, None)
    journal.close()
    sign(custody, RELAYER, batch)
    assert refusal(custody, RELAYER, replace(batch, data=b"\x01" * 300)) == "target-unknown"


def body(**changed: object) -> bytes:
    """A call of the ClearingHouse in its fields, some of them changed."""
    fields: dict[str, object] = {
        "chain_id": 31337, "nonce": 3, "priority": 7, "most": 2 * 10**9, "gas": 300_000, "to": HOUSE,
        "value": 0, "data": b"\x01", "access": [],
    }  # fmt: skip
    return b"\x02" + rlp(list((fields | changed).values()))  # type: ignore[arg-type]  # the test's own fields


UNREADABLE = [
    b"", b"\x02", b"\x11" * 32, body()[1:], b"\x01" + body()[1:], body() + b"\0", body()[:-1],
    body(value=1), body(access=[[STRANGER, []]]), body(to=b""[:0] + b"\xcc" * 19), body(to=[]), body(data=[]),
    body(chain_id=b"\0\x7a\x69"), body(more=b""), b"\x02" + b"\xc1" * 5_000, b"\x02\xff" + b"\xff" * 8,
    b"\x02" + rlp([3, 7, 21_000, HOUSE, 0, b"\x01", 31337, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize("raw", UNREADABLE)
def test_what_is_no_transaction_of_ours_is_not_signed(custody: LocalCustody, raw: bytes) -> None:
    assert sign(custody, RELAYER, unsigned_of(body()))
    assert refusal(custody, RELAYER, raw) == "not-a-transaction"


def test_no_other_bytes_are_read_as_the_same_transaction() -> None:
    raw = CALL.encoded()
    assert unsigned_of(raw) == CALL
    for at in range(60):
        for bit in range(8):
            other = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
            try:
                read = unsigned_of(other)
            except ValueError:
                continue
            assert read != CALL
            assert read.encoded() == other
