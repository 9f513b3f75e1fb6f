// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The function set of ERC-7818 (Final): ERC-20 balances that expire by epoch
interface IERC7818 is IERC20 {
    enum EPOCH_TYPE {
        BLOCKS_BASED,
        TIME_BASED
    }

    /// @notice What the account can spend of one epoch; 0 once the epoch has ended.
    function balanceOfAtEpoch(uint256 epoch, address account) external view returns (uint256);

    /// @notice The first epoch of the programme's calendar that has not ended.
    function currentEpoch() external view returns (uint256);

    /// @notice Seconds from the end of the epoch before to the end of the current one.
    /// Warning: epochs follow a calendar, so this changes from epoch to epoch. It is 0 after the last epoch, and
    /// epoch 1 counts from time zero.
    function epochLength() external view returns (uint256);

    /// @notice Always TIME_BASED.
    function epochType() external view returns (EPOCH_TYPE);

    /// @notice For how many epochs after the current one newly issued points can be spent, by the terms in force.
    function validityDuration() external view returns (uint256);

    /// @notice Whether the epoch's end has come, or the calendar does not have it.
    function isEpochExpired(uint256 epoch) external view returns (bool);

    /// @notice Restricted in this profile: always reverts.
    function transferAtEpoch(uint256 epoch, address to, uint256 value) external returns (bool);

    /// @notice Restricted in this profile: always reverts.
    function transferFromAtEpoch(uint256 epoch, address from, address to, uint256 value) external returns (bool);
}
