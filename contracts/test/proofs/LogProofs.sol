// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint} from "../../src/interfaces/ITransparencyLog.sol";
import {TransparencyLog} from "../../src/TransparencyLog.sol";
import {Anybody} from "./Anybody.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: the log for all sizes, roots and instants, two checkpoints at a time.
contract LogProofs is Anybody {
    TransparencyLog private _log;

    function setUp() public {
        _log = new TransparencyLog(address(this));
    }

    function check_INV15_checkpoints_only_append(Checkpoint memory one, Checkpoint memory two, uint40 now_) public {
        vm.warp(now_);
        if (!_appended(one)) return;
        _requireAt(0, one);
        bool grew = _appended(two);
        assert(_log.checkpointCount() == (grew ? 2 : 1));
        _requireAt(0, one);
        assert(_log.rootOfSize(one.size) == one.root);
        if (!grew) return;
        assert(two.size > one.size && two.madeAt >= one.madeAt && two.root != 0);
        _requireAt(1, two);
        assert(_log.rootOfSize(two.size) == two.root);
    }

    function check_INV15_no_root_of_a_size_that_no_checkpoint_has(Checkpoint memory one, uint64 other, uint40 now_) public {
        vm.warp(now_);
        if (_appended(one)) assert(_log.rootOfSize(other) == (other == one.size ? one.root : bytes32(0)));
    }

    function check_INV15_nobody_appends_without_the_role(address caller, Checkpoint memory one) public {
        vm.assume(caller != address(this));
        vm.prank(caller);
        assert(!_appended(one));
    }

    function _appended(Checkpoint memory one) private returns (bool done) {
        (done,) = address(_log).call(abi.encodeCall(_log.append, (one.size, one.root, one.madeAt)));
    }

    function _requireAt(uint256 place, Checkpoint memory one) private view {
        Checkpoint memory told = _log.checkpointAt(place);
        assert(told.size == one.size && told.root == one.root && told.madeAt == one.madeAt);
    }
}
