"""Rotation of keys with the processes at work: what `alliance rotate` does, beside a bridge that leads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger_service.bootstrap.beside_bridge import replay_stamp, steps_beside_bridge
from ledger_service.bootstrap.foundations import background_clock
from ledger_service.chain.rotation import MerchantKeysOnChain, MerchantRotation, Move, RoleRotation, Stage
from ledger_service.config import Settings
from ledger_service.custody.requests import SignMerchantKeys
from ledger_service.kernel.clock import seconds_floor


@dataclass(frozen=True, slots=True)
class NextKeys:
    """What changes of a merchant's keys; None stays as it is. ``signature`` is the merchant's own, where its
    admin key is not in our custody."""

    admin: bytes | None = None
    operations: bytes | None = None
    settlement: bytes | None = None
    signature: bytes | None = None


def rotate_merchant(settings: Settings, merchant: int, wanted: NextKeys) -> MerchantKeysOnChain:
    """The merchant's next keys are in force on the chain; returns them.

    Raises:
        AdminRefused: the signature is not of the admin key in force; nothing was sent.
        ChainUnavailable: not mined in time (no bridge at work?); run it again.
    """
    with steps_beside_bridge(settings) as (foundations, steps):
        rotation = MerchantRotation(steps, foundations.alliance.registry)
        now = rotation.in_force(merchant)
        following = replace(
            now,
            admin=wanted.admin or now.admin,
            operations=wanted.operations or now.operations,
            settlement=wanted.settlement or now.settlement,
        )
        if replace(following, nonce=now.nonce) == now:
            return now
        signature = wanted.signature or foundations.custody.sign_merchant_keys(
            SignMerchantKeys(
                merchant, following.admin, following.operations, following.settlement, following.nonce
            )
        )
        rotation.change(merchant, following, signature, replay_stamp(foundations))
        return rotation.in_force(merchant)


def move_roles(settings: Settings, move: Move) -> Stage:
    """Whatever of the move can be done now is done.

    Raises:
        AdminRefused: custody's operator key is no admin; nothing was sent.
        ChainUnavailable: not mined in time (no bridge at work?); run it again.
    """
    with steps_beside_bridge(settings) as (foundations, steps):
        now = seconds_floor(background_clock(settings, foundations.database).now())
        return RoleRotation(steps, foundations.alliance.manager).advance(move, now, replay_stamp(foundations))
