// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {ISignedBatches, SignedOperation, SignedSlice} from "../interfaces/ISignedBatches.sol";
import {OrderedTree} from "../libraries/OrderedTree.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @dev Numbers, slices, signatures, times, roots and the pause of a contract beside the ClearingHouse. Whoever
/// inherits says what its operations do.
abstract contract SignedBatches is ISignedBatches, AccessManaged, EIP712 {
    /// @dev An operation's place and first four words.
    struct Head {
        uint256 kind;
        bytes16 opId;
        uint64 merchant;
        uint40 acceptedAt;
        uint64 batch;
        uint32 index;
        bytes32 leaf;
    }

    bytes32 private constant SLICE_TYPE = keccak256("Slice(uint64 batch,uint64 merchant,bytes32 operationsHash)");
    uint256 private constant MOST_OPERATIONS = 2048;
    uint256 private constant HEAD_BYTES = 128;
    uint256 private constant CLOCK_SKEW = 120 seconds;
    uint256 private constant MINING_WINDOW = 7 days;
    uint40 private constant PAUSE = 48 hours;
    uint40 private constant PAUSE_COOL_DOWN = 7 days;
    bytes4 internal constant APPLIED = 0;

    IAllianceRegistry internal immutable _registry;
    /// @inheritdoc ISignedBatches
    uint64 public lastBatch;
    /// @inheritdoc ISignedBatches
    uint40 public pausedUntil;
    /// @inheritdoc ISignedBatches
    uint40 public pauseAllowedFrom;
    mapping(uint64 number => bytes32) private _roots;

    constructor(address registry_) {
        _registry = IAllianceRegistry(registry_);
    }

    /// @inheritdoc ISignedBatches
    function submitBatch(uint64 number, SignedSlice[] calldata slices) external restricted {
        if (block.timestamp < pausedUntil) revert BatchesArePaused(pausedUntil);
        if (number <= lastBatch) revert BatchNumberUsed(number, lastBatch);
        lastBatch = number;
        bytes32[] memory outcomes = new bytes32[](_countOf(number, slices));
        uint256 first;
        uint32 refused;
        for (uint256 s; s < slices.length; ++s) {
            if (s > 0 && slices[s].merchant <= slices[s - 1].merchant) revert SliceNotRising(s);
            refused += _takeSlice(number, slices[s], outcomes, first);
            first += slices[s].operations.length;
        }
        bytes32 root = OrderedTree.consumeToRoot(outcomes);
        _roots[number] = root;
        emit SignedBatchApplied(number, uint32(first), refused, root);
    }

    /// @inheritdoc ISignedBatches
    function pause() external restricted {
        if (block.timestamp < pauseAllowedFrom) revert BatchesPauseCoolingDown(pauseAllowedFrom);
        uint40 until = uint40(block.timestamp) + PAUSE;
        pausedUntil = until;
        pauseAllowedFrom = until + PAUSE_COOL_DOWN;
        emit BatchesPaused(until);
    }

    /// @inheritdoc ISignedBatches
    function unpause() external restricted {
        if (block.timestamp >= pausedUntil) revert BatchesPauseNotActive(pausedUntil);
        pausedUntil = uint40(block.timestamp);
        emit BatchesUnpaused();
    }

    /// @inheritdoc ISignedBatches
    function rootOf(uint64 number) public view returns (bytes32) {
        return _roots[number];
    }

    /// @inheritdoc ISignedBatches
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @dev What the operation does; returns APPLIED, or the selector that says why it does nothing at all.
    function _apply(Head memory head, bytes calldata words, bytes32[] calldata witness)
        internal
        virtual
        returns (bytes4 refusal);

    /// @dev The operation's word after its four first ones, from 0. The caller knows that there are so many.
    function _word(bytes calldata words, uint256 place) internal pure returns (uint256 word) {
        uint256 start = HEAD_BYTES + (place << 5);
        return uint256(bytes32(words[start:start + 32]));
    }

    function _wordCount(bytes calldata words) internal pure returns (uint256) {
        return (words.length - HEAD_BYTES) >> 5;
    }

    function _countOf(uint64 number, SignedSlice[] calldata slices) private pure returns (uint256 count) {
        for (uint256 s; s < slices.length; ++s) count += slices[s].operations.length;
        if (count == 0) revert BatchEmpty(number);
        if (count > MOST_OPERATIONS) revert BatchTooLarge(count, MOST_OPERATIONS);
    }

    function _takeSlice(uint64 number, SignedSlice calldata slice, bytes32[] memory outcomes, uint256 first)
        private
        returns (uint32 refused)
    {
        (address key, uint40 suspendedFrom) = _registry.sliceKey(slice.merchant);
        if (key == address(0)) revert SliceMerchantUnknown(slice.merchant);
        uint256 count = slice.operations.length;
        for (uint256 i; i < count; ++i) outcomes[first + i] = keccak256(slice.operations[i].words);
        _checkSlice(number, slice, key, OrderedTree.hashOf(outcomes, first, first + count));
        for (uint256 i; i < count; ++i) {
            SignedOperation calldata operation = slice.operations[i];
            Head memory head = _headOf(number, slice.merchant, first + i, operation.words);
            head.leaf = outcomes[first + i];
            bytes4 reason = _untimely(head, suspendedFrom);
            if (reason == APPLIED) reason = _apply(head, operation.words, operation.witness);
            if (reason == APPLIED) continue;
            outcomes[first + i] = keccak256(abi.encode(head.leaf, reason, head.index));
            emit OperationRefused(number, head.index, head.opId, reason);
            ++refused;
        }
    }

    function _headOf(uint64 number, uint64 merchant, uint256 index, bytes calldata words)
        private
        view
        returns (Head memory head)
    {
        if (words.length < HEAD_BYTES || words.length & 31 != 0) revert OperationMalformed(uint32(index));
        (uint256 kind, uint256 opId, uint256 whose, uint256 acceptedAt) =
            abi.decode(words[:HEAD_BYTES], (uint256, uint256, uint256, uint256));
        if (whose != merchant || acceptedAt > type(uint40).max || uint128(opId) != 0) {
            revert OperationMalformed(uint32(index));
        }
        if (acceptedAt > block.timestamp + CLOCK_SKEW) {
            revert AcceptedInFuture(uint32(index), uint40(acceptedAt), block.timestamp);
        }
        head = Head(kind, bytes16(bytes32(opId)), merchant, uint40(acceptedAt), number, uint32(index), 0);
    }

    function _untimely(Head memory head, uint40 suspendedFrom) private view returns (bytes4) {
        if (head.acceptedAt + MINING_WINDOW < block.timestamp) return OperationTooLate.selector;
        if (head.acceptedAt >= suspendedFrom) return OperationMerchantSuspended.selector;
        return APPLIED;
    }

    function _checkSlice(uint64 number, SignedSlice calldata slice, address key, bytes32 operationsHash) private view {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(SLICE_TYPE, number, slice.merchant, operationsHash)));
        if (!Signatures.isFrom(key, digest, slice.signature)) revert SliceSignatureInvalid(slice.merchant, digest);
    }
}
