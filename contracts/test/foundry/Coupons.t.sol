// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CouponTraffic} from "./CouponTraffic.sol";

/// @dev INV-6 after every step of random sequences: one use at a time of each coupon in the whole alliance, each reversed
/// once at most, by its acceptor; a given coupon has one holder, who alone may use it.
contract CouponsTest {
    CouponTraffic private _traffic;

    function setUp() public {
        _traffic = new CouponTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV6_a_coupon_is_used_once_and_each_use_reversed_once() public view {
        require(_traffic.breaches(6) == 0, "INV-6: a step");
        require(_traffic.breaches(7) == 0, "INV-7: a batch twice");
        uint256 open;
        for (uint256 c; c < _traffic.COUPONS(); ++c) {
            bool used = _traffic.isUsed(c);
            require(_traffic.uses(c) - _traffic.reversals(c) < 2, "INV-6: used twice");
            require(_traffic.coupons().isConsumed(_traffic.idOf(c)) == used, "INV-6: the bit");
            (uint256 count, bool byHolder) = _traffic.held(c);
            bool given = _traffic.holder(c) != address(0);
            require(count == (given && !used ? 1 : 0) && byHolder == (given && !used), "INV-6: the holder");
            if (c >= _traffic.CODES() && used) ++open;
        }
        uint64 issued = _traffic.coupons().couponType(_traffic.gcns(1)).issued;
        require(issued == open && open <= _traffic.CAP_OF_OPEN(), "INV-6: the cap");
        for (uint256 i; i < _traffic.useCount(); ++i) {
            (bytes32 leaf, bool reversed) = _traffic.useAt(i);
            require(_traffic.coupons().isReversed(leaf) == reversed, "INV-6: reversals");
        }
    }

    function test_every_kind_of_coupon_operation_takes_effect() public {
        for (uint256 i; i < 60; ++i) {
            _traffic.give(i);
            _traffic.consume(i);
            _traffic.again(i);
            _traffic.takeBack(i);
        }
        for (uint256 kind = 3; kind < 6; ++kind) require(_traffic.done(kind) > 2, "a kind never took effect");
        invariant_INV6_a_coupon_is_used_once_and_each_use_reversed_once();
    }
}
