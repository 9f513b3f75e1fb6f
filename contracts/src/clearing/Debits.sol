// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {Clawback, Expiry, Gift, Redeem} from "../interfaces/AllianceTypes.sol";
import {Moves} from "../libraries/Moves.sol";
import {Credits} from "./Credits.sol";

/// @dev The operations that take points from a balance: redemptions and gifts under a permit; clawbacks and
/// expiries, the two exceptions of INV-9 that this contract knows.
abstract contract Debits is Credits {
    using Moves for Moves.List;

    bytes32 private constant SPEND_TYPE =
        keccak256("SpendPermit(address account,uint256 nonce,uint64 maxValueMicros,uint40 validUntil)");
    bytes32 private constant GIFT_TYPE = keccak256(
        "GiftPermit(address account,address recipient,uint256 nonce,uint40 validUntil,bytes32 legsHash)"
    );
    uint8 private constant REDEEM_SERIES = 1;
    uint8 private constant REDEEM_CONTRACT = 2;

    function _redeem(Work memory work, Turn memory turn, Redeem calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(index, op.acceptedAt);
        _checkNotSuspended(turn, op.acceptedAt);
        if (op.acceptedAt > op.validUntil) revert PermitExpired(index, op.validUntil, op.acceptedAt);
        if (op.flags > (REDEEM_SERIES | REDEEM_CONTRACT)) revert FlagsUnknown(index, op.flags);
        uint256 value = _takeLegs(work, turn, op.account, op.legs, op.acceptedAt);
        Memory.Pointer mark = _mark();
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(SPEND_TYPE, op.account, op.nonce, op.maxValueMicros, op.validUntil))
        );
        bool custodial = _authorise(
            index, op.account, digest, op.signature, _form(op.flags & REDEEM_CONTRACT != 0, op.acceptedAt)
        );
        _settlePermit(work, turn, op, digest, custodial, value);
        _recordRedeem(work, turn, op, digest, custodial);
        _release(mark);
    }

    /// @dev Every leg is spendable at acceptance; together they cost `value`.
    function _takeLegs(
        Work memory work,
        Turn memory turn,
        address account,
        uint256[] calldata legs,
        uint40 acceptedAt
    ) private view returns (uint256 value) {
        _checkLegCount(turn.index, legs.length);
        for (uint256 i; i < legs.length; ++i) {
            uint256 leg = legs[i];
            Row memory row = _rowOf(work, turn.index, leg);
            _checkInForce(turn.index, row, acceptedAt);
            _checkOpenEpoch(turn.index, row.book, leg, acceptedAt);
            // Eight products of 64-bit numbers: no overflow.
            unchecked {
                value += uint256(uint64(leg)) * row.terms.pointValueMicros;
            }
            _accrue(turn, row.book, _owedFor(row, uint64(leg)));
            row.book.moves.push(Moves.word(account, turn.index, leg));
        }
    }

    function _settlePermit(
        Work memory work,
        Turn memory turn,
        Redeem calldata op,
        bytes32 digest,
        bool custodial,
        uint256 value
    ) private {
        uint32 index = uint32(turn.index);
        uint256 spent = _spend(
            index,
            Spending(
                turn.merchant, op.account, op.nonce, digest, value, op.maxValueMicros, op.flags & REDEEM_SERIES != 0
            )
        );
        if (custodial) _limitCustodial(work, index, op.account, op.acceptedAt, spent, value);
    }

    function _limitCustodial(
        Work memory work, uint32 index, address account, uint40 acceptedAt, uint256 underPermit, uint256 value
    ) private {
        if (underPermit > work.limits.perPermitMicros) {
            revert CustodialPermitLimit(index, account, underPermit, work.limits.perPermitMicros);
        }
        _countCustodial(index, account, acceptedAt, value, work.limits);
    }

    function _recordRedeem(
        Work memory work, Turn memory turn, Redeem calldata op, bytes32 digest, bool custodial
    ) private {
        uint256 index = turn.index;
        uint256[] memory legs = _plain(op.legs);
        _place(
            work,
            turn,
            keccak256(
                abi.encode(
                    uint256(2),
                    op.opId,
                    turn.merchant,
                    op.account,
                    op.nonce,
                    op.acceptedAt,
                    op.flags,
                    digest,
                    keccak256(abi.encodePacked(legs))
                )
            )
        );
        emit OperationRedeemed(
            work.number,
            op.account,
            uint32(index),
            op.opId,
            turn.merchant,
            op.nonce,
            op.acceptedAt,
            op.flags,
            custodial,
            digest,
            legs
        );
    }

    function _gift(Work memory work, Turn memory turn, Gift calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(index, op.acceptedAt);
        _checkNotSuspended(turn, op.acceptedAt);
        if (op.acceptedAt > op.validUntil) revert PermitExpired(index, op.validUntil, op.acceptedAt);
        if (op.recipient == address(0) || op.recipient == op.account) revert AccountInvalid(index, op.recipient);
        uint256 value = _giveLegs(work, turn, op);
        Memory.Pointer mark = _mark();
        uint256[] memory legs = _plain(op.legs);
        bytes32 legsHash = keccak256(abi.encodePacked(legs));
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(GIFT_TYPE, op.account, op.recipient, op.nonce, op.validUntil, legsHash))
        );
        bool custodial = _authorise(
            index, op.account, digest, op.signature, _form(op.signature.length != SIGNATURE_LENGTH, op.acceptedAt)
        );
        _useNonce(index, op.account, op.nonce);
        if (custodial) _limitCustodial(work, index, op.account, op.acceptedAt, value, value);
        _recordGift(work, turn, op, digest, legs, custodial);
        _release(mark);
    }

    function _recordGift(
        Work memory work, Turn memory turn, Gift calldata op, bytes32 digest, uint256[] memory legs, bool custodial
    ) private {
        uint32 index = uint32(turn.index);
        bytes32 leaf = keccak256(
            abi.encode(
                uint256(6),
                op.opId,
                turn.merchant,
                op.account,
                op.recipient,
                op.nonce,
                op.acceptedAt,
                digest,
                keccak256(abi.encodePacked(legs))
            )
        );
        _place(work, turn, leaf);
        emit OperationGifted(
            work.number,
            op.account,
            index,
            op.opId,
            turn.merchant,
            op.recipient,
            op.nonce,
            op.acceptedAt,
            custodial,
            digest,
            legs
        );
    }

    function _giveLegs(Work memory work, Turn memory turn, Gift calldata op) private view returns (uint256 value) {
        _checkLegCount(turn.index, op.legs.length);
        for (uint256 i; i < op.legs.length; ++i) {
            uint256 leg = op.legs[i];
            Row memory row = _rowOf(work, turn.index, leg);
            _checkIssuer(turn, row.book);
            _checkInForce(turn.index, row, op.acceptedAt);
            _checkOpenEpoch(turn.index, row.book, leg, op.acceptedAt);
            // Eight products of 64-bit numbers: no overflow.
            unchecked {
                value += uint256(uint64(leg)) * row.terms.pointValueMicros;
            }
            row.book.moves.push(Moves.word(op.account, turn.index, leg));
            row.book.moves.push(uint160(op.recipient));
        }
    }

    function _clawBack(Work memory work, Turn memory turn, Clawback calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(index, op.acceptedAt);
        bytes32 original = _provenIssue(index, turn, op);
        _reverse(index, original, _clawLegs(work, turn, op), uint64(op.original.leg));
        _recordClawback(work, turn, op, original);
    }

    function _recordClawback(Work memory work, Turn memory turn, Clawback calldata op, bytes32 original) private {
        Memory.Pointer mark = _mark();
        uint32 index = uint32(turn.index);
        uint256[] memory legs = _plain(op.legs);
        bytes32 legsHash = keccak256(abi.encodePacked(legs));
        _place(
            work,
            turn,
            keccak256(
                abi.encode(uint256(4), op.opId, turn.merchant, op.account, op.acceptedAt, original, legsHash)
            )
        );
        emit OperationClawedBack(
            work.number, op.account, index, op.opId, turn.merchant, op.acceptedAt, original, legs
        );
        _release(mark);
    }

    /// @dev The leaf of this merchant's issue to this account as told, if the root of its batch proves it.
    function _provenIssue(uint32 index, Turn memory turn, Clawback calldata op) private view returns (bytes32 leaf) {
        Memory.Pointer mark = _mark();
        leaf = _issueLeaf(
            op.original.opId,
            turn.merchant,
            op.account,
            op.original.acceptedAt,
            op.original.reason,
            op.original.leg
        );
        _requireProven(index, op.originalBatch, op.proof, leaf);
        _release(mark);
    }

    /// @dev Legs of the original's programme, in any of its epochs, ended ones included.
    function _clawLegs(Work memory work, Turn memory turn, Clawback calldata op) private view returns (uint256 sum) {
        _checkLegCount(turn.index, op.legs.length);
        for (uint256 i; i < op.legs.length; ++i) {
            uint256 leg = op.legs[i];
            Row memory row = _rowOf(work, turn.index, leg);
            if (op.original.leg >> 112 != row.key >> 16) {
                revert OriginalLegMismatch(uint32(turn.index), op.original.leg, _plain(leg));
            }
            _endOf(turn.index, row.book, Moves.epochOf(leg));
            sum += uint64(leg);
            row.book.moves.push(Moves.word(op.account, turn.index, leg));
        }
    }

    /// @dev INV-11: the epoch has ended both at acceptance and now.
    function _expire(Work memory work, Turn memory turn, Expiry calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(index, op.acceptedAt);
        Row memory row = _rowOf(work, index, op.leg);
        _checkIssuer(turn, row.book);
        uint40 end = _endOf(index, row.book, Moves.epochOf(op.leg));
        if (op.acceptedAt < end || block.timestamp < end) {
            revert EpochNotEnded(index, row.book.programme, Moves.epochOf(op.leg), end);
        }
        row.book.moves.push(Moves.word(op.account, index, op.leg));
        Memory.Pointer mark = _mark();
        uint256 leg = _plain(op.leg);
        _place(
            work,
            turn,
            keccak256(abi.encode(uint256(5), op.opId, turn.merchant, op.account, op.acceptedAt, leg))
        );
        emit OperationExpired(work.number, op.account, index, op.opId, turn.merchant, op.acceptedAt, leg);
        _release(mark);
    }
}
