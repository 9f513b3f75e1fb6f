// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Merkle trees over leaves in batch order: pairs are hashed smaller first, an odd node moves up unchanged.
library OrderedTree {
    /// @dev keccak256 over a run of leaves.
    function hashOf(bytes32[] memory leaves, uint256 first, uint256 end) internal pure returns (bytes32 hash) {
        // The caller's run lies inside the array.
        assembly ("memory-safe") {
            hash := keccak256(add(add(leaves, 32), shl(5, first)), shl(5, sub(end, first)))
        }
    }

    /// @dev The root over at least one leaf. The leaves are overwritten.
    function consumeToRoot(bytes32[] memory leaves) internal pure returns (bytes32 root) {
        // Level by level in place: a parent is written at or before its left child. Scratch space takes the pair.
        assembly ("memory-safe") {
            let start := add(leaves, 32)
            for { let count := mload(leaves) } gt(count, 1) {} {
                let from := start
                let into := start
                for { let end := add(start, shl(5, shr(1, count))) } lt(into, end) {} {
                    let left := mload(from)
                    let right := mload(add(from, 32))
                    let swap := mul(xor(left, right), gt(left, right))
                    mstore(0, xor(left, swap))
                    mstore(32, xor(right, swap))
                    mstore(into, keccak256(0, 64))
                    from := add(from, 64)
                    into := add(into, 32)
                }
                if and(count, 1) { mstore(into, mload(from)) }
                count := shr(1, add(count, 1))
            }
            root := mload(start)
        }
    }
}
