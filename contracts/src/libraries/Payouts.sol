// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementDesk} from "../interfaces/ISettlementDesk.sol";

/// @dev Payouts against nets. A rounding by largest remainder takes every net down to a unit and gives the units that
/// are then missing to the largest remainders, of equal ones to the lower merchant number. Finding it needs a sort;
/// checking it needs one pass, in which the least remainder that was served must exceed the greatest that was not.
library Payouts {
    struct Tally {
        int256 unit;
        int256 difference; // sum of the nets
        uint256 leastUp;
        uint256 mostDown;
    }

    /// @dev What each place gets by the payouts, or gives where it is negative. Each place does only one of the two.
    function added(uint256[] calldata payouts, uint256 places) internal pure returns (int256[] memory minors) {
        minors = new int256[](places);
        uint256 payers;
        uint256 payees;
        if (payouts.length >= places && payouts.length != 0) {
            revert ISettlementDesk.SettlementPayoutInvalid(payouts.length, 0);
        }
        // At most 255 amounts of 64 bits: no overflow.
        unchecked {
            for (uint256 i; i < payouts.length; ++i) {
                uint256 payout = payouts[i];
                uint256 payer = payout >> 72;
                uint256 payee = uint8(payout >> 64);
                int256 minor = int256(uint256(uint64(payout)));
                if (payer >= places || payee >= places || minor == 0) {
                    revert ISettlementDesk.SettlementPayoutInvalid(i, payout);
                }
                _move(minors, payer, payee, minor);
                payers |= 1 << payer;
                payees |= 1 << payee;
            }
        }
        if (payers & payees != 0) revert ISettlementDesk.SettlementPaidRoundabout(payers & payees);
    }

    /// @dev Both places were checked to be within.
    function _move(int256[] memory minors, uint256 payer, uint256 payee, int256 minor) private pure {
        assembly ("memory-safe") {
            let first := add(minors, 32)
            let at := add(first, shl(5, payer))
            mstore(at, sub(mload(at), minor))
            at := add(first, shl(5, payee))
            mstore(at, add(mload(at), minor))
        }
    }

    function open(uint64 unit) internal pure returns (Tally memory) {
        return Tally(int256(uint256(unit)), 0, type(uint256).max, 0);
    }

    /// @dev A merchant's net and what it gets: one of the two whole units next to each other.
    function count(Tally memory tally, uint64 merchant, int256 net, int256 minor) internal pure {
        // Nets and minor units are far from 256 bits: no overflow.
        unchecked {
            int256 remainder = net - minor * tally.unit;
            if (remainder <= -tally.unit || remainder >= tally.unit) {
                revert ISettlementDesk.SettlementRoundingWrong(merchant, minor, net);
            }
            tally.difference += net;
            // The greater, the sooner it is served.
            uint256 rank = type(uint64).max - merchant;
            if (remainder < 0) {
                rank |= uint256(remainder + tally.unit) << 64;
                if (rank < tally.leastUp) tally.leastUp = rank;
            } else {
                rank |= uint256(remainder) << 64;
                if (rank > tally.mostDown) tally.mostDown = rank;
            }
        }
    }

    /// @dev Nobody with obligations was left out, and the units went where they belong.
    function close(Tally memory tally) internal pure {
        if (tally.difference != 0) revert ISettlementDesk.SettlementUnbalanced(tally.difference);
        if (tally.leastUp <= tally.mostDown) {
            revert ISettlementDesk.SettlementRoundingUnfair(tally.leastUp, tally.mostDown);
        }
    }
}
