// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Moves of points (account << 96 | operation << 80 | epoch << 64 | amount) collected for one token call.
library Moves {
    struct List {
        uint256[] words;
        uint256 count;
    }

    uint256 private constant FIRST_CAPACITY = 16;

    function epochOf(uint256 leg) internal pure returns (uint256) {
        return uint32(leg >> 64);
    }

    /// @dev The caller has checked that the epoch and the operation's index have at most 16 bits.
    function word(address account, uint256 operation, uint256 leg) internal pure returns (uint256) {
        return uint256(uint160(account)) << 96 | operation << 80 | epochOf(leg) << 64 | uint64(leg);
    }

    function push(List memory list, uint256 move) internal pure {
        uint256 count = list.count;
        if (count == list.words.length) _grow(list);
        list.words[count] = move;
        list.count = count + 1;
    }

    /// @dev The collected words, exactly; the list is empty afterwards.
    function take(List memory list) internal pure returns (uint256[] memory words) {
        words = list.words;
        uint256 count = list.count;
        // The array only gets shorter: what it no longer covers stays unused.
        assembly ("memory-safe") {
            mstore(words, count)
        }
        list.words = new uint256[](0);
        list.count = 0;
    }

    function _grow(List memory list) private pure {
        uint256[] memory old = list.words;
        uint256[] memory words = new uint256[](old.length == 0 ? FIRST_CAPACITY : old.length * 2);
        // Twice as long as the old array: the copy stays inside.
        assembly ("memory-safe") {
            mcopy(add(words, 32), add(old, 32), mul(mload(old), 32))
        }
        list.words = words;
    }
}
