// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Programme, Terms} from "../interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {MerchantBook} from "./MerchantBook.sol";

/// @dev Programmes, their effective-dated terms and their calendars. All three only grow (INV-10, INV-11).
abstract contract ProgrammeBook is MerchantBook {
    bytes32 private constant TERMS_TYPE = keccak256(
        "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"
    );

    /// @inheritdoc IAllianceRegistry
    address public immutable pointsImplementation;
    /// @inheritdoc IAllianceRegistry
    uint32 public programmeCount;

    mapping(uint32 programme => Programme) internal _programmes;
    mapping(uint32 programme => mapping(uint256 version => Terms)) internal _terms;
    mapping(uint32 programme => uint40[]) private _epochEnds;

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
        _programmes[number] = Programme(token, merchant, 0, 0);
        emit ProgrammeCreated(number, merchant, token, name, symbol);
        _addTerms(number, first);
        _append(number, epochEnds);
        IAlliancePoints(token).initialize(address(this), number, name, symbol);
    }

    /// @inheritdoc IAllianceRegistry
    function publishTerms(uint32 number, Terms calldata proposal, bytes calldata signature) external {
        Programme memory known = _programme(number);
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
        uint256 earliest = block.timestamp + NOTICE;
        uint256 previous = _terms[number][known.versions].effectiveFrom;
        if (previous >= earliest) earliest = previous + 1;
        if (proposal.effectiveFrom < earliest) revert RegistryNoticeTooShort(number, proposal.effectiveFrom, earliest);
        _addTerms(number, proposal);
    }

    /// @inheritdoc IAllianceRegistry
    function appendEpochs(uint32 number, uint40[] calldata epochEnds) external restricted {
        _programme(number);
        _append(number, epochEnds);
    }

    /// @inheritdoc IAllianceRegistry
    function programme(uint32 number) external view returns (Programme memory) {
        return _programme(number);
    }

    /// @inheritdoc IAllianceRegistry
    function terms(uint32 number, uint16 version) external view returns (Terms memory) {
        if (version == 0 || version > _programme(number).versions) revert RegistryTermsUnknown(number, version);
        return _terms[number][version];
    }

    /// @inheritdoc IAllianceRegistry
    function currentTerms(uint32 number) external view returns (Terms memory, uint16 version) {
        version = _programme(number).versions;
        while (version > 1 && _terms[number][version].effectiveFrom > block.timestamp) --version;
        return (_terms[number][version], version);
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

    function _programme(uint32 number) internal view returns (Programme memory known) {
        known = _programmes[number];
        if (known.token == address(0)) revert RegistryProgrammeUnknown(number);
    }

    /// @dev The one place where terms are written.
    function _addTerms(uint32 number, Terms calldata added) private {
        if (added.pointValueMicros == 0 || added.feeBps > 10_000 || added.issuanceCap == 0) {
            revert RegistryTermsInvalid(added.pointValueMicros, added.feeBps, added.issuanceCap);
        }
        uint16 version = ++_programmes[number].versions;
        _terms[number][version] = added;
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
