// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms, WindDown} from "../interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {ConversionBook} from "./ConversionBook.sol";

/// @dev Ends of programmes, each announced once with notice and with the word of the issuer that takes over the rest.
/// Issues end by a last version of the terms with a cap of 0, acceptance by `_untilOf`: both judged like all terms.
abstract contract ClosingBook is ConversionBook {
    bytes32 private constant WIND_DOWN_TYPE = keccak256(
        "WindDownProposal(uint32 programme,uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)"
    );
    uint40 private constant CLOSING_NOTICE = 30 days;

    /// @dev Until when a target of wind-downs issues for what is left of others at least.
    mapping(uint32 target => uint40) private _receivesUntil;

    /// @inheritdoc IAllianceRegistry
    function announceWindDown(
        uint32 number, WindDown calldata end, bytes calldata issuerSignature, bytes calldata targetSignature
    ) external {
        Book memory known = _programme(number);
        Book memory into = _programme(end.target);
        if (known.ending) revert RegistryProgrammeEnds(number, _windDowns[number].endsAt);
        bool ordered = end.issuesUntil <= end.endsAt && end.spreadBps < WHOLE_BPS;
        if (end.target == number || into.ending || !ordered) {
            revert RegistryWindDownInvalid(number, end.target, end.issuesUntil, end.spreadBps);
        }
        bytes32 structHash = keccak256(
            abi.encode(WIND_DOWN_TYPE, number, end.issuesUntil, end.endsAt, end.target, end.spreadBps)
        );
        _requireAdmin(known.issuer, structHash, issuerSignature);
        _requireAdmin(into.issuer, structHash, targetSignature);
        _requireLater(number, end.endsAt, block.timestamp + CLOSING_NOTICE);
        _requireLater(number, end.issuesUntil, _receivesUntil[number]);
        _checkNotice(number, 0, end.issuesUntil);
        _end(number, end);
    }

    /// @inheritdoc IAllianceRegistry
    function windDown(uint32 number) external view returns (WindDown memory) {
        return _windDowns[number];
    }

    function _requireLater(uint32 number, uint40 stated, uint256 earliest) private pure {
        if (stated < earliest) revert RegistryNoticeTooShort(number, stated, earliest);
    }

    function _end(uint32 number, WindDown calldata end) private {
        Terms memory last = _stated(number, _last[number][0]);
        last.effectiveFrom = end.issuesUntil;
        last.issuanceCap = 0;
        _addGeneral(number, last);
        _programmes[number].ending = true;
        _windDowns[number] = end;
        uint40 needed = end.endsAt + CLOSING_NOTICE;
        if (_receivesUntil[end.target] < needed) _receivesUntil[end.target] = needed;
        emit WindDownAnnounced(number, end.target, end.issuesUntil, end.endsAt, end.spreadBps);
    }
}
