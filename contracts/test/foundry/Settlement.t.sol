// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Held} from "../../src/interfaces/ISettlementDesk.sol";
import {SettlementTraffic} from "./SettlementTraffic.sol";

/// @dev INV-5 on the desk after every step of random sequences: whatever is disputed, held and decided, the nets of every
/// period sum to zero, what is settled stays as it was settled, and nothing is paid that was not netted.
contract SettlementTest {
    SettlementTraffic private _traffic;

    function setUp() public {
        _traffic = new SettlementTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV5_nets_sum_to_zero_whatever_is_disputed() public view {
        require(_traffic.breaches() == 0, "INV-5: a step");
        uint32 last = _traffic.desk().lastPublished();
        for (uint32 period = 1; period <= last + 1; ++period) {
            int256 sum;
            bytes32 root = _traffic.rootOf(period);
            for (uint256 m; m < 3; ++m) {
                int256 net = _traffic.desk().netOf(period, _traffic.glns(m));
                require(net == _traffic.traded(period, m) + _traffic.adjusted(period, m), "INV-5: a net");
                require(root == 0 || net == _traffic.settledNet(period, m), "INV-5: a settled net moved");
                sum += net;
                _requireHeld(period, m);
            }
            require(sum == 0, "INV-5: sum");
            require(_traffic.desk().roundOf(period).root == root, "INV-5: settled once");
            require(_traffic.desk().roundOf(period).paid == _traffic.paid(period), "paid");
        }
    }

    function test_every_kind_of_settlement_step_takes_effect() public {
        for (uint256 i; i < 250; ++i) {
            for (uint256 k; k < 4; ++k) _traffic.trade(i * 10 + k);
            _traffic.publish(i);
            _traffic.dispute(i);
            for (uint256 k; k < 3; ++k) _traffic.confirm(i * 10 + k);
            _traffic.settle(i);
            _traffic.markPaid(i);
            if (i % 3 == 0) _traffic.resolve(i);
            if (i % 4 == 0) _traffic.wait(i);
            _traffic.arbitrate(i);
            if (_traffic.done(5) > 5 && _traffic.done(4) > 2 && _traffic.done(6) > 2) break;
        }
        for (uint256 kind; kind < 7; ++kind) require(_traffic.done(kind) > 2, "a kind never took effect");
        invariant_INV5_nets_sum_to_zero_whatever_is_disputed();
    }

    function _requireHeld(uint32 period, uint256 p) private view {
        Held memory held = _traffic.desk().heldOf(period, _traffic.glns(p), _traffic.glns((p + 1) % 3));
        require(held.micros == _traffic.heldMicros(period, p) && held.open == _traffic.isOpen(period, p), "held");
    }
}
