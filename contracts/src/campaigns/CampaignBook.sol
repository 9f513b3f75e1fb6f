// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Campaign, ICampaignDesk, PromisedReward} from "../interfaces/ICampaignDesk.sol";

/// @dev Campaigns, their rewards and their budgets; nobody from outside changes any of it.
abstract contract CampaignBook is ICampaignDesk {
    uint8 internal constant PROMISED = 1;
    uint8 internal constant ISSUED = 2;
    uint8 internal constant WITHDRAWN = 3;
    uint8 internal constant RETURNED = 4;
    uint256 internal constant SECOND = 4;

    uint24 private _count;
    mapping(bytes16 id => uint24) internal _numbers;
    mapping(uint24 number => Campaign) internal _campaigns;
    mapping(bytes16 reward => PromisedReward) internal _rewards;

    /// @inheritdoc ICampaignDesk
    function campaign(bytes16 id) external view returns (Campaign memory) {
        return _campaigns[_numbers[id]];
    }

    /// @inheritdoc ICampaignDesk
    function campaignByNumber(uint24 number) external view returns (Campaign memory) {
        return _campaigns[number];
    }

    /// @inheritdoc ICampaignDesk
    function rewardOf(bytes16 reward) external view returns (PromisedReward memory) {
        return _rewards[reward];
    }

    /// @inheritdoc ICampaignDesk
    function rewardId(bytes32 attribution, bytes32 purchase, uint256 role) public pure returns (bytes16) {
        bytes memory name = _nameOf(role);
        if (name.length == 0) return 0;
        return bytes16(
            sha256(
                abi.encodePacked(
                    uint32(12), "share reward", uint32(32), attribution, uint32(32), purchase, uint32(name.length), name
                )
            )
        );
    }

    function _number(bytes16 id) internal returns (uint24 number) {
        number = _count + 1;
        _count = number;
        _numbers[id] = number;
    }

    /// @dev The choke point of promises (INV-14): what stands promised never exceeds the budget.
    function _add(uint24 number, bytes16 reward, address account, uint64 points) internal returns (bytes4) {
        Campaign storage known = _campaigns[number];
        uint256 promised = uint256(known.promised) + points;
        if (promised > type(uint64).max || promised > uint256(known.returned) + known.budget) {
            return RewardBeyondBudget.selector;
        }
        known.promised = uint64(promised);
        _rewards[reward] = PromisedReward(account, points, number, PROMISED);
        return 0;
    }

    /// @dev The choke point of what goes back: once, before the issue or after it.
    function _takeBack(PromisedReward storage reward, Campaign storage known) internal returns (bool issued) {
        issued = reward.state == ISSUED;
        reward.state = issued ? RETURNED : WITHDRAWN;
        known.returned += reward.points;
    }

    /// @dev The choke point of issues: a promise is issued once, and never once it went back.
    function _issue(PromisedReward storage reward, Campaign storage known, uint64 points) internal {
        reward.state = ISSUED;
        known.issued += points;
    }

    function _nameOf(uint256 role) private pure returns (bytes memory) {
        if (role == 1) return "newcomer";
        if (role == 2) return "sharer";
        if (role == 3) return "milestone";
        return role == SECOND ? bytes("second") : bytes("");
    }
}
