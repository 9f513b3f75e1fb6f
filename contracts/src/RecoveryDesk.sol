// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignerRecord} from "./interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";
import {Announcement, IRecoveryDesk} from "./interfaces/IRecoveryDesk.sol";
import {Signatures} from "./libraries/Signatures.sol";

contract RecoveryDesk is IRecoveryDesk, AccessManaged, EIP712 {
    bytes32 private constant OBJECTION_TYPE = keccak256("Objection(address account,uint64 number)");
    uint40 private constant LEAST_NOTICE = 7 days;
    uint40 private constant RIPE_FOR = 30 days;
    uint8 private constant RECOVERY = 2;
    uint8 private constant MERGE = 3;
    uint8 private constant SIGNER_CONTRACT = 2;
    uint256 private constant SIGNATURE_LENGTH = 65;

    IAllianceRegistry private immutable _registry;
    /// @inheritdoc IRecoveryDesk
    uint40 public immutable noticeSeconds;

    mapping(address account => Announcement) private _announcements;

    constructor(address authority, address registry_, uint40 noticeSeconds_)
        AccessManaged(authority)
        EIP712("Alliance Recovery", "1")
    {
        if (noticeSeconds_ < LEAST_NOTICE) revert RecoveryNoticeTooShort(noticeSeconds_, LEAST_NOTICE);
        _registry = IAllianceRegistry(registry_);
        noticeSeconds = noticeSeconds_;
    }

    /// @inheritdoc IRecoveryDesk
    function announce(address account, address successor, uint8 reason, bytes32 evidence) external restricted {
        if (account == address(0) || successor == address(0) || account == successor) {
            revert RecoveryAccountInvalid(account, successor);
        }
        if (reason != RECOVERY && reason != MERGE) revert RecoveryReasonUnknown(reason);
        Announcement storage known = _announcements[account];
        uint64 number = known.number;
        if (number != 0 && !_isOver(known)) revert RecoveryUnderWay(account, number);
        ++number;
        _announcements[account] = Announcement({
            successor: successor,
            reason: reason,
            announcedAt: uint40(block.timestamp),
            announcedBy: msg.sender,
            ripeAt: 0,
            stopped: false,
            evidence: evidence,
            number: number
        });
        emit MoveAnnounced(account, number, successor, reason, evidence, msg.sender);
    }

    /// @inheritdoc IRecoveryDesk
    function approve(address account, uint64 number) external restricted {
        Announcement storage known = _open(account, number);
        if (known.ripeAt != 0) revert RecoveryNotOpen(account, number);
        if (msg.sender == known.announcedBy) revert RecoverySameOperator(account, msg.sender);
        uint40 ripeAt = uint40(block.timestamp) + noticeSeconds;
        known.ripeAt = ripeAt;
        emit MoveApproved(account, number, ripeAt, msg.sender);
    }

    /// @inheritdoc IRecoveryDesk
    function object(address account, uint64 number, bytes calldata signature) external {
        _open(account, number);
        address signer = _objector(account, number, signature);
        _stop(account, number, signer);
    }

    /// @inheritdoc IRecoveryDesk
    function withdraw(address account, uint64 number) external restricted {
        _open(account, number);
        _stop(account, number, msg.sender);
    }

    /// @inheritdoc IRecoveryDesk
    function veto(address account, uint64 number) external restricted {
        _open(account, number);
        _stop(account, number, msg.sender);
    }

    /// @inheritdoc IRecoveryDesk
    function announcementOf(address account) external view returns (Announcement memory) {
        return _announcements[account];
    }

    /// @inheritdoc IRecoveryDesk
    function isRipe(address account, address successor, uint8 reason) external view returns (bool) {
        Announcement storage known = _announcements[account];
        uint40 ripeAt = known.ripeAt;
        return ripeAt != 0 && !known.stopped && known.successor == successor && known.reason == reason
            && block.timestamp >= ripeAt && block.timestamp < ripeAt + RIPE_FOR;
    }

    /// @inheritdoc IRecoveryDesk
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @dev Announced, not stopped, and its notice has not ended: what is ripe is decided.
    function _open(address account, uint64 number) private view returns (Announcement storage known) {
        known = _announcements[account];
        bool isRipening = known.ripeAt == 0 || block.timestamp < known.ripeAt;
        if (number == 0 || known.number != number || known.stopped || !isRipening || _isOver(known)) {
            revert RecoveryNotOpen(account, number);
        }
    }

    /// @dev Stopped, or its 30 days are over: those to approve it, or those in which it was ripe.
    function _isOver(Announcement storage known) private view returns (bool) {
        uint40 begins = known.ripeAt == 0 ? known.announcedAt : known.ripeAt;
        return known.stopped || block.timestamp >= begins + RIPE_FOR;
    }

    function _stop(address account, uint64 number, address by) private {
        _announcements[account].stopped = true;
        emit MoveStopped(account, number, by);
    }

    /// @dev The signer of the account, active now, that signed the objection.
    function _objector(address account, uint64 number, bytes calldata signature) private view returns (address signer) {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(OBJECTION_TYPE, account, number)));
        bool byContract = signature.length > 20 && signature.length != SIGNATURE_LENGTH;
        signer = byContract ? address(bytes20(signature[:20])) : Signatures.signerOf(digest, signature);
        SignerRecord memory known = IClearingHouse(_registry.clearingHouse()).signerOf(account, signer);
        bool isActive = known.activeFrom != 0 && block.timestamp >= known.activeFrom
            && (known.revokedAt == 0 || block.timestamp < known.revokedAt);
        bool isForm = (known.flags & SIGNER_CONTRACT != 0) == byContract;
        if (!isActive || !isForm || (byContract && !Signatures.isFromContract(signer, digest, signature[20:]))) {
            revert RecoveryObjectionInvalid(account, number, signer);
        }
    }
}
