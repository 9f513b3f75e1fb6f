// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Counters} from "./AllianceTypes.sol";

/// @title Points of one merchant's programme, under the alliance standard
/// @notice Balances are kept by expiry epoch: the bucket of epoch e holds points whose last spendable epoch is e.
/// @dev Balances change only when the ClearingHouse in force calls one of the six batch functions. Each takes moves:
/// one word account << 96 | operation index << 80 | epoch << 64 | amount. The caller guarantees amount > 0,
/// account != 0, 1 <= epoch < 2^16, and that lifetime issuance stays within the cap (INV-10), so that no counter
/// and no balance of 64 bits can overflow.
///
/// INV-4: for every epoch, and for the totals (epoch 0), the balances sum to
/// issued + restored - redeemed - clawedBack - expired.
interface IAlliancePoints {
    /// @notice Points of an ended epoch were removed from an account (an ERC-20 `Transfer` to zero goes with it).
    event PointsExpired(address indexed account, uint256 indexed epoch, uint256 amount);

    /// @notice A balance does not cover a debit.
    /// @param operation index of the operation in the batch
    error AlliancePointsInsufficientBalance(
        uint32 operation, address account, uint256 epoch, uint256 balance, uint256 needed
    );

    /// @notice Points do not trade: the function exists for the standards' sake and never succeeds.
    error AlliancePointsRestricted(bytes4 selector);

    /// @notice Only the ClearingHouse that the registry names may move points.
    error AlliancePointsUnauthorized(address caller);

    /// @notice Binds a fresh clone to its registry and programme; works once.
    function initialize(address registry, uint32 programme, string calldata name, string calldata symbol) external;

    /// @notice Credits each move and counts it as issued.
    function issueBatch(uint256[] calldata moves) external;

    /// @notice Credits each move and counts it as restored: a refund of points that were redeemed (D10).
    function restoreBatch(uint256[] calldata moves) external;

    /// @notice Debits each move and counts it as redeemed.
    function redeemBatch(uint256[] calldata moves) external;

    /// @notice Debits each move and counts it as clawed back: the reversal of an earn.
    function clawBackBatch(uint256[] calldata moves) external;

    /// @notice Debits each move and counts it as expired.
    /// Warning: the caller proves that the epoch has ended (INV-11); the token does not look.
    function expireBatch(uint256[] calldata moves) external;

    /// @notice Moves points between accounts within their epoch; outstanding does not change.
    /// @param moves pairs: a move of the giver, then the recipient's address as a word
    function giftBatch(uint256[] calldata moves) external;

    /// @notice What the account holds of one epoch, ended or not.
    function balanceAtEpochRaw(address account, uint256 epoch) external view returns (uint256);

    /// @notice What the epoch went through; epoch 0 is the programme's lifetime.
    function counters(uint256 epoch) external view returns (Counters memory);

    /// @notice Lifetime issuance, which the cap limits; restores do not count.
    function issuedTotal() external view returns (uint256);

    /// @notice All points that stand on accounts in one epoch, ended or not.
    function outstanding(uint256 epoch) external view returns (uint256);

    /// @notice All points that can still be spent. `totalSupply` also has what ended epochs hold until `expire`.
    function liveSupply() external view returns (uint256);

    /// @notice The registry that names the ClearingHouse and keeps the calendar.
    function registry() external view returns (address);

    /// @notice The programme's number in the registry.
    function programme() external view returns (uint32);
}
