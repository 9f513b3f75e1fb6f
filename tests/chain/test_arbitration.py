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
from ledger_service.settlement.statements import statements_of
from tests.chain.test_rotation import steps_of
from tests.chain.test_settlement_basis import close
from tests.chain.world import DAY, MERCHANTS, World, merchant_key

REASONS = b"\xcd" * 32
MICROS = 100_000


def disputed(world: World) -> SettlementOffice:
    """Of what the first owes the second for period 1 a part is held out."""
    assert world.deployment is not None
    ann, at = world.members[0], world.deployment.settlement_desk
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100), world.redeem(ann, MERCHANTS[1], (1, 50)))
    close(world, 1)
    office = SettlementOffice(steps_of(world), at)
    office.enlist(MERCHANTS, world.now())
    with world.database.snapshot() as conn:
        statements = statements_of(1, period_lines(conn, 1))
    office.publish(1, statements.root, world.now() + 7 * DAY, world.now())
    (line,) = statements.lines
    held = Held(1, line.debtor, line.creditor, MERCHANTS[0], MICROS, REASONS)
    struct = words.struct_of(words.DISPUTE, held.words(), MERCHANTS[0])
    assert struct is not None
    digest = Domain(world.node.chain_id, at, words.NAME).digest(struct)
    by = sign_digest(merchant_key(MERCHANTS[0], "settlement"), digest)
    told = (1, line.debtor, line.creditor, line.owed_micros, line.detail)
    office.dispute(told, statements.proof(line), (MERCHANTS[0], MICROS, REASONS, by), world.now())
    return office


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
