"""Redemptions, gifts, clawbacks and expiries, check by check in the order of ``Debits.sol``."""

from __future__ import annotations

from typing import Any

from ledger_service.kernel.permits import GiftPermit, SpendPermit
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.simulation.model.abi import refusal, word
from tests.simulation.model.batch import Desk, Turn, amount_of, epoch_of, legs_hash
from tests.simulation.model.credits import authorise, owed_for
from tests.simulation.model.state import Use

SERIES, BY_CONTRACT = 1, 2


def redeem(desk: Desk, turn: Turn, op: tuple[Any, ...]) -> None:
    op_id, account, nonce, most, valid_until, at, flags, legs, signature = op
    index = turn.index
    _check_permit_time(desk, turn, at, valid_until)
    if flags > SERIES | BY_CONTRACT:
        raise refusal("FlagsUnknown", index, flags)
    value = _take_legs(desk, turn, account, legs, at)
    digest = desk.state.site.house_domain.digest(SpendPermit(account, nonce, most, valid_until).struct_hash())
    custodial = authorise(desk, index, account, digest, (signature, bool(flags & BY_CONTRACT), at))
    spent = _spend(desk, turn, op, digest, value)
    if custodial:
        _limit_custodial(desk, index, account, at, (spent, value))
    plain = [desk.whole(leg) for leg in legs]
    words = (2, op_id + bytes(16), turn.merchant, account, nonce, at, flags, digest, legs_hash(plain))
    head = desk.place(turn, at, flags << 48 | custodial, words)
    desk.emit("OperationRedeemed", head, op_id, account, nonce, digest, plain)


def _check_permit_time(desk: Desk, turn: Turn, at: int, valid_until: int) -> None:
    desk.check_accepted(turn.index, at)
    desk.check_not_suspended(turn, at)
    if at > valid_until:
        raise refusal("PermitExpired", turn.index, valid_until, at)


def _take_legs(desk: Desk, turn: Turn, account: bytes, legs: tuple[int, ...], at: int) -> int:
    value = 0
    desk.check_leg_count(turn.index, legs)
    for leg in legs:
        row = desk.row_of(turn.index, leg)
        desk.check_in_force(turn.index, row, at)
        desk.check_open(turn.index, row.book, epoch_of(leg), at)
        value += amount_of(leg) * row.value
        desk.accrue(turn, row.book, owed_for(row, amount_of(leg)))
        row.book.moves.append((turn.index, account, epoch_of(leg), amount_of(leg)))
    return value


def _spend(desk: Desk, turn: Turn, op: tuple[Any, ...], digest: bytes, value: int) -> int:
    _, account, nonce, most, _, _, flags, _, _ = op
    acceptor, before = desk.state.series.get(digest, (0, 0)) if flags & SERIES else (0, 0)
    if acceptor == 0:
        _use_nonce(desk, turn.index, account, nonce)
    elif acceptor != turn.merchant:
        raise refusal("SeriesAcceptorMismatch", turn.index, turn.merchant, acceptor)
    if before + value > most:
        raise refusal("PermitValueExceeded", turn.index, before + value, most)
    if flags & SERIES:
        desk.state.series[digest] = (turn.merchant, before + value)
    return before + value


def _use_nonce(desk: Desk, index: int, account: bytes, nonce: int) -> None:
    if (account, nonce) in desk.state.used:
        raise refusal("NonceUsed", index, account, nonce)
    desk.state.used[account, nonce] = True


def _limit_custodial(desk: Desk, index: int, account: bytes, at: int, spent: tuple[int, int]) -> None:
    under_permit, value = spent
    per_permit, per_day = desk.state.limits
    if under_permit > per_permit:
        raise refusal("CustodialPermitLimit", index, account, under_permit, per_permit)
    use, day = desk.state.uses.get(account, Use()), at // 86_400
    if day > use.day:
        use = Use(use.signers, day, 0, use.spent if day == use.day + 1 else 0)
    total = value + (use.spent if day == use.day else use.before)
    if total > per_day:
        raise refusal("CustodialDayLimit", index, account, total, per_day)
    of_day = day == use.day
    desk.state.uses[account] = Use(
        use.signers, use.day, total if of_day else use.spent, use.before if of_day else total
    )


