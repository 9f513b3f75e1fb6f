// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extension, ExtensionSlice} from "../interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {Moves} from "../libraries/Moves.sol";
import {OrderedTree} from "../libraries/OrderedTree.sol";
import {Succession} from "./Succession.sol";

/// @dev Points that get a later end. To the token an extension is a clawback from the one epoch and a restore into the
/// other, so that for each epoch and in all its counters still come to what is outstanding (INV-4). Applied one by one
/// in their order: one may extend what another before it brought.
abstract contract Extensions is Succession {
    function _applyExtensions(Work memory work, ExtensionSlice[] calldata slices) internal {
        work.legs = new uint256[](1);
        uint256 index;
        for (uint256 s; s < slices.length; ++s) {
            if (s > 0 && slices[s].merchant <= slices[s - 1].merchant) revert SliceNotRising(s);
            index = _applySlice(work, slices[s], index);
        }
    }

    function _applySlice(Work memory work, ExtensionSlice calldata slice, uint256 first)
        private
        returns (uint256 end)
    {
        (address key,) = _registry.sliceKey(slice.merchant);
        if (key == address(0)) revert SliceMerchantUnknown(slice.merchant);
        end = first + slice.extensions.length;
        for (uint256 i = first; i < end; ++i) _extend(work, i, slice.merchant, slice.extensions[i - first]);
        bytes32 operationsHash = OrderedTree.hashOf(work.leaves, first, end);
        _checkSlice(work, slice.merchant, key, operationsHash, slice.signature);
    }

    function _countExtensions(ExtensionSlice[] calldata slices) internal pure returns (uint256 count) {
        for (uint256 s; s < slices.length; ++s) count += slices[s].extensions.length;
    }

    function _extend(Work memory work, uint256 index, uint64 merchant, Extension calldata op) private {
        _checkAccepted(work, index, op.acceptedAt);
        IAlliancePoints token = _checkLater(index, merchant, op);
        uint256[] memory single = work.legs;
        uint256 move = Moves.word(op.account, index, op.leg);
        single[0] = move;
        token.clawBackBatch(single);
        single[0] = move & ~(uint256(type(uint16).max) << 64) | uint256(op.epoch) << 64;
        token.restoreBatch(single);
        work.leaves[index] = keccak256(
            abi.encode(
                uint256(9), op.opId, merchant, op.account, op.acceptedAt, op.leg, op.epoch
            )
        );
        uint256 head = work.number << 192 | index << 160 | uint256(merchant) << 96 | uint256(op.acceptedAt) << 56;
        emit OperationExtended(head, op.opId, op.account, op.leg, op.epoch);
    }

    /// @dev Ends rise with epochs, so a greater epoch is a later end (INV-11). The epoch that the points leave may have
    /// ended: what has not expired yet is still there.
    function _checkLater(uint256 index, uint64 merchant, Extension calldata op)
        private
        view
        returns (IAlliancePoints token)
    {
        uint32 programme = uint32(op.leg >> 112);
        uint256 epoch = Moves.epochOf(op.leg);
        uint256 amount = uint64(op.leg);
        if (op.leg != (uint256(programme) << 112 | epoch << 64 | amount)) {
            revert MoveLegInvalid(uint32(index), op.leg);
        }
        if (amount == 0) revert AmountZero(uint32(index), op.leg);
        if (op.epoch <= epoch) revert ExtensionNotLater(uint32(index), programme, epoch, op.epoch);
        uint64 issuer = _registry.programme(programme).issuer;
        if (issuer != merchant) revert IssuerMismatch(uint32(index), merchant, issuer);
        uint40 end = _registry.epochEnd(programme, op.epoch);
        if (end == 0) revert EpochUnknown(uint32(index), programme, op.epoch);
        if (op.acceptedAt >= end) revert EpochEnded(uint32(index), programme, op.epoch, end);
        token = IAlliancePoints(_registry.programme(programme).token);
        // The token counts in 64 bits what is clawed back, for which the cap vouches; extensions repeat.
        uint256 clawedBack = token.counters(0).clawedBack + amount;
        if (clawedBack > type(uint64).max) revert ExtensionsExhausted(uint32(index), programme, clawedBack);
    }
}
