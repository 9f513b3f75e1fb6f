// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {CustodialLimits, Slice, TermsInForce, TermsKey} from "../interfaces/AllianceTypes.sol";
import {Moves} from "../libraries/Moves.sol";
import {Permits} from "./Permits.sol";

/// @dev What one batch works with: table rows and programmes loaded once, moves collected per programme, values
/// accrued in memory. Nothing here outlives the batch but the storage it is written to at the end.
abstract contract BatchDesk is Permits {
    /// @dev A programme of the table; its rows (versions) share it.
    struct Book {
        uint32 programme;
        address token;
        uint64 issuer;
        int256 owed; // what the issuer owes by this batch, micros
        uint256 issued; // lifetime issuance so far; NOT_READ until the first issue
        uint256[] ends; // epochs looked up: epoch << 40 | end
        Moves.List moves;
    }

    struct Row {
        uint256 key; // programme << 16 | version, as in a leg
        Book book;
        TermsInForce terms;
    }

    /// @dev A slice's place in the batch; `index` is the position of its next operation.
    struct Turn {
        uint64 merchant;
        address key;
        uint40 suspendedFrom;
        uint256 first;
        uint256 index;
        int256 credit; // what the merchant is owed by this batch, micros
    }

    struct Work {
        uint64 number;
        bytes32[] leaves;
        Row[] rows;
        Turn[] turns;
        CustodialLimits limits;
    }

    uint256 internal constant NOT_READ = type(uint256).max;
    uint256 private constant MOST_OPERATIONS = 2048;
    uint256 private constant MOST_LEGS = 8;
    uint256 private constant LEG_BITS = (1 << 248) - 1;
    uint40 private constant CLOCK_SKEW = 120 seconds;
    uint40 private constant MINING_WINDOW = 7 days;

    function _openWork(uint64 number, TermsKey[] calldata table, uint256 signers, Slice[] calldata slices)
        internal
        view
        returns (Work memory work)
    {
        address inForce;
        TermsInForce[] memory loaded;
        (loaded, work.limits, inForce) = _registry.batchTerms(table);
        if (inForce != address(this)) revert ClearingHouseNotInForce(inForce);
        work.number = number;
        work.rows = _rowsOf(table, loaded);
        work.turns = new Turn[](slices.length);
        uint256 count = signers;
        for (uint256 s; s < slices.length; ++s) count = _openTurn(work.turns[s], slices[s], count);
        if (count == 0) revert BatchEmpty(number);
        if (count > MOST_OPERATIONS) revert BatchTooLarge(count, MOST_OPERATIONS);
        work.leaves = new bytes32[](count);
    }

    function _rowsOf(TermsKey[] calldata table, TermsInForce[] memory loaded) private pure returns (Row[] memory rows) {
        rows = new Row[](loaded.length);
        for (uint256 i; i < rows.length; ++i) {
            Row memory row = rows[i];
            row.key = uint256(table[i].programme) << 16 | table[i].version;
            row.terms = loaded[i];
            if (i > 0 && row.key <= rows[i - 1].key) revert TableNotRising(i);
            if (i > 0 && row.key >> 16 == rows[i - 1].key >> 16) {
                row.book = rows[i - 1].book;
                continue;
            }
            row.book.programme = table[i].programme;
            row.book.token = loaded[i].token;
            row.book.issuer = loaded[i].issuer;
            row.book.issued = NOT_READ;
        }
    }

    function _openTurn(Turn memory turn, Slice calldata slice, uint256 first) private view returns (uint256 end) {
        turn.merchant = slice.merchant;
        (turn.key, turn.suspendedFrom) = _registry.sliceKey(slice.merchant);
        if (turn.key == address(0)) revert SliceMerchantUnknown(slice.merchant);
        turn.first = first;
        turn.index = first;
        return first + slice.issues.length + slice.restores.length + slice.gifts.length + slice.redeems.length
            + slice.clawbacks.length + slice.expiries.length;
    }

    function _checkAccepted(uint256 operation, uint40 acceptedAt) internal view {
        if (acceptedAt > block.timestamp + CLOCK_SKEW) {
            revert AcceptedInFuture(uint32(operation), acceptedAt, block.timestamp);
        }
        if (block.timestamp > acceptedAt + MINING_WINDOW) {
            revert AcceptedTooLongAgo(uint32(operation), acceptedAt, block.timestamp);
        }
    }

    function _checkNotSuspended(Turn memory turn, uint40 acceptedAt) internal pure {
        if (acceptedAt >= turn.suspendedFrom) {
            revert MerchantSuspendedAt(uint32(turn.index), turn.merchant, turn.suspendedFrom, acceptedAt);
        }
    }

    function _checkLegCount(uint256 operation, uint256 legs) internal pure {
        if (legs == 0 || legs > MOST_LEGS) revert LegCountInvalid(uint32(operation), legs);
    }

    /// @dev The row a leg points to. The leg is of exactly that programme and version, and its amount is positive.
    function _rowOf(Work memory work, uint256 operation, uint256 leg) internal pure returns (Row memory row) {
        uint256 position = leg >> 248;
        if (position >= work.rows.length) revert LegOutsideTable(uint32(operation), leg);
        row = work.rows[position];
        if ((leg & LEG_BITS) >> 96 != row.key) revert LegOutsideTable(uint32(operation), leg);
        if (uint64(leg) == 0) revert AmountZero(uint32(operation), leg);
    }

    function _checkInForce(uint256 operation, Row memory row, uint40 acceptedAt) internal pure {
        if (acceptedAt < row.terms.effectiveFrom || acceptedAt >= row.terms.effectiveUntil) {
            revert TermsNotInForce(uint32(operation), row.book.programme, uint16(row.key), acceptedAt);
        }
    }

    function _checkIssuer(Turn memory turn, Book memory book) internal pure {
        if (turn.merchant != book.issuer) revert IssuerMismatch(uint32(turn.index), turn.merchant, book.issuer);
    }

    /// @dev Reads each end once per batch; an epoch that the calendar lacks is refused.
    function _endOf(uint256 operation, Book memory book, uint256 epoch) internal view returns (uint40 end) {
        uint256[] memory known = book.ends;
        for (uint256 i; i < known.length; ++i) if (known[i] >> 40 == epoch) return uint40(known[i]);
        end = _registry.epochEnd(book.programme, epoch);
        if (end == 0) revert EpochUnknown(uint32(operation), book.programme, epoch);
        uint256[] memory longer = new uint256[](known.length + 1);
        for (uint256 i; i < known.length; ++i) longer[i] = known[i];
        longer[known.length] = epoch << 40 | end;
        book.ends = longer;
    }

    function _checkOpenEpoch(uint256 operation, Book memory book, uint256 leg, uint40 acceptedAt) internal view {
        uint40 end = _endOf(operation, book, Moves.epochOf(leg));
        if (acceptedAt >= end) revert EpochEnded(uint32(operation), book.programme, Moves.epochOf(leg), end);
    }

    /// @dev What the issuer owes for points at a row's terms: their value less the fee, which it keeps (D12).
    function _owedFor(Row memory row, uint256 points) internal pure returns (int256) {
        // 64 bits times 64 bits times at most 10,000: no overflow.
        unchecked {
            uint256 value = points * row.terms.pointValueMicros;
            return int256(value - value * row.terms.feeBps / 10_000);
        }
    }

    /// @dev Both sides of an obligation at once (INV-5). A merchant owes itself nothing.
    function _accrue(Turn memory turn, Book memory book, int256 micros) internal pure {
        if (turn.merchant == book.issuer) return;
        book.owed += micros;
        turn.credit += micros;
    }

    /// @dev Legs as they are hashed and emitted: without table rows.
    function _plain(uint256[] calldata legs) internal pure returns (uint256[] memory plain) {
        plain = new uint256[](legs.length);
        for (uint256 i; i < legs.length; ++i) plain[i] = legs[i] & LEG_BITS;
    }

    function _plain(uint256 leg) internal pure returns (uint256) {
        return leg & LEG_BITS;
    }

    /// @dev Takes the operation's place in the batch.
    function _place(Work memory work, Turn memory turn, bytes32 leaf) internal pure {
        work.leaves[turn.index] = leaf;
        ++turn.index;
    }

    /// @dev Frees memory that was taken after the mark: no batch pays for the scratch of operations before.
    function _release(Memory.Pointer mark) internal pure {
        Memory.unsafeSetFreeMemoryPointer(mark);
    }

    function _mark() internal pure returns (Memory.Pointer) {
        return Memory.getFreeMemoryPointer();
    }
}
