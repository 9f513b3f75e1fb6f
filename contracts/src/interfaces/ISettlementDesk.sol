// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A period's settlement. `count` merchants take part; `payouts` are known once it is netted.
struct Round {
    bytes32 statements;
    uint40 until;
    uint16 count;
    uint16 payouts;
    bytes32 root;
    bytes32 members;
    uint256 confirmed;
    uint256 adjusted;
    uint256 paid;
}

/// @dev An obligation of a statement, as its leaf commits to it. `owedMicros` is negative where reversals prevail.
struct Line {
    uint32 period;
    uint64 debtor;
    uint64 creditor;
    int256 owedMicros;
    bytes32 detail;
}

/// @dev What is held out of a period's nets. `deadline` is 0 where nothing ever was, `open` until it is decided.
struct Held {
    int128 micros;
    uint40 deadline;
    bool open;
}

/// @title Where merchants agree on a closed period, and its nets become payouts
/// @notice The operator publishes the root of the period's statements. Until its date every merchant confirms its own
/// net, or disputes a line: the disputed amount is held out of both nets and decided by the two, or, after a deadline,
/// by the alliance's board; what it comes to counts in a later period. Silence until the date is consent. Then the nets
/// are rounded once and paid, and the contract checks both: the sum is zero, the rounding is the one by largest
/// remainder, nobody both pays and is paid, and there is at least one payout less than merchants.
/// @dev INV-5, D12. Nets come from the ClearingHouse in force; nothing here can change them there.
///
/// A statement's leaf is keccak256(keccak256(abi.encode(Line))), in a tree of sorted pairs; `detail` commits to the
/// operations behind the line.
///
/// Typed data (EIP-712, domain "Alliance Settlement", version 1, this contract), signed by settlement keys:
/// Confirmation(uint32 period,uint64 merchant,int256 netMicros,bytes32 statements)
/// Dispute(uint32 period,uint64 merchant,uint64 debtor,uint64 creditor,int256 heldMicros,bytes32 evidence)
/// Resolution(uint32 period,uint64 debtor,uint64 creditor,int256 payMicros)
///
/// A payout is one word: payer's place << 72 | payee's place << 64 | minor units.
interface ISettlementDesk {
    event MerchantEnlisted(uint64 indexed merchant, uint256 place);
    event StatementsPublished(uint32 indexed period, bytes32 statements, uint40 until, uint256 count);
    event NetConfirmed(uint32 indexed period, uint64 indexed merchant, int256 netMicros);
    event LineDisputed(
        uint32 indexed period,
        uint64 indexed debtor,
        uint64 indexed creditor,
        uint64 by,
        int256 heldMicros,
        bytes32 evidence,
        uint40 deadline
    );
    /// @param into the period whose nets it counts in
    /// @param evidence zero where the two agreed
    event DisputeResolved(
        uint32 indexed period,
        uint64 indexed debtor,
        uint64 indexed creditor,
        int256 payMicros,
        uint32 into,
        bytes32 evidence
    );
    event PeriodSettled(uint32 indexed period, bytes32 root, uint256 payouts);
    event PayoutsPaid(uint32 indexed period, uint256 payouts, bytes32 evidence);

    error SettlementMerchantUnknown(uint64 merchant);
    error SettlementMerchantKnown(uint64 merchant, uint256 place);
    error SettlementFull(uint256 most);
    /// @notice Periods are settled one after the other, once they are closed.
    error SettlementPeriodNotDue(uint32 period, uint32 due, uint32 open);
    error SettlementUntilTooSoon(uint40 until, uint256 earliest);
    error SettlementStatementsZero();
    /// @notice The period has no statements, or its date has come, or it is netted.
    error SettlementNotOpen(uint32 period, uint40 until);
    error SettlementNotNetted(uint32 period);
    error SettlementSignatureInvalid(uint64 merchant, bytes32 digest);
    error SettlementNetDiffers(uint64 merchant, int256 stated, int256 net);
    error SettlementConfirmed(uint32 period, uint64 merchant);
    error SettlementLineNotProven(bytes32 leaf);
    error SettlementNotParty(uint64 merchant, uint64 debtor, uint64 creditor);
    /// @notice More than the line, nothing, or the other way round.
    error SettlementHeldInvalid(int256 heldMicros, int256 owedMicros);
    error SettlementDisputed(uint32 period, uint64 debtor, uint64 creditor);
    error SettlementNothingHeld(uint32 period, uint64 debtor, uint64 creditor);
    error SettlementDeadlineAhead(uint40 deadline);
    /// @notice Not everybody has confirmed, and the date has not come.
    error SettlementUnanswered(uint32 period, uint40 until);
    error SettlementHouseSilent(address house);
    error SettlementMembersDiffer(bytes32 given, bytes32 members);
    /// @notice A merchant with obligations is not enlisted.
    error SettlementUnbalanced(int256 difference);
    error SettlementRoundingWrong(uint64 merchant, int256 minor, int256 micros);
    error SettlementRoundingUnfair(uint256 leastUp, uint256 mostDown);
    error SettlementPayoutInvalid(uint256 index, uint256 payout);
    /// @notice Somebody both pays and is paid.
    error SettlementPaidRoundabout(uint256 places);

    /// @notice Takes a merchant of the registry into the settlement, for good. Anybody may.
    function enlist(uint64 merchant) external returns (uint256 place);

    /// @notice Publishes the root of a closed period's statements; answers are taken until `until`. Role OPERATOR.
    function publish(uint32 period, bytes32 statements, uint40 until) external;

    /// @notice A merchant's word that its net is right. Anybody may bring the signature; a second time changes nothing.
    function confirm(uint32 period, uint64 merchant, int256 netMicros, bytes calldata signature) external;

    /// @notice The payer's word that a part of a line is not owed: the debtor's, or the creditor's of a negative line.
    /// Anybody may bring the signature. Whoever of the two has confirmed may confirm again, what its net is now.
    function dispute(
        Line calldata line,
        bytes32[] calldata proof,
        uint64 by,
        int256 heldMicros,
        bytes32 evidence,
        bytes calldata signature
    ) external;

    /// @notice Both merchants' word on what of the held amount is owed. Anybody may bring the signatures.
    function resolve(
        uint32 period,
        uint64 debtor,
        uint64 creditor,
        int256 payMicros,
        bytes calldata debtorSignature,
        bytes calldata creditorSignature
    ) external;

    /// @notice What of the held amount is owed, after the deadline. Role ADMIN.
    function arbitrate(uint32 period, uint64 debtor, uint64 creditor, int256 payMicros, bytes32 evidence) external;

    /// @notice The payouts that settle a period: what each merchant gets or gives by them is its net, rounded. Role
    /// OPERATOR.
    /// @param members the merchants that take part, in the order of their places, eight bytes each
    function settle(uint32 period, bytes calldata members, uint256[] calldata payouts) external;

    /// @notice These payouts (bits by index) have been paid; `evidence` is the hash of the bank's word. Role OPERATOR.
    function markPaid(uint32 period, uint256 payouts, bytes32 evidence) external;

    /// @notice What a merchant is owed for a period less what it owes, without what is held, with what was decided.
    function netOf(uint32 period, uint64 merchant) external view returns (int256);
    function roundOf(uint32 period) external view returns (Round memory);
    function heldOf(uint32 period, uint64 debtor, uint64 creditor) external view returns (Held memory);
    function lastPublished() external view returns (uint32);
    function merchantAt(uint256 place) external view returns (uint64);
    function merchantCount() external view returns (uint256);
    function microsOfOneMinor() external view returns (uint64);
    function registry() external view returns (address);
}
