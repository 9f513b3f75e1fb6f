// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Basis, ConversionTerms, CustodialLimits, IssuanceLimit, MerchantKeys, PairTerms, Programme, ReserveStatement, Terms,
    TermsInForce, TermsKey, WindDown
} from "./AllianceTypes.sol";

/// @title Merchants, their keys, their programmes, terms and calendars
/// @notice A merchant is its GLN. Terms and calendars only grow: nothing published is ever changed.
/// @dev Roles come from the AccessManager that is this contract's authority. What a merchant alone may decide
/// (terms, keys) takes the signature of its admin key and nobody's role.
interface IAllianceRegistry {
    event MerchantAdmitted(uint64 indexed merchant, address admin, address operations, address settlement);
    event MerchantKeysChanged(uint64 indexed merchant, address admin, address operations, address settlement);
    event MerchantSuspended(uint64 indexed merchant, uint40 from);
    event MerchantReinstated(uint64 indexed merchant);
    event RecoveryProposed(
        uint64 indexed merchant, address admin, address operations, address settlement, uint40 effectiveFrom
    );
    event ProgrammeCreated(uint32 indexed programme, uint64 indexed issuer, address token, string name, string symbol);
    event TermsPublished(
        uint32 indexed programme,
        uint16 indexed version,
        uint40 effectiveFrom,
        uint64 pointValueMicros,
        uint16 feeBps,
        uint64 issuanceCap,
        uint16 validityEpochs
    );
    /// @dev `pointValueMicros` 0 ends the pair's terms: the general ones apply from then on.
    event PairTermsPublished(
        uint32 indexed programme,
        uint16 indexed version,
        uint64 indexed acceptor,
        uint40 effectiveFrom,
        uint64 pointValueMicros,
        uint16 feeBps
    );
    event BasisPublished(
        uint32 indexed programme,
        uint32 indexed number,
        uint40 effectiveFrom,
        uint8 kind,
        uint16 reserveBps,
        uint64 pool
    );
    /// @dev `number` counts from 1 for each two programmes; spread 10,000 ends the conversion.
    event ConversionPublished(
        uint32 indexed programme,
        uint32 indexed target,
        uint32 indexed number,
        uint40 effectiveFrom,
        uint16 spreadBps
    );
    event WindDownAnnounced(
        uint32 indexed programme, uint32 indexed target, uint40 issuesUntil, uint40 endsAt, uint16 spreadBps
    );
    event EpochsAppended(uint32 indexed programme, uint256 firstEpoch, uint40[] ends);
    event CustodialLimitsSet(uint64 perPermitMicros, uint64 perDayMicros);
    event ReserveStated(
        uint64 indexed merchant,
        uint128 reserveMicros,
        uint40 asOf,
        uint40 staleFrom,
        uint16 requiredBps,
        uint40 defaultFrom
    );
    event IssuanceLimited(uint32 indexed programme, uint64 limit, uint64 before, uint40 from, uint40 until);
    event ClearingHouseSet(address indexed clearingHouse, address indexed predecessor);

