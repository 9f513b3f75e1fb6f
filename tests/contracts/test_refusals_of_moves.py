"""One test per cause for which a move of an account, or its announcement, is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.operations import MoveReason
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from tests.contracts.alliance import Alliance
from tests.contracts.parties import (
    APPROVER,
    DAY,
    DESK,
    GUARDIAN,
    HOUSE,
    MANAGER,
    NOTICE,
    OPERATOR,
    RELAYER,
    STRANGER,
    Member,
)
from tests.contracts.refusals import refused
from tests.contracts.test_moves import ALL, EVIDENCE, NEW, ripe

RECOVERY = MoveReason.RECOVERY


@pytest.fixture
def ready(rich: Alliance) -> Alliance:
    """The account that Ann may rotate to has its signer."""
    rich.apply(rich.enrol(NEW))
    return rich


def announce(alliance: Alliance, member: Member, successor: bytes = NEW.account, reason: int = 2) -> None:
    alliance.transact(OPERATOR, DESK, "announce", member.account, successor, reason, EVIDENCE)


def test_a_rotation_is_not_accepted_after_its_time(ready: Alliance, ann: Member) -> None:
    with refused("PermitExpired", 0, ready.evm.now - 1, ready.evm.now):
        ready.move(ready.rotation(ann, NEW, ALL, valid_until=ready.evm.now - 1))
    with refused("AcceptedTooLongAgo", 0):
        ready.move(ready.rotation(ann, NEW, ALL, accepted_at=ready.evm.now - 7 * DAY - 1))
    with refused("AcceptedInFuture", 0):
        ready.move(ready.rotation(ann, NEW, ALL, accepted_at=ready.evm.now + 121))


def test_a_rotation_by_a_strangers_key_is_refused(ready: Alliance, ann: Member, bob: Member) -> None:
    with refused("SignerNotActive", 0, ann.account, bob.signer):
        ready.move(ready.rotation(ann, NEW, ALL, signing_key=bob.key))
    with refused("SignatureInvalid", 0, ann.account):
        ready.move(ready.rotation(ann, NEW, ALL, authorisation=bytes(65)))


def test_an_altered_rotation_is_refused(ready: Alliance, ann: Member, bob: Member) -> None:
    def elsewhere(moves: list[Any]) -> None:
        moves[0][2] = bob.account

    with refused("SignerNotActive", 0, ann.account):
        ready.move(ready.rotation(ann, NEW, ALL), falsify=elsewhere)


def test_a_custodian_does_not_rotate(ready: Alliance) -> None:
    carl = Member.numbered(60)
    ready.apply(ready.enrol(carl, FLAG_CUSTODIAL))
    with refused("MoveNotWilled", 0, carl.account, NEW.account, NEW.signer):
        ready.move(ready.rotation(carl, NEW, ALL))


def test_the_new_account_has_the_named_signer_and_no_other(ready: Alliance, ann: Member, bob: Member) -> None:
    with refused("MoveNotWilled", 0, ann.account, NEW.account, bob.signer):
        ready.move(ready.rotation(ann, NEW, ALL, signer=bob.signer))
    ready.apply(ready.enrol(Member(NEW.account, bob.key)))
    with refused("MoveNotWilled", 0, ann.account, NEW.account, NEW.signer):
        ready.move(ready.rotation(ann, NEW, ALL))


def test_an_account_moves_once_and_takes_nothing_over_after_it(
    ready: Alliance, ann: Member, bob: Member
) -> None:
    ready.move(ready.rotation(ann, NEW, ALL))
    other = Member.numbered(72)
    ready.apply(ready.enrol(other))
    with refused("AccountMoved", 0, ann.account, NEW.account):
        ready.move(ready.rotation(ann, other, ()))
    with refused("AccountMoved", 0, ann.account, NEW.account):
        ready.move(ready.rotation(NEW, ann, ()))
    ripe(ready, bob, ann.account, MoveReason.MERGE)
    with refused("AccountMoved", 0, ann.account, NEW.account):
        ready.move(ready.announced(bob, ann.account, MoveReason.MERGE, ()))


def test_an_account_does_not_move_to_itself_or_nowhere(ready: Alliance, ann: Member) -> None:
    for successor in (ann.account, bytes(20)):
        with refused("AccountInvalid", 0, successor):
            ready.move(replace(ready.rotation(ann, NEW, ALL), successor=successor))


def test_a_reason_that_is_not_known_is_refused(ready: Alliance, ann: Member) -> None:
    for reason in (0, 4):
        with refused("ReasonUnknown", 0, reason):
            ready.move(ready.rotation(ann, NEW, ALL, reason=reason))


def test_legs_name_a_programme_and_an_epoch_and_nothing_else(ready: Alliance, ann: Member) -> None:
    for leg in (Leg(1, 1, 5, 0), Leg(1, 0, 5, 1)):
        with refused("MoveLegInvalid", 0, leg.word()):
            ready.move(replace(ready.rotation(ann, NEW, ()), legs=(leg,)))
    with refused("LegCountInvalid", 0, 65):
        ready.move(ready.rotation(ann, NEW, ALL[:1] * 65))
    with refused("RegistryProgrammeUnknown", 9):
        ready.move(ready.rotation(ann, NEW, (Leg(9, 1, 5, 0),)))


def test_more_than_32_moves_do_not_lead_to_an_account(ready: Alliance, ann: Member) -> None:
    at, following = ann, [Member.numbered(100 + i) for i in range(33)]
    ready.apply(*(ready.enrol(m) for m in following))
    for new in following[:32]:
        ready.move(ready.rotation(at, new, ALL[:1]))
        at = new
    with refused("MovesExhausted", 0, at.account, 33):
        ready.move(ready.rotation(at, following[32], ()))


def test_batches_of_moves_obey_the_rules_of_batches(ready: Alliance, ann: Member) -> None:
    with refused("BatchEmpty", ready.last_batch + 1):
        ready.move()
    move = ready.rotation(ann, NEW, ALL)
    ready.last_batch -= 1
    with refused("BatchNumberUsed", ready.last_batch + 1):
        ready.move(move)
    ready.last_batch += 1
    ready.transact(GUARDIAN, HOUSE, "pause")
    with refused("ClearingHousePaused"):
        ready.move(move)


def test_the_mover_alone_moves_nothing(ready: Alliance) -> None:
    mover = ready.ask(HOUSE, "accountMover")[0]
    data = HOUSE.call_data("moveAccounts", 1, [])
    with refused("ClearingHouseNotInForce", ready.house):
        ready.evm.send(RELAYER, mover, data)
    with refused("ClearingHouseNotInForce", ready.house):
        ready.evm.send(RELAYER, mover, HOUSE.call_data("submitBatch", 1, [], [], []))


def test_a_recovery_waits_for_two_operators_and_the_notice(rich: Alliance, ann: Member) -> None:
    move = rich.announced(ann, NEW.account, RECOVERY, ALL)
    announce(rich, ann)
    for seconds in (0, NOTICE - 1):
        rich.evm.now += seconds
        with refused("MoveNotRipe", 0, ann.account, NEW.account, RECOVERY):
            rich.move(replace(move, accepted_at=rich.evm.now))
        if not seconds:
            rich.transact(APPROVER, DESK, "approve", ann.account, 1)
    rich.evm.now += 1
    for change in ({"successor": STRANGER}, {"reason": MoveReason.MERGE}):
        with refused("MoveNotRipe", 0, ann.account):
            rich.move(replace(move, accepted_at=rich.evm.now, **change))
    rich.move(replace(move, accepted_at=rich.evm.now))


def test_what_was_ripe_for_thirty_days_has_lapsed(rich: Alliance, ann: Member) -> None:
    ripe(rich, ann, NEW.account, RECOVERY)
    rich.evm.now += 30 * DAY
    with refused("MoveNotRipe", 0, ann.account):
        rich.move(rich.announced(ann, NEW.account, RECOVERY, ALL))
    announce(rich, ann)


def test_one_operator_does_not_approve_its_own_announcement(rich: Alliance, ann: Member) -> None:
    rich.as_manager_admin([MANAGER.call_data("grantRole", 1, APPROVER, 0)])
    rich.transact(APPROVER, DESK, "announce", ann.account, NEW.account, 2, EVIDENCE)
    with refused("RecoverySameOperator", ann.account, APPROVER):
        rich.transact(APPROVER, DESK, "approve", ann.account, 1)


def test_an_account_has_one_announcement_at_a_time(rich: Alliance, ann: Member) -> None:
    announce(rich, ann)
    with refused("RecoveryUnderWay", ann.account, 1):
        announce(rich, ann)
    rich.transact(APPROVER, DESK, "approve", ann.account, 1)
    with refused("RecoveryUnderWay", ann.account, 1):
        announce(rich, ann)
    rich.transact(OPERATOR, DESK, "withdraw", ann.account, 1)
    announce(rich, ann)
    rich.evm.now += 30 * DAY
    with refused("RecoveryNotOpen", ann.account, 2):
        rich.transact(APPROVER, DESK, "approve", ann.account, 2)
    announce(rich, ann)


def test_an_announcement_is_of_two_accounts_and_a_known_reason(rich: Alliance, ann: Member) -> None:
    for successor in (ann.account, bytes(20)):
        with refused("RecoveryAccountInvalid", ann.account, successor):
            announce(rich, ann, successor)
    for reason in (0, 1, 4):
        with refused("RecoveryReasonUnknown", reason):
            announce(rich, ann, reason=reason)


@pytest.mark.parametrize(("caller", "function"), [(OPERATOR, "withdraw"), (GUARDIAN, "veto")])
def test_what_is_stopped_or_ripe_is_stopped_no_more(
    rich: Alliance, ann: Member, caller: bytes, function: str
) -> None:
    ripe(rich, ann, NEW.account, RECOVERY)
    with refused("RecoveryNotOpen", ann.account, 1):
        rich.transact(caller, DESK, function, ann.account, 1)
    rich.evm.now += 30 * DAY
    announce(rich, ann)
    rich.transact(caller, DESK, function, ann.account, 2)
    for once_more in (function, "approve"):
        with refused("RecoveryNotOpen", ann.account, 2):
            rich.transact(
                APPROVER if once_more == "approve" else caller, DESK, once_more, ann.account, 2
            )


def test_an_objection_is_that_of_an_active_signer_to_this_announcement(
    rich: Alliance, ann: Member, bob: Member
) -> None:
    announce(rich, ann)
    rich.transact(OPERATOR, DESK, "withdraw", ann.account, 1)
    announce(rich, ann)
    waiting = Member(ann.account, keccak256(b"a key that waits for its day"))
    rich.apply(rich.enrol(waiting))
    for key, number in ((bob.key, 2), (ann.key, 1), (waiting.key, 2)):
        with refused("RecoveryObjectionInvalid", ann.account, 2):
            signature = sign_digest(key, rich.objection(ann.account, number))
            rich.transact(STRANGER, DESK, "object", ann.account, 2, signature)
    with refused("RecoveryObjectionInvalid", ann.account, 2):
        rich.transact(STRANGER, DESK, "object", ann.account, 2, b"")


def test_a_notice_is_never_shorter_than_a_week(rich: Alliance) -> None:
    with refused("RecoveryNoticeTooShort", NOTICE - 1, NOTICE):
        rich.evm.create(STRANGER, DESK.creation_code(rich.manager, rich.registry, NOTICE - 1))
