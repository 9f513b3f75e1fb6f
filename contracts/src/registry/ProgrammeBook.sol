// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Programme, Terms, WindDown} from "../interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {MerchantBook} from "./MerchantBook.sol";

/// @dev Programmes, their effective-dated terms and their calendars. All three only grow (INV-10, INV-11). Terms of
/// pairs are versions of the same sequence; each pair's follow one another, as the general ones do.
abstract contract ProgrammeBook is MerchantBook {
    /// @dev One word, as every operation's programme is read. A GLN has 44 bits.
    struct Book {
        address token;
        uint48 issuer;
        uint16 versions;
        uint16 epochs;
        bool paired; // there are terms of pairs
        bool ending; // its end was announced
    }

    /// @dev One word too; the first five are `Terms`.
    struct Version {
        uint40 effectiveFrom;
        uint64 pointValueMicros;
        uint16 feeBps;
        uint64 issuanceCap;
        uint16 validityEpochs;
        uint48 acceptor; // 0: everybody
    }

    /// @dev A version's place among those of the same acceptor; `until` is 0 while none follows.
    struct Link {
        uint40 until;
        uint16 previous;
    }

    bytes32 private constant TERMS_TYPE = keccak256(
        "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"
    );

    /// @inheritdoc IAllianceRegistry
    address public immutable pointsImplementation;
    /// @inheritdoc IAllianceRegistry
    uint32 public programmeCount;

    mapping(uint32 programme => Book) internal _programmes;
    mapping(uint32 programme => mapping(uint256 version => Version)) internal _versions;
    mapping(uint32 programme => mapping(uint256 version => Link)) internal _links;
    mapping(uint32 programme => mapping(uint256 acceptor => uint16)) internal _last;
    mapping(uint32 programme => WindDown) internal _windDowns;
    mapping(uint32 programme => uint40[]) private _epochEnds;
    mapping(uint64 issuer => uint32[]) private _programmesOf;

    constructor(address pointsImplementation_) {
        pointsImplementation = pointsImplementation_;
    }

    /// @inheritdoc IAllianceRegistry
    function createProgramme(
        uint64 merchant,
        string calldata name,
        string calldata symbol,
        uint40[] calldata epochEnds,
        Terms calldata first
    ) external restricted returns (uint32 number) {
        _known(merchant);
        number = ++programmeCount;
        if (epochEnds.length == 0) revert RegistryCalendarEmpty(number);
        address token = Clones.clone(pointsImplementation);
        _programmes[number] = Book(token, uint48(merchant), 0, 0, false, false);
        _programmesOf[merchant].push(number);
        emit ProgrammeCreated(number, merchant, token, name, symbol);
        _addTerms(number, first);
        _append(number, epochEnds);
        IAlliancePoints(token).initialize(address(this), number, name, symbol);
    }

    /// @inheritdoc IAllianceRegistry
    function publishTerms(uint32 number, Terms calldata proposal, bytes calldata signature) external {
        Book memory known = _programme(number);
        if (known.ending) revert RegistryProgrammeEnds(number, _windDowns[number].endsAt);
        bytes32 structHash = keccak256(
            abi.encode(
                TERMS_TYPE,
                number,
                known.versions + 1,
                proposal.effectiveFrom,
                proposal.pointValueMicros,
                proposal.feeBps,
                proposal.issuanceCap,
                proposal.validityEpochs
            )
        );
        _requireAdmin(known.issuer, structHash, signature);
        _checkNotice(number, 0, proposal.effectiveFrom);
        _addTerms(number, proposal);
    }

    /// @inheritdoc IAllianceRegistry
    function appendEpochs(uint32 number, uint40[] calldata epochEnds) external restricted {
        _programme(number);
        _append(number, epochEnds);
    }

    /// @inheritdoc IAllianceRegistry
    function programme(uint32 number) external view returns (Programme memory) {
        Book storage known = _programmes[number];
        if (known.token == address(0)) revert RegistryProgrammeUnknown(number);
        return Programme(known.token, known.issuer, known.versions, known.epochs);
    }

    /// @inheritdoc IAllianceRegistry
    function programmesOf(uint64 issuer) external view returns (uint32[] memory) {
        return _programmesOf[issuer];
    }

    /// @inheritdoc IAllianceRegistry
    function terms(uint32 number, uint16 version) external view returns (Terms memory) {
        if (version == 0 || version > _programme(number).versions) revert RegistryTermsUnknown(number, version);
        return _stated(number, version);
    }

    /// @inheritdoc IAllianceRegistry
    function currentTerms(uint32 number) external view returns (Terms memory, uint16 version) {
        _programme(number);
        version = _last[number][0];
        while (version > 1 && _versions[number][version].effectiveFrom > block.timestamp) {
            version = _links[number][version].previous;
        }
        return (_stated(number, version), version);
    }

    /// @inheritdoc IAllianceRegistry
    function epochEnd(uint32 number, uint256 epoch) external view returns (uint40) {
        uint40[] storage ends = _epochEnds[number];
        return epoch == 0 || epoch > ends.length ? 0 : ends[epoch - 1];
    }

    /// @inheritdoc IAllianceRegistry
    function currentEpoch(uint32 number) external view returns (uint256) {
        uint40[] storage ends = _epochEnds[number];
        uint256 low;
        uint256 high = ends.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (ends[middle] > block.timestamp) high = middle;
            else low = middle + 1;
        }
        return low + 1;
    }

    function _programme(uint32 number) internal view returns (Book memory known) {
        known = _programmes[number];
        if (known.token == address(0)) revert RegistryProgrammeUnknown(number);
    }

    function _stated(uint32 number, uint16 version) internal view returns (Terms memory) {
        Version storage v = _versions[number][version];
        return Terms(v.effectiveFrom, v.pointValueMicros, v.feeBps, v.issuanceCap, v.validityEpochs);
    }

    function _untilOf(uint32 number, uint16 version) internal view returns (uint40 until) {
        until = _links[number][version].until;
        if (until == 0) until = type(uint40).max;
        if (!_programmes[number].ending) return until;
        uint40 end = _windDowns[number].endsAt;
        if (end < until) until = end;
    }

    /// @dev Terms change with notice, and after the version before them of the same acceptor.
    function _checkNotice(uint32 number, uint64 acceptor, uint40 effectiveFrom) internal view {
        uint256 earliest = block.timestamp + NOTICE;
        uint256 previous = _versions[number][_last[number][acceptor]].effectiveFrom;
        if (previous >= earliest) earliest = previous + 1;
        if (effectiveFrom < earliest) revert RegistryNoticeTooShort(number, effectiveFrom, earliest);
    }

    /// @dev The one place where versions are written.
    function _addVersion(uint32 number, Version memory added) internal returns (uint16 version) {
        version = ++_programmes[number].versions;
        uint16 previous = _last[number][added.acceptor];
        _versions[number][version] = added;
        _last[number][added.acceptor] = version;
        if (previous == 0) return version;
        _links[number][version].previous = previous;
        _links[number][previous].until = added.effectiveFrom;
    }

    function _addTerms(uint32 number, Terms calldata added) private {
        if (added.pointValueMicros == 0 || added.feeBps > 10_000 || added.issuanceCap == 0) {
            revert RegistryTermsInvalid(added.pointValueMicros, added.feeBps, added.issuanceCap);
        }
        _addGeneral(number, added);
    }

    function _addGeneral(uint32 number, Terms memory added) internal {
        uint16 version = _addVersion(
            number,
            Version(
                added.effectiveFrom, added.pointValueMicros, added.feeBps, added.issuanceCap, added.validityEpochs, 0
            )
        );
        emit TermsPublished(
            number,
            version,
            added.effectiveFrom,
            added.pointValueMicros,
            added.feeBps,
            added.issuanceCap,
            added.validityEpochs
        );
    }

    /// @dev The one place where epochs are written. Their number stays within 16 bits, as moves need it.
    function _append(uint32 number, uint40[] calldata added) private {
        uint40[] storage ends = _epochEnds[number];
        uint256 count = ends.length;
        uint256 total = count + added.length;
        if (total > type(uint16).max) revert RegistryCalendarFull(number, total);
        uint40 previous = count == 0 ? 0 : ends[count - 1];
        for (uint256 i; i < added.length; ++i) {
            if (added[i] <= previous) revert RegistryEpochNotLater(number, count + i + 1, added[i], previous);
            previous = added[i];
            ends.push(previous);
        }
        _programmes[number].epochs = uint16(total);
        emit EpochsAppended(number, count + 1, added);
    }
}