    /// @notice Not a 13-digit GLN with its check digit.
    error RegistryGlnInvalid(uint64 merchant);
    error RegistryMerchantKnown(uint64 merchant);
    error RegistryMerchantUnknown(uint64 merchant);
    error RegistryKeyZero(uint64 merchant);
    /// @notice A suspension may not reach back: what was accepted before stays valid.
    error RegistrySuspensionInPast(uint64 merchant, uint40 from, uint256 timestamp);
    /// @notice Not signed by the merchant's admin key.
    error RegistrySignatureInvalid(uint64 merchant, bytes32 digest);
    error RegistryRecoveryNotDue(uint64 merchant, uint40 effectiveFrom, uint256 timestamp);
    error RegistryProgrammeUnknown(uint32 programme);
    error RegistryTermsUnknown(uint32 programme, uint16 version);
    error RegistryTermsInvalid(uint64 pointValueMicros, uint16 feeBps, uint64 issuanceCap);
    /// @notice Who issues and who accepts are two, and terms that end a pair's have neither value nor fee.
    error RegistryPairInvalid(uint32 programme, uint64 acceptor, uint64 pointValueMicros, uint16 feeBps);
    /// @notice An unknown kind, a share that the kind does not have, another pool than before, or the issuer's own.
    error RegistryBasisInvalid(uint32 programme, uint8 kind, uint16 reserveBps, uint64 pool);
    /// @notice Two programmes, a spread of at most 10,000, and an end only where there was a beginning: at no spread does
    /// a conversion give more than the value that it takes, so no cycle of conversions does.
    error RegistryConversionInvalid(uint32 programme, uint32 target, uint16 spreadBps);
    /// @notice The rest goes to another programme that does not end itself, for less than all of it; issues end first.
    error RegistryWindDownInvalid(uint32 programme, uint32 target, uint40 issuesUntil, uint16 spreadBps);
    /// @notice The programme's end was announced: it is announced once, and terms change no more.
    error RegistryProgrammeEnds(uint32 programme, uint40 endsAt);
    /// @notice There are no terms of this pair that could end.
    error RegistryPairUnknown(uint32 programme, uint64 acceptor);
    /// @notice Terms change with at least the notice period, and after the version before them.
    error RegistryNoticeTooShort(uint32 programme, uint40 effectiveFrom, uint256 earliest);
    /// @notice Epoch ends must rise; an epoch that exists never moves (INV-11).
    error RegistryEpochNotLater(uint32 programme, uint256 epoch, uint40 end, uint40 previous);
    error RegistryCalendarEmpty(uint32 programme);
    error RegistryCalendarFull(uint32 programme, uint256 epochs);
    /// @notice A ClearingHouse must continue from the one in force.
    error RegistryPredecessorMismatch(address clearingHouse, address predecessor, address inForce);

    /// @notice Adds a merchant. Role OPERATOR.
    function admitMerchant(uint64 merchant, address admin, address operations, address settlement) external;

    /// @notice Operations accepted by the merchant from this instant on are refused. Role OPERATOR.
    /// Warning: its issued points stay spendable elsewhere, its refunds, clawbacks and expiries go on: a member does
    /// not pay for a merchant's suspension.
    function suspendMerchant(uint64 merchant, uint40 from) external;

    /// @notice Ends a suspension. Role OPERATOR.
    function reinstateMerchant(uint64 merchant) external;

    /// @notice Replaces the merchant's three keys at once, and voids a proposed recovery. Anybody may relay it.
    /// @param signature by the admin key over MerchantKeys(uint64 merchant,address admin,address operations,
    /// address settlement,uint32 nonce) in this contract's EIP-712 domain; nonce as `merchantNonce` tells
    function rotateKeys(uint64 merchant, MerchantKeys calldata keys, bytes calldata signature) external;

    /// @notice Proposes keys for a merchant that lost its admin key; 8 days of notice. Role ADMIN.
    /// Warning: the merchant objects by `rotateKeys` within that time, with the same keys if it likes.
    function proposeRecovery(uint64 merchant, MerchantKeys calldata keys) external;

    /// @notice Puts proposed keys in force once their notice is over. Anybody may call it.
    function completeRecovery(uint64 merchant) external;

    /// @notice Creates a programme, its token and its first terms, which may be in force at once. Role OPERATOR.
    /// @param epochEnds instants at which the epochs 1, 2, ... end, rising
    function createProgramme(
        uint64 merchant,
        string calldata name,
        string calldata symbol,
        uint40[] calldata epochEnds,
        Terms calldata first
    ) external returns (uint32 programme);

    /// @notice Adds the next version of a programme's terms, at least 8 days ahead (D11: a cut takes effect after a
    /// notice longer than the mining window of 7 days). Anybody may relay it.
    /// @param signature by the issuer's admin key over TermsProposal(uint32 programme,uint16 version,
    /// uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)
    function publishTerms(uint32 programme, Terms calldata terms, bytes calldata signature) external;

