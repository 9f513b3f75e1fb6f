// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev `words` are what the merchant signs: whole ABI words, of which the first four are kind, opId (left-aligned),
/// merchant and acceptedAt. Their keccak256 is the operation's leaf. `witness` only proves, and nobody signs it.
struct SignedOperation {
    bytes words;
    bytes32[] witness;
}

/// @dev All operations of one merchant in one batch, under that merchant's one signature (D2).
struct SignedSlice {
    uint64 merchant;
    bytes signature;
    SignedOperation[] operations;
}

/// @title A contract beside the ClearingHouse that takes batches of operations
/// @notice The relayer only relays (D2): every slice carries the signature of its merchant's operations key over
/// Slice(uint64 batch,uint64 merchant,bytes32 operationsHash) in this contract's EIP-712 domain ("Alliance Batches",
/// "1"), operationsHash over the slice's leaves in order.
/// @dev INV-7: batch numbers rise strictly and belong to one contract's signature, so no batch runs twice.
///
/// What is wrong with one operation refuses that operation alone: it is named with its reason and the others take
/// effect (D7). What is wrong with a slice or the batch reverts it whole.
///
/// `rootOf` is the Merkle root over the batch's outcomes in order (pairs smaller first, an odd node moves up): an
/// applied operation's outcome is its leaf, a refused one's is keccak256(abi.encode(leaf, reason, index)).
interface ISignedBatches {
    event SignedBatchApplied(uint64 indexed number, uint32 count, uint32 refused, bytes32 root);
    /// @dev `reason` is the selector of the error that says why.
    event OperationRefused(uint64 indexed batch, uint32 indexed index, bytes16 opId, bytes4 reason);
    event BatchesPaused(uint40 until);
    event BatchesUnpaused();

    error BatchNumberUsed(uint64 number, uint64 last);
    error BatchEmpty(uint64 number);
    error BatchTooLarge(uint256 count, uint256 most);
    error BatchesArePaused(uint40 until);
    error BatchesPauseCoolingDown(uint40 allowedFrom);
    error BatchesPauseNotActive(uint40 until);
    /// @notice Slices rise by merchant, so that none counts twice under its one signature.
    error SliceNotRising(uint256 slice);
    error SliceMerchantUnknown(uint64 merchant);
    error SliceSignatureInvalid(uint64 merchant, bytes32 digest);
    /// @notice Not whole words, fewer than the first four, or another merchant's than the slice's.
    error OperationMalformed(uint32 operation);
    /// @notice Accepted more than 120 seconds from now.
    error AcceptedInFuture(uint32 operation, uint40 acceptedAt, uint256 timestamp);

    /// @notice Reason: accepted more than 7 days before this block.
    error OperationTooLate();
    /// @notice Reason: the merchant was suspended when it accepted.
    error OperationMerchantSuspended();
    /// @notice Reason: no kind of this contract, or another number of words than the kind has.
    error OperationKindUnknown();

    /// @notice Applies the batch. Role RELAYER.
    function submitBatch(uint64 number, SignedSlice[] calldata slices) external;

    /// @notice No batches for 48 hours, or until `unpause`; then 7 days without a pause. Role GUARDIAN.
    function pause() external;

    /// @notice Ends a pause. Role GUARDIAN.
    function unpause() external;

    function lastBatch() external view returns (uint64);
    function rootOf(uint64 number) external view returns (bytes32);
    function pausedUntil() external view returns (uint40);
    function pauseAllowedFrom() external view returns (uint40);
    function registry() external view returns (address);
}
