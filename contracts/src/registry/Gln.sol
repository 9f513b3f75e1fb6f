// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev GS1 party and location numbers: 13 digits, the last one checks the others.
library Gln {
    function isValid(uint64 gln) internal pure returns (bool) {
        if (gln == 0 || gln >= 1e13) return false;
        uint256 sum;
        uint256 rest = gln;
        for (uint256 i; rest != 0; ++i) {
            sum += (rest % 10) * (i & 1 == 0 ? 1 : 3);
            rest /= 10;
        }
        return sum % 10 == 0;
    }
}
