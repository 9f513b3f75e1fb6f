// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint} from "../../src/interfaces/ITransparencyLog.sol";
import {LogTraffic} from "./LogTraffic.sol";

/// @dev INV-15 after every step of random sequences: the log only grows, and what stands in it stays. That a root has
/// the earlier ones for its beginning is proven off chain (`tests/unit/kernel/test_history_tree.py`).
contract LogTest {
    LogTraffic private _traffic;

    function setUp() public {
        _traffic = new LogTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV15_checkpoints_only_append_and_stay() public view {
        require(_traffic.breaches() == 0, "INV-15: a step");
        Checkpoint[] memory made = _traffic.made();
        require(_traffic.log().checkpointCount() == made.length, "INV-15: count");
        uint64 size;
        for (uint256 i; i < made.length; ++i) {
            Checkpoint memory told = _traffic.log().checkpointAt(i);
            require(keccak256(abi.encode(told)) == keccak256(abi.encode(made[i])), "INV-15: a checkpoint changed");
            require(told.size > size, "INV-15: the log shrank");
            if (told.size > size + 1) require(_traffic.log().rootOfSize(size + 1) == 0, "INV-15: a root of no checkpoint");
            size = told.size;
            require(_traffic.log().rootOfSize(size) == told.root, "INV-15: root of a size");
        }
        require(_traffic.log().latest().size == size && _traffic.log().rootOfSize(size + 1) == 0, "INV-15: latest");
    }

    function test_checkpoints_are_taken() public {
        for (uint256 i; i < 60; ++i) {
            _traffic.append(i);
            _traffic.shrink(i);
            _traffic.intrude(i);
            _traffic.wait(i);
        }
        require(_traffic.made().length > 10, "no checkpoint was taken");
        invariant_INV15_checkpoints_only_append_and_stay();
    }
}
