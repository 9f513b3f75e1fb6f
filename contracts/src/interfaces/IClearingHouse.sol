// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccountMove,
    AccountUse,
    ConversionSlice,
    ExtensionSlice,
    SignerChange,
    SignerRecord,
    Slice,
    Successor,
    TermsKey
} from "./AllianceTypes.sol";
import {IBatchRefusals} from "./IBatchRefusals.sol";

/// @title The one way in which points move
/// @notice Takes batches of operations. The relayer only relays (D2): every slice carries its merchant's signature,
/// every redemption and gift its member's permit. Adds up who owes whom, and keeps a Merkle root of each batch by
/// which one operation can be proven later.
/// @dev INV-5: `net` of a period sums to zero over the merchants. INV-7: batch numbers rise strictly, permit nonces
/// are used once, and reversals are bounded by their proven original, so that no operation takes effect twice.
/// INV-9: a debit needs the permit of an active signer of the account; excepted are clawbacks of that account's own
/// proven issue, expiries of ended epochs, moves that the recovery desk found ripe, and conversions of what is left of a
/// programme whose end was published with notice and has come.
///
/// An account that moved has one successor for ever. What is restored or clawed back of an original of the old
/// account is so on the account that its successions lead to: that one stands in leaf and event, the original's in
/// the call.
///
/// Leaf of an operation: keccak256 over words of 32 bytes, legs_hash = keccak256 over the legs' words:
/// ISSUE 1, opId, merchant, account, acceptedAt, reason, leg
/// REDEEM 2, opId, acceptor, account, nonce, acceptedAt, flags, permitDigest, legs_hash
/// RESTORE 3, opId, acceptor, account, acceptedAt, originalLeaf, legIndex, leg
/// CLAWBACK 4, opId, issuer, account, acceptedAt, originalLeaf, legs_hash
/// EXPIRE 5, opId, issuer, account, acceptedAt, leg
/// GIFT 6, opId, issuer, account, recipient, nonce, acceptedAt, permitDigest, legs_hash
/// SIGNER 7, opId, 0, account, signer, flags, acceptedAt
/// MOVE 8, opId, 0, account, successor, reason, acceptedAt, legs_hash (legs without amounts)
/// EXTEND 9, opId, issuer, account, acceptedAt, leg (without terms version), epoch
/// CONVERT 10, opId, issuer of the target, account, nonce, acceptedAt, terms << 16 | spreadBps, permitDigest, legs_hash
/// (the last leg is what was issued)
///
/// Positions in a batch: signer changes, then slice by slice its issues, restores, gifts, redemptions, clawbacks,
/// expiries. Operations are applied kind by kind over all slices in that same order of kinds, so that no order
/// inside a batch makes a balance negative that is covered at its end. Moves have batches of their own, and so have
/// extensions and conversions: slice by slice, applied in that order.
///
/// Typed data (EIP-712, this contract's domain, ERC-5267):
/// SpendPermit(address account,uint256 nonce,uint64 maxValueMicros,uint40 validUntil)
/// GiftPermit(address account,address recipient,uint256 nonce,uint40 validUntil,bytes32 legsHash)
/// ConversionPermit(address account,uint32 programme,uint64 points,uint32 target,uint64 leastPoints,uint256 nonce,uint40 validUntil)
/// SignerGrant(address account,address signer,uint8 flags,uint40 validUntil)
/// AccountMove(address account,address successor,address signer,uint40 validUntil)
/// Slice(uint64 batch,uint64 merchant,bytes32 operationsHash), operationsHash over the slice's leaves in order
///
/// A member's signature is 65 bytes r, s, v with low s. A contract signer (ERC-1271) gives its address (20 bytes)
/// and then its own bytes: flagged in a redemption (bit 1); elsewhere any length but 65 means this form.
interface IClearingHouse is IBatchRefusals {
    event BatchApplied(uint64 indexed number, uint32 indexed period, uint32 count, bytes32 root);
    /// @dev Every operation event begins with `head`: batch << 192 | index in the batch << 160 | merchant << 96 |
    /// acceptedAt << 56 | detail << 48 | custodial. `detail` is the issue's reason, the redemption's or signer's flags,
    /// the restore's leg index, 1 of a conversion without a permit because the programme has ended, else 0; `custodial` is 1 where a custodian signed and not the member's device (D1).
    /// With it the event holds every word of the operation's leaf.
    event OperationIssued(uint256 head, bytes16 opId, address account, uint256 leg);
    event OperationRedeemed(
        uint256 head, bytes16 opId, address account, uint256 nonce, bytes32 permitDigest, uint256[] legs
    );
    event OperationRestored(uint256 head, bytes16 opId, address account, bytes32 originalLeaf, uint256 leg);
    event OperationClawedBack(uint256 head, bytes16 opId, address account, bytes32 originalLeaf, uint256[] legs);
    event OperationExpired(uint256 head, bytes16 opId, address account, uint256 leg);
    event OperationGifted(
        uint256 head,
        bytes16 opId,
        address account,
        address recipient,
        uint256 nonce,
        bytes32 permitDigest,
        uint256[] legs
    );
    /// @dev `activeFrom` is when the signer counts from; 0 for a revocation, which counts from its acceptance.
    event OperationSignerChanged(uint256 head, bytes16 opId, address account, address signer, uint40 activeFrom);
    /// @dev `detail` is the reason: 1 rotation, 2 recovery, 3 merge. The legs tell what moved; the leaf has them
    /// without amounts, since what stands on the account is known to the block alone.
    event OperationMoved(uint256 head, bytes16 opId, address account, address successor, uint256[] legs);
    /// @dev The points left the leg's epoch for `epoch`, which ends later. Nothing was issued; nobody owes anything.
    event OperationExtended(uint256 head, bytes16 opId, address account, uint256 leg, uint256 epoch);
    /// @dev All legs but the last were redeemed, the last was issued. `terms` is the number of the conversion terms << 16
    /// | their spread. The source's issuer owes the target's the value of what was redeemed less the spread.
    event OperationConverted(
        uint256 head, bytes16 opId, address account, uint256 nonce, uint256 terms, bytes32 permitDigest, uint256[] legs
    );
    event PeriodClosed(uint32 indexed period, uint64 lastBatch);
    event Paused(uint40 until);
    event Unpaused();