    /// @notice Adds terms for one acceptor: the programme's next version, in force at that acceptor alone, in the place
    /// of the general terms' value and fee. Cap and validity stay the general ones. At least 8 days ahead, and after the
    /// pair's version before; nothing published changes. Anybody may relay it.
    /// @param issuerSignature by the issuer's admin key over PairTermsProposal(uint32 programme,uint64 acceptor,
    /// uint16 previous,uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps); previous as `lastVersion` tells
    /// @param acceptorSignature by the acceptor's admin key over the same (INV-10)
    /// Warning: neither ends them alone. Who wants an end publishes it together with the beginning.
    function publishPairTerms(
        uint32 programme, PairTerms calldata terms, bytes calldata issuerSignature, bytes calldata acceptorSignature
    ) external;

    /// @notice States on which basis the programme is settled from an instant on, at least 8 days ahead and after the
    /// basis before. Anybody may relay it. The ClearingHouse's nets stay those of redemptions: what goes between issuer
    /// and pool is recomputed from this and the chain's operations.
    /// @param issuerSignature by the issuer's admin key over BasisProposal(uint32 programme,uint32 number,
    /// uint40 effectiveFrom,uint8 kind,uint16 reserveBps,uint64 pool); number counts from 1
    /// @param poolSignature by the pool's admin key over the same (INV-10)
    function publishBasis(
        uint32 programme, Basis calldata basis, bytes calldata issuerSignature, bytes calldata poolSignature
    ) external;

    /// @notice Adds terms at which points of a programme convert into points of another, at least 8 days ahead and after
    /// those before. The rate follows from the spread and the point values in force; a rate of its own cannot be said.
    /// Anybody may relay it.
    /// @param issuerSignature by the admin key of the programme's issuer over ConversionProposal(uint32 programme,
    /// uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps); number counts from 1
    /// @param targetSignature by that of the target's issuer over the same: it will issue for what converts (INV-10)
    function publishConversion(
        uint32 programme,
        uint32 target,
        ConversionTerms calldata terms,
        bytes calldata issuerSignature,
        bytes calldata targetSignature
    ) external;

    /// @notice Announces, once and for good, that a programme ends: at least 30 days ahead; issues end at least 8 days
    /// ahead and after the last terms, which they get a cap of 0 by. From `endsAt` on the rest of its points converts
    /// into the target without permits. Anybody may relay it.
    /// @param issuerSignature by the admin key of the programme's issuer over WindDownProposal(uint32 programme,
    /// uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)
    /// @param targetSignature by that of the target's issuer over the same: it will issue for the rest (INV-10)
    /// Warning: the target goes on issuing until 30 days after that end: its own end may not come before.
    function announceWindDown(
        uint32 programme, WindDown calldata end, bytes calldata issuerSignature, bytes calldata targetSignature
    ) external;

    /// @notice Adds epochs at the end of a programme's calendar. Role OPERATOR.
    function appendEpochs(uint32 programme, uint40[] calldata epochEnds) external;

    /// @notice Sets what custodial signers may spend per permit and per account and day (D1). Role ADMIN.
    function setCustodialLimits(uint64 perPermitMicros, uint64 perDayMicros) external;

    /// @notice Sets how many points of a programme its issuer's reserve allows to be issued in all, beside the cap, and
    /// the instant from which on it allows none. Role RESERVES, which the reserve desk has.
    /// @dev D7: an issue is never judged more strictly when it is mined than when it was accepted. It may go up to the
    /// greatest limit in force from its acceptance until now; what takes room away counts from the first whole hour on
    /// that is an hour away.
    function setIssuanceLimit(uint32 programme, uint64 limit, uint40 until) external;

    /// @notice Tells what the desk knows of a merchant's reserve, so that whoever reads the registry's events has it.
    /// Role RESERVES.
    function stateReserve(ReserveStatement calldata statement) external;

