// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Counters, Terms} from "./interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "./interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {IERC7818} from "./interfaces/IERC7818.sol";
import {RestrictedERC20} from "./points/RestrictedERC20.sol";

contract AlliancePoints is RestrictedERC20, Initializable, IERC165 {
    enum Kind {
        ISSUE,
        RESTORE,
        REDEEM,
        CLAWBACK,
        EXPIRE,
        GIFT
    }

    IAllianceRegistry private _registry;
    uint32 private _programme;
    string private _name;
    string private _symbol;
    /// @dev Four epochs to a word: epoch e in lane e & 3 of word e >> 2.
    mapping(address account => mapping(uint256 group => uint256)) private _lots;
    mapping(uint256 epoch => Counters) private _counters;

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
        _applyAll(moves, Kind.ISSUE);
    }

    /// @inheritdoc IAlliancePoints
    function restoreBatch(uint256[] calldata moves) external onlyClearingHouse {
        _applyAll(moves, Kind.RESTORE);
    }

    /// @inheritdoc IAlliancePoints
    function redeemBatch(uint256[] calldata moves) external onlyClearingHouse {
        _applyAll(moves, Kind.REDEEM);
    }

    /// @inheritdoc IAlliancePoints
    function clawBackBatch(uint256[] calldata moves) external onlyClearingHouse {
        _applyAll(moves, Kind.CLAWBACK);
    }

    /// @inheritdoc IAlliancePoints
    function expireBatch(uint256[] calldata moves) external onlyClearingHouse {
        _applyAll(moves, Kind.EXPIRE);
    }

    /// @inheritdoc IAlliancePoints
    function giftBatch(uint256[] calldata moves) external onlyClearingHouse {
        for (uint256 i; i < moves.length; i += 2) {
            _update(address(uint160(moves[i] >> 96)), address(uint160(moves[i + 1])), moves[i]);
        }
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
        return uint64(_lots[account][epoch >> 2] >> ((epoch & 3) << 6));
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

    /// @dev Applies the moves in their order and counts each run of one epoch once (INV-4).
    function _applyAll(uint256[] calldata moves, Kind kind) private {
        bool credit = kind < Kind.REDEEM;
        uint256 epoch;
        uint256 run;
        uint256 total;
        for (uint256 i; i < moves.length; ++i) {
            uint256 move = moves[i];
            address account = address(uint160(move >> 96));
            if (uint16(move >> 64) != epoch) {
                _count(epoch, kind, run);
                epoch = uint16(move >> 64);
                run = 0;
            }
            // At most 2^16 amounts of 64 bits: no overflow.
            unchecked {
                run += uint64(move);
                total += uint64(move);
            }
            if (credit) _update(address(0), account, move);
            else _update(account, address(0), move);
            if (kind == Kind.EXPIRE) emit PointsExpired(account, epoch, uint64(move));
        }
        _count(epoch, kind, run);
        _count(0, kind, total);
    }

    function _count(uint256 epoch, Kind kind, uint256 amount) private {
        if (amount == 0) return;
        Counters storage sum = _counters[epoch];
        // Lifetime issuance fits 64 bits (cap), so does what leaves by clawback and expiry; redeemed and restored
        // have 128 bits for sums of 64-bit amounts.
        unchecked {
            if (kind == Kind.ISSUE) sum.issued += uint64(amount);
            else if (kind == Kind.RESTORE) sum.restored += uint128(amount);
            else if (kind == Kind.REDEEM) sum.redeemed += uint128(amount);
            else if (kind == Kind.CLAWBACK) sum.clawedBack += uint64(amount);
            else sum.expired += uint64(amount);
        }
    }

    /// @dev The choke point: every balance changes here. Zero stands for outside, as in ERC-20's `Transfer`.
    function _update(address from, address to, uint256 move) private {
        uint256 amount = uint64(move);
        uint256 epoch = uint16(move >> 64);
        uint256 shift = (epoch & 3) << 6;
        if (from != address(0)) {
            mapping(uint256 group => uint256) storage lots = _lots[from];
            uint256 word = lots[epoch >> 2];
            uint256 balance = uint64(word >> shift);
            if (balance < amount) {
                revert AlliancePointsInsufficientBalance(uint16(move >> 80), from, epoch, balance, amount);
            }
            // amount <= balance: the subtraction stays inside its lane.
            unchecked {
                lots[epoch >> 2] = word - (amount << shift);
            }
        }
        if (to != address(0)) {
            // Outstanding points never exceed lifetime issuance, which fits 64 bits: the lane does not overflow.
            unchecked {
                _lots[to][epoch >> 2] += amount << shift;
            }
        }
        emit IERC20.Transfer(from, to, amount);
    }
}