    error PauseCoolingDown(uint40 until);
    error PauseNotActive(uint40 until);
    error PeriodNotOpen(uint32 period, uint32 open);

    /// @notice Applies a batch whole or not at all. Role RELAYER.
    /// @param number strictly greater than that of every batch before; gaps are allowed
    /// @param table programmes and terms versions, rising; the legs point into it by row
    /// @param slices rising by merchant, so that a merchant's one signature counts once
    /// Warning: an issue is protected from a second effect by the batch number alone; the packer must not put one
    /// operation into two batches (D8).
    function submitBatch(
        uint64 number, TermsKey[] calldata table, SignerChange[] calldata signers, Slice[] calldata slices
    ) external;

    /// @notice Applies a batch of account moves whole or not at all, under a batch number as any other. Role RELAYER.
    /// A rotation needs the word of a signer of the account that is no custodian; it names the one signer that the
    /// new account has. A recovery or merge needs a ripe announcement of the recovery desk. Further moves from an
    /// account to its successor need nothing: they bring after it what still came in.
    /// Points keep programme and epoch; counters, nets and obligations do not change.
    /// Warning: legs that are not named stay where they are, spendable by the old signers.
    function moveAccounts(uint64 number, AccountMove[] calldata moves) external;

    /// @notice Applies a batch of extensions whole or not at all, under a batch number as any other. Role RELAYER.
    /// Every slice carries its issuer's signature; the members' permits are not needed, for points only get a later
    /// end (INV-11). The cap is not touched; of the token's counters an extension is clawed back in one epoch and
    /// restored in the other.
    /// @param slices rising by merchant, so that a merchant's one signature counts once
    function extendPoints(uint64 number, ExtensionSlice[] calldata slices) external;

    /// @notice Applies a batch of conversions whole or not at all, under a batch number as any other. Role RELAYER.
    /// Each needs the member's permit and conversion terms that both issuers signed, in force at acceptance; or the
    /// source's published end has come, and then neither. Points issued = points x value of the source's point x
    /// (10,000 - spread) / (10,000 x value of the target's point), rounded down once, at the general point values in
    /// force at acceptance (of an ended programme: at its end). The target's cap counts them (INV-10).
    /// @param slices rising by merchant, the issuer of the targets, so that one signature counts once
    function convertPoints(uint64 number, ConversionSlice[] calldata slices) external;

    /// @notice Closes the open period; batches count for the next one from here on. Role OPERATOR.
    /// @param period the open period, so that a repeated call does nothing twice
    function closePeriod(uint32 period) external;

    /// @notice Stops batches for 48 hours. Role GUARDIAN.
    /// Warning: it ends by itself, and cannot be repeated for 7 days, so that a guardian cannot hold members' points;
    /// the mining window of 7 days is longer than any pause.
    function pause() external;

    /// @notice Ends a pause early; the cool-down stays. Role GUARDIAN.
    function unpause() external;

    function registry() external view returns (address);

    /// @notice The contract that holds the code of `moveAccounts`, `extendPoints` and `convertPoints`; it names the recovery desk.
    function accountMover() external view returns (address);

    /// @notice Where rewards for sharing are promised: an issue of reason 3 is taken there, and only as it was promised.
    function campaignDesk() external view returns (address);

    /// @notice Who took over from an account, and how many moves led to it.
    function successorOf(address account) external view returns (Successor memory);

    /// @notice The ClearingHouse that this one continues: roots, nets, period, signers, reversals, successions; or zero.
    function predecessor() external view returns (address);

    function lastBatch() external view returns (uint64);

    /// @notice The Merkle root of a batch; zero where there is none.
    function rootOf(uint64 number) external view returns (bytes32);
    function currentPeriod() external view returns (uint32);

    /// @notice What the merchant is owed (positive) or owes (negative) for a period, in micros.
    function net(uint32 period, uint64 merchant) external view returns (int256);

    /// @notice 256 flags of used nonces: bit `nonce & 255` of word `nonce >> 8`.
    /// @dev Not continued from a predecessor: its permits are bound to another domain.
    function nonceWord(address account, uint256 wordIndex) external view returns (uint256);
    function signerOf(address account, address signer) external view returns (SignerRecord memory);
    function accountUse(address account) external view returns (AccountUse memory);

    /// @notice Points reversed of an original: clawed back of an issue under its leaf, restored of one leg of a
    /// redemption under keccak256(abi.encode(leaf, legIndex)).
    function reversedOf(bytes32 key) external view returns (uint256);

    /// @notice Value captured so far under a permit that is used in a series, and the acceptor it belongs to.
    function seriesOf(bytes32 permitDigest) external view returns (uint64 acceptor, uint64 spentMicros);
    function pausedUntil() external view returns (uint40);
    function pauseAllowedFrom() external view returns (uint40);
}