def gift(desk: Desk, turn: Turn, op: tuple[Any, ...]) -> None:
    op_id, account, recipient, nonce, valid_until, at, legs, signature = op
    index = turn.index
    _check_permit_time(desk, turn, at, valid_until)
    if not any(recipient) or recipient == account:
        raise refusal("AccountInvalid", index, recipient)
    desk.check_leg_count(index, legs)
    value = sum(_give_leg(desk, turn, op, leg) for leg in legs)
    plain = [desk.whole(leg) for leg in legs]
    permit = GiftPermit(account, recipient, nonce, valid_until, tuple(map(Leg.of_word, plain)))
    digest = desk.state.site.house_domain.digest(permit.struct_hash())
    custodial = authorise(desk, index, account, digest, (signature, len(signature) != 65, at))
    _use_nonce(desk, index, account, nonce)
    if custodial:
        _limit_custodial(desk, index, account, at, (value, value))
    words = (6, op_id + bytes(16), turn.merchant, account, recipient, nonce, at, digest, legs_hash(plain))
    head = desk.place(turn, at, int(custodial), words)
    desk.emit("OperationGifted", head, op_id, account, recipient, nonce, digest, plain)


def _give_leg(desk: Desk, turn: Turn, op: tuple[Any, ...], leg: int) -> int:
    row = desk.row_of(turn.index, leg)
    desk.check_issuer(turn, row.book)
    desk.check_in_force(turn.index, row, op[5])
    desk.check_open(turn.index, row.book, epoch_of(leg), op[5])
    row.book.moves.append((turn.index, op[1], epoch_of(leg), amount_of(leg)))
    row.book.moves.append((turn.index, op[2], epoch_of(leg), -amount_of(leg)))
    return amount_of(leg) * row.value


def claw_back(desk: Desk, turn: Turn, op: tuple[Any, ...]) -> None:
    op_id, account, at, batch, was, legs, proof = op
    index = turn.index
    desk.check_accepted(index, at)
    words: tuple[int | bytes, ...] = (1, was[0] + bytes(16), turn.merchant, account, was[1], was[2], was[3])
    leaf = keccak256(b"".join(word(w) for w in words))
    desk.require_proven(index, batch, proof, leaf)
    desk.check_leg_count(index, legs)
    desk.reverse(index, leaf, sum(map(amount_of, legs)), amount_of(was[3]))
    for leg in legs:
        row = desk.row_of(index, leg)
        if was[3] >> 112 != row.book.number:
            raise refusal("OriginalLegMismatch", index, was[3], desk.whole(leg))
        desk.end_of(index, row.book, epoch_of(leg))
        row.book.moves.append((index, account, epoch_of(leg), amount_of(leg)))
    plain = [desk.whole(leg) for leg in legs]
    head = desk.place(turn, at, 0, (4, op_id + bytes(16), turn.merchant, account, at, leaf, legs_hash(plain)))
    desk.emit("OperationClawedBack", head, op_id, account, leaf, plain)


def expire(desk: Desk, turn: Turn, op: tuple[Any, ...]) -> None:
    op_id, account, at, leg = op
    index = turn.index
    desk.check_accepted(index, at)
    book = desk.row_of(index, leg).book
    desk.check_issuer(turn, book)
    end = desk.end_of(index, book, epoch_of(leg))
    if at < end or desk.now < end:
        raise refusal("EpochNotEnded", index, book.number, epoch_of(leg), end)
    book.moves.append((index, account, epoch_of(leg), amount_of(leg)))
    plain = desk.whole(leg)
    head = desk.place(turn, at, 0, (5, op_id + bytes(16), turn.merchant, account, at, plain))
    desk.emit("OperationExpired", head, op_id, account, plain)
