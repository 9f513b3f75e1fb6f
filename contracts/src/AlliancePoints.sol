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
        EXPIRE
    }

    uint256 private constant TALLIES = 8;

    IAllianceRegistry private _registry;
    uint32 private _programme;
    string private _name;
    string private _symbol;
    /// @dev Four epochs to a word: epoch e in lane e & 3 of the word under account << 96 | e >> 2.
    mapping(uint256 accountAndGroup => uint256) private _lots;
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
        for (uint256 i; i < moves.length; i += 2) {
            uint256 move = moves[i];
            _debit(move);
            _credit(moves[i + 1] << 96 | uint96(move));
            emit Transfer(address(uint160(move >> 96)), address(uint160(moves[i + 1])), uint64(move));
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
        return epoch > type(uint16).max ? 0 : uint64(_lots[_place(account, epoch)] >> _shift(epoch));
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

    /// @dev Credits the moves in their order and counts each epoch once (INV-4).
    function _creditAll(uint256[] calldata moves, Kind kind) private {
        uint256[] memory sums = new uint256[](2 * TALLIES);
        uint256 epoch;
        uint256 run;
        // Fewer than 2^16 amounts of 64 bits: no overflow.
        unchecked {
            for (uint256 i; i < moves.length; ++i) {
                uint256 move = _at(moves, i);
                if (uint16(move >> 64) != epoch) {
                    _tally(sums, kind, epoch, run);
                    run = 0;
                    epoch = uint16(move >> 64);
                }
                run += uint64(move);
                _credit(move);
                emit Transfer(address(0), address(uint160(move >> 96)), uint64(move));
            }
        }
        _tally(sums, kind, epoch, run);
        _countAll(sums, kind);
    }

    /// @dev Debits the moves in their order and counts each epoch once (INV-4). Moves of one operation and account that
    /// follow each other are one ERC-20 transfer.
    function _debitAll(uint256[] calldata moves, Kind kind) private {
        uint256[] memory sums = new uint256[](2 * TALLIES);
        uint256 previous;
        uint256 transferred;
        // Fewer than 2^16 amounts of 64 bits: no overflow.
        unchecked {
            for (uint256 i; i < moves.length; ++i) {
                uint256 move = _at(moves, i);
                if (move >> 80 != previous >> 80) {
                    if (i != 0) emit Transfer(address(uint160(previous >> 96)), address(0), transferred);
                    transferred = 0;
                }
                previous = move;
                transferred += uint64(move);
                _tally(sums, kind, uint16(move >> 64), uint64(move));
                _debit(move);
                if (kind == Kind.EXPIRE) {
                    emit PointsExpired(address(uint160(move >> 96)), uint16(move >> 64), uint64(move));
                }
            }
        }
        if (previous != 0) emit Transfer(address(uint160(previous >> 96)), address(0), transferred);
        _countAll(sums, kind);
    }

    function _at(uint256[] calldata moves, uint256 i) private pure returns (uint256 move) {
        // The callers' i is less than the length.
        assembly ("memory-safe") {
            move := calldataload(add(moves.offset, shl(5, i)))
        }
    }

    /// @dev Adds to the epoch's sum in memory; an epoch beyond the room there is counted at once.
    function _tally(uint256[] memory sums, Kind kind, uint256 epoch, uint256 amount) private {
        if (amount == 0) return;
        // Fewer than 2^16 amounts of 64 bits: no overflow.
        unchecked {
            for (uint256 i; i < 2 * TALLIES; i += 2) {
                uint256 known = sums[i];
                if (known == 0) sums[i] = epoch;
                else if (known != epoch) continue;
                sums[i + 1] += amount;
                return;
            }
        }
        _count(epoch, kind, amount);
        _count(0, kind, amount);
    }

    function _countAll(uint256[] memory sums, Kind kind) private {
        uint256 total;
        for (uint256 i; i < 2 * TALLIES && sums[i] != 0; i += 2) {
            _count(sums[i], kind, sums[i + 1]);
            total += sums[i + 1];
        }
        _count(0, kind, total);
    }

    function _count(uint256 epoch, Kind kind, uint256 amount) private {
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

    /// @dev One of the two places where balances change.
    function _credit(uint256 move) private {
        uint256 epoch = uint16(move >> 64);
        uint256 place = move >> 96 << 96 | epoch >> 2;
        // Outstanding points never exceed lifetime issuance, which fits 64 bits: the lane does not overflow.
        unchecked {
            _lots[place] += uint256(uint64(move)) << _shift(epoch);
        }
    }

    /// @dev The other place where balances change: never below zero.
    function _debit(uint256 move) private {
        uint256 epoch = uint16(move >> 64);
        uint256 amount = uint64(move);
        uint256 place = move >> 96 << 96 | epoch >> 2;
        uint256 lots = _lots[place];
        uint256 balance = uint64(lots >> _shift(epoch));
        if (balance < amount) {
            revert AlliancePointsInsufficientBalance(
                uint16(move >> 80), address(uint160(move >> 96)), epoch, balance, amount
            );
        }
        // amount <= balance: the subtraction stays inside its lane.
        unchecked {
            _lots[place] = lots - (amount << _shift(epoch));
        }
    }

    function _place(address account, uint256 epoch) private pure returns (uint256) {
        return uint256(uint160(account)) << 96 | epoch >> 2;
    }

    function _shift(uint256 epoch) private pure returns (uint256) {
        return (epoch & 3) << 6;
    }
}
