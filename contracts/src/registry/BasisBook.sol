// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Basis} from "../interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {PairBook} from "./PairBook.sol";

/// @dev On which basis an issuer settles: a published promise from which statements follow. No obligation is counted here.
abstract contract BasisBook is PairBook {
    bytes32 private constant BASIS_TYPE = keccak256(
        "BasisProposal(uint32 programme,uint32 number,uint40 effectiveFrom,uint8 kind,uint16 reserveBps,uint64 pool)"
    );
    uint8 private constant RESERVE = 2;

    mapping(uint32 programme => Basis[]) private _bases;

    /// @inheritdoc IAllianceRegistry
    function publishBasis(
        uint32 number, Basis calldata next, bytes calldata issuerSignature, bytes calldata poolSignature
    ) external {
        uint64 issuer = _programme(number).issuer;
        uint256 count = _bases[number].length;
        _known(next.pool);
        _checkBasis(number, issuer, count, next);
        bytes32 structHash = keccak256(
            abi.encode(BASIS_TYPE, number, count + 1, next.effectiveFrom, next.kind, next.reserveBps, next.pool)
        );
        _requireAdmin(issuer, structHash, issuerSignature);
        _requireAdmin(next.pool, structHash, poolSignature);
        _bases[number].push(next);
        emit BasisPublished(number, uint32(count + 1), next.effectiveFrom, next.kind, next.reserveBps, next.pool);
    }

    /// @inheritdoc IAllianceRegistry
    function bases(uint32 number) external view returns (Basis[] memory) {
        return _bases[number];
    }

    /// @dev With notice, after the one before, and with its pool: what a pool holds for a programme stays there.
    function _checkBasis(uint32 number, uint64 issuer, uint256 count, Basis calldata next) private view {
        bool share = next.kind == RESERVE ? next.reserveBps != 0 && next.reserveBps <= 10_000 : next.reserveBps == 0;
        bool samePool = count == 0 || _bases[number][count - 1].pool == next.pool;
        if (next.kind > RESERVE || !share || !samePool || next.pool == issuer) {
            revert RegistryBasisInvalid(number, next.kind, next.reserveBps, next.pool);
        }
        uint256 earliest = block.timestamp + NOTICE;
        uint256 previous = count == 0 ? 0 : _bases[number][count - 1].effectiveFrom;
        if (previous >= earliest) earliest = previous + 1;
        if (next.effectiveFrom < earliest) revert RegistryNoticeTooShort(number, next.effectiveFrom, earliest);
    }
}
