"""Kernel operations that the contracts accept, and any that a test wants changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ledger_service.kernel.eip712 import RECOVERY_NAME, Domain
from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    MoveReason,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.permits import (
    ConversionPermit,
    GiftPermit,
    MovePermit,
    SignerGrant,
    SpendPermit,
    objection_struct_hash,
)
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from tests.contracts.evm import CHAIN_ID, Evm
from tests.contracts.parties import Member, Merchant


class Building:
    """The half of an alliance that makes operations; keyword changes replace any field."""

    evm: Evm
    house: bytes
    desk: bytes
    merchants: list[Merchant]
    _op_numbers: Iterator[int]
    _permit_counters: dict[bytes, int]

    @property
    def domain(self) -> Domain:
        return Domain(CHAIN_ID, self.house)

    def objection(self, account: bytes, number: int) -> bytes:
        """What a signer of the account signs against an announcement."""
        return Domain(CHAIN_ID, self.desk, RECOVERY_NAME).digest(objection_struct_hash(account, number))

    def op_id(self) -> bytes:
        return keccak256(next(self._op_numbers).to_bytes(8, "big"))[:16]

    def next_nonce(self, account: bytes, lane: int = 0) -> int:
        counter = self._permit_counters.get(account, 0)
        self._permit_counters[account] = counter + 1
        return lane << 32 | counter

    def merchant_of(self, programme: int) -> Merchant:
        return self.merchants[programme - 1]

    def enrol(self, member: Member, flags: int = 0, **changes: Any) -> SignerChange:
        fields = {
            "op_id": self.op_id(), "account": member.account, "signer": member.signer, "flags": flags,
            "accepted_at": self.evm.now, "valid_until": 0, "authorisation": b"",
        }  # fmt: skip
        return SignerChange(**{**fields, **changes})

    def grant(self, by: bytes, change: SignerChange) -> SignerChange:
        """The change with an authorisation by the key ``by``."""
        permit = SignerGrant(change.account, change.signer, change.flags, change.valid_until)
        return replace(change, authorisation=sign_digest(by, self.domain.digest(permit.struct_hash())))

    def issue(self, member: Member, leg: Leg, **changes: Any) -> Issue:
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(leg.programme).gln, "account": member.account,
            "accepted_at": self.evm.now, "reason": 0, "leg": leg,
        }  # fmt: skip
        return Issue(**{**fields, **changes})

    def redeem(self, member: Member, acceptor: Merchant, legs: Sequence[Leg], **changes: Any) -> Redeem:
        """A redemption under a permit signed by the member's key (``signing_key``: by another)."""
        key = changes.pop("signing_key", member.key)
        account = changes.get("account", member.account)
        permit = SpendPermit(
            account,
            changes["nonce"] if "nonce" in changes else self.next_nonce(account),
            changes.get("max_value_micros", 10**12),
            changes.get("valid_until", self.evm.now + 60),
        )
        digest = self.domain.digest(permit.struct_hash())
        fields = {
            "op_id": self.op_id(), "merchant": acceptor.gln, "account": account, "nonce": permit.nonce,
            "max_value_micros": permit.max_value_micros, "valid_until": permit.valid_until,
            "accepted_at": self.evm.now, "flags": 0, "permit_digest": digest, "legs": tuple(legs),
            "signature": sign_digest(key, digest),
        }  # fmt: skip
        return Redeem(**{**fields, **changes})

    def gift(self, member: Member, recipient: bytes, legs: Sequence[Leg], **changes: Any) -> Gift:
        key = changes.pop("signing_key", member.key)
        nonce = changes["nonce"] if "nonce" in changes else self.next_nonce(member.account)
        valid_until = changes.get("valid_until", self.evm.now + 60)
        permit = GiftPermit(member.account, recipient, nonce, valid_until, tuple(legs))
        digest = self.domain.digest(permit.struct_hash())
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(legs[0].programme).gln if legs else 0,
            "account": member.account, "recipient": recipient, "nonce": nonce, "valid_until": valid_until,
            "accepted_at": self.evm.now, "permit_digest": digest, "legs": tuple(legs),
            "signature": sign_digest(key, digest),
        }  # fmt: skip
        return Gift(**{**fields, **changes})

    def restore(self, original: Redeem, leg_index: int, amount: int, **changes: Any) -> Restore:
        was = original.legs[leg_index] if leg_index < len(original.legs) else original.legs[0]
        leg = Leg(was.programme, was.terms_version, changes.pop("epoch", was.epoch), amount)
        fields = {
            "op_id": self.op_id(), "merchant": original.merchant, "account": original.account,
            "accepted_at": self.evm.now, "original_op_id": original.op_id, "original_leaf": original.leaf(),
            "leg_index": leg_index, "leg": leg,
        }  # fmt: skip
        return Restore(**{**fields, **changes})

    def claw_back(self, original: Issue, legs: Sequence[Leg], **changes: Any) -> Clawback:
        fields = {
            "op_id": self.op_id(), "merchant": original.merchant, "account": original.account,
            "accepted_at": self.evm.now, "original_op_id": original.op_id, "original_leaf": original.leaf(),
            "legs": tuple(legs),
        }  # fmt: skip
        return Clawback(**{**fields, **changes})

    def expire(self, member: Member, leg: Leg, **changes: Any) -> Expire:
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(leg.programme).gln, "account": member.account,
            "accepted_at": self.evm.now, "leg": leg,
        }  # fmt: skip
        return Expire(**{**fields, **changes})

    def extend(self, member: Member, leg: Leg, into_epoch: int, **changes: Any) -> Extend:
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(leg.programme).gln, "account": member.account,
            "accepted_at": self.evm.now, "leg": replace(leg, terms_version=0), "into_epoch": into_epoch,
        }  # fmt: skip
        return Extend(**{**fields, **changes})

    def convert(self, member: Member, sources: Sequence[Leg], into: Leg, **changes: Any) -> Convert:
        """Under a permit for just these points (``signing_key``: of another's), by the first terms, at 2%."""
        key = changes.pop("signing_key", member.key)
        least = changes.get("least_points", 1)
        nonce = changes["nonce"] if "nonce" in changes else self.next_nonce(member.account)
        valid_until = changes.get("valid_until", self.evm.now + 60)
        points = sum(leg.amount for leg in sources)
        permit = ConversionPermit(
            member.account, sources[0].programme, points, into.programme, least, nonce, valid_until
        )
        digest = self.domain.digest(permit.struct_hash())
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(into.programme).gln, "account": member.account,
            "nonce": nonce, "least_points": least, "valid_until": valid_until, "accepted_at": self.evm.now,
            "terms": 1, "spread_bps": 200, "permit_digest": digest, "legs": (*sources, into),
            "signature": sign_digest(key, digest),
        }  # fmt: skip
        return Convert(**{**fields, **changes})

    def wound_down(self, member: Member, sources: Sequence[Leg], into: Leg, **changes: Any) -> Convert:
        """What is left of an ended programme: nobody signs for the member."""
        empty = {"nonce": 0, "least_points": 0, "valid_until": 0, "terms": 0, "signature": b""}
        return replace(self.convert(member, sources, into), permit_digest=bytes(32), **{**empty, **changes})

    def rotation(self, member: Member, new: Member, legs: Sequence[Leg], **changes: Any) -> AccountMove:
        """A move to ``new`` by the member's will (``signing_key``: by another's)."""
        key = changes.pop("signing_key", member.key)
        valid_until = changes.get("valid_until", self.evm.now + 60)
        signer = changes.get("signer", new.signer)
        permit = MovePermit(member.account, new.account, signer, valid_until)
        fields = {
            "op_id": self.op_id(), "account": member.account, "successor": new.account,
            "reason": MoveReason.ROTATION, "accepted_at": self.evm.now, "valid_until": valid_until,
            "signer": signer, "legs": tuple(Leg(leg.programme, 0, leg.epoch, 0) for leg in legs),
            "authorisation": sign_digest(key, self.domain.digest(permit.struct_hash())),
        }  # fmt: skip
        return AccountMove(**{**fields, **changes})

    def announced(
        self, member: Member, successor: bytes, reason: int, legs: Sequence[Leg], **changes: Any
    ) -> AccountMove:
        """A move that the recovery desk must have announced."""
        return self.rotation(
            member, member, legs, successor=successor, reason=reason, valid_until=0, signer=bytes(20),
            authorisation=b"", **changes,
        )  # fmt: skip
