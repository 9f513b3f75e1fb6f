// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {CustodialLimits, TermsInForce, TermsKey} from "./interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";
import {BasisBook} from "./registry/BasisBook.sol";
import {ProgrammeBook} from "./registry/ProgrammeBook.sol";

contract AllianceRegistry is BasisBook {
    CustodialLimits private _limits;
    /// @inheritdoc IAllianceRegistry
    address public clearingHouse;

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
            issuanceCap: stated.issuanceCap,
            effectiveFrom: stated.effectiveFrom,
            effectiveUntil: version == known.versions ? type(uint40).max : _untilOf(number, version)
        });
    }
}
