// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Counters} from "../interfaces/AllianceTypes.sol";
import {Legs} from "../libraries/Legs.sol";
import {RestrictedERC20} from "./RestrictedERC20.sol";

/// @dev Balances and counters, and the only code that writes them (INV-4).
abstract contract PointsBook is RestrictedERC20 {
    enum Kind {
        ISSUE,
        RESTORE,
        REDEEM,
        CLAWBACK,
        EXPIRE
    }

    uint256 private constant TALLIES = 16;

    /// @dev Four epochs to a word: epoch e in lane e & 3 of the word under account << 96 | e >> 2.
    struct Lots {
        uint256 word;
    }

    mapping(uint256 accountAndGroup => Lots) internal _lots;
    mapping(uint256 epoch => Counters) internal _counters;

    /// @dev Credits the moves in their order and counts each epoch once (INV-4).
    function _creditAll(uint256[] calldata moves, Kind kind) internal {
        uint256[TALLIES] memory sums;
        // Fewer than 2^16 amounts of 64 bits: no overflow.
        unchecked {
            for (uint256 i; i < moves.length; ++i) {
                uint256 move = Legs.read(moves, i);
                _tally(sums, kind, move);
                _credit(move);
                emit Transfer(address(0), address(uint160(move >> 96)), uint64(move));
            }
        }
        _countAll(sums, kind);
    }

    /// @dev Debits the moves in their order and counts each epoch once (INV-4). Moves of one operation and account that
    /// follow each other are one ERC-20 transfer.
    function _debitAll(uint256[] calldata moves, Kind kind) internal {
        uint256[TALLIES] memory sums;
        bool expires = kind == Kind.EXPIRE;
        uint256 previous;
        uint256 transferred;
        // Fewer than 2^16 amounts of 64 bits: no overflow.
        unchecked {
            for (uint256 i; i < moves.length; ++i) {
                uint256 move = Legs.read(moves, i);
                if ((move ^ previous) >> 80 != 0) {
                    if (i != 0) emit Transfer(address(uint160(previous >> 96)), address(0), transferred);
                    transferred = 0;
                }
                previous = move;
                transferred += uint64(move);
                _tally(sums, kind, move);
                _debit(move);
                if (expires) emit PointsExpired(address(uint160(move >> 96)), uint16(move >> 64), uint64(move));
            }
        }
        if (previous != 0) emit Transfer(address(uint160(previous >> 96)), address(0), transferred);
        _countAll(sums, kind);
    }

    /// @dev Adds to the epoch's sum (epoch << 128 | sum), at the epoch's last four bits. Another epoch that stands there
    /// is counted and gives way.
    function _tally(uint256[TALLIES] memory sums, Kind kind, uint256 move) private {
        uint256 epoch = uint16(move >> 64);
        uint256 place;
        uint256 sum;
        // Four bits choose one of TALLIES = 16 words.
        assembly ("memory-safe") {
            place := add(sums, shl(5, and(epoch, 15)))
            sum := mload(place)
        }
        if (sum >> 128 != epoch) {
            _countBoth(kind, sum);
            sum = epoch << 128;
        }
        // Fewer than 2^16 amounts of 64 bits: the sum stays below 2^128. `place` is the word above.
        assembly ("memory-safe") {
            mstore(place, add(sum, and(move, 0xffffffffffffffff)))
        }
    }

    function _countAll(uint256[TALLIES] memory sums, Kind kind) private {
        for (uint256 i; i < TALLIES; ++i) _countBoth(kind, sums[i]);
    }

    /// @dev Counts a sum for its epoch and for the programme's lifetime.
    function _countBoth(Kind kind, uint256 sum) private {
        if (sum == 0) return;
        _count(sum >> 128, kind, uint128(sum));
        _count(0, kind, uint128(sum));
    }

    function _count(uint256 epoch, Kind kind, uint256 amount) private {
        Counters storage sum = _counters[epoch];
        // Lifetime issuance fits 64 bits (cap), so does what leaves by clawback and expiry; redeemed and restored
        // have 128 bits for sums of 64-bit amounts.
        unchecked {
            if (kind == Kind.ISSUE) sum.issued += uint64(amount);
            else if (kind == Kind.RESTORE) sum.restored += uint128(amount);
            else if (kind == Kind.REDEEM) sum.redeemed += uint128(amount);
            else if (kind == Kind.CLAWBACK) sum.clawedBack += uint64(amount);
            else sum.expired += uint64(amount);
        }
    }

    /// @dev One of the two places where balances change.
    function _credit(uint256 move) private {
        uint256 epoch = uint16(move >> 64);
        uint256 place = move >> 96 << 96 | epoch >> 2;
        // Outstanding points never exceed lifetime issuance, which fits 64 bits: the lane does not overflow.
        unchecked {
            _lots[place].word += uint256(uint64(move)) << _shift(epoch);
        }
    }

    /// @dev The other place where balances change: never below zero.
    function _debit(uint256 move) private {
        uint256 epoch = uint16(move >> 64);
        uint256 amount = uint64(move);
        Lots storage lots = _lots[move >> 96 << 96 | epoch >> 2];
        uint256 word = lots.word;
        uint256 balance = uint64(word >> _shift(epoch));
        if (balance < amount) {
            revert AlliancePointsInsufficientBalance(
                uint16(move >> 80), address(uint160(move >> 96)), epoch, balance, amount
            );
        }
        // amount <= balance: the subtraction stays inside its lane.
        unchecked {
            lots.word = word - (amount << _shift(epoch));
        }
    }

    function _place(address account, uint256 epoch) internal pure returns (uint256) {
        return uint256(uint160(account)) << 96 | epoch >> 2;
    }

    function _shift(uint256 epoch) internal pure returns (uint256) {
        return (epoch & 3) << 6;
    }

    /// @dev Pairs: a move of the giver, then the recipient. The epoch stays; nothing is counted.
    function _giftAll(uint256[] calldata moves) internal {
        for (uint256 i; i < moves.length; i += 2) {
            uint256 move = moves[i];
            _debit(move);
            _credit(moves[i + 1] << 96 | uint96(move));
            emit Transfer(address(uint160(move >> 96)), address(uint160(moves[i + 1])), uint64(move));
        }
    }
}
