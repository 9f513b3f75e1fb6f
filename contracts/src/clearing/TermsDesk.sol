// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchDesk} from "./BatchDesk.sol";

/// @dev Under which terms an operation is judged: the row that it cites, when and where that is in force, and what the
/// issuer owes by it.
abstract contract TermsDesk is BatchDesk {
    /// @dev Finds the row a leg points to, as `work.row`; the leg's amount is positive. (A struct as return value would
    /// take and clear memory for every leg.)
    function _findRow(Work memory work, uint256 operation, uint256 leg) internal pure {
        Row[] memory rows = work.rows;
        uint256 place = leg >> 96;
        if (place >= rows.length) revert LegOutsideTable(uint32(operation), leg);
        if (uint64(leg) == 0) revert AmountZero(uint32(operation), leg);
        Row memory row = work.row;
        // The place is less than the length; an array of structs holds their addresses.
        assembly ("memory-safe") {
            row := mload(add(add(rows, 32), shl(5, place)))
        }
        work.row = row;
    }

    /// @dev The leg as it is hashed and emitted: with programme and version in the place of the row's number.
    function _whole(Row memory row, uint256 leg) internal pure returns (uint256) {
        return row.key << 96 | uint96(leg);
    }

    function _checkInForce(uint256 operation, Row memory row, uint256 acceptedAt) internal pure {
        if (acceptedAt < row.from || acceptedAt >= row.until) {
            revert TermsNotInForce(
                uint32(operation), uint32(row.book.programme), uint16(row.key), uint40(acceptedAt)
            );
        }
    }

    function _checkIssuer(Turn memory turn, Book memory book) internal pure {
        if (turn.merchant != book.issuer) {
            revert IssuerMismatch(uint32(turn.index), uint64(turn.merchant), uint64(book.issuer));
        }
    }

    /// @dev Reads each end once per batch (again, where two epochs share a place); an epoch that the calendar lacks is
    /// refused.
    function _endOf(uint256 operation, Book memory book, uint256 epoch) internal view returns (uint256 end) {
        uint256 known = book.ends[epoch & 15];
        if (known >> 40 == epoch && known != 0) return uint40(known);
        end = _registry.epochEnd(uint32(book.programme), epoch);
        if (end == 0) revert EpochUnknown(uint32(operation), uint32(book.programme), epoch);
        book.ends[epoch & 15] = epoch << 40 | end;
    }

    function _checkOpenEpoch(uint256 operation, Book memory book, uint256 epoch, uint256 acceptedAt)
        internal
        view
        returns (uint256 end)
    {
        end = _endOf(operation, book, epoch);
        if (acceptedAt >= end) revert EpochEnded(uint32(operation), uint32(book.programme), epoch, uint40(end));
    }

    /// @dev Points of that row and epoch can be issued or spent at acceptance: its terms were in force, the epoch was
    /// open. Both are one window, found once per batch (again, where two epochs or acceptors share a place); outside it
    /// the checks say why.
    /// @param asked acceptor << 32 | epoch; acceptor 0 where nobody accepts. Only terms of pairs make it matter.
    function _checkOpen(uint256 operation, Row memory row, uint256 asked, uint256 acceptedAt) internal view {
        asked &= row.asked;
        uint256[16] memory windows = row.windows;
        bool open;
        // Four bits choose one of 16 words. Without branches: the place holds this epoch, and acceptedAt - from, which
        // wraps below from, is less than until - from.
        assembly ("memory-safe") {
            let window := mload(add(windows, shl(5, and(asked, 15))))
            let from := and(shr(40, window), 0xffffffffff)
            open := and(
                eq(shr(80, window), asked), lt(sub(acceptedAt, from), sub(and(window, 0xffffffffff), from))
            )
        }
        if (open) return;
        _checkInForce(operation, row, acceptedAt);
        uint256 end = _checkOpenEpoch(operation, row.book, uint32(asked), acceptedAt);
        uint256 times = row.from << 40 | row.until;
        if (row.asked > type(uint32).max) times = _timesAt(operation, row, asked >> 32, acceptedAt);
        if (uint40(times) < end) end = uint40(times);
        windows[asked & 15] = asked << 80 | times >> 40 << 40 | end;
    }

    /// @dev From when until when the row's terms are those of that acceptor, acceptance within.
    function _timesAt(uint256 operation, Row memory row, uint256 acceptor, uint256 acceptedAt)
        private
        view
        returns (uint256 times)
    {
        times = _registry.timesAt(uint32(row.book.programme), uint16(row.key), uint64(acceptor), uint40(acceptedAt));
        if (times == 0) {
            revert TermsOfAnotherPair(
                uint32(operation), uint32(row.book.programme), uint16(row.key), uint64(acceptor)
            );
        }
    }

    /// @dev What the issuer owes for points of that value: it keeps the fee (D12).
    function _owedFor(Row memory row, uint256 value) internal pure returns (int256) {
        // A value is 64 bits times 64 bits, a fee at most 10,000: no overflow.
        unchecked {
            return int256(value - value * row.feeBps / 10_000);
        }
    }

    /// @dev Both sides of an obligation at once (INV-5). A merchant owes itself nothing.
    function _accrue(Turn memory turn, Book memory book, int256 micros) internal pure {
        if (turn.merchant == book.issuer) return;
        // At most 2048 operations of eight legs of 128 bits: no overflow.
        unchecked {
            book.owed += micros;
            turn.credit += micros;
        }
    }
}
