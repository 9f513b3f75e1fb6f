// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The terms under which a merchant's points are issued and accepted; version 1 is the first.
struct Terms {
    uint40 effectiveFrom; // seconds since 1970; judged against the acceptance time of an operation
    uint64 pointValueMicros; // millionths of the alliance's settlement currency that one point is worth
    uint16 feeBps; // what the issuer keeps of that value, in hundredths of a percent
    uint64 issuanceCap; // lifetime points of the programme; restores do not count
    uint16 validityEpochs; // epochs for which newly issued points can be spent after the current one
}

/// @dev What the issuer of a programme and one acceptor agreed on, in the place of the general terms' value and fee.
struct PairTerms {
    uint64 acceptor;
    uint40 effectiveFrom;
    uint64 pointValueMicros; // 0: from then on the general terms are the pair's again; the fee is 0 then
    uint16 feeBps;
}

/// @dev When an issuer pays for its points, and into whose pool.
struct Basis {
    uint40 effectiveFrom;
    uint8 kind; // 0: at redemption; 1: at issue; 2: reserve at issue with true-up
    uint16 reserveBps; // of kind 2: the share of what is outstanding that the pool holds
    uint64 pool; // the merchant that keeps the pool
}

/// @dev At which spread points of one programme convert into points of another.
struct ConversionTerms {
    uint40 effectiveFrom;
    uint16 spreadBps; // what the source's issuer keeps of the value; 10,000: nothing converts from then on
}

/// @dev That a programme ends, and what becomes of the points that members then have.
struct WindDown {
    uint40 issuesUntil; // issues accepted from this instant on are refused
    uint40 endsAt; // so are redemptions and gifts from this one on
    uint32 target; // the programme that the rest converts into
    uint16 spreadBps;
}

/// @dev Names one version of one programme's terms; the table of a batch is a list of these.
struct TermsKey {
    uint32 programme;
    uint16 version;
}

/// @dev What stands behind a merchant's points: the custodian's figure, its date and the instant from which it counts as
/// zero; what must be covered of what is outstanding; `defaultFrom` 0 means that the merchant is not in default.
struct ReserveStatement {
    uint64 merchant;
    uint128 reserveMicros;
    uint40 asOf;
    uint40 staleFrom;
    uint16 requiredBps;
    uint40 defaultFrom;
}

/// @dev Lifetime points of a programme that its issuer's reserve allows, for what is accepted now: from `until` on none,
/// before `from` what was allowed `before`, else `limit`. `until` 0 means that no reserve was ever required.
struct IssuanceLimit {
    uint64 limit;
    uint64 before;
    uint40 from;
    uint40 until;
}

/// @dev What the ClearingHouse needs to know of one table row; `effectiveUntil` is exclusive. `issuer` is
/// 1 << 64 more where the programme has terms of pairs: `timesAt` tells then whose and when the row's are. (A registry
/// that is older than those says the issuer alone, in the same word.)
/// `issuanceCap` is a word too: limited << 64 | points that may be issued in any case. Where it is limited,
/// `issuanceCapAt` tells what else may be.
struct TermsInForce {
    address token;
    uint256 issuer;
    uint64 pointValueMicros;
    uint16 feeBps;
    uint256 issuanceCap;
    uint40 effectiveFrom;
    uint40 effectiveUntil;
}

struct Programme {
    address token;
    uint64 issuer;
    uint16 versions;
    uint16 epochs;
}

/// @dev The three keys of a merchant: terms and keys, slices of batches, payouts.
struct MerchantKeys {
    address admin;
    address operations;
    address settlement;
}

struct CustodialLimits {
    uint64 perPermitMicros;
    uint64 perDayMicros;
}

/// @dev A leg is one word: programme << 112 | terms version << 96 | epoch << 64 | amount. The legs of operations
/// name the row of the batch's table instead of programme and version: row << 96 | epoch << 64 | amount; those of
/// originals, events and leaves are whole. An issue is the commonest operation and has two words.
struct Issue {
    uint256 what; // opId << 128 | acceptedAt << 88 | reason << 80 | row
    uint256 whom; // account << 96 | epoch << 64 | amount
}

struct Redeem {
    bytes16 opId;
    address account;
    uint256 nonce;
    uint64 maxValueMicros;
    uint40 validUntil;
    uint40 acceptedAt;
    uint8 flags;
    uint256[] legs;
    bytes signature;
}