    /// @notice Names the ClearingHouse in force; every token follows at once. Role ADMIN.
    /// @dev It must name the one in force as its predecessor. The old one refuses batches from then on.
    function setClearingHouse(address clearingHouse) external;

    function clearingHouse() external view returns (address);
    function pointsImplementation() external view returns (address);
    function custodialLimits() external view returns (CustodialLimits memory);
    function merchantKeys(uint64 merchant) external view returns (MerchantKeys memory);
    function merchantNonce(uint64 merchant) external view returns (uint32);
    function programmeCount() external view returns (uint32);
    function programme(uint32 programme_) external view returns (Programme memory);
    function programmesOf(uint64 issuer) external view returns (uint32[] memory);
    function issuanceLimit(uint32 programme_) external view returns (IssuanceLimit memory);

    /// @notice The most that may have been issued by an issue accepted then under that version, were it mined now.
    function issuanceCapAt(uint32 programme_, uint16 version, uint256 acceptedAt) external view returns (uint256);

    /// @notice One version; of a pair's terms neither cap nor validity is stated.
    function terms(uint32 programme_, uint16 version) external view returns (Terms memory);

    /// @notice Every basis of the programme, in the order of their instants; before the first it is redemption.
    function bases(uint32 programme_) external view returns (Basis[] memory);

    /// @notice Every version of the terms at which points convert from one programme into another, by number.
    function conversions(uint32 programme_, uint32 target) external view returns (ConversionTerms[] memory);

    /// @notice From when until when (exclusive) the conversion terms of that number are in force, and their spread;
    /// zeros where there are none of that number.
    function conversionTerms(uint32 programme_, uint32 target, uint32 number)
        external
        view
        returns (uint40 from, uint40 until, uint16 spreadBps);

    /// @notice The programme's announced end; zeros where none was.
    function windDown(uint32 programme_) external view returns (WindDown memory);

    /// @notice The acceptor that a version is for; 0 of general terms.
    function acceptorOf(uint32 programme_, uint16 version) external view returns (uint64);

    /// @notice The last version of a pair's terms, or of the general ones (acceptor 0); 0 where there is none.
    function lastVersion(uint32 programme_, uint64 acceptor) external view returns (uint16);

    /// @notice The pair's terms in force at an instant, and from when until when (exclusive) that answer holds.
    /// @return version 0 where the general terms apply
    function pairTermsAt(uint32 programme_, uint64 acceptor, uint40 instant)
        external
        view
        returns (uint16 version, uint40 from, uint40 until);

    /// @notice From when until when (exclusive), as from << 40 | until, a version is in force at that acceptor; 0 where
    /// it is not at that instant. A general version is not while the pair has terms of its own; acceptor 0 is nobody.
    function timesAt(uint32 programme_, uint16 version, uint64 acceptor, uint40 instant)
        external
        view
        returns (uint256 times);

    /// @notice The general terms in force now, and their version.
    function currentTerms(uint32 programme_) external view returns (Terms memory, uint16 version);

    /// @notice The end of an epoch, or 0 where the calendar has no such epoch.
    function epochEnd(uint32 programme_, uint256 epoch) external view returns (uint40);

    /// @notice The first epoch whose end is later than now; one past the last where there is none.
    function currentEpoch(uint32 programme_) external view returns (uint256);

    /// @notice The key that signs the merchant's slices and the instant from which the merchant is suspended.
    /// @return operations zero for an unknown merchant
    /// @return suspendedFrom the greatest 40-bit number where the merchant is not suspended
    function sliceKey(uint64 merchant) external view returns (address operations, uint40 suspendedFrom);

    /// @notice What one batch needs: its terms by row, the custodial limits, and the ClearingHouse in force.
    function batchTerms(TermsKey[] calldata table)
        external
        view
        returns (TermsInForce[] memory rows, CustodialLimits memory limits, address inForce);
}
