// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @dev Merkle trees over leaves in batch order: pairs are hashed smaller first, an odd node moves up unchanged.
library OrderedTree {
    /// @dev keccak256 over a run of leaves.
    function hashOf(bytes32[] memory leaves, uint256 first, uint256 end) internal pure returns (bytes32 hash) {
        // The caller's run lies inside the array.
        assembly ("memory-safe") {
            hash := keccak256(add(add(leaves, 32), mul(first, 32)), mul(sub(end, first), 32))
        }
    }

    /// @dev The root over at least one leaf. The leaves are overwritten.
    function consumeToRoot(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 count = leaves.length;
        while (count > 1) {
            uint256 above = count / 2;
            for (uint256 i; i < above; ++i) {
                leaves[i] = Hashes.commutativeKeccak256(leaves[2 * i], leaves[2 * i + 1]);
            }
            if (count & 1 == 1) leaves[above] = leaves[count - 1];
            count = above + (count & 1);
        }
        return leaves[0];
    }
}