/// @dev The fields of a redemption from which its leaf is built again.
struct RedeemRef {
    bytes16 opId;
    uint64 merchant;
    uint256 nonce;
    uint40 acceptedAt;
    uint8 flags;
    bytes32 permitDigest;
    uint256[] legs;
}

struct Restore {
    bytes16 opId;
    address account;
    uint40 acceptedAt;
    uint64 originalBatch;
    RedeemRef original;
    uint8 legIndex;
    uint256 leg;
    bytes32[] proof;
}

/// @dev The fields of an issue from which its leaf is built again.
struct IssueRef {
    bytes16 opId;
    uint40 acceptedAt;
    uint8 reason;
    uint256 leg;
}

struct Clawback {
    bytes16 opId;
    address account;
    uint40 acceptedAt;
    uint64 originalBatch;
    IssueRef original;
    uint256[] legs;
    bytes32[] proof;
}

struct Expiry {
    bytes16 opId;
    address account;
    uint40 acceptedAt;
    uint256 leg;
}

struct Gift {
    bytes16 opId;
    address account;
    address recipient;
    uint256 nonce;
    uint40 validUntil;
    uint40 acceptedAt;
    uint256[] legs;
    bytes signature;
}

struct SignerChange {
    bytes16 opId;
    address account;
    address signer;
    uint8 flags;
    uint40 acceptedAt;
    uint40 validUntil;
    bytes authorisation;
}

/// @dev An account gives way to another. A leg names programme << 112 | epoch << 64, and all that the account has of it
/// moves. `signer` and `authorisation` are those of a rotation: the successor's one signer, and the word of a signer of the account.
struct AccountMove {
    bytes16 opId;
    address account;
    address successor;
    uint8 reason;
    uint40 acceptedAt;
    uint40 validUntil;
    address signer;
    uint256[] legs;
    bytes authorisation;
}

/// @dev Points get a later end: from the leg's epoch (programme << 112 | epoch << 64 | amount) into `epoch`.
struct Extension {
    bytes16 opId;
    address account;
    uint40 acceptedAt;
    uint16 epoch;
    uint256 leg;
}

/// @dev All extensions of one issuer in one batch, under that merchant's one signature (D2).
struct ExtensionSlice {
    uint64 merchant;
    bytes signature;
    Extension[] extensions;
}

/// @dev Points of one programme become points of another. The legs are whole words: up to eight of the one programme and
/// terms version, then one of what is issued for them. `terms` numbers the conversion terms; 0 where the programme has
/// ended: then nonce, leastPoints, validUntil and signature are zero and empty.
struct Conversion {
    bytes16 opId;
    address account;
    uint256 nonce;
    uint64 leastPoints;
    uint40 validUntil;
    uint40 acceptedAt;
    uint32 terms;
    uint256[] legs;
    bytes signature;
}

/// @dev All conversions of one batch into one merchant's programmes, under that merchant's one signature (D2).
struct ConversionSlice {
    uint64 merchant;
    bytes signature;
    Conversion[] conversions;
}

/// @dev The account that took over (zero: none has), and how many moves led to this one at most.
struct Successor {
    address account;
    uint32 moves;
}

/// @dev All operations of one merchant in one batch, under that merchant's one signature (D2).
struct Slice {
    uint64 merchant;
    bytes signature;
    Issue[] issues;
    Restore[] restores;
    Gift[] gifts;
    Redeem[] redeems;
    Clawback[] clawbacks;
    Expiry[] expiries;
}

/// @dev A signer of an account; `activeFrom` 0 means unknown, `revokedAt` 0 means not revoked.
struct SignerRecord {
    uint40 activeFrom;
    uint40 revokedAt;
    uint8 flags;
}

/// @dev How many signers an account ever had, and what custodial signers spent on its latest two days.
struct AccountUse {
    uint32 signers;
    uint32 day;
    uint64 spentMicros;
    uint64 spentBeforeMicros;
}

/// @dev What one epoch of a programme went through; epoch 0 holds the programme's totals.
struct Counters {
    uint64 issued;
    uint64 clawedBack;
    uint64 expired;
    uint128 redeemed;
    uint128 restored;
}
