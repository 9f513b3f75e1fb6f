"""The basis of settlement that an issuer publishes: two words, notice, order, and nothing that is not one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.alliance import Alliance, sign_registry
from tests.contracts.parties import DAY, REGISTRY, STRANGER
from tests.contracts.refusals import refused

BASIS = (
    "BasisProposal(uint32 programme,uint32 number,uint40 effectiveFrom,uint8 kind,uint16 reserveBps,"
    "uint64 pool)"
)


def state(alliance: Alliance, kind: int = 1, share: int = 0, pool: int = 3, **changes: Any) -> int:
    """Issuer 1 publishes a basis with the pool of merchant ``pool``; the instant it counts from.

    ``changes`` are of the notice and the two keys that sign.
    """
    start = alliance.evm.now + changes.get("notice", 8 * DAY)
    keeper = alliance.merchants[pool - 1]
    basis = (start, kind, share, keeper.gln)
    number = len(alliance.ask(REGISTRY, "bases", 1)[0]) + 1
    by = changes.get("keys", (alliance.merchants[0].admin, keeper.admin))
    signatures = [sign_registry(alliance, key, BASIS, 1, number, *basis) for key in by]
    alliance.transact(STRANGER, REGISTRY, "publishBasis", 1, basis, *signatures)
    return start


def test_bases_follow_one_another_with_notice_and_stay(alliance: Alliance) -> None:
    with refused("RegistryNoticeTooShort", 1):
        state(alliance, notice=8 * DAY - 1)
    first = state(alliance, notice=20 * DAY)
    with refused("RegistryNoticeTooShort", 1):
        state(alliance, notice=20 * DAY)
    second = state(alliance, kind=2, share=8_000, notice=21 * DAY)
    pool = alliance.merchants[2].gln
    assert alliance.ask(REGISTRY, "bases", 1)[0] == ((first, 1, 0, pool), (second, 2, 8_000, pool))


def test_issuer_and_pool_both_sign(alliance: Alliance) -> None:
    issuer, other, pool = alliance.merchants
    for keys, unwilling in (((other.admin, pool.admin), issuer), ((issuer.admin, issuer.admin), pool)):
        with refused("RegistrySignatureInvalid", unwilling.gln):
            state(alliance, keys=keys)


@pytest.mark.parametrize(
    ("kind", "share", "pool"), [(3, 0, 3), (2, 0, 3), (2, 10_001, 3), (1, 1, 3), (0, 1, 3), (1, 0, 1)]
)
def test_what_is_no_basis_is_refused(alliance: Alliance, kind: int, share: int, pool: int) -> None:
    with refused("RegistryBasisInvalid", 1, kind, share):
        state(alliance, kind, share, pool)


def test_the_pool_of_a_programme_stays(alliance: Alliance) -> None:
    state(alliance)
    with refused("RegistryBasisInvalid", 1, 0, 0, alliance.merchants[1].gln):
        state(alliance, kind=0, pool=2, notice=9 * DAY)
    state(alliance, kind=0, notice=9 * DAY)
