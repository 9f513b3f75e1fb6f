// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Counters} from "../../src/interfaces/AllianceTypes.sol";
import {ConversionTraffic} from "./ConversionTraffic.sol";

/// @dev INV-4, 5, 7, 9, 10 of conversions after every step of random sequences: the one programme's points go and the
/// other's come, or neither; never more value than was taken; without a permit only what an ended programme left.
contract ConversionsTest {
    ConversionTraffic private _traffic;

    function setUp() public {
        _traffic = new ConversionTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV4_a_conversion_takes_and_gives_or_does_neither() public view {
        for (uint256 no = 4; no < 11; ++no) require(_traffic.breaches(no) == 0, "a step");
        uint32 period = _traffic.house().currentPeriod();
        int256 sum;
        for (uint256 m; m < 3; ++m) {
            uint256 held;
            for (uint256 i; i < _traffic.MEMBERS(); ++i) held += _requireBalances(_traffic.accountOf(i), m);
            Counters memory told = _traffic.tokens(m).counters(0);
            require(told.issued == _traffic.issued(m) && told.redeemed == _traffic.redeemed(m), "INV-4: counters");
            require(held == _traffic.tokens(m).outstanding(0), "INV-4: outstanding");
            require(held + told.redeemed == told.issued && told.issued <= _traffic.CAP(), "INV-4, INV-10");
            int256 net;
            for (uint32 p = 1; p <= period; ++p) net += _traffic.house().net(p, _traffic.glns(m));
            require(net == _traffic.net(m), "INV-5: net");
            sum += net;
        }
        require(sum == 0, "INV-5: sum");
    }

    function test_every_kind_of_conversion_takes_effect() public {
        for (uint256 i; i < 120; ++i) {
            _traffic.issue(i);
            _traffic.convert(i);
            _traffic.windDown(i);
            if (i % 6 == 0) _traffic.wait(i);
        }
        require(_traffic.done(0) > 9 && _traffic.done(1) > 2, "a kind never took effect");
        invariant_INV4_a_conversion_takes_and_gives_or_does_neither();
    }

    function _requireBalances(address account, uint256 m) private view returns (uint256 held) {
        for (uint256 epoch = 1; epoch <= _traffic.EPOCHS(); ++epoch) {
            uint256 here = _traffic.tokens(m).balanceAtEpochRaw(account, epoch);
            require(here == _traffic.balance(account, m, epoch), "INV-9: balance");
            held += here;
        }
    }
}
