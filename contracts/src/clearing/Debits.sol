// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clawback, Expiry, Gift, Redeem} from "../interfaces/AllianceTypes.sol";
import {Legs} from "../libraries/Legs.sol";
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
        uint256 index = turn.index;
        uint256 acceptedAt = op.acceptedAt;
        uint256 flags = op.flags;
        _checkPermitTime(work, turn, acceptedAt, op.validUntil);
        if (flags > (REDEEM_SERIES | REDEEM_CONTRACT)) revert FlagsUnknown(uint32(index), uint8(flags));
        uint256 value = _takeLegs(work, turn, op.account, op.legs, acceptedAt);
        bytes32 digest = _spendDigest(work, op);
        bool custodial = _authorise(
            uint32(index), op.account, digest, op.signature, _form(flags & REDEEM_CONTRACT != 0, acceptedAt)
        );
        uint256 spent = flags & REDEEM_SERIES == 0
            ? _spendOnce(uint32(index), op, value)
            : _spendInSeries(uint32(index), uint64(turn.merchant), op, digest, value);
        if (custodial) _limitCustodial(work, uint32(index), op.account, acceptedAt, spent, value);
        _recordRedeem(work, turn, op, digest, _detail(flags, custodial));
    }

    /// @dev The acceptance is in the block's window and the permit's; the acceptor was not suspended.
    function _checkPermitTime(Work memory work, Turn memory turn, uint256 acceptedAt, uint256 validUntil) private view {
        _checkAccepted(work, turn.index, acceptedAt);
        _checkNotSuspended(turn, acceptedAt);
        if (acceptedAt > validUntil) {
            revert PermitExpired(uint32(turn.index), uint40(validUntil), uint40(acceptedAt));
        }
    }

    function _spendDigest(Work memory work, Redeem calldata op) private view returns (bytes32) {
        uint256[10] memory words = work.words;
        words[0] = uint256(SPEND_TYPE);
        words[1] = uint160(op.account);
        words[2] = op.nonce;
        words[3] = op.maxValueMicros;
        words[4] = op.validUntil;
        return _hashTypedDataV4(_hash(words, 5));
    }

    /// @dev Every leg is spendable at acceptance; together they cost `value`.
    function _takeLegs(
        Work memory work, Turn memory turn, address account, uint256[] calldata legs, uint256 acceptedAt
    ) private view returns (uint256 value) {
        uint256 index = turn.index;
        uint256[] memory kept = _openLegs(work, index, legs.length);
        uint256 source = Moves.word(account, index, 0);
        // Eight products of 64-bit numbers: no overflow.
        unchecked {
            for (uint256 i; i < legs.length; ++i) {
                uint256 leg = Legs.read(legs, i);
                _findRow(work, index, leg);
                Row memory row = work.row;
                _checkOpen(index, row, turn.merchant << 32 | Moves.epochOf(leg), acceptedAt);
                Legs.keep(kept, i, _whole(row, leg));
                uint256 worth = uint64(leg) * row.value;
                value += worth;
                Book memory book = row.book;
                _accrue(turn, book, _owedFor(row, worth));
                book.moves.push(source | uint96(leg));
            }
        }
    }

    /// @dev A permit that is used once (INV-7).
    function _spendOnce(uint32 index, Redeem calldata op, uint256 value) private returns (uint256) {
        _useNonce(index, op.account, op.nonce);
        if (value > op.maxValueMicros) revert PermitValueExceeded(index, value, op.maxValueMicros);
        return value;
    }

    /// @dev A permit whose captures sum to at most its value, all by one acceptor (D17).
    function _spendInSeries(uint32 index, uint64 merchant, Redeem calldata op, bytes32 digest, uint256 value)
        private
        returns (uint256 spent)
    {
        Series memory known = _series[digest];
        if (known.acceptor == 0) _useNonce(index, op.account, op.nonce);
        else if (known.acceptor != merchant) revert SeriesAcceptorMismatch(index, merchant, known.acceptor);
        spent = known.spentMicros + value;
        if (spent > op.maxValueMicros) revert PermitValueExceeded(index, spent, op.maxValueMicros);
        _series[digest] = Series(merchant, uint64(spent));
    }

    function _limitCustodial(
        Work memory work, uint32 index, address account, uint256 acceptedAt, uint256 underPermit, uint256 value
    ) private {
        if (underPermit > work.limits.perPermitMicros) {
            revert CustodialPermitLimit(index, account, underPermit, work.limits.perPermitMicros);
        }
        _countCustodial(index, account, acceptedAt, value, work.limits);
    }

    function _recordRedeem(Work memory work, Turn memory turn, Redeem calldata op, bytes32 digest, uint256 detail)
        private
    {
        uint256[] memory legs = work.legs;
        _begin(work, turn, 2, op.opId, op.account);
        uint256[10] memory words = work.words;
        words[4] = op.nonce;
        words[5] = op.acceptedAt;
        words[6] = op.flags;
        words[7] = uint256(digest);
        words[8] = Legs.hash(legs);
        uint256 head = _place(work, turn, 9, op.acceptedAt, detail);
        _emitRedeemed(legs, words, head);
    }

    function _emitRedeemed(uint256[] memory legs, uint256[10] memory words, uint256 head) private {
        bytes32 topic = OperationRedeemed.selector;
        // The event's data as the compiler would encode it: head, opId, account, nonce, permitDigest, the legs' offset,
        // then the legs where they stand; Legs.room() left six words before them.
        assembly ("memory-safe") {
            let data := sub(legs, 192)
            mstore(data, head)
            mstore(add(data, 32), mload(add(words, 32)))
            mstore(add(data, 64), mload(add(words, 96)))
            mstore(add(data, 96), mload(add(words, 128)))
            mstore(add(data, 128), mload(add(words, 224)))
            mstore(add(data, 160), 192)
            log1(data, add(224, shl(5, mload(legs))), topic)
        }
    }

    function _gift(Work memory work, Turn memory turn, Gift calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkPermitTime(work, turn, op.acceptedAt, op.validUntil);
        if (op.recipient == address(0) || op.recipient == op.account) revert AccountInvalid(index, op.recipient);
        uint256 value = _giveLegs(work, turn, op);
        uint256[] memory legs = work.legs;
        bytes32 digest = _giftDigest(work, op, Legs.hash(legs));
        bool custodial = _authorise(
            index, op.account, digest, op.signature, _form(op.signature.length != SIGNATURE_LENGTH, op.acceptedAt)
        );
        _useNonce(index, op.account, op.nonce);
        if (custodial) _limitCustodial(work, index, op.account, op.acceptedAt, value, value);
        _begin(work, turn, 6, op.opId, op.account);
        uint256[10] memory words = work.words;
        words[4] = uint160(op.recipient);
        words[5] = op.nonce;
        words[6] = op.acceptedAt;
        words[7] = uint256(digest);
        words[8] = Legs.hash(legs);
        uint256 head = _place(work, turn, 9, op.acceptedAt, _detail(0, custodial));
        emit OperationGifted(head, op.opId, op.account, op.recipient, op.nonce, digest, legs);
    }

    function _giftDigest(Work memory work, Gift calldata op, uint256 legsHash) private view returns (bytes32) {
        uint256[10] memory words = work.words;
        words[0] = uint256(GIFT_TYPE);
        words[1] = uint160(op.account);
        words[2] = uint160(op.recipient);
        words[3] = op.nonce;
        words[4] = op.validUntil;
        words[5] = legsHash;
        return _hashTypedDataV4(_hash(words, 6));
    }

    function _giveLegs(Work memory work, Turn memory turn, Gift calldata op) private view returns (uint256 value) {
        uint256[] memory kept = _openLegs(work, turn.index, op.legs.length);
        for (uint256 i; i < op.legs.length; ++i) {
            uint256 leg = op.legs[i];
            _findRow(work, turn.index, leg);
            Row memory row = work.row;
            Legs.keep(kept, i, _whole(row, leg));
            _checkIssuer(turn, row.book);
            _checkOpen(turn.index, row, Moves.epochOf(leg), op.acceptedAt);
            // Eight products of 64-bit numbers: no overflow.
            unchecked {
                value += uint256(uint64(leg)) * row.value;
            }
            row.book.moves.push(Moves.word(op.account, turn.index, leg));
            row.book.moves.push(uint160(op.recipient));
        }
    }

    function _clawBack(Work memory work, Turn memory turn, Clawback calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(work, index, op.acceptedAt);
        bytes32 original = _provenIssue(work, turn, op);
        address account = _currentOf(op.account);
        _clawLegs(work, turn, op, original, account);
        uint256[] memory legs = work.legs;
        _begin(work, turn, 4, op.opId, account);
        uint256[10] memory words = work.words;
        words[4] = op.acceptedAt;
        words[5] = uint256(original);
        words[6] = Legs.hash(legs);
        uint256 head = _place(work, turn, 7, op.acceptedAt, 0);
        emit OperationClawedBack(head, op.opId, account, original, legs);
    }

    /// @dev The leaf of this merchant's issue to this account as told, if the root of its batch proves it.
    function _provenIssue(Work memory work, Turn memory turn, Clawback calldata op) private view returns (bytes32 leaf) {
        _begin(work, turn, 1, op.original.opId, op.account);
        uint256[10] memory words = work.words;
        words[4] = op.original.acceptedAt;
        words[5] = op.original.reason;
        words[6] = op.original.leg;
        leaf = _hash(words, 7);
        _requireProven(turn.index, op.originalBatch, op.proof, leaf);
    }

    /// @dev Legs of the original's programme, in any of its epochs, ended ones included; together within the issue.
    function _clawLegs(
        Work memory work, Turn memory turn, Clawback calldata op, bytes32 original, address account
    ) private {
        uint256[] calldata legs = op.legs;
        uint256[] memory kept = _openLegs(work, turn.index, legs.length);
        uint256 sum;
        for (uint256 i; i < legs.length; ++i) sum += uint64(legs[i]);
        _reverse(uint32(turn.index), original, sum, uint64(op.original.leg));
        for (uint256 i; i < legs.length; ++i) {
            _clawLeg(work, turn, op, legs[i], account);
            Legs.keep(kept, i, _whole(work.row, legs[i]));
        }
    }

    function _clawLeg(Work memory work, Turn memory turn, Clawback calldata op, uint256 leg, address account)
        private
        view
    {
        _findRow(work, turn.index, leg);
        Book memory book = work.row.book;
        if (op.original.leg >> 112 != book.programme) {
            revert OriginalLegMismatch(uint32(turn.index), op.original.leg, _whole(work.row, leg));
        }
        _endOf(turn.index, book, Moves.epochOf(leg));
        book.moves.push(Moves.word(account, turn.index, leg));
    }

    /// @dev INV-11: the epoch has ended both at acceptance and now.
    function _expire(Work memory work, Turn memory turn, Expiry calldata op) internal {
        uint256 index = turn.index;
        _checkAccepted(work, index, op.acceptedAt);
        _findRow(work, index, op.leg);
        Book memory book = work.row.book;
        _checkIssuer(turn, book);
        uint256 epoch = Moves.epochOf(op.leg);
        uint256 end = _endOf(index, book, epoch);
        if (op.acceptedAt < end || block.timestamp < end) {
            revert EpochNotEnded(uint32(index), uint32(book.programme), epoch, uint40(end));
        }
        book.moves.push(Moves.word(op.account, index, op.leg));
        _begin(work, turn, 5, op.opId, op.account);
        uint256[10] memory words = work.words;
        words[4] = op.acceptedAt;
        uint256 leg = _whole(work.row, op.leg);
        words[5] = leg;
        uint256 head = _place(work, turn, 6, op.acceptedAt, 0);
        emit OperationExpired(head, op.opId, op.account, leg);
    }
}
