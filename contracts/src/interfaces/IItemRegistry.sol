// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A batch of items of one product: indices 0 to count - 1. `acceptedAt` is when its owner committed to it.
struct ItemBatch {
    uint64 owner;
    uint64 gtin;
    uint40 acceptedAt;
    uint32 count;
}

/// @title Items as one Merkle root per batch, each claimed at most once
/// @notice A batch of any size costs one operation: the root over its items' leaves in the order of their indices
/// (pairs smaller first, an odd node moves up), leaf = keccak256(abi.encode(index, gtin, serial, salt)), serial as
/// ASCII left-aligned in a word. The salt is the item's own, so that no neighbour in a proof can be guessed. An item
/// costs nothing on chain until it is claimed or voided.
///
/// INV-12: two bits per item say that it was claimed and that it is void; neither is ever cleared. A void item is
/// never claimed: it was returned, destroyed or relabelled. A claimed one may become void.
/// @dev Words of the operations after kind, opId, merchant and acceptedAt, all by the batch's owner:
/// ROOT 1: root, count, gtin, lot (ASCII, left-aligned in a word). A lot of a product has one root for ever.
/// CLAIM 2: root, index, account (the member's pseudonymous account).
/// VOID 3: root, index.
/// No operation has a witness: an owner claims only items of its own root, and the root fixes what each index is.
interface IItemRegistry {
    event ItemBatchAnchored(
        bytes32 indexed root, uint64 indexed owner, uint64 indexed gtin, bytes32 lot, uint32 count, bytes16 opId
    );
    event ItemClaimed(bytes32 indexed root, uint32 indexed index, address indexed account, bytes16 opId);
    event ItemVoided(bytes32 indexed root, uint32 indexed index, bytes16 opId);

    /// @notice Reason: an empty root or lot, no items or too many, or no GTIN: not 8 to 14 digits, the last of which checks the others.
    error ItemBatchInvalid();
    /// @notice Reason: the root is anchored already.
    error ItemRootKnown();
    /// @notice Reason: the owner has anchored another root for this lot of the product.
    error ItemLotAnchored();
    /// @notice Reason: the root was never anchored, or the operation was accepted before it.
    error ItemBatchUnknown();
    /// @notice Reason: the batch is another merchant's.
    error ItemBatchNotYours();
    /// @notice Reason: the batch has no item of that index.
    error ItemUnknown();
    /// @notice Reason: no account, or more than 160 bits.
    error ItemAccountInvalid();
    /// @notice Reason: claimed before, by whomever (INV-12).
    error ItemAlreadyClaimed();
    /// @notice Reason: the item is void.
    error ItemIsVoid();

    /// @notice The batch of a root; its count is 0 where the root was never anchored.
    function itemBatch(bytes32 root) external view returns (ItemBatch memory);

    /// @notice The root of a product's lot by its owner; 0 where there is none.
    function rootOfLot(uint64 owner, uint64 gtin, bytes32 lot) external view returns (bytes32);

    /// @notice Whether the batch of the root holds this very item.
    function isItem(bytes32 root, uint256 index, bytes32 serial, bytes32 salt, bytes32[] calldata proof)
        external
        view
        returns (bool);

    function isClaimed(bytes32 root, uint256 index) external view returns (bool);
    function isVoid(bytes32 root, uint256 index) external view returns (bool);

    /// @notice The marks of 128 consecutive items: of item 128 w + i in word w, bit 2i is claimed and 2i + 1 is void.
    function marksOf(bytes32 root, uint256 wordIndex) external view returns (uint256);
}
