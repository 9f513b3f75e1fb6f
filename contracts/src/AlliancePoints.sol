// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Counters, Terms} from "./interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "./interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {IERC7818} from "./interfaces/IERC7818.sol";
import {PointsBook} from "./points/PointsBook.sol";

contract AlliancePoints is PointsBook, Initializable, IERC165 {
    IAllianceRegistry private _registry;
    uint32 private _programme;
    string private _name;
    string private _symbol;

    constructor() {
        _disableInitializers();
    }

    modifier onlyClearingHouse() {
        if (msg.sender != _registry.clearingHouse()) revert AlliancePointsUnauthorized(msg.sender);
        _;
    }

    /// @inheritdoc IAlliancePoints
    function initialize(address registry_, uint32 programme_, string calldata name_, string calldata symbol_)
        external
        initializer
    {
        _registry = IAllianceRegistry(registry_);
        _programme = programme_;
        _name = name_;
        _symbol = symbol_;
    }

    /// @inheritdoc IAlliancePoints
    function issueBatch(uint256[] calldata moves) external onlyClearingHouse {
        _creditAll(moves, Kind.ISSUE);
    }

    /// @inheritdoc IAlliancePoints
    function restoreBatch(uint256[] calldata moves) external onlyClearingHouse {
        _creditAll(moves, Kind.RESTORE);
    }

    /// @inheritdoc IAlliancePoints
    function redeemBatch(uint256[] calldata moves) external onlyClearingHouse {
        _debitAll(moves, Kind.REDEEM);
    }

    /// @inheritdoc IAlliancePoints
    function clawBackBatch(uint256[] calldata moves) external onlyClearingHouse {
        _debitAll(moves, Kind.CLAWBACK);
    }

    /// @inheritdoc IAlliancePoints
    function expireBatch(uint256[] calldata moves) external onlyClearingHouse {
        _debitAll(moves, Kind.EXPIRE);
    }

    /// @inheritdoc IAlliancePoints
    function giftBatch(uint256[] calldata moves) external onlyClearingHouse {
        _giftAll(moves);
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256 sum) {
        uint256 last = _registry.programme(_programme).epochs;
        for (uint256 epoch = currentEpoch(); epoch <= last; ++epoch) sum += balanceAtEpochRaw(account, epoch);
    }

    /// @inheritdoc IERC7818
    function balanceOfAtEpoch(uint256 epoch, address account) external view returns (uint256) {
        return isEpochExpired(epoch) ? 0 : balanceAtEpochRaw(account, epoch);
    }

    /// @inheritdoc IAlliancePoints
    function balanceAtEpochRaw(address account, uint256 epoch) public view returns (uint256) {
        return epoch > type(uint16).max ? 0 : uint64(_lots[_place(account, epoch)].word >> _shift(epoch));
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256) {
        return outstanding(0);
    }

    /// @inheritdoc IAlliancePoints
    function liveSupply() external view returns (uint256 sum) {
        uint256 last = _registry.programme(_programme).epochs;
        for (uint256 epoch = currentEpoch(); epoch <= last; ++epoch) sum += outstanding(epoch);
    }

    /// @inheritdoc IAlliancePoints
    function issuedTotal() external view returns (uint256) {
        return _counters[0].issued;
    }

    /// @inheritdoc IAlliancePoints
    function outstanding(uint256 epoch) public view returns (uint256) {
        Counters memory sum = _counters[epoch];
        return uint256(sum.issued) + sum.restored - sum.redeemed - sum.clawedBack - sum.expired;
    }

    /// @inheritdoc IAlliancePoints
    function counters(uint256 epoch) external view returns (Counters memory) {
        return _counters[epoch];
    }

    /// @inheritdoc IERC7818
    function currentEpoch() public view returns (uint256) {
        return _registry.currentEpoch(_programme);
    }

    /// @inheritdoc IERC7818
    function epochLength() external view returns (uint256) {
        uint256 epoch = currentEpoch();
        uint256 end = _registry.epochEnd(_programme, epoch);
        return end == 0 ? 0 : end - _registry.epochEnd(_programme, epoch - 1);
    }

    /// @inheritdoc IERC7818
    function epochType() external pure returns (EPOCH_TYPE) {
        return EPOCH_TYPE.TIME_BASED;
    }

    /// @inheritdoc IERC7818
    function validityDuration() external view returns (uint256) {
        (Terms memory inForce,) = _registry.currentTerms(_programme);
        return inForce.validityEpochs;
    }

    /// @inheritdoc IERC7818
    function isEpochExpired(uint256 epoch) public view returns (bool) {
        return _registry.epochEnd(_programme, epoch) <= block.timestamp;
    }

    function name() external view returns (string memory) {
        return _name;
    }

    function symbol() external view returns (string memory) {
        return _symbol;
    }

    function decimals() external pure returns (uint8) {
        return 0;
    }

    /// @inheritdoc IAlliancePoints
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IAlliancePoints
    function programme() external view returns (uint32) {
        return _programme;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IAlliancePoints).interfaceId;
    }
}
