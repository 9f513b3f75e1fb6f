"""Accounts that move: everything goes along, whatever is reversed later finds its member, nobody else moves."""

from __future__ import annotations

from ledger_service.kernel.operations import MoveReason
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from tests.contracts.alliance import Alliance
from tests.contracts.parties import APPROVER, DESK, HOUSE, NOTICE, OPERATOR, STRANGER, Member
from tests.contracts.refusals import refused

EVIDENCE = keccak256(b"salt and what was shown")
NEW = Member.numbered(71)


def ripe(alliance: Alliance, member: Member, successor: bytes, reason: int) -> None:
    """The move is announced, approved, and its notice has ended."""
    number = alliance.ask(DESK, "announcementOf", member.account)[0][7] + 1
    alliance.transact(OPERATOR, DESK, "announce", member.account, successor, reason, EVIDENCE)
    alliance.transact(APPROVER, DESK, "approve", member.account, number)
    alliance.evm.now += NOTICE


def lots(alliance: Alliance, account: bytes) -> dict[tuple[int, int], int]:
    found = {(p, e): alliance.balance(account, p, e) for p in (1, 2, 3) for e in (1, 5, 12)}
    return {key: points for key, points in found.items() if points}


ALL = tuple(Leg(p, 1, e, 0) for p in (1, 2) for e in (1, 5, 12))


def test_a_rotation_takes_every_named_lot_along_in_its_epoch(rich: Alliance, ann: Member) -> None:
    counters = [rich.token(p, "counters", e) for p in (1, 2) for e in range(13)]
    nets = [rich.net(m) for m in rich.merchants]
    held = lots(rich, ann.account)
    rich.apply(rich.enrol(NEW))
    move = rich.rotation(ann, NEW, ALL)
    applied = rich.move(move)
    assert lots(rich, NEW.account) == held
    assert lots(rich, ann.account) == {}
    assert counters == [rich.token(p, "counters", e) for p in (1, 2) for e in range(13)]
    assert nets == [rich.net(m) for m in rich.merchants]
    assert rich.ask(HOUSE, "successorOf", ann.account)[0] == (NEW.account, 0)
    assert rich.ask(HOUSE, "successorOf", NEW.account)[0] == (bytes(20), 1)
    assert rich.ask(HOUSE, "rootOf", applied.number)[0] == move.leaf()


def test_what_still_came_in_follows_without_a_further_word(rich: Alliance, ann: Member) -> None:
    rich.apply(rich.enrol(NEW))
    rich.move(rich.rotation(ann, NEW, ()))
    assert lots(rich, NEW.account) == {}
    rich.move(rich.rotation(ann, NEW, ALL, authorisation=b""))
    assert len(lots(rich, NEW.account)) == 6
    rich.apply(rich.issue(ann, Leg(1, 1, 5, 3)))
    rich.move(rich.rotation(ann, NEW, ALL[:2], authorisation=b""))
    assert rich.balance(NEW.account, 1, 5) == 10_003


def test_refunds_of_the_old_accounts_sales_land_on_the_new_one(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 5, 100)])
    earned = rich.issue(ann, Leg(1, 1, 5, 40))
    rich.apply(spent, earned)
    last = Member.numbered(72)
    for old, new in ((ann, NEW), (NEW, last)):
        rich.apply(rich.enrol(new))
        rich.move(rich.rotation(old, new, ALL))
    before = rich.balance(last.account, 1, 5)
    rich.apply(rich.restore(spent, 0, 60, account=last.account))
    rich.apply(rich.claw_back(earned, [Leg(1, 1, 5, 40)], account=last.account))
    assert rich.balance(last.account, 1, 5) == before + 60 - 40
    assert lots(rich, ann.account) == lots(rich, NEW.account) == {}


def test_a_refund_names_the_account_that_the_contract_finds(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 5, 100)])
    rich.apply(spent, rich.enrol(NEW))
    with refused("SliceSignatureInvalid"):
        rich.apply(rich.restore(spent, 0, 60, account=NEW.account))
    rich.move(rich.rotation(ann, NEW, ALL))
    with refused("SliceSignatureInvalid"):
        rich.apply(rich.restore(spent, 0, 60))


def test_a_recovery_needs_nobodys_signature_but_two_operators_and_the_notice(
    rich: Alliance, ann: Member
) -> None:
    held = lots(rich, ann.account)
    ripe(rich, ann, NEW.account, MoveReason.RECOVERY)
    rich.move(rich.announced(ann, NEW.account, MoveReason.RECOVERY, ALL))
    assert lots(rich, NEW.account) == held


def test_a_merge_adds_to_what_the_other_account_has(rich: Alliance, ann: Member, bob: Member) -> None:
    rich.apply(rich.issue(bob, Leg(1, 1, 5, 7)))
    spent = rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 5, 100)])
    rich.apply(spent)
    ripe(rich, ann, bob.account, MoveReason.MERGE)
    rich.move(rich.announced(ann, bob.account, MoveReason.MERGE, ALL))
    assert rich.balance(bob.account, 1, 5) == 7 + 9_900
    rich.apply(rich.restore(spent, 0, 100, account=bob.account))
    assert rich.balance(bob.account, 1, 5) == 7 + 10_000
    rich.apply(rich.redeem(bob, rich.merchants[1], [Leg(1, 1, 5, 10_007)]))


def test_a_new_clearing_house_continues_successions(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 5, 100)])
    rich.apply(spent, rich.enrol(NEW))
    rich.move(rich.rotation(ann, NEW, ALL))
    rich.house = rich.new_house(rich.house)
    rich.as_admin("setClearingHouse", rich.house)
    assert rich.ask(HOUSE, "successorOf", ann.account)[0] == (NEW.account, 0)
    rich.apply(rich.restore(spent, 0, 60, account=NEW.account))
    last = Member.numbered(73)
    rich.apply(rich.enrol(last))
    with refused("AccountMoved", 0, ann.account, NEW.account):
        rich.move(rich.rotation(ann, last, ()))
    rich.move(rich.rotation(NEW, last, ALL))
    assert rich.ask(HOUSE, "successorOf", NEW.account)[0] == (last.account, 1)
    assert rich.ask(HOUSE, "successorOf", last.account)[0] == (bytes(20), 2)
    assert rich.balance(last.account, 1, 5) == 9_960


def test_any_signer_stops_a_move_to_the_last_second(rich: Alliance, ann: Member) -> None:
    rich.transact(OPERATOR, DESK, "announce", ann.account, NEW.account, MoveReason.RECOVERY, EVIDENCE)
    rich.transact(APPROVER, DESK, "approve", ann.account, 1)
    signature = sign_digest(ann.key, rich.objection(ann.account, 1))
    rich.evm.now += NOTICE - 1
    rich.transact(STRANGER, DESK, "object", ann.account, 1, signature)
    rich.evm.now += 1
    with refused("MoveNotRipe", 0, ann.account, NEW.account, MoveReason.RECOVERY):
        rich.move(rich.announced(ann, NEW.account, MoveReason.RECOVERY, ALL))
    ripe(rich, ann, NEW.account, MoveReason.RECOVERY)
    with refused("RecoveryNotOpen", ann.account, 2):
        rich.transact(
            STRANGER, DESK, "object", ann.account, 2, sign_digest(ann.key, rich.objection(ann.account, 2))
        )
    rich.move(rich.announced(ann, NEW.account, MoveReason.RECOVERY, ALL))
