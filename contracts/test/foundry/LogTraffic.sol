// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ITransparencyLog} from "../../src/interfaces/ITransparencyLog.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev Random checkpoints: greater, equal and smaller ones, forks, of the past and of the future, by strangers.
contract LogTraffic is AllianceFixture {
    ITransparencyLog public log;
    uint256 public breaches;
    Checkpoint[] private _made;

    constructor() {
        _found();
        log = ITransparencyLog(_deploy("TransparencyLog", abi.encode(_manager)));
    }

    function made() external view returns (Checkpoint[] memory) {
        return _made;
    }

    function append(uint256 seed) external {
        _append(seed, _last().size + _roll(seed, 4), false);
    }

    function shrink(uint256 seed) external {
        _append(seed, _roll(seed, uint256(_last().size) + 1), false);
    }

    function intrude(uint256 seed) external {
        _append(seed, _last().size + 1, true);
    }

    function wait(uint256 seed) external {
        _now += _roll(seed, 1 days);
    }

    function _append(uint256 seed, uint256 size, bool byStranger) private {
        bytes32 root = _roll(seed, 8) == 0 ? bytes32(0) : keccak256(abi.encode(_roll(seed, 5)));
        uint40 madeAt = uint40(_now + 300 - _roll(seed, 1 hours));
        Checkpoint memory last = _last();
        vm.warp(_now);
        if (byStranger) vm.prank(address(0xBAD));
        try log.append(uint64(size), root, madeAt) {
            bool sound = size > last.size && root != 0 && madeAt >= last.madeAt && madeAt <= _now + 120;
            if (!sound || byStranger) ++breaches;
            _made.push(Checkpoint(uint64(size), madeAt, root));
        } catch {}
    }

    function _last() private view returns (Checkpoint memory last) {
        if (_made.length != 0) last = _made[_made.length - 1];
    }
}
