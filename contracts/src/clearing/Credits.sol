// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {Issue, RedeemRef, Restore, SignerChange, SignerRecord} from "../interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {IClearingHouse} from "../interfaces/IClearingHouse.sol";
import {Moves} from "../libraries/Moves.sol";
import {BatchDesk} from "./BatchDesk.sol";

/// @dev Signer changes, and the operations that add points to a balance: issues and restores.
abstract contract Credits is BatchDesk {
    using Moves for Moves.List;

    bytes32 private constant GRANT_TYPE =
        keccak256("SignerGrant(address account,address signer,uint8 flags,uint40 validUntil)");
    uint8 private constant GREATEST_REASON = 2;
    uint40 private constant LEAST_RESTORED_LIFE = 30 days;
    uint256 internal constant SIGNATURE_LENGTH = 65;

    /// @dev Restored of a leg under keccak256(leaf, leg index), clawed back of an issue under its leaf.
    mapping(bytes32 key => uint256) private _reversed;

    /// @inheritdoc IClearingHouse
    function reversedOf(bytes32 key) public view returns (uint256 points) {
        points = _reversed[key];
        if (points == 0 && _continues()) points = _predecessor.reversedOf(key);
    }

    /// @dev Reversals of one original sum to at most the original; returns what was reversed before (INV-7).
    function _reverse(uint32 index, bytes32 key, uint256 amount, uint256 most) internal returns (uint256 before) {
        before = reversedOf(key);
        if (before + amount > most) revert OriginalExceeded(index, before + amount, most);
        _reversed[key] = before + amount;
    }

    function _changeSigner(Work memory work, uint32 index, SignerChange calldata op) internal {
        _checkAccepted(index, op.acceptedAt);
        if (op.account == address(0) || op.signer == address(0)) revert AccountInvalid(index, op.account);
        if (op.flags > (SIGNER_CUSTODIAL | SIGNER_CONTRACT | SIGNER_REVOKE)) revert FlagsUnknown(index, op.flags);
        Memory.Pointer mark = _mark();
        bool vouched = op.authorisation.length != 0 && _isVouched(index, op);
        SignerRecord memory known = signerOf(op.account, op.signer);
        uint40 activeFrom;
        if (op.flags & SIGNER_REVOKE != 0) {
            if (known.activeFrom == 0 || known.revokedAt != 0) revert SignerUnknown(index, op.account, op.signer);
            _revokeSigner(op.account, op.signer, known, op.acceptedAt);
        } else {
            if (known.activeFrom != 0) revert SignerKnown(index, op.account, op.signer);
            activeFrom = _addSigner(op.account, op.signer, op.flags, op.acceptedAt, vouched);
        }
        work.leaves[index] = keccak256(
            abi.encode(uint256(7), op.opId, uint256(0), op.account, op.signer, op.flags, op.acceptedAt)
        );
        emit OperationSignerChanged(
            work.number, op.account, index, op.opId, op.signer, op.flags, op.acceptedAt, activeFrom
        );
        _release(mark);
    }

    /// @dev A custodian's word does not shorten the delay, or it could free itself of its limits.
    function _isVouched(uint32 index, SignerChange calldata op) private view returns (bool) {
        if (op.acceptedAt > op.validUntil) revert PermitExpired(index, op.validUntil, op.acceptedAt);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(GRANT_TYPE, op.account, op.signer, op.flags, op.validUntil)));
        uint256 form = _form(op.authorisation.length != SIGNATURE_LENGTH, op.acceptedAt);
        return !_authorise(index, op.account, digest, op.authorisation, form);
    }

    function _issue(Work memory work, Turn memory turn, Issue calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(index, op.acceptedAt);
        _checkNotSuspended(turn, op.acceptedAt);
        if (op.account == address(0)) revert AccountInvalid(index, op.account);
        if (op.reason > GREATEST_REASON) revert ReasonUnknown(index, op.reason);
        Row memory row = _rowOf(work, index, op.leg);
        _checkIssuer(turn, row.book);
        _checkInForce(index, row, op.acceptedAt);
        _checkOpenEpoch(index, row.book, op.leg, op.acceptedAt);
        _countIssued(index, row, uint64(op.leg));
        row.book.moves.push(Moves.word(op.account, index, op.leg));
        Memory.Pointer mark = _mark();
        uint256 leg = _plain(op.leg);
        _place(work, turn, _issueLeaf(op.opId, turn.merchant, op.account, op.acceptedAt, op.reason, leg));
        emit OperationIssued(
            work.number, op.account, index, op.opId, turn.merchant, op.acceptedAt, op.reason, leg
        );
        _release(mark);
    }

    /// @dev INV-10: lifetime issuance stays within the cap of the terms in force at acceptance.
    function _countIssued(uint32 index, Row memory row, uint256 amount) private view {
        uint256 issued = row.book.issued;
        if (issued == NOT_READ) issued = IAlliancePoints(row.book.token).counters(0).issued;
        issued += amount;
        if (issued > row.terms.issuanceCap) {
            revert IssuanceCapExceeded(index, row.book.programme, issued, row.terms.issuanceCap);
        }
        row.book.issued = issued;
    }

    function _issueLeaf(bytes16 opId, uint64 merchant, address account, uint40 acceptedAt, uint8 reason, uint256 leg)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(uint256(1), opId, merchant, account, acceptedAt, reason, leg));
    }

    function _restore(Work memory work, Turn memory turn, Restore calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(index, op.acceptedAt);
        if (op.original.merchant != turn.merchant) {
            revert OriginalMerchantMismatch(index, turn.merchant, op.original.merchant);
        }
        bytes32 original = _provenRedeem(index, op);
        Row memory row = _rowOf(work, index, op.leg);
        uint256 was = op.original.legs[op.legIndex];
        if (was >> 96 != row.key) revert OriginalLegMismatch(index, was, _plain(op.leg));
        _checkRestoredEpoch(index, row.book, was, op);
        _reverseLeg(turn, row, original, op);
        row.book.moves.push(Moves.word(op.account, index, op.leg));
        _recordRestore(work, turn, op, original);
    }

    function _recordRestore(Work memory work, Turn memory turn, Restore calldata op, bytes32 original) private {
        Memory.Pointer mark = _mark();
        uint32 index = uint32(turn.index);
        uint256 leg = _plain(op.leg);
        _place(
            work,
            turn,
            keccak256(
                abi.encode(
                    uint256(3), op.opId, turn.merchant, op.account, op.acceptedAt, original, op.legIndex, leg
                )
            )
        );
        emit OperationRestored(
            work.number, op.account, index, op.opId, turn.merchant, op.acceptedAt, original, op.legIndex, leg
        );
        _release(mark);
    }

    /// @dev The leaf of the redemption as told, if the root of its batch proves it and it has that leg.
    function _provenRedeem(uint32 index, Restore calldata op) private view returns (bytes32 leaf) {
        Memory.Pointer mark = _mark();
        RedeemRef calldata was = op.original;
        leaf = keccak256(
            abi.encode(
                uint256(2),
                was.opId,
                was.merchant,
                op.account,
                was.nonce,
                was.acceptedAt,
                was.flags,
                was.permitDigest,
                keccak256(abi.encodePacked(was.legs))
            )
        );
        _requireProven(index, op.originalBatch, op.proof, leaf);
        if (op.legIndex >= was.legs.length) revert OriginalLegUnknown(index, op.legIndex, was.legs.length);
        _release(mark);
    }

    function _requireProven(uint32 index, uint64 batch, bytes32[] calldata proof, bytes32 leaf) internal view {
        if (!MerkleProof.verifyCalldata(proof, rootOf(batch), leaf)) revert OriginalNotProven(index, batch, leaf);
    }

    /// @dev Points return to their epoch while it is open; after that to one with 30 days left (D10).
    function _checkRestoredEpoch(uint32 index, Book memory book, uint256 was, Restore calldata op) private view {
        uint256 epoch = Moves.epochOf(op.leg);
        uint40 end = _endOf(index, book, epoch);
        if (epoch == Moves.epochOf(was)) {
            if (op.acceptedAt >= end) revert EpochEnded(index, book.programme, epoch, end);
            return;
        }
        uint40 firstEnd = _endOf(index, book, Moves.epochOf(was));
        if (op.acceptedAt < firstEnd) revert EpochNotEnded(index, book.programme, Moves.epochOf(was), firstEnd);
        if (end < op.acceptedAt + LEAST_RESTORED_LIFE) revert EpochTooShort(index, book.programme, epoch, end);
    }

    /// @dev The obligation is reversed as a function of the cumulative amount, so that any split reverses exactly what
    /// a whole restore would (INV-13).
    function _reverseLeg(Turn memory turn, Row memory row, bytes32 original, Restore calldata op) private {
        uint256 most = uint64(op.original.legs[op.legIndex]);
        bytes32 key = keccak256(abi.encode(original, op.legIndex));
        uint256 left = most - _reverse(uint32(turn.index), key, uint64(op.leg), most);
        _accrue(turn, row.book, _owedFor(row, left - uint64(op.leg)) - _owedFor(row, left));
    }
}
