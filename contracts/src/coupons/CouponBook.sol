// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {CouponRoot, CouponType, IAllianceCoupons} from "../interfaces/IAllianceCoupons.sol";
import {IERC2135} from "../interfaces/IERC2135.sol";
import {Gcn} from "../libraries/Gcn.sol";

/// @dev Types, roots, the bits of consumption and the holders; nobody from outside changes any of it.
abstract contract CouponBook is IAllianceCoupons, IERC2135, ERC1155 {
    mapping(uint64 gcn => CouponType) internal _types;
    mapping(uint64 gcn => mapping(bytes32 root => CouponRoot)) internal _codeRoots;
    mapping(uint64 gcn => mapping(uint256 word => uint256)) private _consumed;
    mapping(bytes32 consumption => bool) internal _reversed;
    mapping(uint256 id => bool) internal _given;

    /// @inheritdoc IAllianceCoupons
    function couponType(uint64 gcn) external view returns (CouponType memory) {
        return _types[gcn];
    }

    /// @inheritdoc IAllianceCoupons
    function rootOfCodes(uint64 gcn, bytes32 root) external view returns (CouponRoot memory) {
        return _codeRoots[gcn][root];
    }

    /// @inheritdoc IAllianceCoupons
    function consumedWord(uint64 gcn, uint256 wordIndex) external view returns (uint256) {
        return _consumed[gcn][wordIndex];
    }

    /// @inheritdoc IAllianceCoupons
    function isReversed(bytes32 consumption) external view returns (bool) {
        return _reversed[consumption];
    }

    /// @inheritdoc IAllianceCoupons
    function isGiven(uint256 id) external view returns (bool) {
        return _given[id];
    }

    /// @inheritdoc IAllianceCoupons
    function isConsumed(uint256 id) public view returns (bool) {
        (uint256 word, uint256 bit) = _placeOf(id);
        return _consumed[Gcn.typeOf(id)][word] & bit != 0;
    }

    /// @inheritdoc IERC2135
    function isConsumableBy(address consumer, uint256 id, uint256 amount) external view returns (bool) {
        CouponType storage kind = _types[Gcn.typeOf(id)];
        if (amount != 1 || !Gcn.isWhole(id) || block.timestamp < kind.from || block.timestamp >= kind.until) return false;
        bool issued = kind.open || uint64(id) < kind.nextSerial;
        return issued && !isConsumed(id) && (!_given[id] || balanceOf(consumer, id) != 0);
    }

    /// @inheritdoc IERC2135
    function consume(address, uint256, uint256, bytes calldata) external pure returns (bool) {
        revert CouponsRestricted(msg.sig);
    }

    /// @inheritdoc IERC1155
    function safeTransferFrom(address, address, uint256, uint256, bytes memory) public pure override {
        revert CouponsRestricted(msg.sig);
    }

    /// @inheritdoc IERC1155
    function safeBatchTransferFrom(address, address, uint256[] memory, uint256[] memory, bytes memory)
        public
        pure
        override
    {
        revert CouponsRestricted(msg.sig);
    }

    /// @inheritdoc IERC1155
    function setApprovalForAll(address, bool) public pure override {
        revert CouponsRestricted(msg.sig);
    }

    /// @dev The choke point of consumption: one bit per serial (INV-6).
    function _setConsumed(uint256 id, bool consumed) internal {
        (uint256 word, uint256 bit) = _placeOf(id);
        uint64 gcn = Gcn.typeOf(id);
        uint256 before = _consumed[gcn][word];
        _consumed[gcn][word] = consumed ? before | bit : before & ~bit;
    }

    /// @dev The choke point of holders: one token of one coupon. Accounts are nobody's contracts: none is asked.
    function _pass(address from, address to, uint256 id) internal {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory one = new uint256[](1);
        ids[0] = id;
        one[0] = 1;
        _update(from, to, ids, one);
    }

    function _placeOf(uint256 id) private pure returns (uint256 word, uint256 bit) {
        return (uint64(id) >> 8, 1 << (id & 255));
    }
}
