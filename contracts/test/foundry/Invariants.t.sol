// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Counters} from "../../src/interfaces/AllianceTypes.sol";
import {Traffic} from "./Traffic.sol";

/// @dev INV-4, 5, 7, 9, 10, 11 after every step of random sequences.
contract InvariantsTest {
    Traffic private _traffic;

    function setUp() public {
        _traffic = new Traffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    /// @dev Balances and the counters of every epoch and of the lifetime are what the book has.
    function invariant_INV4_outstanding_is_what_was_issued_less_what_left() public view {
        for (uint256 m; m < _traffic.MERCHANTS(); ++m) {
            uint256[5] memory total;
            for (uint256 epoch = 1; epoch <= _traffic.EPOCHS(); ++epoch) {
                uint256[5] memory own = _counted(m, epoch);
                _require(_isSame(_traffic.tokens(m).counters(epoch), own), "INV-4: counters of an epoch");
                uint256 held;
                for (uint256 i; i < _traffic.MEMBERS(); ++i) held += _held(i, m, epoch);
                _require(held == own[0] + own[1] - own[2] - own[3] - own[4], "INV-4: balances");
                _require(held == _traffic.tokens(m).outstanding(epoch), "INV-4: outstanding");
                for (uint256 k; k < 5; ++k) total[k] += own[k];
            }
            _require(_isSame(_traffic.tokens(m).counters(0), total), "INV-4: lifetime counters");
        }
    }

    function invariant_INV5_nets_of_every_period_sum_to_zero() public view {
        for (uint32 period = 1; period <= _traffic.house().currentPeriod(); ++period) {
            int256 sum;
            for (uint256 m; m < _traffic.MERCHANTS(); ++m) {
                int256 net = _traffic.house().net(period, _traffic.glns(m));
                _require(net == _traffic.net(period, m), "INV-5: net");
                sum += net;
            }
            _require(sum == 0, "INV-5: sum");
        }
    }

    function invariant_INV7_nothing_takes_effect_twice() public view {
        _require(_traffic.breaches(7) == 0, "INV-7");
        for (uint256 i; i < _traffic.issueCount(); ++i) {
            (bytes32 leaf, uint256 clawed) = _traffic.clawedOf(i);
            _require(_traffic.house().reversedOf(leaf) == clawed, "INV-7: clawed back");
        }
    }

    function invariant_INV9_balances_move_only_by_permit_or_named_exception() public view {
        _require(_traffic.breaches(9) == 0, "INV-9: permit");
        for (uint256 i; i < _traffic.MEMBERS(); ++i) {
            address account = _traffic.accountOf(i);
            for (uint256 m; m < _traffic.MERCHANTS(); ++m) {
                for (uint256 epoch = 1; epoch <= _traffic.EPOCHS(); ++epoch) {
                    uint256 held = _traffic.tokens(m).balanceAtEpochRaw(account, epoch);
                    _require(held == _traffic.balance(account, m, epoch), "INV-9: balance");
                }
            }
        }
    }

    /// @dev No expiry before the end of the epoch, and no extension that does not end later.
    function invariant_INV11_no_end_comes_earlier() public view {
        _require(_traffic.breaches(11) == 0, "INV-11");
    }

    function invariant_INV10_issuance_keeps_the_cap_and_the_signature() public view {
        _require(_traffic.breaches(10) == 0, "INV-10");
        for (uint256 m; m < _traffic.MERCHANTS(); ++m) {
            _require(_traffic.tokens(m).issuedTotal() <= _traffic.CAP(), "INV-10: cap");
        }
    }

    /// @dev The invariants above would hold of contracts that refuse everything: every kind of step takes effect.
    function test_every_kind_of_step_takes_effect() public {
        for (uint256 i; i < 400; ++i) {
            _traffic.issue(i);
            _traffic.redeem(i);
            _traffic.restore(i);
            _traffic.clawBack(i);
            _traffic.gift(i);
            _traffic.extend(i);
            if (i % 10 == 0) _traffic.move(i);
            if (i % 20 == 0) _traffic.wait(i);
            _traffic.expire(i);
        }
        for (uint8 kind; kind < 8; ++kind) _require(_traffic.done(Traffic.Kind(kind)) > 2, "a kind never took effect");
        invariant_INV4_outstanding_is_what_was_issued_less_what_left();
    }

    /// @dev What all accounts of a member have: only the present one may have anything.
    function _held(uint256 member, uint256 m, uint256 epoch) private view returns (uint256 held) {
        for (uint256 k; k <= _traffic.moves(member); ++k) {
            uint256 here = _traffic.tokens(m).balanceAtEpochRaw(_traffic.accountAt(member, k), epoch);
            _require(here == 0 || k == _traffic.moves(member), "INV-9: an account that moved");
            held += here;
        }
    }

    function _counted(uint256 m, uint256 epoch) private view returns (uint256[5] memory counted) {
        for (uint8 k; k < 5; ++k) counted[k] = _traffic.counted(Traffic.Kind(k), m, epoch);
    }

    function _isSame(Counters memory told, uint256[5] memory own) private pure returns (bool) {
        return told.issued == own[0] && told.restored == own[1] && told.redeemed == own[2]
            && told.clawedBack == own[3] && told.expired == own[4];
    }

    function _require(bool holds, string memory what) private pure {
        require(holds, what);
    }
}
