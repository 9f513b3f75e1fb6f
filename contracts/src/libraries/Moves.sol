// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Moves of points (account << 96 | operation << 80 | epoch << 64 | amount), collected in the form of the
/// calldata of one token call: a word whose last four bytes are the selector, the offset 32, the length, the moves.
library Moves {
    struct List {
        uint256 frame; // memory pointer; 0 before the first move
        uint256 next; // where the next move goes
        uint256 end; // of the frame
    }

    uint256 private constant FIRST_CAPACITY = 16 * 32;
    uint256 private constant HEAD = 96;

    function epochOf(uint256 leg) internal pure returns (uint256) {
        return uint32(leg >> 64);
    }

    /// @dev The caller has checked that the epoch and the operation's index have at most 16 bits.
    function word(address account, uint256 operation, uint256 leg) internal pure returns (uint256) {
        return uint256(uint160(account)) << 96 | operation << 80 | epochOf(leg) << 64 | uint64(leg);
    }

    function push(List memory list, uint256 move) internal pure {
        if (list.next == list.end) _grow(list);
        uint256 next = list.next;
        // next < end, both whole words from the frame's start: the place lies in the frame.
        assembly ("memory-safe") {
            mstore(next, move)
        }
        unchecked {
            list.next = next + 32;
        }
    }

    /// @dev Makes the call with all moves; the list is empty afterwards. A refusal of the token is handed on as it is.
    function deliver(List memory list, address token, bytes4 batchFunction) internal {
        uint256 frame = list.frame;
        uint256 first = frame + HEAD;
        if (frame == 0 || list.next == first) return;
        uint256 size = list.next - first;
        list.next = first;
        // The frame holds the head and `size` bytes of moves; its calldata begins with the last 4 bytes of the first word.
        assembly ("memory-safe") {
            mstore(frame, shr(224, batchFunction))
            mstore(add(frame, 32), 32)
            mstore(add(frame, 64), shr(5, size))
            if iszero(call(gas(), token, 0, add(frame, 28), add(68, size), 0, 0)) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    function _grow(List memory list) private pure {
        uint256 old = list.frame;
        uint256 used = old == 0 ? 0 : list.next - old - HEAD;
        uint256 capacity = used == 0 ? FIRST_CAPACITY : used * 2;
        uint256 frame;
        // Takes head and capacity at the free pointer; the copy is at most half of that.
        assembly ("memory-safe") {
            frame := mload(0x40)
            mstore(0x40, add(frame, add(HEAD, capacity)))
            mcopy(add(frame, HEAD), add(old, HEAD), used)
        }
        list.frame = frame;
        list.next = frame + HEAD + used;
        list.end = frame + HEAD + capacity;
    }
}
