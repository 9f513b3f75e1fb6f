// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CampaignDesk} from "../../src/CampaignDesk.sol";
import {Successor} from "../../src/interfaces/AllianceTypes.sol";
import {Campaign, PromisedReward} from "../../src/interfaces/ICampaignDesk.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: what promises, issues and returns do to a campaign, for all campaigns and rewards. This contract
/// is also the registry that the desk asks, and the house in force.
contract CampaignProofs is CampaignDesk {
    struct Told_ {
        uint64 merchant;
        uint40 acceptedAt;
        uint256 role;
        uint256 account;
        uint256 points;
        uint256 soldOn;
        bytes32 attribution;
        bytes32 purchase;
    }

    mapping(address account => address) private _nexts;

    constructor() CampaignDesk(address(1), address(this)) {}

    function clearingHouse() external view returns (address) {
        return address(this);
    }

    function successorOf(address account) external view returns (Successor memory) {
        return Successor(_nexts[account], 0);
    }

    function act(uint256 kind, uint64 merchant, uint40 acceptedAt, bytes calldata words) external returns (bytes4) {
        bytes32[] calldata none;
        assembly ("memory-safe") {
            none.offset := 0
            none.length := 0
        }
        return _apply(Head(kind, bytes16(uint128(1)), merchant, acceptedAt, 1, 0, 0), words, none);
    }

    /// @dev A promise that is taken is within depth, time and budget, names a purchase, and has the id that follows.
    function check_INV14_a_promise_is_within_its_campaign(Campaign memory known, Told_ memory a, bytes16 reward) public {
        _place(known);
        uint256 before = known.promised;
        if (_promised(a, reward) != APPLIED) {
            assert(_campaigns[1].promised == before && _rewards[reward].state == 0);
            return;
        }
        assert(known.owner == a.merchant && a.role != 0 && a.role <= 4 && (a.role != 4 || known.depth == 2));
        assert(a.purchase != 0 && a.points != 0 && a.account != 0 && a.account >> 160 == 0);
        assert(a.soldOn % 1 days == 0 && a.soldOn < known.until && a.soldOn <= a.acceptedAt);
        assert(_campaigns[1].promised == before + a.points);
        assert(_campaigns[1].promised <= uint256(known.returned) + known.budget);
        assert(reward == rewardId(a.attribution, a.purchase, a.role) && _rewards[reward].state == PROMISED);
    }

    /// @dev Whoever takes it twice, or once it went back, gets nothing; and it never is more than was promised.
    function check_INV14_a_reward_is_issued_once_as_promised(
        Campaign memory known, PromisedReward memory made, uint64 merchant, address account, uint256 leg, bool back
    ) public {
        vm.assume(made.state <= RETURNED && known.issued <= type(uint64).max - made.points);
        vm.assume(known.returned <= type(uint64).max - made.points && account != address(0));
        _place(known);
        made.campaign = 1;
        _rewards[bytes16(uint128(7))] = made;
        if (back) this.act(3, known.owner, 5, abi.encode(3, 0, known.owner, 5, bytes16(uint128(7))));
        bool done = this.take(bytes16(uint128(7)), merchant, account, leg);
        if (done) {
            assert(!back && made.state == PROMISED && uint64(leg) <= made.points && account == made.account);
            assert(merchant == known.owner && leg >> 112 == known.programme);
        }
        assert(_campaigns[1].issued == known.issued + (done ? uint64(leg) : 0));
        assert(!this.take(bytes16(uint128(7)), merchant, account, leg) || !done);
    }

    /// @dev What goes back counts once, and the budget is never overdrawn by it.
    function check_INV14_a_reward_goes_back_once(Campaign memory known, PromisedReward memory made, uint64 merchant) public {
        vm.assume(made.state <= RETURNED && known.returned <= type(uint64).max - made.points);
        _place(known);
        made.campaign = 1;
        _rewards[bytes16(uint128(7))] = made;
        bytes memory words = abi.encode(3, 0, merchant, 5, bytes16(uint128(7)));
        bool done = this.act(3, merchant, 5, words) == APPLIED;
        assert(done == (merchant == known.owner && (made.state == PROMISED || made.state == ISSUED)));
        assert(_campaigns[1].returned == known.returned + (done ? made.points : 0));
        if (done) assert(this.act(3, merchant, 5, words) != APPLIED);
        assert(_campaigns[1].promised == known.promised && _campaigns[1].issued == known.issued);
    }

    /// @dev A campaign that stands only gets a greater budget or an earlier end; its sums nobody opens anew.
    function check_INV14_a_campaign_only_widens_its_budget(
        Campaign memory known, uint64 merchant, uint32 programme, uint64 budget, uint8 depth, uint40 from, uint40 until
    ) public {
        vm.assume(known.owner != 0);
        _place(known);
        bytes memory words =
            abi.encode(1, 0, merchant, 5, bytes16(uint128(9)), programme, budget, depth, from, until);
        bool done = this.act(1, merchant, 5, words) == APPLIED;
        Campaign memory told = _campaigns[1];
        assert(told.owner == known.owner && told.programme == known.programme && told.from == known.from);
        assert(told.depth == known.depth && told.budget >= known.budget && told.until <= known.until);
        assert(told.promised == known.promised && told.returned == known.returned && told.issued == known.issued);
        if (!done) return;
        assert(merchant == known.owner && told.budget == budget && from >= known.from && from < until);
        assert(told.until == until || (told.until == known.until && until > known.until));
    }

    function _place(Campaign memory known) private {
        _numbers[bytes16(uint128(9))] = 1;
        _campaigns[1] = known;
    }

    function _promised(Told_ memory a, bytes16 reward) private returns (bytes4) {
        bytes memory words = abi.encode(
            2, 0, a.merchant, a.acceptedAt, bytes16(uint128(9)), reward, a.role, a.account, a.points, a.soldOn,
            a.attribution, a.purchase
        );
        return this.act(2, a.merchant, a.acceptedAt, words);
    }
}
