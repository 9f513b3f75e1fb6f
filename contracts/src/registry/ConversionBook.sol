// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConversionTerms} from "../interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {BasisBook} from "./BasisBook.sol";

/// @dev At which spread points of one programme become points of another. Both issuers have signed each version.
abstract contract ConversionBook is BasisBook {
    bytes32 private constant CONVERSION_TYPE = keccak256(
        "ConversionProposal(uint32 programme,uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps)"
    );
    uint16 internal constant WHOLE_BPS = 10_000;

    mapping(uint32 programme => mapping(uint32 target => ConversionTerms[])) private _conversions;

    /// @inheritdoc IAllianceRegistry
    function publishConversion(
        uint32 number,
        uint32 target,
        ConversionTerms calldata next,
        bytes calldata issuerSignature,
        bytes calldata targetSignature
    ) external {
        (uint64 issuer, uint64 receiver) = (_programme(number).issuer, _programme(target).issuer);
        ConversionTerms[] storage known = _conversions[number][target];
        uint256 count = known.length;
        bool ends = next.spreadBps >= WHOLE_BPS;
        if (number == target || next.spreadBps > WHOLE_BPS || (ends && count == 0)) {
            revert RegistryConversionInvalid(number, target, next.spreadBps);
        }
        bytes32 structHash = keccak256(
            abi.encode(CONVERSION_TYPE, number, target, count + 1, next.effectiveFrom, next.spreadBps)
        );
        _requireAdmin(issuer, structHash, issuerSignature);
        _requireAdmin(receiver, structHash, targetSignature);
        uint256 earliest = block.timestamp + NOTICE;
        uint256 previous = count == 0 ? 0 : known[count - 1].effectiveFrom;
        if (previous >= earliest) earliest = previous + 1;
        if (next.effectiveFrom < earliest) revert RegistryNoticeTooShort(number, next.effectiveFrom, earliest);
        known.push(next);
        emit ConversionPublished(number, target, uint32(count + 1), next.effectiveFrom, next.spreadBps);
    }

    /// @inheritdoc IAllianceRegistry
    function conversions(uint32 number, uint32 target) external view returns (ConversionTerms[] memory) {
        return _conversions[number][target];
    }

    /// @inheritdoc IAllianceRegistry
    function conversionTerms(uint32 number, uint32 target, uint32 terms_)
        external
        view
        returns (uint40 from, uint40 until, uint16 spreadBps)
    {
        ConversionTerms[] storage known = _conversions[number][target];
        if (terms_ == 0 || terms_ > known.length) return (0, 0, 0);
        ConversionTerms memory stated = known[terms_ - 1];
        until = terms_ == known.length ? type(uint40).max : known[terms_].effectiveFrom;
        return (stated.effectiveFrom, until, stated.spreadBps);
    }
}
