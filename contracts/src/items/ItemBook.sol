// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IItemRegistry, ItemBatch} from "../interfaces/IItemRegistry.sol";

/// @dev Batches of items and the items' marks; nobody from outside changes any of it.
abstract contract ItemBook is IItemRegistry {
    uint256 internal constant CLAIMED = 1;
    uint256 internal constant VOIDED = 2;

    mapping(bytes32 root => ItemBatch) internal _batches;
    mapping(uint64 owner => mapping(uint64 gtin => mapping(bytes32 lot => bytes32))) internal _rootOfLot;
    mapping(bytes32 root => mapping(uint256 word => uint256)) private _marks;

    /// @inheritdoc IItemRegistry
    function itemBatch(bytes32 root) external view returns (ItemBatch memory) {
        return _batches[root];
    }

    /// @inheritdoc IItemRegistry
    function rootOfLot(uint64 owner, uint64 gtin, bytes32 lot) external view returns (bytes32) {
        return _rootOfLot[owner][gtin][lot];
    }

    /// @inheritdoc IItemRegistry
    function isItem(bytes32 root, uint256 index, bytes32 serial, bytes32 salt, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        ItemBatch storage batch = _batches[root];
        if (index >= batch.count) return false;
        bytes32 leaf = keccak256(abi.encode(index, batch.gtin, serial, salt));
        return MerkleProof.verifyCalldata(proof, root, leaf);
    }

    /// @inheritdoc IItemRegistry
    function isClaimed(bytes32 root, uint256 index) external view returns (bool) {
        return _has(root, index, CLAIMED);
    }

    /// @inheritdoc IItemRegistry
    function isVoid(bytes32 root, uint256 index) external view returns (bool) {
        return _has(root, index, VOIDED);
    }

    /// @inheritdoc IItemRegistry
    function marksOf(bytes32 root, uint256 wordIndex) external view returns (uint256) {
        return _marks[root][wordIndex];
    }

    /// @dev The choke point of claims (INV-12): a mark is set once, none on a void item.
    function _mark(bytes32 root, uint256 index, uint256 mark) internal returns (bytes4) {
        (uint256 word, uint256 shift) = _placeOf(index);
        uint256 marks = _marks[root][word];
        uint256 before = marks >> shift;
        if (before & VOIDED != 0) return ItemIsVoid.selector;
        if (before & mark != 0) return ItemAlreadyClaimed.selector;
        _marks[root][word] = marks | (mark << shift);
        return 0;
    }

    function _has(bytes32 root, uint256 index, uint256 mark) private view returns (bool) {
        (uint256 word, uint256 shift) = _placeOf(index);
        return (_marks[root][word] >> shift) & mark != 0;
    }

    function _placeOf(uint256 index) private pure returns (uint256 word, uint256 shift) {
        return (index >> 7, (index & 127) << 1);
    }
}
