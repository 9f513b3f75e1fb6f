// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A campaign as its merchant signed it last, and the points that it has promised, taken back and issued.
struct Campaign {
    uint64 owner;
    uint32 programme;
    uint8 depth; // levels that are rewarded: 1 or 2
    uint40 from; // the first second whose sales are rewarded
    uint40 until; // the first whose sales no longer are
    uint64 budget; // the most that may stand promised at any time
    uint64 promised; // all that ever was
    uint64 returned; // of it what went back
    uint64 issued; // what the ClearingHouse issued of it
}

/// @dev A reward, under the id of the issue that it is promised for. `campaign` is its number, 1 for the first.
struct PromisedReward {
    address account;
    uint64 points;
    uint24 campaign;
    uint8 state; // 0 unknown, 1 promised, 2 issued, 3 went back before it was issued, 4 went back after
}

/// @title Rewards for sharing: none without a campaign, beyond its depth or beyond its budget
/// @notice A merchant opens a campaign, promises rewards of it, and says which went back with their goods. The
/// ClearingHouse issues a reward (reason 3) only as it was promised here: by that merchant, of that programme, to that
/// account or the one that succeeds it, at most those points, once.
///
/// INV-14: a reward is of one of four roles, of which one alone is of the second level, and only where its campaign has
/// two; it names a purchase. What stands promised (promised less what went back) never exceeds the budget.
///
/// Nobody reads here who brought whom: `attribution` and `purchase` are salted hashes, others for each role, and of the
/// sale's time the day alone is told. Whoever holds the evidence of a purchase computes both, and so the reward's id.
/// @dev Words of the operations after kind, opId, merchant and acceptedAt, all by the campaign's merchant; ids of 16
/// bytes are left-aligned:
/// OPEN 1: campaign, programme, budget, depth, from, until. Said again of the same campaign it may only raise the budget or
/// end it earlier; programme and depth stay. A later beginning within its time, and a later end, change nothing: who forgot
/// what it said, as after a restore, says it again with the time at which it comes to it.
/// PROMISE 2: campaign, reward, role (1 newcomer, 2 sharer, 3 milestone, 4 second), account, points, soldOn (00:00 UTC of
/// the sale's day), attribution, purchase. The reward's id is that of the issue: `rewardId` of the last two and the role.
/// RETURN 3: reward. It went back with its goods: its points count for the budget again; where it was not issued, it
/// never will be. What the ClearingHouse then claws back stands there; what was spent is a debt, of which no chain knows.
/// No operation has a witness.
interface ICampaignDesk {
    event CampaignOpened(
        bytes16 indexed campaign,
        uint64 indexed owner,
        uint32 programme,
        uint64 budget,
        uint8 depth,
        uint40 from,
        uint40 until,
        bytes16 opId
    );
    event RewardPromised(
        bytes16 indexed reward,
        bytes16 indexed campaign,
        address indexed account,
        uint8 role,
        uint64 points,
        uint40 soldOn,
        bytes32 attribution,
        bytes32 purchase
    );
    /// @dev `issued` says whether the ClearingHouse had issued it by then.
    event RewardReturned(bytes16 indexed reward, uint64 points, bool issued, bytes16 opId);

    error CampaignDeskUnauthorized(address caller);

    /// @notice Reason: no id, no programme of that merchant, no budget, another depth than 1 or 2, or no time.
    error CampaignInvalid();
    /// @notice Reason: it names another programme or depth, a lower budget, an earlier beginning, or one that is after its end.
    error CampaignTakesBack();
    /// @notice Reason: no such campaign was opened.
    error CampaignUnknown();
    /// @notice Reason: the campaign is another merchant's.
    error CampaignNotYours();
    /// @notice Reason: no day, a day that had not come when the promise was accepted, or one outside the campaign.
    error CampaignNotInTime();
    /// @notice Reason: no role that is ever rewarded, or no account or points that can be.
    error RewardInvalid();
    /// @notice Reason: the role is of the second level, and the campaign has one (INV-14).
    error RewardTooDeep();
    /// @notice Reason: no purchase: nothing is paid for recruiting alone (INV-14).
    error RewardWithoutPurchase();
    /// @notice Reason: the id does not follow from attribution, purchase and role.
    error RewardIdDiffers();
    /// @notice Reason: promised before, whatever became of it.
    error RewardKnown();
    /// @notice Reason: more would stand promised than the budget.
    error RewardBeyondBudget();
    /// @notice Reason: no such reward was promised.
    error RewardUnknown();
    /// @notice Reason: it went back before.
    error RewardWentBack();

    /// @notice Marks the reward as issued where it may be: the ClearingHouse in force asks for it with each issue of reason 3.
    /// @param leg of the issue, with programme and version
    /// @return promised false, and nothing changed, where it is not promised so, was issued before or went back
    function take(bytes16 reward, uint64 merchant, address account, uint256 leg) external returns (bool promised);

    /// @notice All zero where it was never opened.
    function campaign(bytes16 id) external view returns (Campaign memory);

    function campaignByNumber(uint24 number) external view returns (Campaign memory);

    /// @notice All zero where it was never promised.
    function rewardOf(bytes16 reward) external view returns (PromisedReward memory);

    /// @notice The id of a reward: the first 16 bytes of SHA-256 over "share reward", attribution, purchase and the role's
    /// name, each behind its length in four bytes. Empty of a role that there is not.
    function rewardId(bytes32 attribution, bytes32 purchase, uint256 role) external pure returns (bytes16);
}
