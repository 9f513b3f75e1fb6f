// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {IERC7818} from "../interfaces/IERC7818.sol";

/// @dev The writing half of ERC-20, ERC-2612 and ERC-7818, which this profile restricts. A call fails first for
/// what would be wrong with it under any ERC-20 (ERC-6093), and otherwise because points do not trade.
abstract contract RestrictedERC20 is IERC7818, IERC20Errors, IAlliancePoints {
    /// @inheritdoc IERC20
    function transfer(address to, uint256 value) external view returns (bool) {
        _refuseTransfer(msg.sender, to, this.balanceOf(msg.sender), value);
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 value) external view returns (bool) {
        if (value != 0) revert ERC20InsufficientAllowance(msg.sender, 0, value);
        _refuseTransfer(from, to, 0, 0);
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256) external pure returns (bool) {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        revert AlliancePointsRestricted(msg.sig);
    }

    /// @dev ERC-2612; restricted with the approval that it would make.
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external pure {
        revert AlliancePointsRestricted(msg.sig);
    }

    /// @inheritdoc IERC7818
    function transferAtEpoch(uint256 epoch, address to, uint256 value) external view returns (bool) {
        _refuseTransfer(msg.sender, to, this.balanceOfAtEpoch(epoch, msg.sender), value);
    }

    /// @inheritdoc IERC7818
    function transferFromAtEpoch(uint256, address from, address to, uint256 value) external view returns (bool) {
        if (value != 0) revert ERC20InsufficientAllowance(msg.sender, 0, value);
        _refuseTransfer(from, to, 0, 0);
    }

    /// @inheritdoc IERC20
    function allowance(address, address) external pure returns (uint256) {
        return 0;
    }

    function _refuseTransfer(address from, address to, uint256 balance, uint256 value) private pure {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        if (value > balance) revert ERC20InsufficientBalance(from, balance, value);
        revert AlliancePointsRestricted(msg.sig);
    }
}
