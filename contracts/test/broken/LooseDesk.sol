// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CampaignBook} from "../../src/campaigns/CampaignBook.sol";
import {Campaign, ICampaignDesk, PromisedReward} from "../../src/interfaces/ICampaignDesk.sol";

/// @dev A desk of campaigns that keeps no rule: whatever anybody says of a campaign or a reward it writes down and tells, and
/// the house may issue anything. What audits find is tried on it.
contract LooseDesk is CampaignBook {
    /// @dev With the sums that `told` has, whatever they are.
    function open(bytes16 id, Campaign calldata told) external {
        if (_numbers[id] == 0) _number(id);
        _campaigns[_numbers[id]] = told;
        emit CampaignOpened(
            id, told.owner, told.programme, told.budget, told.depth, told.from, told.until, bytes16(0)
        );
    }

    /// @dev `words` as the event has them: role, points, day of the sale, attribution, purchase.
    function give(bytes16 id, bytes16 reward, address account, uint256[5] calldata words) external {
        uint64 points = uint64(words[1]);
        _campaigns[_numbers[id]].promised += points;
        _rewards[reward] = PromisedReward(account, points, _numbers[id], PROMISED);
        emit RewardPromised(
            reward, id, account, uint8(words[0]), points, uint40(words[2]), bytes32(words[3]), bytes32(words[4])
        );
    }

    function takeBack(bytes16 reward, bool issued) external {
        PromisedReward storage known = _rewards[reward];
        _campaigns[known.campaign].returned += known.points;
        known.state = issued ? RETURNED : WITHDRAWN;
        emit RewardReturned(reward, known.points, issued, bytes16(0));
    }

    /// @inheritdoc ICampaignDesk
    function take(bytes16 reward, uint64, address, uint256 leg) external returns (bool) {
        _campaigns[_rewards[reward].campaign].issued += uint64(leg);
        return true;
    }
}
