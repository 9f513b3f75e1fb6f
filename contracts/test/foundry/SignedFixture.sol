// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISignedBatches, SignedOperation, SignedSlice} from "../../src/interfaces/ISignedBatches.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev One operation after another for a contract beside the ClearingHouse, and what must never have happened.
abstract contract SignedFixture is AllianceFixture {
    mapping(uint256 invariantNumber => uint256) public breaches;
    mapping(uint256 kind => uint256) public done;
    ISignedBatches public desk;

    function _foundBeside(string memory name) internal {
        _found();
        desk = ISignedBatches(_deploy(name, abi.encode(_manager, registry)));
    }

    /// @dev Whether merchant m's operation took effect in a batch of its own: the batch's root is its leaf then.
    function _apply(uint256 m, uint256 key, bytes memory words, bytes32[] memory witness) internal returns (bool) {
        return _applyAs(desk.lastBatch() + 1, m, key, words, witness);
    }

    function _applyAs(uint64 number, uint256 m, uint256 key, bytes memory words, bytes32[] memory witness)
        internal
        returns (bool)
    {
        SignedSlice[] memory slices = new SignedSlice[](1);
        slices[0].merchant = glns[m];
        slices[0].operations = new SignedOperation[](1);
        slices[0].operations[0] = SignedOperation(words, witness);
        bytes32 hash = keccak256(abi.encodePacked(keccak256(words)));
        bytes32 structHash = keccak256(abi.encode(SLICE_TYPE, number, glns[m], hash));
        slices[0].signature = _sign(key, _digestOf("Alliance Batches", address(desk), structHash));
        vm.warp(_now);
        try desk.submitBatch(number, slices) {
            return desk.rootOf(number) == keccak256(words);
        } catch {
            return false;
        }
    }

    /// @dev The merchant's own key, now and then another's.
    function _signer(uint256 seed, uint256 m) internal returns (uint256) {
        return _roll(seed, 6) == 0 ? (m + 1) % MERCHANTS : m;
    }

    function _breachIf(bool happened, uint256 invariantNumber) internal {
        if (happened) ++breaches[invariantNumber];
    }

    function wait(uint256 seed) external {
        if (_now < START + EPOCH * 2) _now += 1 + _roll(seed, 2 days);
    }
}
