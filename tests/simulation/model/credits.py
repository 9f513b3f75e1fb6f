"""Signer changes, issues and restores, check by check in the order of ``Credits.sol``."""

from __future__ import annotations

from typing import Any

from ledger_service.kernel.permits import SIGNER_DELAY_SECONDS, SignerGrant
from ledger_service.kernel.secp256k1 import keccak256, recover_address
from tests.simulation.model import campaigns
from tests.simulation.model.abi import refusal, word
from tests.simulation.model.batch import LOW_BITS, Book, Desk, Row, Turn, amount_of, epoch_of, legs_hash
from tests.simulation.model.state import Signer, Use

CUSTODIAL, CONTRACT, REVOKE = 1, 2, 4
RESTORED_LIFE = 30 * 86_400


def owed_for(row: Row, points: int) -> int:
    value = points * row.value
    return value - value * row.fee // 10_000


def authorise(desk: Desk, index: int, account: bytes, digest: bytes, signed: tuple[bytes, bool, int]) -> bool:
    """The account's signer approved and was active at the instant; returns whether it is custodial.

    ``signed`` is the signature, whether it is a contract's, and the instant.
    """
    signature, by_contract, instant = signed
    if by_contract and len(signature) < 20:
        raise refusal("SignatureInvalid", index, account, digest)
    signer = signature[:20] if by_contract else recover_address(digest, signature)
    if not signer or not any(signer):
        raise refusal("SignatureInvalid", index, account, digest)
    known = desk.state.signers.get((account, signer), Signer())
    active = known.active_from and known.active_from <= instant and not 0 < known.revoked_at <= instant
    if not active or bool(known.flags & CONTRACT) != by_contract:
        raise refusal("SignerNotActive", index, account, signer, instant)
    if by_contract:  # no contract stands at any signer's address here
        raise refusal("SignatureInvalid", index, account, digest)
    return bool(known.flags & CUSTODIAL)


def change_signer(desk: Desk, index: int, op: tuple[Any, ...]) -> None:
    op_id, account, signer, flags, at, _, authorisation = op
    desk.check_accepted(index, at)
    if not any(account) or not any(signer):
        raise refusal("AccountInvalid", index, account)
    if flags > CUSTODIAL | CONTRACT | REVOKE:
        raise refusal("FlagsUnknown", index, flags)
    vouched = bool(authorisation) and _is_vouched(desk, index, op)
    known = desk.state.signers.get((account, signer), Signer())
    active_from = 0
    if flags & REVOKE:
        if not known.active_from or known.revoked_at:
            raise refusal("SignerUnknown", index, account, signer)
        desk.state.signers[account, signer] = Signer(known.active_from, at, known.flags)
    else:
        if known.active_from:
            raise refusal("SignerKnown", index, account, signer)
        active_from = _add(desk, (account, signer, flags), at, vouched)
    words = (7, op_id + bytes(16), 0, account, signer, flags, at)
    desk.leaves[index] = keccak256(b"".join(word(w) for w in words))
    head = desk.number << 192 | index << 160 | at << 56 | flags << 48
    desk.emit("OperationSignerChanged", head, op_id, account, signer, active_from)


def _add(desk: Desk, who: tuple[bytes, bytes, int], at: int, vouched: bool) -> int:
    account, signer, flags = who
    use = desk.state.uses.get(account, Use())
    active_from = at if vouched or use.signers == 0 else desk.now + SIGNER_DELAY_SECONDS
    desk.state.uses[account] = Use(use.signers + 1, use.day, use.spent, use.before)
    desk.state.signers[account, signer] = Signer(active_from, 0, flags)
    return active_from


def _is_vouched(desk: Desk, index: int, op: tuple[Any, ...]) -> bool:
    _, account, signer, flags, at, valid_until, authorisation = op
    if at > valid_until:
        raise refusal("PermitExpired", index, valid_until, at)
    grant = SignerGrant(account, signer, flags, valid_until)
    digest = desk.state.site.house_domain.digest(grant.struct_hash())
    return not authorise(desk, index, account, digest, (authorisation, len(authorisation) != 65, at))


