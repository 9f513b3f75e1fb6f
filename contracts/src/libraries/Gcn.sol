// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Coupon ids: GCN type << 64 | digits << 56 | serial.
library Gcn {
    uint256 internal constant MOST_COUNT = 1 << 40; // more than twelve digits can tell apart
    uint256 private constant MOST_DIGITS = 12;

    function typeOf(uint256 id) internal pure returns (uint64) {
        return uint64(id >> 64);
    }

    /// @dev A serial has at most twelve digits, says how many, and zeros before it count among them.
    function isWhole(uint256 id) internal pure returns (bool) {
        if (id >> 128 != 0) return false;
        uint256 digits = uint8(id >> 56);
        return digits <= MOST_DIGITS && uint56(id) < 10 ** digits;
    }
}
