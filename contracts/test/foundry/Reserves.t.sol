// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReserveAccount, ReserveFigure} from "../../src/interfaces/IReserveDesk.sol";
import {ReserveTraffic} from "./ReserveTraffic.sol";

/// @dev INV-10 on reserves after every step of random sequences: only the custodian's word counts, nothing is issued
/// beyond what it covers, and no limit ever falls below what is issued.
contract ReservesTest {
    ReserveTraffic private _traffic;

    function setUp() public {
        _traffic = new ReserveTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV10_nothing_is_issued_beyond_the_reserve() public view {
        require(_traffic.breaches() == 0, "INV-10: a step");
        for (uint256 m; m < _traffic.MERCHANTS(); ++m) {
            ReserveAccount memory told = _traffic.desk().accountOf(_traffic.glns(m));
            ReserveFigure memory own = _traffic.figureOf(m);
            bool same = told.reserveMicros == own.reserveMicros && told.sequence == own.sequence && told.asOf == own.asOf;
            require(same && told.defaultFrom == _traffic.defaultFrom(m), "INV-10: the figure");
            require(told.requiredBps == _traffic.requiredBps(m), "INV-10: the requirement");
            (bool any, uint256 limit) = _traffic.lastLimit(m);
            uint32 programme = uint32(m + 1);
            require(!any || _traffic.registry().issuanceLimit(programme).limit == limit, "INV-10: the limit");
            require(any || _traffic.registry().issuanceLimit(programme).until == 0, "INV-10: a limit of nobody");
        }
    }

    function test_every_kind_of_reserve_step_takes_effect() public {
        for (uint256 i; i < 100; ++i) {
            _traffic.require_(i);
            _traffic.bring(i);
            for (uint256 k; k < 3; ++k) _traffic.issue(i * 10 + k);
            _traffic.redeem(i);
            _traffic.refresh(i);
            if (i % 2 == 0) _traffic.wait(i);
            if (i % 5 == 0) _traffic.declareDefault(i);
            _traffic.cure(i);
            invariant_INV10_nothing_is_issued_beyond_the_reserve();
        }
        for (uint256 kind; kind < 6; ++kind) require(_traffic.done(kind) > 2, "a kind never took effect");
    }
}
