// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Words of a list without the compiler's bound checks: legs, of which a batch keeps one operation's at a time in
/// one array, and moves. Every index is the callers' loop variable, less than the length.
library Legs {
    uint256 internal constant MOST = 8;
    uint256 private constant HEAD_WORDS = 6;

    /// @dev An array with room for MOST legs, and before it for the six words of an event that begins with them.
    function room() internal pure returns (uint256[] memory legs) {
        legs = new uint256[](HEAD_WORDS + MOST);
        // The length word and the first five make the room before it: the array begins at the sixth.
        assembly ("memory-safe") {
            legs := add(legs, 192)
        }
    }

    /// @dev Makes the array `count` long, at most MOST.
    function resize(uint256[] memory legs, uint256 count) internal pure {
        assembly ("memory-safe") {
            mstore(legs, count)
        }
    }

    function keep(uint256[] memory legs, uint256 i, uint256 leg) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(legs, 32), shl(5, i)), leg)
        }
    }

    function read(uint256[] calldata list, uint256 i) internal pure returns (uint256 item) {
        assembly ("memory-safe") {
            item := calldataload(add(list.offset, shl(5, i)))
        }
    }

    function hash(uint256[] memory legs) internal pure returns (uint256 digest) {
        assembly ("memory-safe") {
            digest := keccak256(add(legs, 32), shl(5, mload(legs)))
        }
    }
}
