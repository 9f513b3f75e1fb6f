// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {AlliancePoints} from "../../src/AlliancePoints.sol";
import {Counters} from "../../src/interfaces/AllianceTypes.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: the token for all accounts and amounts, two moves at a time, in epochs that share a word
/// (1, 3), that do not (4), and that share a place of the batch's sums (1, 17). This contract is the ClearingHouse in
/// force, and the registry that says so.
contract PointsProofs {
    AlliancePoints private _token;

    function setUp() public {
        _token = AlliancePoints(Clones.clone(address(new AlliancePoints())));
        _token.initialize(address(this), 1, "", "");
    }

    function clearingHouse() external view returns (address) {
        return address(this);
    }

    function check_INV4_two_issues(address a, address b, uint16 e, uint16 f, uint64 x, uint64 y) public {
        vm.assume(uint256(x) + y <= type(uint64).max);
        (e, f) = (_epoch(e), _epoch(f));
        _issue(a, e, x, b, f, y);
        uint256 held = e == f && a == b ? uint256(x) + y : x;
        assert(_token.balanceAtEpochRaw(a, e) == held);
        assert(_token.outstanding(e) == (e == f ? uint256(x) + y : x));
        assert(_token.outstanding(f) == (e == f ? uint256(x) + y : y));
        assert(_token.issuedTotal() == uint256(x) + y);
        assert(_token.outstanding(0) == uint256(x) + y);
    }

    /// @dev `kind` 0, 1, 2: redeemed, clawed back, expired.
    function check_INV4_a_debit(address a, address b, uint16 e, uint64 x, uint64 z, uint8 kind) public {
        vm.assume(z != 0);
        e = _epoch(e);
        _issue(a, e, x, a, e, 0);
        if (!_debited(kind % 3, b, e, z)) return;
        assert(a == b && z <= x);
        assert(_token.balanceAtEpochRaw(a, e) == x - z);
        assert(_token.outstanding(e) == x - z && _token.outstanding(0) == x - z);
        Counters memory sum = _token.counters(e);
        assert(sum.issued == x && uint256(sum.redeemed) + sum.clawedBack + sum.expired == z && sum.restored == 0);
    }

    function check_INV4_a_gift_keeps_what_is_outstanding(address a, address b, uint16 e, uint64 x, uint64 z) public {
        e = _epoch(e);
        _issue(a, e, x, a, e, 0);
        uint256[] memory moves = new uint256[](2);
        moves[0] = _move(a, e, z);
        moves[1] = uint160(b);
        try _token.giftBatch(moves) {
            assert(z <= x && _token.outstanding(e) == x);
            if (a == b) assert(_token.balanceAtEpochRaw(a, e) == x);
            else assert(_token.balanceAtEpochRaw(a, e) == x - z && _token.balanceAtEpochRaw(b, e) == z);
        } catch {
            assert(z > x);
        }
    }

    function check_INV9_a_debit_leaves_every_other_lot(address a, address b, uint16 e, uint16 f, uint64 x, uint64 y, uint64 z)
        public
    {
        (e, f) = (_epoch(e), _epoch(f));
        vm.assume((a != b || e != f) && uint256(x) + y <= type(uint64).max);
        _issue(a, e, x, b, f, y);
        if (!_debited(0, b, f, z)) return;
        assert(_token.balanceAtEpochRaw(a, e) == x);
    }

    function check_INV9_only_the_clearing_house_moves_points(address caller, uint8 kind, uint256 move) public {
        vm.assume(caller != address(this));
        uint256[] memory moves = new uint256[](1);
        moves[0] = move;
        vm.prank(caller);
        (bool done,) = address(_token).call(abi.encodeWithSelector(_selector(kind), moves));
        assert(!done);
    }

    function _issue(address a, uint16 e, uint64 x, address b, uint16 f, uint64 y) private {
        uint256[] memory moves = new uint256[](2);
        moves[0] = _move(a, e, x);
        moves[1] = _move(b, f, y);
        _token.issueBatch(moves);
    }

    function _debited(uint8 kind, address account, uint16 e, uint64 amount) private returns (bool done) {
        uint256[] memory moves = new uint256[](1);
        moves[0] = _move(account, e, amount);
        bytes4 selector = kind == 0
            ? AlliancePoints.redeemBatch.selector
            : kind == 1 ? AlliancePoints.clawBackBatch.selector : AlliancePoints.expireBatch.selector;
        (done,) = address(_token).call(abi.encodeWithSelector(selector, moves));
    }

    function _selector(uint8 kind) private pure returns (bytes4) {
        if (kind == 0) return AlliancePoints.issueBatch.selector;
        if (kind == 1) return AlliancePoints.restoreBatch.selector;
        if (kind == 2) return AlliancePoints.redeemBatch.selector;
        if (kind == 3) return AlliancePoints.clawBackBatch.selector;
        return kind == 4 ? AlliancePoints.expireBatch.selector : AlliancePoints.giftBatch.selector;
    }

    /// @dev A number where the solver has a symbol: the place of a sum in memory must be one.
    function _epoch(uint16 e) private pure returns (uint16) {
        if (e == 1) return 1;
        if (e == 3) return 3;
        if (e == 4) return 4;
        vm.assume(e == 17);
        return 17;
    }

    function _move(address account, uint16 epoch, uint64 amount) private pure returns (uint256) {
        return uint256(uint160(account)) << 96 | uint256(epoch) << 64 | amount;
    }
}
