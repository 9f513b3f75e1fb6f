// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {
    AccountMove, ConversionSlice, ExtensionSlice, SignerChange, Slice, Successor, TermsKey
} from "./interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "./interfaces/IAlliancePoints.sol";
import {IRecoveryDesk} from "./interfaces/IRecoveryDesk.sol";
import {Conversions} from "./clearing/Conversions.sol";
import {Extensions} from "./clearing/Extensions.sol";
import {Settlement} from "./clearing/Settlement.sol";
import {Succession} from "./clearing/Succession.sol";
import {Moves} from "./libraries/Moves.sol";
import {OrderedTree} from "./libraries/OrderedTree.sol";

/// @dev The part of the ClearingHouse that moves accounts, and points between epochs and programmes, in a contract of
/// its own for its size. The house calls it by delegatecall, so that it works on the house's storage, as the house
/// towards the tokens, and in its domain; both have the same ancestors, and thereby the same places for what they share.
/// Called by itself it refuses.
contract AccountMover is Extensions, Conversions {
    bytes32 private constant MOVE_TYPE =
        keccak256("AccountMove(address account,address successor,address signer,uint40 validUntil)");
    uint8 private constant ROTATION = 1;
    uint8 private constant MERGE = 3;
    uint256 private constant MOST_MOVES = 32;
    uint256 private constant MOST_LEGS = 64;

    IRecoveryDesk private immutable _desk;

    constructor(address authority, address registry_, address predecessor_, address desk_)
        AccessManaged(authority)
        EIP712("Alliance Ledger", "1")
        Settlement(registry_, predecessor_)
        Succession(predecessor_)
    {
        _desk = IRecoveryDesk(desk_);
    }

    function recoveryDesk() external view returns (address) {
        return address(_desk);
    }

    /// @dev The house has checked who calls.
    function moveAccounts(uint64 number, AccountMove[] calldata moves) external {
        _openBatch(number);
        Work memory work = _openMoves(number, moves.length);
        for (uint256 i; i < moves.length; ++i) _moveAccount(work, i, moves[i]);
        _closeBatch(number, uint32(moves.length), OrderedTree.consumeToRoot(work.leaves));
    }

    /// @dev The house has checked who calls.
    function extendPoints(uint64 number, ExtensionSlice[] calldata slices) external {
        _openBatch(number);
        Work memory work = _openMoves(number, _countExtensions(slices));
        uint32 count = uint32(work.leaves.length);
        _applyExtensions(work, slices);
        _closeBatch(number, count, OrderedTree.consumeToRoot(work.leaves));
    }

    /// @dev The house has checked who calls.
    function convertPoints(uint64 number, ConversionSlice[] calldata slices) external {
        _openBatch(number);
        Work memory work = _openMoves(number, _countConversions(slices));
        uint32 count = uint32(work.leaves.length);
        _applyConversions(work, slices);
        _closeBatch(number, count, OrderedTree.consumeToRoot(work.leaves));
    }

    /// @dev The house's own.
    function submitBatch(uint64, TermsKey[] calldata, SignerChange[] calldata, Slice[] calldata) external view {
        revert ClearingHouseNotInForce(_registry.clearingHouse());
    }

    /// @dev The house's own.
    function reversedOf(bytes32) external view returns (uint256) {
        revert ClearingHouseNotInForce(_registry.clearingHouse());
    }

    /// @dev The house's own.
    function accountMover() external view returns (address) {
        return address(this);
    }

    /// @dev The house's own.
    function campaignDesk() external view returns (address) {
        revert ClearingHouseNotInForce(_registry.clearingHouse());
    }

    function _moveAccount(Work memory work, uint256 index, AccountMove calldata op) internal {
        _checkAccepted(work, index, op.acceptedAt);
        if (op.successor == address(0) || op.successor == op.account) {
            revert AccountInvalid(uint32(index), op.successor);
        }
        if (op.legs.length > MOST_LEGS) revert LegCountInvalid(uint32(index), op.legs.length);
        Successor memory known = successorOf(op.account);
        if (known.account == address(0)) _succeed(uint32(index), op, known);
        else if (known.account != op.successor) revert AccountMoved(uint32(index), op.account, known.account);
        work.leaves[index] = keccak256(
            abi.encode(
                uint256(8),
                op.opId,
                uint256(0),
                op.account,
                op.successor,
                op.reason,
                op.acceptedAt,
                keccak256(abi.encodePacked(op.legs))
            )
        );
        uint256[] memory moved = new uint256[](op.legs.length);
        for (uint256 i; i < moved.length; ++i) moved[i] = op.legs[i] | _moveLeg(index, op, op.legs[i]);
        uint256 head = work.number << 192 | index << 160 | uint256(op.acceptedAt) << 56 | _detail(op.reason, false);
        emit OperationMoved(head, op.opId, op.account, op.successor, moved);
    }

    /// @dev Neither end has moved before, so that successions never meet again: no cycle.
    function _succeed(uint32 index, AccountMove calldata op, Successor memory known) private {
        Successor memory next = successorOf(op.successor);
        if (next.account != address(0)) revert AccountMoved(index, op.successor, next.account);
        if (op.reason == ROTATION) _checkWilled(index, op);
        else if (op.reason == 0 || op.reason > MERGE) revert ReasonUnknown(index, op.reason);
        else if (!_desk.isRipe(op.account, op.successor, op.reason)) {
            revert MoveNotRipe(index, op.account, op.successor, op.reason);
        }
        uint32 moves = known.moves + 1;
        if (moves > MOST_MOVES) revert MovesExhausted(index, op.account, moves);
        _successors[op.account] = Successor(op.successor, known.moves);
        if (next.moves < moves) _successors[op.successor] = Successor(address(0), moves);
    }

    /// @dev The device that wills the move also names the one signer of the new account, so that no relayer can put
    /// another there. A custodian's word does not count: it would pass its limits.
    function _checkWilled(uint32 index, AccountMove calldata op) private view {
        if (op.acceptedAt > op.validUntil) revert PermitExpired(index, op.validUntil, op.acceptedAt);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(MOVE_TYPE, op.account, op.successor, op.signer, op.validUntil)));
        uint256 form = _form(op.authorisation.length != SIGNATURE_LENGTH, op.acceptedAt);
        bool custodial = _authorise(index, op.account, digest, op.authorisation, form);
        if (custodial || signerOf(op.successor, op.signer).activeFrom == 0 || accountUse(op.successor).signers != 1) {
            revert MoveNotWilled(index, op.account, op.successor, op.signer);
        }
    }

    /// @dev All that the account has of that programme and epoch. Both stay: nothing is issued, nothing leaves, nobody
    /// owes anything for it.
    function _moveLeg(uint256 index, AccountMove calldata op, uint256 leg) private returns (uint256 amount) {
        uint32 programme = uint32(leg >> 112);
        uint256 epoch = Moves.epochOf(leg);
        if (leg != (uint256(programme) << 112 | epoch << 64)) revert MoveLegInvalid(uint32(index), leg);
        IAlliancePoints token = IAlliancePoints(_registry.programme(programme).token);
        amount = token.balanceAtEpochRaw(op.account, epoch);
        if (amount == 0) return 0;
        uint256[] memory pair = new uint256[](2);
        pair[0] = Moves.word(op.account, index, leg | amount);
        pair[1] = uint160(op.successor);
        token.giftBatch(pair);
    }
}
