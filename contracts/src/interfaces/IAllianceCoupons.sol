// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A type of coupon: what its owner signed last of it, and how much of it is issued.
struct CouponType {
    uint64 owner;
    uint40 from; // the first second in which a coupon may be accepted
    uint40 until; // the first in which it may no longer
    uint16 version;
    uint8 rule; // of transfers: 0 none, 1 once, 2 free inside the alliance
    bool open; // serials are consumed without a root that proves them
    uint64 cap; // of issued ones
    uint64 issued; // under roots, or consumed where the type is open
    uint64 nextSerial; // the least that a further root may begin with
    bytes32 termsHash;
}

/// @dev A list of codes: its serials are first, first + 1, … ; `acceptedAt` is when its owner committed to it.
struct CouponRoot {
    uint64 first;
    uint64 count;
    uint40 acceptedAt;
}

/// @title Coupons that rivals accept, each once in the whole alliance
/// @notice ERC-1155 in its read side and events; a coupon is its type and serial: id = GCN type (13 digits) << 64 |
/// digits of the serial << 56 | serial. INV-6: one bit per serial says that it is consumed, whoever accepted it, and
/// only its acceptor's one reversal clears it.
///
/// A list of codes costs one word: the root over keccak256(id word, commitment), in the order of the serials, where
/// commitment = keccak256(opening). The root stands before the first code is distributed, so that a till can check
/// offline that a code was really issued; a code costs nothing on chain until it is used, and its consumption opens
/// the commitment, so that nobody can use up a rival's codes that it never saw. The opening is no code: from it nobody
/// can tell the code that a customer shows.
///
/// Nothing is minted for a code. A coupon that was given to somebody is a token of its holder, and only of that
/// holder's it is accepted: the holder before it fails at once. Holders are pseudonymous accounts; transfers and
/// approvals by hand are restricted, gifts come in batches under the owner's signature.
/// @dev Words of the operations after kind, opId, merchant and acceptedAt:
/// TYPE 1: gcn, version, cap, from, until, rule, open, termsHash; by the owner. A later version only widens.
/// ROOT 2: gcn, root, first, count; by the owner; serials rise from root to root.
/// CONSUME 3: id, account (0: the bearer), root, opening (both 0 where the type is open); by the acceptor. Witness: the
/// proof from the code's leaf to the root.
/// REVERSE 4: id, leaf of the consumption; by its acceptor. Witness: batch, opId, acceptedAt, account, root and opening
/// of the consumption, then the proof from its leaf to the batch's root.
/// GIVE 5: id, from, to; by the owner.
/// The window is judged at the acceptance time, not at that of the block.
interface IAllianceCoupons {
    event CouponTypeRegistered(
        uint64 indexed gcn,
        uint64 indexed owner,
        uint16 version,
        uint64 cap,
        uint40 from,
        uint40 until,
        uint8 rule,
        bool open,
        bytes32 termsHash
    );
    event CouponRootAnchored(uint64 indexed gcn, bytes32 indexed root, uint64 first, uint64 count, bytes16 opId);
    /// @dev Beside ERC-2135's event, whose data is opId, merchant (8 bytes) and acceptedAt (5 bytes).
    event ConsumptionReversed(uint256 indexed id, uint64 indexed merchant, bytes16 opId, bytes32 consumption);

    /// @notice Transfers, approvals and consumption by hand: what ERC-1155 and ERC-2135 have and this profile has not.
    error CouponsRestricted(bytes4 selector);

    /// @notice Reason: no type has this number, or it is none: not 13 digits with a check digit.
    error CouponTypeUnknown();
    /// @notice Reason: the type is another merchant's.
    error CouponTypeNotYours();
    /// @notice Reason: not the version after the one before.
    error CouponTypeVersionNotNext();
    /// @notice Reason: no window, no cap, no such rule; or it takes back something that was signed before.
    error CouponTypeInvalid();
    /// @notice Reason: an empty root, or no or too many serials.
    error CouponRootInvalid();
    /// @notice Reason: the root is anchored already.
    error CouponRootKnown();
    /// @notice Reason: a serial below the end of the root before.
    error CouponSerialsTaken();
    /// @notice Reason: more would be issued than the cap allows.
    error CouponCapExceeded();
    /// @notice Reason: accepted before the window, or at its end or later.
    error CouponNotInWindow();
    /// @notice Reason: the root is none of the type's, is younger than the acceptance, or does not hold this serial.
    error CouponNotIssued();
    /// @notice Reason: the opening and the proof do not lead to the root.
    error CouponNotProven();
    /// @notice Reason: consumed before, by whomever (INV-6).
    error CouponConsumed();
    /// @notice Reason: somebody else holds it.
    error CouponHolderMismatch();
    /// @notice Reason: no consumption by this merchant, of this coupon, in that batch.
    error CouponConsumptionNotProven();
    /// @notice Reason: that consumption was reversed before.
    error CouponReversed();
    /// @notice Reason: the type's rule allows no such gift.
    error CouponTransferRefused();

    function couponType(uint64 gcn) external view returns (CouponType memory);
    function rootOfCodes(uint64 gcn, bytes32 root) external view returns (CouponRoot memory);
    function isConsumed(uint256 id) external view returns (bool);
    /// @notice 256 bits of consecutive serials: bit i of word w is serial 256 w + i.
    function consumedWord(uint64 gcn, uint256 wordIndex) external view returns (uint256);
    /// @notice Whether a consumption, by its leaf, was reversed.
    function isReversed(bytes32 consumption) external view returns (bool);
    /// @notice Whether the coupon is a token of somebody, and not of whoever bears its code.
    function isGiven(uint256 id) external view returns (bool);
}
