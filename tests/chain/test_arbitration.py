"""A dispute past its deadline is decided by the board, in the open and once."""

from __future__ import annotations

import pytest

from ledger_service.chain.arbitration import Arbitration
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.settlement_office import SettlementOffice
from ledger_service.kernel import settlement_words as words
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.secp256k1 import sign_digest
from ledger_service.kernel.settlement_words import Decided, Held
from ledger_service.settlement.statements import Statements, statements_of
from tests.chain.test_bridge import drain
from tests.chain.test_rotation import steps_of
from tests.chain.test_settlement_basis import close
from tests.chain.world import DAY, MERCHANTS, World, merchant_key

REASONS = b"\xcd" * 32
MICROS = 100_000


def published(world: World) -> tuple[SettlementOffice, Statements]:
    """Each of two owes the other for period 1, and they are asked about it."""
    assert world.deployment is not None
    ann, at = world.members[0], world.deployment.settlement_desk
    world.enqueue(
        world.signer(ann), world.issue(ann, 1, 100), world.redeem(ann, MERCHANTS[1], (1, 50)),
        world.issue(ann, 2, 100), world.redeem(ann, MERCHANTS[0], (2, 50)),
    )  # fmt: skip
    close(world, 1)
    office = SettlementOffice(steps_of(world), at)
    office.enlist(MERCHANTS, world.now())
    with world.database.snapshot() as conn:
        statements = statements_of(1, period_lines(conn, 1))
    office.publish(1, statements.root, world.now() + 7 * DAY, world.now())
    return office, statements


def signed(world: World, merchant: int, what: tuple[str, words.Words]) -> bytes:
    assert world.deployment is not None
    struct = words.struct_of(*what, merchant)
    assert struct is not None
    digest = Domain(world.node.chain_id, world.deployment.settlement_desk, words.NAME).digest(struct)
    return sign_digest(merchant_key(merchant, "settlement"), digest)


def dispute(world: World, of: tuple[SettlementOffice, Statements], debtor: int, by: int, micros: int) -> None:
    office, statements = of
    line = next(one for one in statements.lines if one.debtor == debtor)
    held = Held(1, line.debtor, line.creditor, by, micros, REASONS)
    word = signed(world, by, (words.DISPUTE, held.words()))
    told = (1, line.debtor, line.creditor, line.owed_micros, line.detail)
    office.dispute(told, statements.proof(line), (by, micros, REASONS, word), world.now())


def disputed(world: World) -> SettlementOffice:
    """Of what the first owes the second for period 1 a part is held out."""
    of = published(world)
    dispute(world, of, MERCHANTS[0], MERCHANTS[0], MICROS)
    return of[0]


def test_a_net_is_confirmed_again_where_disputes_took_the_word_away_and_left_the_net(rotating: World) -> None:
    world, of = rotating, published(rotating)
    office, statements = of
    one, two = MERCHANTS

    def confirm() -> bool:
        net = office.nets(1, [one])[one]
        word = words.confirmation(1, one, net, statements.root)
        office.confirm(1, (one, net, signed(world, one, (words.CONFIRMATION, word))), world.now())
        drain(world.bridge(), world.database)
        return bool(office.round(1).confirmed & 1)

    before = office.nets(1, MERCHANTS)
    assert confirm()
    assert confirm(), "once more is no step more"
    with pytest.raises(AdminRefused, match="SettlementNotParty"):
        dispute(world, of, one, two, 1)
    dispute(world, of, two, two, MICROS)
    assert not office.round(1).confirmed & 1
    dispute(world, of, one, one, MICROS)
    assert office.nets(1, MERCHANTS) == before
    assert confirm()


def test_the_board_decides_in_the_open_after_the_deadline_and_once(rotating: World) -> None:
    world, office = rotating, disputed(rotating)
    assert world.deployment is not None
    board, said = Arbitration(office, world.deployment.manager), Decided(1, *MERCHANTS, 60_000)

    def decide(decided: Decided = said) -> int:
        return board.decide(decided, REASONS, world.now(), world.now())

    for wrong in (MICROS + 1, -1):
        with pytest.raises(AdminRefused, match="are held"):
            decide(Decided(1, *MERCHANTS, wrong))
    with pytest.raises(AdminRefused, match="nothing is held"):
        decide(Decided(1, *reversed(MERCHANTS), 1))
    deadline = office.held(1, *MERCHANTS).deadline
    assert decide() == deadline == decide(), "no sooner, though the admin's two days end before"
    world.advance(36 * DAY)
    assert world.now() < deadline == decide()
    world.advance(2 * DAY)
    assert decide() == 0
    assert office.nets(2, MERCHANTS) == {MERCHANTS[0]: -60_000, MERCHANTS[1]: 60_000}
    assert decide() == 0, "as whoever asks again after a crash is told"
    with pytest.raises(AdminRefused, match="decided otherwise"):
        decide(Decided(1, *MERCHANTS, 50_000))
