// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {
    AccountMove,
    Clawback,
    ConversionSlice,
    Expiry,
    ExtensionSlice,
    Gift,
    Issue,
    Redeem,
    Restore,
    SignerChange,
    Slice,
    TermsKey
} from "./interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "./interfaces/IAlliancePoints.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";
import {Credits} from "./clearing/Credits.sol";
import {Debits} from "./clearing/Debits.sol";
import {Settlement} from "./clearing/Settlement.sol";
import {Succession} from "./clearing/Succession.sol";
import {Moves} from "./libraries/Moves.sol";
import {OrderedTree} from "./libraries/OrderedTree.sol";

contract ClearingHouse is Debits {
    using Moves for Moves.List;

    /// @inheritdoc IClearingHouse
    address public immutable accountMover;

    constructor(address authority, address registry_, address predecessor_, address accountMover_, address campaignDesk_)
        AccessManaged(authority)
        EIP712("Alliance Ledger", "1")
        Settlement(registry_, predecessor_)
        Succession(predecessor_)
        Credits(campaignDesk_)
    {
        accountMover = accountMover_;
    }

    /// @inheritdoc IClearingHouse
    function submitBatch(
        uint64 number, TermsKey[] calldata table, SignerChange[] calldata signers, Slice[] calldata slices
    ) external restricted {
        _openBatch(number);
        Work memory work = _openWork(number, table, signers.length, slices);
        for (uint256 i; i < signers.length; ++i) _changeSigner(work, uint32(i), signers[i]);
        _applyCredits(work, slices);
        _applyPermitted(work, slices);
        _applyReversals(work, slices);
        _checkSlices(work, slices);
        uint32 period = currentPeriod();
        _writeNets(work, period);
        _closeBatch(number, uint32(work.leaves.length), OrderedTree.consumeToRoot(work.leaves));
    }

    /// @inheritdoc IClearingHouse
    function moveAccounts(uint64, AccountMove[] calldata) external restricted {
        _toMover();
    }

    /// @inheritdoc IClearingHouse
    function extendPoints(uint64, ExtensionSlice[] calldata) external restricted {
        _toMover();
    }

    /// @inheritdoc IClearingHouse
    function convertPoints(uint64, ConversionSlice[] calldata) external restricted {
        _toMover();
    }

    function _toMover() private {
        address mover = accountMover;
        // The free memory takes the call as it came, and then what the mover reverted with.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            if iszero(delegatecall(gas(), mover, free, calldatasize(), 0, 0)) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    function _applyCredits(Work memory work, Slice[] calldata slices) private {
        for (uint256 s; s < slices.length; ++s) {
            Issue[] calldata issues = slices[s].issues;
            Turn memory turn = work.turns[s];
            for (uint256 i; i < issues.length; ++i) _issue(work, turn, issues[i]);
        }
        _flush(work, IAlliancePoints.issueBatch.selector);
        for (uint256 s; s < slices.length; ++s) {
            Restore[] calldata restores = slices[s].restores;
            Turn memory turn = work.turns[s];
            for (uint256 i; i < restores.length; ++i) _restore(work, turn, restores[i]);
        }
        _flush(work, IAlliancePoints.restoreBatch.selector);
    }

    function _applyPermitted(Work memory work, Slice[] calldata slices) private {
        for (uint256 s; s < slices.length; ++s) {
            Gift[] calldata gifts = slices[s].gifts;
            Turn memory turn = work.turns[s];
            for (uint256 i; i < gifts.length; ++i) _gift(work, turn, gifts[i]);
        }
        _flush(work, IAlliancePoints.giftBatch.selector);
        for (uint256 s; s < slices.length; ++s) {
            Redeem[] calldata redeems = slices[s].redeems;
            Turn memory turn = work.turns[s];
            for (uint256 i; i < redeems.length; ++i) _redeem(work, turn, redeems[i]);
        }
        _flush(work, IAlliancePoints.redeemBatch.selector);
    }

    function _applyReversals(Work memory work, Slice[] calldata slices) private {
        for (uint256 s; s < slices.length; ++s) {
            Clawback[] calldata clawbacks = slices[s].clawbacks;
            Turn memory turn = work.turns[s];
            for (uint256 i; i < clawbacks.length; ++i) _clawBack(work, turn, clawbacks[i]);
        }
        _flush(work, IAlliancePoints.clawBackBatch.selector);
        for (uint256 s; s < slices.length; ++s) {
            Expiry[] calldata expiries = slices[s].expiries;
            Turn memory turn = work.turns[s];
            for (uint256 i; i < expiries.length; ++i) _expire(work, turn, expiries[i]);
        }
        _flush(work, IAlliancePoints.expireBatch.selector);
    }

    /// @dev One call per programme and kind; the lists are empty afterwards.
    function _flush(Work memory work, bytes4 batchFunction) private {
        for (uint256 i; i < work.rows.length; ++i) {
            Book memory book = work.rows[i].book;
            book.moves.deliver(book.token, batchFunction);
        }
    }

    function _checkSlices(Work memory work, Slice[] calldata slices) private view {
        for (uint256 s; s < slices.length; ++s) {
            Turn memory turn = work.turns[s];
            bytes32 operationsHash = OrderedTree.hashOf(work.leaves, turn.first, turn.index);
            _checkSlice(work, turn.merchant, turn.key, operationsHash, slices[s].signature);
        }
    }

    /// @dev Each issuer and each acceptor once per batch (INV-5, D12).
    function _writeNets(Work memory work, uint32 period) private {
        for (uint256 i; i < work.rows.length; ++i) {
            Book memory book = work.rows[i].book;
            _addNet(period, uint64(book.issuer), -book.owed);
            book.owed = 0;
        }
        for (uint256 s; s < work.turns.length; ++s) {
            _addNet(period, uint64(work.turns[s].merchant), work.turns[s].credit);
        }
    }
}
