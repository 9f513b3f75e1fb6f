// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {CustodialLimits, IssuanceLimit, ReserveStatement, TermsInForce, TermsKey} from "./interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";
import {IssuanceLimits} from "./libraries/IssuanceLimits.sol";
import {ClosingBook} from "./registry/ClosingBook.sol";
import {ProgrammeBook} from "./registry/ProgrammeBook.sol";

contract AllianceRegistry is ClosingBook {
    CustodialLimits private _limits;
    /// @inheritdoc IAllianceRegistry
    address public clearingHouse;
    mapping(uint32 programme => IssuanceLimits.Ladder) private _ladders;

    constructor(address authority, address pointsImplementation_)
        AccessManaged(authority)
        EIP712("Alliance Ledger", "1")
        ProgrammeBook(pointsImplementation_)
    {}

    /// @inheritdoc IAllianceRegistry
    function setCustodialLimits(uint64 perPermitMicros, uint64 perDayMicros) external restricted {
        _limits = CustodialLimits(perPermitMicros, perDayMicros);
        emit CustodialLimitsSet(perPermitMicros, perDayMicros);
    }

    /// @inheritdoc IAllianceRegistry
    function setClearingHouse(address next) external restricted {
        address inForce = clearingHouse;
        address continued = IClearingHouse(next).predecessor();
        if (continued != inForce) revert RegistryPredecessorMismatch(next, continued, inForce);
        clearingHouse = next;
        emit ClearingHouseSet(next, inForce);
    }

    /// @inheritdoc IAllianceRegistry
    function setIssuanceLimit(uint32 number, uint64 limit, uint40 until) external restricted {
        _programme(number);
        IssuanceLimit memory next = IssuanceLimits.set(_ladders[number], limit, until);
        emit IssuanceLimited(number, next.limit, next.before, next.from, next.until);
    }

    /// @inheritdoc IAllianceRegistry
    function stateReserve(ReserveStatement calldata told) external restricted {
        emit ReserveStated(
            told.merchant, told.reserveMicros, told.asOf, told.staleFrom, told.requiredBps, told.defaultFrom
        );
    }

    /// @inheritdoc IAllianceRegistry
    function issuanceCapAt(uint32 number, uint16 version, uint256 acceptedAt) external view returns (uint256) {
        uint256 cap = _versions[number][version].issuanceCap;
        if (_ladders[number].head.until == 0) return cap;
        uint256 most = IssuanceLimits.mostAt(_ladders[number], acceptedAt);
        return most < cap ? most : cap;
    }

    /// @inheritdoc IAllianceRegistry
    function issuanceLimit(uint32 number) external view returns (IssuanceLimit memory) {
        return _ladders[number].head;
    }

    /// @inheritdoc IAllianceRegistry
    function custodialLimits() external view returns (CustodialLimits memory) {
        return _limits;
    }

    /// @inheritdoc IAllianceRegistry
    function batchTerms(TermsKey[] calldata table)
        external
        view
        returns (TermsInForce[] memory rows, CustodialLimits memory limits, address inForce)
    {
        rows = new TermsInForce[](table.length);
        for (uint256 i; i < table.length; ++i) rows[i] = _row(table[i].programme, table[i].version);
        return (rows, _limits, clearingHouse);
    }

    function _row(uint32 number, uint16 version) private view returns (TermsInForce memory) {
        Book memory known = _programme(number);
        Version memory stated = _versions[number][version];
        // Nothing is stated of a version that is not there, nor of one that ends a pair's terms.
        if (stated.pointValueMicros == 0) revert RegistryTermsUnknown(number, version);
        return TermsInForce({
            token: known.token,
            issuer: known.paired ? 1 << 64 | known.issuer : known.issuer,
            pointValueMicros: stated.pointValueMicros,
            feeBps: stated.feeBps,
            issuanceCap: _capWord(number, stated.issuanceCap),
            effectiveFrom: stated.effectiveFrom,
            effectiveUntil: version == known.versions && !known.ending ? type(uint40).max : _untilOf(number, version)
        });
    }

    function _capWord(uint32 number, uint64 cap) private view returns (uint256) {
        IssuanceLimit memory known = _ladders[number].head;
        if (known.until == 0) return cap;
        uint64 sure = IssuanceLimits.sure(known);
        return 1 << 64 | uint256(sure < cap ? sure : cap);
    }
}
