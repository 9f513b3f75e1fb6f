// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {IClearingHouse} from "../interfaces/IClearingHouse.sol";

/// @dev Batch numbers, roots, periods, nets and the pause. Reads fall through to the predecessor.
abstract contract Settlement is IClearingHouse, AccessManaged {
    uint40 private constant PAUSE = 48 hours;
    uint40 private constant PAUSE_COOL_DOWN = 7 days;

    IAllianceRegistry internal immutable _registry;
    IClearingHouse internal immutable _predecessor;

    uint64 private _lastBatch;
    uint32 private _period;
    /// @inheritdoc IClearingHouse
    uint40 public pausedUntil;
    /// @inheritdoc IClearingHouse
    uint40 public pauseAllowedFrom;

    mapping(uint64 number => bytes32) private _roots;
    mapping(uint32 period => mapping(uint64 merchant => int256)) private _nets;

    constructor(address registry_, address predecessor_) {
        _registry = IAllianceRegistry(registry_);
        _predecessor = IClearingHouse(predecessor_);
    }

    /// @inheritdoc IClearingHouse
    function closePeriod(uint32 period) external restricted {
        uint32 open = currentPeriod();
        if (period != open) revert PeriodNotOpen(period, open);
        _period = open + 1;
        emit PeriodClosed(open, lastBatch());
    }

    /// @inheritdoc IClearingHouse
    function pause() external restricted {
        if (block.timestamp < pauseAllowedFrom) revert PauseCoolingDown(pauseAllowedFrom);
        uint40 until = uint40(block.timestamp) + PAUSE;
        pausedUntil = until;
        pauseAllowedFrom = until + PAUSE_COOL_DOWN;
        emit Paused(until);
    }

    /// @inheritdoc IClearingHouse
    function unpause() external restricted {
        if (block.timestamp >= pausedUntil) revert PauseNotActive(pausedUntil);
        pausedUntil = uint40(block.timestamp);
        emit Unpaused();
    }

    /// @inheritdoc IClearingHouse
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IClearingHouse
    function predecessor() external view returns (address) {
        return address(_predecessor);
    }

    /// @inheritdoc IClearingHouse
    function lastBatch() public view returns (uint64 last) {
        last = _lastBatch;
        if (last == 0 && _continues()) last = _predecessor.lastBatch();
    }

    /// @inheritdoc IClearingHouse
    function rootOf(uint64 number) public view returns (bytes32 root) {
        root = _roots[number];
        if (root == 0 && _continues()) root = _predecessor.rootOf(number);
    }

    /// @inheritdoc IClearingHouse
    function currentPeriod() public view returns (uint32 period) {
        period = _period;
        if (period == 0) period = _continues() ? _predecessor.currentPeriod() : 1;
    }

    /// @inheritdoc IClearingHouse
    function net(uint32 period, uint64 merchant) external view returns (int256 sum) {
        sum = _nets[period][merchant];
        if (_continues()) sum += _predecessor.net(period, merchant);
    }

    function _continues() internal view returns (bool) {
        return address(_predecessor) != address(0);
    }

    /// @dev Batch numbers rise strictly: a batch never runs twice (INV-7).
    function _openBatch(uint64 number) internal view {
        if (block.timestamp < pausedUntil) revert ClearingHousePaused(pausedUntil);
        uint64 last = lastBatch();
        if (number <= last) revert BatchNumberUsed(number, last);
    }

    function _closeBatch(uint64 number, uint32 count, bytes32 root) internal {
        uint32 period = currentPeriod();
        _lastBatch = number;
        _period = period;
        _roots[number] = root;
        emit BatchApplied(number, period, count, root);
    }

    /// @dev The choke point of obligations; the caller's amounts of one batch sum to zero (INV-5).
    function _addNet(uint32 period, uint64 merchant, int256 micros) internal {
        if (micros != 0) _nets[period][merchant] += micros;
    }
}
