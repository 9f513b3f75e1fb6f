// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What stands behind a merchant's points. `nextBps` is required from `nextFrom` on; `defaultFrom` 0 means that the
/// merchant is not in default.
struct ReserveAccount {
    address custodian;
    uint32 sequence;
    uint40 asOf;
    uint128 reserveMicros;
    uint16 requiredBps;
    uint16 nextBps;
    uint40 nextFrom;
    uint40 defaultFrom;
    uint32 nonce;
}

/// @dev A figure as the custodian signs it.
struct ReserveFigure {
    uint64 merchant;
    uint128 reserveMicros;
    uint40 asOf;
    uint32 sequence;
}

/// @dev In micros of the settlement currency; `coverageBps` is the greatest number where nothing is outstanding.
struct Coverage {
    uint256 reserveMicros;
    uint256 outstandingMicros;
    uint256 coverageBps;
    uint256 requiredBps;
}

/// @title What stands behind points, and how many more may be issued on it
/// @notice A custodian signs what it holds for a merchant, with a date; anybody brings that word. Where a reserve is
/// required, each figure makes a limit of lifetime issuance for every programme of the merchant: what is issued, plus what
/// the figure covers beyond what is outstanding, an equal share for each programme. The ClearingHouse refuses what goes
/// beyond it. Points that are issued stay spendable whatever happens here.
/// @dev INV-10, D7. An issue is judged by the state that was public when it was accepted, however late it is mined: more
/// room counts at once, for what was accepted before too; less counts from the first whole hour on that is an hour away, by
/// acceptance time, so that who follows the chain knows it in time. A figure that is older than `figureLife` counts as zero, from that instant on
/// and without any call.
///
/// Typed data (EIP-712, domain "Alliance Reserves", version 1, this contract):
/// Custodian(uint64 merchant,address custodian,uint32 nonce), by the merchant's admin key
/// ReserveFigure(uint64 merchant,uint128 reserveMicros,uint40 asOf,uint32 sequence), by the custodian's
interface IReserveDesk {
    event CustodianNamed(uint64 indexed merchant, address custodian);
    event RequirementSet(uint64 indexed merchant, uint16 bps, uint40 from);
    event ReserveFigureBrought(uint64 indexed merchant, uint128 reserveMicros, uint40 asOf, uint32 sequence);
    event DefaultDeclared(uint64 indexed merchant, uint40 from, bytes32 evidence);
    event DefaultCured(uint64 indexed merchant, bytes32 evidence);

    error ReserveMerchantUnknown(uint64 merchant);
    /// @notice Not signed by the merchant's admin key, or not by its custodian's.
    error ReserveSignatureInvalid(uint64 merchant, bytes32 digest);
    /// @notice Figures only go forward: a greater sequence, and no earlier date.
    error ReserveFigureOld(uint64 merchant, uint32 sequence, uint40 asOf, uint32 lastSequence, uint40 lastAsOf);
    error ReserveFigureAhead(uint64 merchant, uint40 asOf, uint256 timestamp);
    /// @notice What takes something away needs its notice.
    error ReserveNoticeTooShort(uint64 merchant, uint40 from, uint256 earliest);
    error ReserveInDefault(uint64 merchant, uint40 from);
    error ReserveNotInDefault(uint64 merchant);

    /// @notice Names who holds a merchant's reserve. Role OPERATOR, with the merchant's word.
    function nameCustodian(uint64 merchant, address custodian, bytes calldata signature) external;

    /// @notice So much of what is outstanding must be covered from that instant on; 0 ends the requirement. More than
    /// before takes 8 days of notice, longer than the mining window (D11). Role OPERATOR.
    /// Warning: it counts with the next figure or refresh from then on, which anybody can bring.
    function setRequirement(uint64 merchant, uint16 bps, uint40 from) external;

    /// @notice Brings a custodian's figure. Anybody.
    function bring(ReserveFigure calldata figure, bytes calldata signature) external;

    /// @notice Counts anew by the last figure: redemptions have made room, or points have a new value. Anybody.
    function refresh(uint64 merchant) external;

    /// @notice Nothing of the merchant that is accepted from that instant on is issued; an hour ahead at least. What was
    /// issued is redeemed as ever, and its reserve pays. Role OPERATOR.
    function declareDefault(uint64 merchant, uint40 from, bytes32 evidence) external;

    /// @notice Ends a default: what the reserve covers counts again. Role OPERATOR.
    function cure(uint64 merchant, bytes32 evidence) external;

    function accountOf(uint64 merchant) external view returns (ReserveAccount memory);

    /// @notice How much of a merchant's outstanding points its reserve covers now.
    function coverage(uint64 merchant) external view returns (Coverage memory);

    function figureLife() external view returns (uint40);
    function registry() external view returns (address);
}
