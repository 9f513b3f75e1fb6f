// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignedBatches} from "../../src/batches/SignedBatches.sol";
import {SignedOperation, SignedSlice} from "../../src/interfaces/ISignedBatches.sol";
import {Anybody} from "./Anybody.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: the batches of the contracts beside the ClearingHouse, with operations of their four first
/// words. This contract is its own registry and authority, and the key of every merchant.
contract BatchProofs is SignedBatches, Anybody {
    bytes32 private constant SLICE = keccak256("Slice(uint64 batch,uint64 merchant,bytes32 operationsHash)");

    uint256 public applied;
    uint40 private _suspendedFrom = type(uint40).max;

    struct Op {
        uint256 kind;
        uint256 opId;
        uint256 whose;
        uint256 acceptedAt;
    }

    constructor() AccessManaged(address(this)) EIP712("Alliance Batches", "1") SignedBatches(address(this)) {}

    function sliceKey(uint64) external view returns (address, uint40) {
        return (address(this), _suspendedFrom);
    }

    function _apply(Head memory, bytes calldata, bytes32[] calldata) internal override returns (bytes4) {
        ++applied;
        return APPLIED;
    }

    function check_INV7_batch_numbers_rise(uint64 first, uint64 second, uint64 merchant) public {
        vm.warp(1_700_000_000);
        _signsAll = true;
        Op memory op = Op(1, 1 << 200, merchant, 1_700_000_000);
        bool one = _submitted(first, merchant, op);
        assert(one == (first != 0) && this.lastBatch() == first);
        bool two = _submitted(second, merchant, op);
        assert(two == (second > first));
        assert(applied == (one ? 1 : 0) + (two ? 1 : 0));
        assert(this.lastBatch() == (two ? second : first));
    }

    /// @dev INV-10's rule, here too: the merchant signed this operation for this batch.
    function check_INV10_nothing_without_the_merchants_word(
        uint64 number, uint64 merchant, Op memory op, uint64 itsNumber, uint64 itsMerchant, Op memory itsOp
    ) public {
        vm.warp(1_700_000_000);
        bytes32 word = keccak256(abi.encodePacked(keccak256(_words(itsOp))));
        _signed[_hashTypedDataV4(keccak256(abi.encode(SLICE, itsNumber, itsMerchant, word)))] = true;
        if (!_submitted(number, merchant, op)) return;
        assert(number == itsNumber && merchant == itsMerchant && op.whose == merchant);
        assert(op.kind == itsOp.kind && op.opId == itsOp.opId && op.acceptedAt == itsOp.acceptedAt);
    }

    function check_INV7_what_is_late_or_of_a_suspended_merchant_does_nothing(uint40 now_, Op memory op, uint40 from) public {
        vm.warp(now_);
        _signsAll = true;
        _suspendedFrom = from;
        bool done = _submitted(1, uint64(op.whose), op);
        bool timely = op.acceptedAt + 7 days >= now_ && op.acceptedAt < from;
        assert(applied == (done && timely ? 1 : 0));
        if (done) assert(op.acceptedAt <= uint256(now_) + 120 && op.whose <= type(uint64).max && uint128(op.opId) == 0);
    }

    function _submitted(uint64 number, uint64 merchant, Op memory op) private returns (bool done) {
        SignedSlice[] memory slices = new SignedSlice[](1);
        slices[0].merchant = merchant;
        slices[0].operations = new SignedOperation[](1);
        slices[0].operations[0].words = _words(op);
        (done,) = address(this).call(abi.encodeCall(this.submitBatch, (number, slices)));
    }

    function _words(Op memory op) private pure returns (bytes memory) {
        return abi.encode(op.kind, op.opId, op.whose, op.acceptedAt);
    }
}
