// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Campaign, PromisedReward} from "../../src/interfaces/ICampaignDesk.sol";
import {CampaignTraffic} from "./CampaignTraffic.sol";

/// @dev INV-14 after every step of random sequences: no reward without a campaign and a purchase, deeper than its
/// campaign or beyond its budget, and none issued but as it was promised, once.
contract CampaignsTest {
    CampaignTraffic private _traffic;

    function setUp() public {
        _traffic = new CampaignTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV14_rewards_stay_within_campaign_depth_and_budget() public view {
        require(_traffic.breaches(14) == 0, "INV-14: a step");
        for (uint256 c; c < _traffic.CAMPAIGNS(); ++c) {
            Campaign memory told = _traffic.campaigns().campaign(_traffic.idAt(c));
            require(keccak256(abi.encode(told)) == keccak256(abi.encode(_traffic.known(c))), "INV-14: a campaign");
            require(told.promised - told.returned <= told.budget && told.issued <= told.promised, "INV-14: budget");
        }
        for (uint256 i; i < _traffic.rewardCount(); ++i) {
            (bytes16 id, CampaignTraffic.Reward memory own) = _traffic.rewardAt(i);
            PromisedReward memory told = _traffic.told(id);
            require(told.points == own.points && told.state == _traffic.stateOf(own), "INV-14: a reward");
        }
    }

    /// @dev The invariant would hold of a desk that refuses everything.
    function test_every_kind_of_step_of_a_campaign_takes_effect() public {
        for (uint256 i; i < 150; ++i) {
            _traffic.open(i);
            _traffic.pledge(i);
            _traffic.pledge(i + 1000);
            _traffic.issue(i);
            _traffic.issue(i + 1000);
            _traffic.giveBack(i);
            _traffic.steal(i);
            if (i % 8 == 0) _traffic.move(i);
            if (i % 16 == 0) _traffic.wait(i);
        }
        for (uint256 kind = 1; kind <= _traffic.MOVED(); ++kind) {
            require(_traffic.done(kind) > 2, "a kind never took effect");
        }
        invariant_INV14_rewards_stay_within_campaign_depth_and_budget();
    }
}
