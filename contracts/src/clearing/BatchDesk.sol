// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CustodialLimits, Slice, TermsInForce, TermsKey} from "../interfaces/AllianceTypes.sol";
import {Legs} from "../libraries/Legs.sol";
import {Moves} from "../libraries/Moves.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Permits} from "./Permits.sol";

/// @dev What one batch works with: table rows and programmes loaded once, moves collected per programme, values
/// accrued in memory. Nothing here outlives the batch but the storage it is written to at the end.
abstract contract BatchDesk is Permits {
    /// @dev A programme of the table; its rows (versions) share it.
    struct Book {
        uint256 programme;
        address token;
        uint256 issuer;
        int256 owed; // what the issuer owes by this batch, micros
        uint256 issued; // lifetime issuance so far; NOT_READ until the first issue
        uint256[16] ends; // looked up: epoch << 40 | end, at the epoch's last four bits
        Moves.List moves;
    }

    struct Row {
        uint256 key; // programme << 16 | version, as in a whole leg
        Book book;
        uint256 value; // of a point, micros
        uint256 feeBps;
        uint256 cap; // a word, as in TermsInForce
        uint256 from;
        uint256 until;
        uint256 asked; // what of acceptor << 32 | epoch matters: without terms of pairs the epoch alone
        uint256[16] windows; // looked up: asked << 80 | from << 40 | until, at the epoch's last four bits
    }

    /// @dev A slice's place in the batch; `index` is the position of its next operation.
    struct Turn {
        uint256 merchant;
        address key;
        uint256 suspendedFrom;
        uint256 first;
        uint256 index;
        int256 credit; // what the merchant is owed by this batch, micros
    }

    /// @dev `words` and `legs` are scratch that every operation writes anew, so that memory does not grow with them.
    struct Work {
        uint256 number;
        uint256 earliest; // acceptance times that this block honours
        uint256 latest;
        bytes32[] leaves;
        Row[] rows;
        Row row; // of the leg in hand
        Turn[] turns;
        CustodialLimits limits;
        uint256[10] words;
        uint256[] legs;
    }

    bytes32 private constant SLICE_TYPE = keccak256("Slice(uint64 batch,uint64 merchant,bytes32 operationsHash)");
    uint256 internal constant NOT_READ = type(uint256).max;
    uint256 private constant MOST_OPERATIONS = 2048;
    uint256 private constant CLOCK_SKEW = 120 seconds;
    uint256 private constant MINING_WINDOW = 7 days;

    function _openWork(uint64 number, TermsKey[] calldata table, uint256 signers, Slice[] calldata slices)
        internal
        view
        returns (Work memory work)
    {
        address inForce;
        TermsInForce[] memory loaded;
        (loaded, work.limits, inForce) = _registry.batchTerms(table);
        if (inForce != address(this)) revert ClearingHouseNotInForce(inForce);
        _openTimes(work, number);
        work.legs = Legs.room();
        work.rows = _rowsOf(table, loaded);
        work.turns = new Turn[](slices.length);
        uint256 count = signers;
        for (uint256 s; s < slices.length; ++s) {
            // A signature covers one slice: were it to count twice, its issues would take effect twice (INV-7).
            if (s > 0 && slices[s].merchant <= slices[s - 1].merchant) revert SliceNotRising(s);
            count = _openTurn(work.turns[s], slices[s], count);
        }
        _openLeaves(work, count);
    }

    /// @dev As `_openWork`, for a batch of moves or extensions: it needs no terms.
    function _openMoves(uint64 number, uint256 count) internal view returns (Work memory work) {
        address inForce = _registry.clearingHouse();
        if (inForce != address(this)) revert ClearingHouseNotInForce(inForce);
        _openTimes(work, number);
        _openLeaves(work, count);
    }

    function _openTimes(Work memory work, uint64 number) private view {
        work.number = number;
        work.earliest = block.timestamp - MINING_WINDOW;
        work.latest = block.timestamp + CLOCK_SKEW;
    }

    function _openLeaves(Work memory work, uint256 count) private pure {
        if (count == 0) revert BatchEmpty(uint64(work.number));
        if (count > MOST_OPERATIONS) revert BatchTooLarge(count, MOST_OPERATIONS);
        work.leaves = new bytes32[](count);
    }

    function _rowsOf(TermsKey[] calldata table, TermsInForce[] memory loaded) private pure returns (Row[] memory rows) {
        rows = new Row[](loaded.length);
        for (uint256 i; i < rows.length; ++i) {
            Row memory row = rows[i];
            row.key = uint256(table[i].programme) << 16 | table[i].version;
            row.value = loaded[i].pointValueMicros;
            row.feeBps = loaded[i].feeBps;
            row.cap = loaded[i].issuanceCap;
            row.from = loaded[i].effectiveFrom;
            row.until = loaded[i].effectiveUntil;
            row.asked = loaded[i].issuer >> 64 == 0 ? type(uint32).max : type(uint256).max;
            if (i > 0 && row.key <= rows[i - 1].key) revert TableNotRising(i);
            if (i > 0 && row.key >> 16 == rows[i - 1].key >> 16) {
                row.book = rows[i - 1].book;
                continue;
            }
            row.book.programme = row.key >> 16;
            row.book.token = loaded[i].token;
            row.book.issuer = uint64(loaded[i].issuer);
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

    function _checkAccepted(Work memory work, uint256 operation, uint256 acceptedAt) internal view {
        if (acceptedAt > work.latest) revert AcceptedInFuture(uint32(operation), uint40(acceptedAt), block.timestamp);
        if (acceptedAt < work.earliest) {
            revert AcceptedTooLongAgo(uint32(operation), uint40(acceptedAt), block.timestamp);
        }
    }

    function _checkNotSuspended(Turn memory turn, uint256 acceptedAt) internal pure {
        if (acceptedAt >= turn.suspendedFrom) {
            revert MerchantSuspendedAt(
                uint32(turn.index), uint64(turn.merchant), uint40(turn.suspendedFrom), uint40(acceptedAt)
            );
        }
    }

    /// @dev The batch's one array of legs, made `count` long.
    function _openLegs(Work memory work, uint256 operation, uint256 count)
        internal
        pure
        returns (uint256[] memory legs)
    {
        if (count == 0 || count > Legs.MOST) revert LegCountInvalid(uint32(operation), count);
        legs = work.legs;
        Legs.resize(legs, count);
    }

    /// @dev The hash of the first words of the scratch: a leaf or a struct hash.
    function _hash(uint256[10] memory words, uint256 count) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(words, shl(5, count))
        }
    }

    /// @dev Writes the first four words of every leaf but the signer's to the scratch.
    function _begin(Work memory work, Turn memory turn, uint256 kind, bytes16 opId, address account) internal pure {
        uint256[10] memory words = work.words;
        words[0] = kind;
        words[1] = uint256(bytes32(opId));
        words[2] = turn.merchant;
        words[3] = uint160(account);
    }

    /// @dev Takes the operation's place in the batch, and says what all operation events begin with.
    function _place(Work memory work, Turn memory turn, uint256 count, uint256 acceptedAt, uint256 detail)
        internal
        pure
        returns (uint256 head)
    {
        uint256 index = turn.index;
        work.leaves[index] = _hash(work.words, count);
        head = work.number << 192 | index << 160 | turn.merchant << 96 | acceptedAt << 56 | detail;
        // At most MOST_OPERATIONS.
        unchecked {
            turn.index = index + 1;
        }
    }

    /// @dev Every slice is its merchant's own word (D2, INV-10).
    function _checkSlice(
        Work memory work, uint256 merchant, address key, bytes32 operationsHash, bytes calldata signature
    ) internal view {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(SLICE_TYPE, work.number, merchant, operationsHash)));
        if (!Signatures.isFrom(key, digest, signature)) revert SliceSignatureInvalid(uint64(merchant), digest);
    }

    /// @dev The detail of an event's head: a byte of the operation, and who signed.
    function _detail(uint256 ofOperation, bool custodial) internal pure returns (uint256) {
        return ofOperation << 48 | (custodial ? 1 : 0);
    }
}
