// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignedBatches} from "./batches/SignedBatches.sol";
import {CampaignBook} from "./campaigns/CampaignBook.sol";
import {Programme} from "./interfaces/AllianceTypes.sol";
import {Campaign, ICampaignDesk, PromisedReward} from "./interfaces/ICampaignDesk.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";

contract CampaignDesk is SignedBatches, CampaignBook {
    uint256 private constant OPEN = 1;
    uint256 private constant PROMISE = 2;
    uint256 private constant RETURN = 3;
    uint256 private constant MOST_DEPTH = 2;

    /// @dev The words of a promise after the head.
    struct Told {
        bytes32 campaign;
        bytes32 reward;
        uint256 role;
        uint256 account;
        uint256 points;
        uint256 soldOn;
        bytes32 attribution;
        bytes32 purchase;
    }

    constructor(address authority, address registry_)
        AccessManaged(authority)
        EIP712("Alliance Batches", "1")
        SignedBatches(registry_)
    {}

    /// @inheritdoc ICampaignDesk
    function take(bytes16 reward, uint64 merchant, address account, uint256 leg) external returns (bool promised) {
        if (msg.sender != _registry.clearingHouse()) revert CampaignDeskUnauthorized(msg.sender);
        PromisedReward storage known = _rewards[reward];
        if (known.state != PROMISED || uint64(leg) > known.points) return false;
        Campaign storage of_ = _campaigns[known.campaign];
        if (of_.owner != merchant || of_.programme != leg >> 112) return false;
        if (!_succeeds(account, known.account)) return false;
        _issue(known, of_, uint64(leg));
        return true;
    }

    function _apply(Head memory head, bytes calldata words, bytes32[] calldata)
        internal
        override
        returns (bytes4)
    {
        uint256 count = _wordCount(words);
        if (head.kind == PROMISE && count == 8) return _promise(head, abi.decode(words[128:], (Told)));
        if (head.kind == RETURN && count == 1) return _return(head, bytes32(_word(words, 0)));
        if (head.kind == OPEN && count == 6) return _open(head, words);
        return OperationKindUnknown.selector;
    }

    function _open(Head memory head, bytes calldata words) private returns (bytes4) {
        (bytes32 id, uint256 programme, uint256 budget, uint256 depth, uint256 from, uint256 until) =
            abi.decode(words[128:], (bytes32, uint256, uint256, uint256, uint256, uint256));
        bool sound = id != 0 && _isId(id) && budget != 0 && budget <= type(uint64).max && depth != 0
            && depth <= MOST_DEPTH && from < until && until <= type(uint40).max;
        if (!sound) return CampaignInvalid.selector;
        uint24 number = _numbers[bytes16(id)];
        if (number == 0) {
            if (!_isIssuer(head.merchant, programme)) return CampaignInvalid.selector;
            number = _number(bytes16(id));
        }
        Campaign storage known = _campaigns[number];
        if (known.owner != 0) {
            if (known.owner != head.merchant) return CampaignNotYours.selector;
            bool widens = programme == known.programme && budget >= known.budget && depth == known.depth
                && from >= known.from && from < known.until;
            if (!widens) return CampaignTakesBack.selector;
            (from, until) = (known.from, until < known.until ? until : known.until);
        }
        (known.owner, known.programme, known.depth) = (head.merchant, uint32(programme), uint8(depth));
        (known.from, known.until, known.budget) = (uint40(from), uint40(until), uint64(budget));
        emit CampaignOpened(
            bytes16(id), head.merchant, known.programme, known.budget, known.depth, known.from, known.until, head.opId
        );
        return APPLIED;
    }

    function _promise(Head memory head, Told memory told) private returns (bytes4) {
        bytes16 id = bytes16(told.campaign);
        uint24 number = _isId(told.campaign) ? _numbers[id] : 0;
        if (number == 0) return CampaignUnknown.selector;
        bytes4 refusal = _unfit(head, _campaigns[number], told);
        if (refusal != APPLIED) return refusal;
        bytes16 reward = bytes16(told.reward);
        if (_rewards[reward].state != 0) return RewardKnown.selector;
        refusal = _add(number, reward, address(uint160(told.account)), uint64(told.points));
        if (refusal != APPLIED) return refusal;
        emit RewardPromised(
            reward,
            id,
            address(uint160(told.account)),
            uint8(told.role),
            uint64(told.points),
            uint40(told.soldOn),
            told.attribution,
            told.purchase
        );
        return APPLIED;
    }

    /// @dev What a promise may be by itself and by its campaign, whatever was promised before (INV-14).
    function _unfit(Head memory head, Campaign storage known, Told memory told) private view returns (bytes4) {
        if (known.owner != head.merchant) return CampaignNotYours.selector;
        bool inTime = told.soldOn % 1 days == 0 && told.soldOn <= head.acceptedAt && told.soldOn < known.until
            && told.soldOn + 1 days > known.from;
        if (!inTime) return CampaignNotInTime.selector;
        bool sound = told.role != 0 && told.role <= SECOND && told.account != 0 && told.account >> 160 == 0
            && told.points != 0 && told.points <= type(uint64).max;
        if (!sound) return RewardInvalid.selector;
        if (told.role == SECOND && known.depth < MOST_DEPTH) return RewardTooDeep.selector;
        if (told.purchase == 0) return RewardWithoutPurchase.selector;
        if (told.reward != rewardId(told.attribution, told.purchase, told.role)) return RewardIdDiffers.selector;
        return APPLIED;
    }

    function _return(Head memory head, bytes32 id) private returns (bytes4) {
        PromisedReward storage reward = _rewards[bytes16(id)];
        if (reward.state == 0 || !_isId(id)) return RewardUnknown.selector;
        Campaign storage known = _campaigns[reward.campaign];
        if (known.owner != head.merchant) return CampaignNotYours.selector;
        if (reward.state >= WITHDRAWN) return RewardWentBack.selector;
        bool issued = _takeBack(reward, known);
        emit RewardReturned(bytes16(id), reward.points, issued, head.opId);
        return APPLIED;
    }

    /// @dev Moves are bounded, and successions meet no account twice.
    function _succeeds(address account, address promisedTo) private view returns (bool) {
        address next = promisedTo;
        while (next != account && next != address(0)) next = IClearingHouse(msg.sender).successorOf(next).account;
        return next == account;
    }

    /// @dev A programme that there is not is nobody's: the registry's refusal must not take the batch with it.
    function _isIssuer(uint64 merchant, uint256 programme) private view returns (bool) {
        if (programme > type(uint32).max) return false;
        try _registry.programme(uint32(programme)) returns (Programme memory known) {
            return known.issuer == merchant;
        } catch {
            return false;
        }
    }

    function _isId(bytes32 word) private pure returns (bool) {
        return uint128(uint256(word)) == 0;
    }
}
