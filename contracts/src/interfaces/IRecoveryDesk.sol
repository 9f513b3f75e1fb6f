// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev One announced move of an account. `ripeAt` is 0 until a second operator approved it.
struct Announcement {
    address successor;
    uint8 reason;
    uint40 announcedAt;
    address announcedBy;
    uint40 ripeAt;
    bool stopped;
    bytes32 evidence;
    uint64 number;
}

/// @title Where recoveries and merges of accounts are announced before they can happen
/// @notice A member who lost every key, a recycled number, a duplicate, an estate: an operator announces the move, a
/// second one approves it, and from then on it hangs out for the notice. Until that ends any signer of the account
/// stops it with a signature that anybody may bring; so do a guardian and the operators themselves. After it the
/// ClearingHouse takes the move, for 30 days.
/// @dev INV-9: two approvals, notice, delay, objection; the reason stands in the announcement and in the move.
/// `evidence` is a salted hash of what was shown: who holds salt and evidence can prove it, nobody can guess it.
///
/// Typed data (EIP-712, domain "Alliance Recovery", version 1, this contract):
/// Objection(address account,uint64 number)
/// written as a member's signature at the ClearingHouse: 65 bytes, or a contract signer's address and its own bytes.
interface IRecoveryDesk {
    event MoveAnnounced(
        address indexed account, uint64 indexed number, address successor, uint8 reason, bytes32 evidence, address by
    );
    event MoveApproved(address indexed account, uint64 indexed number, uint40 ripeAt, address by);
    /// @param by the signer that objected, or the guardian or operator that called it off
    event MoveStopped(address indexed account, uint64 indexed number, address by);

    error RecoveryNoticeTooShort(uint40 noticeSeconds, uint40 least);
    error RecoveryAccountInvalid(address account, address successor);
    error RecoveryReasonUnknown(uint8 reason);
    /// @notice The account has an announcement under way.
    error RecoveryUnderWay(address account, uint64 number);
    /// @notice The account has no announcement for which this could be said now.
    error RecoveryNotOpen(address account, uint64 number);
    /// @notice Two approvals are those of two.
    error RecoverySameOperator(address account, address operator);
    error RecoveryObjectionInvalid(address account, uint64 number, address signer);

    /// @notice Announces that the account shall move. Role OPERATOR.
    /// @param reason 2 recovery, 3 merge
    function announce(address account, address successor, uint8 reason, bytes32 evidence) external;

    /// @notice Approves the announcement with this number; its notice begins. Role OPERATOR, and another holder of it.
    function approve(address account, uint64 number) external;

    /// @notice Stops the announcement, for a signer of the account. Anybody may bring the signature.
    function object(address account, uint64 number, bytes calldata signature) external;

    /// @notice Stops the announcement. Role OPERATOR.
    function withdraw(address account, uint64 number) external;

    /// @notice Stops the announcement. Role GUARDIAN.
    function veto(address account, uint64 number) external;

    /// @notice The latest announcement for an account; number 0 where there never was one.
    function announcementOf(address account) external view returns (Announcement memory);

    /// @notice Whether the account may move so in this block.
    function isRipe(address account, address successor, uint8 reason) external view returns (bool);
    function noticeSeconds() external view returns (uint40);
    function registry() external view returns (address);
}
