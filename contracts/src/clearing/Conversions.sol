// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Conversion, ConversionSlice, CustodialLimits, TermsInForce, TermsKey, WindDown
} from "../interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {Legs} from "../libraries/Legs.sol";
import {Moves} from "../libraries/Moves.sol";
import {OrderedTree} from "../libraries/OrderedTree.sol";
import {Succession} from "./Succession.sol";

/// @dev Points of one programme that become points of another: to the tokens a redemption of the one and an issue of
/// the other, both or neither. A conversion never gives more value than it takes, for points have the same values in
/// every conversion of an instant, a spread is not negative, and all is rounded down: no cycle gains. Applied one by one
/// in their order: one may convert what another before it brought.
abstract contract Conversions is Succession {
    /// @dev The conversion in hand.
    struct Deal {
        uint256 index;
        uint256 programme;
        uint256 target;
        uint256 points; // of the source, together
        uint256 into; // the last leg
        uint256 spreadBps;
        TermsInForce from;
        TermsInForce to;
        CustodialLimits limits;
        bytes32 digest;
        bool custodial;
    }

    bytes32 private constant CONVERSION_TYPE = keccak256(
        "ConversionPermit(address account,uint32 programme,uint64 points,uint32 target,uint64 leastPoints,uint256 nonce,uint40 validUntil)"
    );
    uint256 private constant WHOLE_BPS = 10_000;

    function _applyConversions(Work memory work, ConversionSlice[] calldata slices) internal {
        uint256 index;
        for (uint256 s; s < slices.length; ++s) {
            if (s > 0 && slices[s].merchant <= slices[s - 1].merchant) revert SliceNotRising(s);
            index = _applyConversionSlice(work, slices[s], index);
        }
    }

    function _countConversions(ConversionSlice[] calldata slices) internal pure returns (uint256 count) {
        for (uint256 s; s < slices.length; ++s) count += slices[s].conversions.length;
    }

    function _applyConversionSlice(Work memory work, ConversionSlice calldata slice, uint256 first)
        private
        returns (uint256 end)
    {
        (address key, uint40 suspendedFrom) = _registry.sliceKey(slice.merchant);
        if (key == address(0)) revert SliceMerchantUnknown(slice.merchant);
        end = first + slice.conversions.length;
        for (uint256 i = first; i < end; ++i) {
            Conversion calldata op = slice.conversions[i - first];
            _checkNotSuspendedAt(i, slice.merchant, suspendedFrom, op.acceptedAt);
            _convert(work, i, slice.merchant, op);
        }
        bytes32 operationsHash = OrderedTree.hashOf(work.leaves, first, end);
        _checkSlice(work, slice.merchant, key, operationsHash, slice.signature);
    }

    function _convert(Work memory work, uint256 index, uint64 merchant, Conversion calldata op) private {
        _checkAccepted(work, index, op.acceptedAt);
        Deal memory deal = _openDeal(index, op);
        uint64 issuer = uint64(deal.to.issuer);
        if (issuer != merchant) revert IssuerMismatch(uint32(index), merchant, issuer);
        if (op.terms == 0) _checkEnded(deal, op);
        else _checkAgreed(deal, op);
        _checkInto(deal, op);
        if (op.terms != 0) _checkWilledBy(deal, op);
        _exchange(deal, op);
        uint256 terms = uint256(op.terms) << 16 | deal.spreadBps;
        work.leaves[index] = keccak256(
            abi.encode(
                uint256(10),
                op.opId,
                merchant,
                op.account,
                op.nonce,
                op.acceptedAt,
                terms,
                deal.digest,
                keccak256(abi.encodePacked(op.legs))
            )
        );
        uint256 head = work.number << 192 | index << 160 | uint256(merchant) << 96 | uint256(op.acceptedAt) << 56
            | _detail(op.terms == 0 ? 1 : 0, deal.custodial);
        emit OperationConverted(head, op.opId, op.account, op.nonce, terms, deal.digest, op.legs);
    }

    /// @dev Which points become which, and what the registry states of both.
    function _openDeal(uint256 index, Conversion calldata op) private view returns (Deal memory deal) {
        uint256 sources = op.legs.length;
        if (sources < 2 || sources > Legs.MOST + 1) revert LegCountInvalid(uint32(index), sources);
        --sources;
        deal.index = index;
        deal.into = op.legs[sources];
        uint256 key = op.legs[0] >> 96;
        deal.programme = key >> 16;
        deal.target = deal.into >> 112;
        if (key >> 48 != 0 || deal.target == deal.programme) revert ConversionLegInvalid(uint32(index), op.legs[0]);
        if (deal.into >> 144 != 0) revert ConversionLegInvalid(uint32(index), deal.into);
        // At most eight amounts of 64 bits: no overflow.
        for (uint256 i; i < sources; ++i) {
            if (op.legs[i] >> 96 != key) revert ConversionLegInvalid(uint32(index), op.legs[i]);
            if (uint64(op.legs[i]) == 0) revert AmountZero(uint32(index), op.legs[i]);
            deal.points += uint64(op.legs[i]);
        }
        if (uint64(deal.into) == 0) revert AmountZero(uint32(index), deal.into);
        TermsKey[] memory table = new TermsKey[](2);
        table[0] = TermsKey(uint32(deal.programme), uint16(key));
        table[1] = TermsKey(uint32(deal.target), uint16(deal.into >> 96));
        TermsInForce[] memory rows;
        (rows, deal.limits,) = _registry.batchTerms(table);
        (deal.from, deal.to) = (rows[0], rows[1]);
    }

    /// @dev The end was published with notice and has come; its terms are those of the last instant before it (INV-9).
    function _checkEnded(Deal memory deal, Conversion calldata op) private view {
        uint32 programme = uint32(deal.programme);
        WindDown memory end = _registry.windDown(programme);
        if (end.endsAt == 0 || end.target != deal.target) {
            revert ConversionNotInForce(uint32(deal.index), programme, uint32(deal.target), 0, op.acceptedAt);
        }
        if (op.acceptedAt < end.endsAt || block.timestamp < end.endsAt) {
            revert WindDownNotDue(uint32(deal.index), programme, end.endsAt);
        }
        if (op.nonce | op.leastPoints | op.validUntil | op.signature.length != 0) {
            revert SignatureInvalid(uint32(deal.index), op.account, 0);
        }
        deal.spreadBps = end.spreadBps;
        _checkSource(deal, op, end.endsAt - 1);
    }

    /// @dev Both issuers agreed on it, and neither is suspended (the target's was checked with its slice).
    function _checkAgreed(Deal memory deal, Conversion calldata op) private view {
        (uint32 programme, uint32 target) = (uint32(deal.programme), uint32(deal.target));
        (uint40 from, uint40 until, uint16 spreadBps) = _registry.conversionTerms(programme, target, op.terms);
        if (op.acceptedAt < from || op.acceptedAt >= until || spreadBps >= WHOLE_BPS) {
            revert ConversionNotInForce(uint32(deal.index), programme, target, op.terms, op.acceptedAt);
        }
        deal.spreadBps = spreadBps;
        uint64 issuer = uint64(deal.from.issuer);
        (, uint40 suspendedFrom) = _registry.sliceKey(issuer);
        _checkNotSuspendedAt(deal.index, issuer, suspendedFrom, op.acceptedAt);
        _checkSource(deal, op, op.acceptedAt);
    }

    /// @dev The source's terms and epochs at that instant.
    function _checkSource(Deal memory deal, Conversion calldata op, uint40 instant) private view {
        _checkGeneral(deal.index, op.legs[0], instant);
        for (uint256 i; i + 1 < op.legs.length; ++i) _checkOpenAt(deal.index, op.legs[i], instant);
    }

    /// @dev What is issued is what the terms give, into an epoch that is open, within the cap (INV-10).
    function _checkInto(Deal memory deal, Conversion calldata op) private view {
        _checkGeneral(deal.index, deal.into, op.acceptedAt);
        _checkOpenAt(deal.index, deal.into, op.acceptedAt);
        uint256 amount = uint64(deal.into);
        // A sum of eight 64-bit amounts, a 64-bit value, a 14-bit share: no overflow.
        uint256 due = deal.points * deal.from.pointValueMicros * (WHOLE_BPS - deal.spreadBps)
            / (WHOLE_BPS * deal.to.pointValueMicros);
        if (amount != due) revert ConversionAmountWrong(uint32(deal.index), amount, due);
        uint256 issued = IAlliancePoints(deal.to.token).issuedTotal() + amount;
        uint256 cap = deal.to.issuanceCap;
        if (issued <= uint64(cap)) return;
        if (cap >> 64 != 0) cap = _registry.issuanceCapAt(uint32(deal.target), uint16(deal.into >> 96), op.acceptedAt);
        if (issued > cap) revert IssuanceCapExceeded(uint32(deal.index), uint32(deal.target), issued, cap);
    }

    /// @dev The member's permit, used once, and a custodian's limits (D1, INV-7, INV-9).
    function _checkWilledBy(Deal memory deal, Conversion calldata op) private {
        uint32 index = uint32(deal.index);
        if (op.acceptedAt > op.validUntil) revert PermitExpired(index, op.validUntil, op.acceptedAt);
        uint256 amount = uint64(deal.into);
        if (amount < op.leastPoints) revert ConversionBelowLeast(index, amount, op.leastPoints);
        deal.digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    CONVERSION_TYPE,
                    op.account,
                    deal.programme,
                    deal.points,
                    deal.target,
                    op.leastPoints,
                    op.nonce,
                    op.validUntil
                )
            )
        );
        uint256 form = _form(op.signature.length != SIGNATURE_LENGTH, op.acceptedAt);
        deal.custodial = _authorise(index, op.account, deal.digest, op.signature, form);
        _useNonce(index, op.account, op.nonce);
        if (!deal.custodial) return;
        uint256 value = deal.points * deal.from.pointValueMicros;
        if (value > deal.limits.perPermitMicros) {
            revert CustodialPermitLimit(index, op.account, value, deal.limits.perPermitMicros);
        }
        _countCustodial(index, op.account, op.acceptedAt, value, deal.limits);
    }

    /// @dev Both tokens and both nets (INV-4, INV-5), leg by leg as a redemption's are. A merchant owes itself nothing.
    function _exchange(Deal memory deal, Conversion calldata op) private {
        uint256[] memory moves = new uint256[](op.legs.length - 1);
        int256 owed;
        for (uint256 i; i < moves.length; ++i) {
            moves[i] = Moves.word(op.account, deal.index, op.legs[i]);
            uint256 value = uint256(uint64(op.legs[i])) * deal.from.pointValueMicros;
            owed += int256(value - value * deal.spreadBps / WHOLE_BPS);
        }
        IAlliancePoints(deal.from.token).redeemBatch(moves);
        moves = new uint256[](1);
        moves[0] = Moves.word(op.account, deal.index, deal.into);
        IAlliancePoints(deal.to.token).issueBatch(moves);
        (uint64 issuer, uint64 receiver) = (uint64(deal.from.issuer), uint64(deal.to.issuer));
        if (issuer == receiver) return;
        uint32 period = currentPeriod();
        _addNet(period, issuer, -owed);
        _addNet(period, receiver, owed);
    }

    /// @dev A general version that is in force then: a pair's value is for its acceptor's tills.
    function _checkGeneral(uint256 index, uint256 leg, uint40 instant) private view {
        (uint32 programme, uint16 version) = (uint32(leg >> 112), uint16(leg >> 96));
        if (_registry.timesAt(programme, version, 0, instant) == 0) {
            revert TermsNotInForce(uint32(index), programme, version, instant);
        }
    }

    function _checkOpenAt(uint256 index, uint256 leg, uint256 instant) private view {
        uint32 programme = uint32(leg >> 112);
        uint256 epoch = Moves.epochOf(leg);
        uint40 end = _registry.epochEnd(programme, epoch);
        if (end == 0) revert EpochUnknown(uint32(index), programme, epoch);
        if (instant >= end) revert EpochEnded(uint32(index), programme, epoch, end);
    }

    function _checkNotSuspendedAt(uint256 index, uint64 merchant, uint40 suspendedFrom, uint40 acceptedAt)
        private
        pure
    {
        if (acceptedAt >= suspendedFrom) {
            revert MerchantSuspendedAt(uint32(index), merchant, suspendedFrom, acceptedAt);
        }
    }
}
