// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerchantKeys} from "../interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Gln} from "./Gln.sol";

/// @dev Merchants and their keys. What a merchant alone decides is signed by its admin key (D2).
abstract contract MerchantBook is IAllianceRegistry, AccessManaged, EIP712 {
    struct Merchant {
        address operations;
        uint40 suspendedFrom;
        uint32 nonce;
        address admin;
        address settlement;
    }

    struct Recovery {
        address admin;
        uint40 effectiveFrom;
        address operations;
        address settlement;
    }

    bytes32 private constant KEYS_TYPE =
        keccak256("MerchantKeys(uint64 merchant,address admin,address operations,address settlement,uint32 nonce)");
    uint40 internal constant NOTICE = 8 days;

    mapping(uint64 merchant => Merchant) private _merchants;
    mapping(uint64 merchant => Recovery) private _recoveries;

    /// @inheritdoc IAllianceRegistry
    function admitMerchant(uint64 merchant, address admin, address operations, address settlement)
        external
        restricted
    {
        if (!Gln.isValid(merchant)) revert RegistryGlnInvalid(merchant);
        if (_merchants[merchant].admin != address(0)) revert RegistryMerchantKnown(merchant);
        _setKeys(merchant, MerchantKeys(admin, operations, settlement));
        _merchants[merchant].suspendedFrom = type(uint40).max;
        emit MerchantAdmitted(merchant, admin, operations, settlement);
    }

    /// @inheritdoc IAllianceRegistry
    function suspendMerchant(uint64 merchant, uint40 from) external restricted {
        if (from < block.timestamp) revert RegistrySuspensionInPast(merchant, from, block.timestamp);
        _known(merchant).suspendedFrom = from;
        emit MerchantSuspended(merchant, from);
    }

    /// @inheritdoc IAllianceRegistry
    function reinstateMerchant(uint64 merchant) external restricted {
        _known(merchant).suspendedFrom = type(uint40).max;
        emit MerchantReinstated(merchant);
    }

    /// @inheritdoc IAllianceRegistry
    function rotateKeys(uint64 merchant, MerchantKeys calldata keys, bytes calldata signature) external {
        bytes32 structHash = keccak256(
            abi.encode(KEYS_TYPE, merchant, keys.admin, keys.operations, keys.settlement, _known(merchant).nonce)
        );
        _requireAdmin(merchant, structHash, signature);
        delete _recoveries[merchant];
        _changeKeys(merchant, keys);
    }

    /// @inheritdoc IAllianceRegistry
    function proposeRecovery(uint64 merchant, MerchantKeys calldata keys) external restricted {
        _known(merchant);
        _requireKeys(merchant, keys);
        uint40 from = uint40(block.timestamp) + NOTICE;
        _recoveries[merchant] = Recovery(keys.admin, from, keys.operations, keys.settlement);
        emit RecoveryProposed(merchant, keys.admin, keys.operations, keys.settlement, from);
    }

    /// @inheritdoc IAllianceRegistry
    function completeRecovery(uint64 merchant) external {
        Recovery memory recovery = _recoveries[merchant];
        if (recovery.effectiveFrom == 0 || block.timestamp < recovery.effectiveFrom) {
            revert RegistryRecoveryNotDue(merchant, recovery.effectiveFrom, block.timestamp);
        }
        delete _recoveries[merchant];
        _changeKeys(merchant, MerchantKeys(recovery.admin, recovery.operations, recovery.settlement));
    }

    /// @inheritdoc IAllianceRegistry
    function merchantKeys(uint64 merchant) external view returns (MerchantKeys memory) {
        Merchant storage known = _merchants[merchant];
        return MerchantKeys(known.admin, known.operations, known.settlement);
    }

    /// @inheritdoc IAllianceRegistry
    function merchantNonce(uint64 merchant) external view returns (uint32) {
        return _merchants[merchant].nonce;
    }

    /// @inheritdoc IAllianceRegistry
    function sliceKey(uint64 merchant) external view returns (address operations, uint40 suspendedFrom) {
        Merchant storage known = _merchants[merchant];
        return (known.operations, known.suspendedFrom);
    }

    function _known(uint64 merchant) internal view returns (Merchant storage known) {
        known = _merchants[merchant];
        if (known.admin == address(0)) revert RegistryMerchantUnknown(merchant);
    }

    function _requireAdmin(uint64 merchant, bytes32 structHash, bytes calldata signature) internal view {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!Signatures.isFrom(_known(merchant).admin, digest, signature)) {
            revert RegistrySignatureInvalid(merchant, digest);
        }
    }

    function _changeKeys(uint64 merchant, MerchantKeys memory keys) private {
        ++_merchants[merchant].nonce;
        _setKeys(merchant, keys);
        emit MerchantKeysChanged(merchant, keys.admin, keys.operations, keys.settlement);
    }

    function _setKeys(uint64 merchant, MerchantKeys memory keys) private {
        _requireKeys(merchant, keys);
        Merchant storage known = _merchants[merchant];
        known.admin = keys.admin;
        known.operations = keys.operations;
        known.settlement = keys.settlement;
    }

    function _requireKeys(uint64 merchant, MerchantKeys memory keys) private pure {
        if (keys.admin == address(0) || keys.operations == address(0) || keys.settlement == address(0)) {
            revert RegistryKeyZero(merchant);
        }
    }
}
