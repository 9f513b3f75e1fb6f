// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @dev For tests: a contract that approves one digest at a time, or behaves badly when asked.
contract ContractSigner is IERC1271 {
    enum Mood {
        HONEST,
        REVERTS,
        BURNS_GAS
    }

    bytes32 public approved;
    Mood public mood;

    function approve(bytes32 digest) external {
        approved = digest;
    }

    function setMood(Mood next) external {
        mood = next;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        require(mood != Mood.REVERTS);
        uint256 spent;
        while (mood == Mood.BURNS_GAS) ++spent;
        return digest == approved ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
