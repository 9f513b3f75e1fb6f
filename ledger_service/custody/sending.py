"""What the three sending keys may send: to the alliance's own contracts, on its own chain, and never a value.

Until custody is bound, the alliance is being founded: on one chain the operator's key creates contracts and
calls those that it created. From then on it creates nothing new. The relayer's key calls the ClearingHouse,
and hands signed batches to contracts that the operator's created; the approver's key calls any of the latter,
of which only the recovery desk listens to it.
"""

from __future__ import annotations

from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.journal import Journal
from ledger_service.custody.requests import APPROVER, OPERATOR
from ledger_service.kernel.beside import SUBMIT_SELECTOR
from ledger_service.kernel.chain_tx import Unsigned, created_address
from ledger_service.kernel.secp256k1 import keccak256


def check_sending(journal: Journal, key: str, sender: bytes, transaction: Unsigned) -> None:
    """The sending key may sign this; a contract that it founds with is remembered before.

    Args:
        journal: what custody is bound to, and the contracts that it knows.
        key: ``relayer``, ``operator`` or ``approver``.
        sender: the key's address.
        transaction: what shall be signed.

    Raises:
        SigningRefused: another chain, another target, or a creation when nothing is to be created.
    """
    bound = journal.bound()
    chain_id = journal.founding_chain() if bound is None else bound.chain_id
    if chain_id not in (None, transaction.chain_id):
        raise SigningRefused("another-chain")
    _check_target(journal, key, sender, transaction)
    if chain_id is None:  # the first that it signs says on which chain the alliance is being founded
        journal.begin_founding(transaction.chain_id)


def _check_target(journal: Journal, key: str, sender: bytes, transaction: Unsigned) -> None:
    bound = journal.bound()
    to = transaction.to
    if to == sender:
        return  # what makes way for the nonces behind it
    if to is None:
        _check_creation(journal, key, created_address(sender, transaction.nonce), keccak256(transaction.data))
    elif key == OPERATOR:
        if not journal.knows_contract(to) and (
            bound is None or to not in (bound.registry, bound.clearing_house)
        ):
            raise SigningRefused("target-unknown")
    elif key == APPROVER:
        if not journal.knows_contract(to):
            raise SigningRefused("target-unknown")
    elif bound is None or not _is_batch(journal, bound.clearing_house, to, transaction.data):
        raise SigningRefused("target-unknown")


def _is_batch(journal: Journal, house: bytes, to: bytes, data: bytes) -> bool:
    if to == house or journal.was_house(to):
        return True
    return data[:4] == SUBMIT_SELECTOR and journal.knows_contract(to)


def _check_creation(journal: Journal, key: str, address: bytes, code_hash: bytes) -> None:
    if key != OPERATOR:
        raise SigningRefused("creates-a-contract")
    if journal.bound() is None or journal.house_created(code_hash, address):
        journal.remember_contract(address, code_hash)
    elif not journal.knows_creation(address, code_hash):
        # The one that was signed before may be signed again with a higher fee.
        raise SigningRefused("creates-a-contract")
