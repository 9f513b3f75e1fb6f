// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev GS1 trade item numbers as numbers: up to 14 digits, the last one checks the others.
library Gtin {
    function isValid(uint256 gtin) internal pure returns (bool) {
        if (gtin == 0 || gtin >= 1e14) return false;
        uint256 sum;
        uint256 rest = gtin;
        for (uint256 i; rest != 0; ++i) {
            sum += (rest % 10) * (i & 1 == 0 ? 1 : 3);
            rest /= 10;
        }
        return sum % 10 == 0;
    }
}
