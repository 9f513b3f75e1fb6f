// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The function set of ERC-2135 (Final): assets that are consumed
interface IERC2135 {
    event OnConsumption(address indexed consumer, uint256 indexed assetId, uint256 amount, bytes data);

    /// @notice Consumes; always refused here, for a consumption needs the acceptor's signature in a batch.
    function consume(address consumer, uint256 assetId, uint256 amount, bytes calldata data)
        external
        returns (bool success);

    /// @notice Whether this consumer could consume so much of the asset now.
    function isConsumableBy(address consumer, uint256 assetId, uint256 amount) external view returns (bool consumable);
}