def issue(desk: Desk, turn: Turn, op: tuple[Any, ...]) -> None:
    what, whom = op
    op_id, at, reason = (what >> 128).to_bytes(16, "big"), what >> 88 & (1 << 40) - 1, what >> 80 & 0xFF
    account, leg = (whom >> 96).to_bytes(20, "big"), (what & (1 << 80) - 1) << 96 | whom & LOW_BITS
    index = turn.index
    desk.check_accepted(index, at)
    desk.check_not_suspended(turn, at)
    row = desk.row_of(index, leg)
    desk.check_issuer(turn, row.book)
    desk.check_in_force(index, row, at)
    desk.check_open(index, row.book, epoch_of(leg), at)
    _count_issued(desk, index, row, amount_of(leg))
    row.book.moves.append((index, account, epoch_of(leg), amount_of(leg)))
    if not any(account):
        raise refusal("AccountInvalid", index, account)
    if reason > 3:
        raise refusal("ReasonUnknown", index, reason)
    plain = desk.whole(leg)
    if reason == 3 and not campaigns.take(desk.state, op_id, turn.merchant, account, plain):
        raise refusal("RewardNotPromised", index, op_id)
    words = (1, op_id + bytes(16), turn.merchant, account, at, reason, plain)
    head = desk.place(turn, at, reason << 48, words)
    desk.emit("OperationIssued", head, op_id, account, plain)


def _count_issued(desk: Desk, index: int, row: Row, amount: int) -> None:
    book = row.book
    before = desk.state.counters[book.number, 0, "issued"] if book.issued is None else book.issued
    if before + amount > row.cap:
        raise refusal("IssuanceCapExceeded", index, book.number, before + amount, row.cap)
    book.issued = before + amount


def restore(desk: Desk, turn: Turn, op: tuple[Any, ...]) -> None:
    op_id, account, at, batch, original, leg_index, leg, proof = op
    index = turn.index
    desk.check_accepted(index, at)
    if original[1] != turn.merchant:
        raise refusal("OriginalMerchantMismatch", index, turn.merchant, original[1])
    leaf = _redeem_leaf(desk, turn, account, original)
    desk.require_proven(index, batch, proof, leaf)
    if leg_index >= len(original[6]):
        raise refusal("OriginalLegUnknown", index, leg_index, len(original[6]))
    row, was, plain = desk.row_of(index, leg), original[6][leg_index], desk.whole(leg)
    if was >> 96 != row.key:
        raise refusal("OriginalLegMismatch", index, was, plain)
    _check_restored_epoch(desk, index, row.book, (was, leg, at))
    key = keccak256(leaf + word(leg_index))
    left = amount_of(was) - desk.reverse(index, key, amount_of(leg), amount_of(was))
    desk.accrue(turn, row.book, owed_for(row, left - amount_of(leg)) - owed_for(row, left))
    row.book.moves.append((index, account, epoch_of(leg), amount_of(leg)))
    words = (3, op_id + bytes(16), turn.merchant, account, at, leaf, leg_index, plain)
    head = desk.place(turn, at, leg_index << 48, words)
    desk.emit("OperationRestored", head, op_id, account, leaf, plain)


def _redeem_leaf(desk: Desk, turn: Turn, account: bytes, was: tuple[Any, ...]) -> bytes:
    op_id, _, nonce, at, flags, digest, legs = was
    desk.check_leg_count(turn.index, legs)
    plain = legs_hash(legs)
    words = (2, op_id + bytes(16), turn.merchant, account, nonce, at, flags, digest, plain)
    return keccak256(b"".join(word(w) for w in words))


def _check_restored_epoch(desk: Desk, index: int, book: Book, moved: tuple[int, int, int]) -> None:
    was, leg, at = moved
    first, epoch = epoch_of(was), epoch_of(leg)
    if epoch == first:
        desk.check_open(index, book, epoch, at)
        return
    end = desk.end_of(index, book, first)
    if at < end:
        raise refusal("EpochNotEnded", index, book.number, first, end)
    end = desk.end_of(index, book, epoch)
    if end < at + RESTORED_LIFE:
        raise refusal("EpochTooShort", index, book.number, epoch, end)
