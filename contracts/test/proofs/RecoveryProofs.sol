// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignerRecord} from "../../src/interfaces/AllianceTypes.sol";
import {RecoveryDesk} from "../../src/RecoveryDesk.sol";
import {Anybody} from "./Anybody.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: when a move without the member's permit may happen at all (INV-9), for all instants and
/// operators. This contract lets everybody act, and is the registry and the house that the desk asks.
contract RecoveryProofs is Anybody {
    uint40 private constant NOTICE = 7 days;

    struct Case {
        address account;
        address successor;
        uint8 reason;
        address first; // who announces
        address second; // who approves
        uint40 announcedAt;
        uint40 approvedAt;
        uint40 askedAt;
    }

    RecoveryDesk private _desk;
    SignerRecord private _record;
    address private _signer;

    function setUp() public {
        _desk = new RecoveryDesk(address(this), address(this), NOTICE);
    }

    function canCall(address, address, bytes4) external view override returns (bool, uint32) {
        return (true, 0);
    }

    function clearingHouse() external view returns (address) {
        return address(this);
    }

    function signerOf(address, address signer) external view returns (SignerRecord memory none) {
        return signer == _signer ? _record : none;
    }

    function check_INV9_two_operators_notice_and_delay(Case memory c, address asked, uint8 askedReason) public {
        bool approved = _announced(c);
        vm.warp(c.askedAt);
        bool ripe = _desk.isRipe(c.account, asked, askedReason);
        uint256 ripeAt = uint256(c.approvedAt) + NOTICE;
        bool inTime = c.askedAt >= ripeAt && c.askedAt < ripeAt + 30 days;
        assert(ripe == (approved && inTime && asked == c.successor && askedReason == c.reason));
        if (approved) assert(c.first != c.second && (c.reason == 2 || c.reason == 3) && c.account != c.successor);
    }

    function check_INV9_a_stop_is_a_stop(Case memory c, uint40 stoppedAt, address by, bool vetoes) public {
        if (!_announced(c)) return;
        vm.assume(stoppedAt >= c.approvedAt && c.askedAt >= stoppedAt);
        vm.warp(stoppedAt);
        vm.prank(by);
        (bool done,) = address(_desk).call(
            vetoes ? abi.encodeCall(_desk.veto, (c.account, 1)) : abi.encodeCall(_desk.withdraw, (c.account, 1))
        );
        assert(done == (stoppedAt < uint256(c.approvedAt) + NOTICE));
        vm.warp(c.askedAt);
        if (done) assert(!_desk.isRipe(c.account, c.successor, c.reason));
    }

    /// @dev The signer is a contract that signs everything: it counts while it is active, and as what it was enrolled.
    function check_INV9_an_active_signer_objects(Case memory c, SignerRecord memory record, uint40 objectedAt) public {
        if (!_announced(c)) return;
        vm.assume(objectedAt >= c.approvedAt && c.askedAt >= objectedAt);
        (_signer, _record, _signsAll) = (address(this), record, true);
        vm.warp(objectedAt);
        bytes memory signature = bytes.concat(bytes20(address(this)), bytes32(0));
        (bool done,) = address(_desk).call(abi.encodeCall(_desk.object, (c.account, 1, signature)));
        bool active = record.activeFrom != 0 && objectedAt >= record.activeFrom
            && (record.revokedAt == 0 || objectedAt < record.revokedAt);
        assert(done == (active && record.flags & 2 != 0 && objectedAt < uint256(c.approvedAt) + NOTICE));
        vm.warp(c.askedAt);
        if (done) assert(!_desk.isRipe(c.account, c.successor, c.reason));
    }

    function _announced(Case memory c) private returns (bool done) {
        vm.assume(c.announcedAt <= c.approvedAt && c.approvedAt <= c.askedAt && c.askedAt < 1 << 39);
        vm.assume(c.announcedAt != 0);
        vm.warp(c.announcedAt);
        vm.prank(c.first);
        (done,) = address(_desk).call(
            abi.encodeCall(_desk.announce, (c.account, c.successor, c.reason, bytes32(uint256(1))))
        );
        if (!done) return false;
        vm.warp(c.approvedAt);
        vm.prank(c.second);
        (done,) = address(_desk).call(abi.encodeCall(_desk.approve, (c.account, 1)));
        assert(!done || c.approvedAt < uint256(c.announcedAt) + 30 days);
    }
}
