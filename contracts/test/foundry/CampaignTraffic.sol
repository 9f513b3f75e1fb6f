// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountMove, Issue, IssueRef, SignerChange, Slice} from "../../src/interfaces/AllianceTypes.sol";
import {Campaign, PromisedReward} from "../../src/interfaces/ICampaignDesk.sol";
import {ISignedBatches} from "../../src/interfaces/ISignedBatches.sol";
import {SignedFixture} from "./SignedFixture.sol";
import {vm} from "./Vm.sol";

/// @dev Random campaigns, promises, returns and issues of rivals, on few campaigns and small budgets, so that they meet.
/// What is kept here is decided by the rules' words alone, never read from the desk.
contract CampaignTraffic is SignedFixture {
    uint256 public constant CAMPAIGNS = 4;
    uint256 public constant ISSUED = 4; // a kind of step; 1 to 3 are the desk's
    uint256 public constant MOVED = 5;
    uint256 private constant OPEN = 1;
    uint256 private constant PROMISE = 2;
    uint256 private constant RETURN = 3;

    struct Reward {
        uint256 campaign;
        uint256 role;
        uint256 member;
        uint64 points;
        uint64 issued;
        bool returned;
    }

    Campaign[CAMPAIGNS] private _known;
    bytes16[] private _ids;
    mapping(bytes16 id => Reward) private _rewards;

    constructor() {
        _found();
        desk = ISignedBatches(address(campaigns));
    }

    function idAt(uint256 place) public pure returns (bytes16) {
        return bytes16(uint128(place + 1));
    }

    function known(uint256 place) external view returns (Campaign memory) {
        return _known[place];
    }

    function rewardCount() external view returns (uint256) {
        return _ids.length;
    }

    function rewardAt(uint256 i) external view returns (bytes16 id, Reward memory) {
        return (_ids[i], _rewards[_ids[i]]);
    }

    function open(uint256 seed) external {
        uint256 c = _roll(seed, CAMPAIGNS);
        Campaign memory was = _known[c];
        uint256 m = was.owner == 0 || _roll(seed, 5) == 0 ? _roll(seed, MERCHANTS) : _placeOf(was.owner);
        uint256 signer = _signer(seed, m);
        Campaign memory next = _known[c]; // a copy of its own
        next.owner = glns[m];
        if (was.owner == 0 || _roll(seed, 4) == 0) {
            next.programme = uint32(1 + (_roll(seed, 5) == 0 ? _roll(seed, MERCHANTS + 1) : m));
            next.depth = uint8(_roll(seed, 4));
            next.from = uint40(START + _roll(seed, 3 days) - 1 days);
        } else if (_roll(seed, 4) == 0) {
            next.from = uint40(was.from + _roll(seed, 3 days));
        }
        // Small beside what is promised, so that budgets end.
        next.budget = uint64(was.budget + _roll(seed, was.owner == 0 ? 700 : 60));
        if (was.budget != 0 && _roll(seed, 6) == 0) next.budget = was.budget - 1;
        next.until = was.owner == 0 ? uint40(START + EPOCH) : was.until + 1 - uint40(_roll(seed, 2 days));
        bytes memory words = abi.encode(
            OPEN, _opId(), glns[m], _now, idAt(c), next.programme, next.budget, next.depth, next.from, next.until
        );
        if (!_apply(m, _merchantKey(signer), words, new bytes32[](0))) return;
        _breachIf(signer != m || next.depth == 0 || next.depth > 2 || next.budget == 0 || next.from >= next.until, 14);
        if (was.owner == 0) _breachIf(next.programme != m + 1, 14);
        else _breachIf(_takesBack(was, next), 14);
        if (was.owner != 0) (next.from, next.until) = (was.from, next.until < was.until ? next.until : was.until);
        _known[c] = next;
        ++done[OPEN];
    }

    function pledge(uint256 seed) external {
        uint256 c = _roll(seed, CAMPAIGNS);
        Campaign memory of_ = _known[c];
        uint256 m = of_.owner == 0 || _roll(seed, 5) == 0 ? _roll(seed, MERCHANTS) : _placeOf(of_.owner);
        uint256 signer = _signer(seed, m);
        Reward memory made = Reward(c, _roll(seed, 6), _roll(seed, MEMBERS), uint64(_roll(seed, 300)), 0, false);
        bytes32 attribution = bytes32(_roll(seed, 3) + 1);
        bytes32 purchase = _roll(seed, 7) == 0 ? bytes32(0) : bytes32(_roll(seed, 40) + 1);
        uint256 soldOn = (_now - _roll(seed, 3 days)) / 1 days * 1 days;
        if (_roll(seed, 9) == 0) ++soldOn;
        bytes16 id = campaigns.rewardId(attribution, purchase, made.role);
        if (_roll(seed, 9) == 0) id = campaigns.rewardId(attribution, purchase, (made.role + 1) % 6);
        bytes memory words = abi.encode(
            PROMISE, _opId(), glns[m], _now, idAt(c), id, made.role, accountOf(made.member), made.points, soldOn,
            attribution, purchase
        );
        if (!_apply(m, _merchantKey(signer), words, new bytes32[](0))) return;
        _breachIf(signer != m || of_.owner != glns[m] || _rewards[id].role != 0 || made.points == 0, 14);
        _breachIf(made.role == 0 || made.role > 4 || (made.role == 4 && of_.depth != 2) || purchase == 0, 14);
        _breachIf(soldOn % 1 days != 0 || soldOn >= of_.until || soldOn + 1 days <= of_.from || soldOn > _now, 14);
        _breachIf(id != _derived(attribution, purchase, made.role), 14);
        _rewards[id] = made;
        _ids.push(id);
        _known[c].promised += made.points;
        _breachIf(_known[c].promised - _known[c].returned > of_.budget, 14);
        ++done[PROMISE];
    }

    function giveBack(uint256 seed) external {
        bytes16 id = _idAmong(seed);
        Reward memory was = _rewards[id];
        uint256 owner = was.role == 0 ? 0 : _placeOf(_known[was.campaign].owner);
        uint256 m = _roll(seed, 5) == 0 ? _roll(seed, MERCHANTS) : owner;
        uint256 signer = _signer(seed, m);
        bytes memory words = abi.encode(RETURN, _opId(), glns[m], _now, id);
        if (!_apply(m, _merchantKey(signer), words, new bytes32[](0))) return;
        _breachIf(signer != m || was.role == 0 || was.returned || m != owner, 14);
        _rewards[id].returned = true;
        _known[was.campaign].returned += was.points;
        ++done[RETURN];
    }

    /// @dev The house issues it, mostly as it was promised, now and then to another, too much, again, of a rival's.
    function issue(uint256 seed) external {
        bytes16 id = _idAmong(seed);
        Reward memory was = _rewards[id];
        uint256 owner = was.role == 0 ? 0 : _placeOf(_known[was.campaign].owner);
        uint256 m = _roll(seed, 6) == 0 ? _roll(seed, MERCHANTS) : owner;
        address account = accountAt(was.member, _roll(seed, moves[was.member] + 1));
        if (_roll(seed, 6) == 0) account = accountOf(_roll(seed, MEMBERS));
        uint64 points = 1 + uint64(_roll(seed, was.points + 10));
        uint256 leg = _leg(m, 1, points);
        (Issue memory op, IssueRef memory ref) = _issueOf(account, leg);
        ref.opId = id;
        ref.reason = 3;
        op.what = uint256(uint128(id)) << 128 | _now << 88 | 3 << 80 | leg >> 96;
        Slice memory slice;
        slice.issues = new Issue[](1);
        slice.issues[0] = op;
        if (_now >= START + EPOCH || !_submit(m, slice, _single(_issueLeaf(m, account, ref)))) return;
        _breachIf(was.role == 0 || was.returned || was.issued != 0 || points > was.points || m != owner, 14);
        _breachIf(uint160(account) & 255 != was.member, 14);
        _rewards[id].issued = points;
        _known[was.campaign].issued += points;
        ++done[ISSUED];
    }

    /// @dev Nobody but the house in force takes a reward.
    function steal(uint256 seed) external {
        bytes16 id = _idAmong(seed);
        Reward memory was = _rewards[id];
        uint256 leg = uint256(_known[was.campaign].programme) << 112 | was.points;
        try campaigns.take(id, _known[was.campaign].owner, accountOf(was.member), leg) returns (bool) {
            ++breaches[14];
        } catch {}
    }

    function move(uint256 seed) external {
        uint256 member = _roll(seed, MEMBERS);
        if (moves[member] == 4) return;
        AccountMove memory op;
        op.opId = _opId();
        (op.account, op.successor) = (accountOf(member), accountAt(member, moves[member] + 1));
        (op.signer, op.reason) = (vm.addr(_memberKey(member)), 1);
        (op.acceptedAt, op.validUntil) = (uint40(_now), uint40(_now + 60));
        op.authorisation = _sign(_memberKey(member), _moveDigest(op));
        vm.warp(_now);
        SignerChange[] memory changes = new SignerChange[](1);
        changes[0] = SignerChange(_opId(), op.successor, op.signer, 0, uint40(_now), 0, "");
        house.submitBatch(house.lastBatch() + 1, _table(), changes, new Slice[](0));
        AccountMove[] memory batch = new AccountMove[](1);
        batch[0] = op;
        house.moveAccounts(house.lastBatch() + 1, batch);
        ++moves[member];
        ++done[MOVED];
    }

    function _takesBack(Campaign memory was, Campaign memory next) private pure returns (bool) {
        return next.owner != was.owner || next.programme != was.programme || next.depth != was.depth
            || next.from < was.from || next.from >= was.until || next.budget < was.budget;
    }

    function _idAmong(uint256 seed) private returns (bytes16) {
        if (_ids.length == 0 || _roll(seed, 12) == 0) return bytes16(uint128(_roll(seed, 3)));
        return _ids[_roll(seed, _ids.length)];
    }

    function _placeOf(uint64 owner) private view returns (uint256 m) {
        while (m < MERCHANTS && glns[m] != owner) ++m;
    }

    /// @dev As the interface says it, by another way than the contract.
    function _derived(bytes32 attribution, bytes32 purchase, uint256 role) private pure returns (bytes16) {
        string memory name = role == 1 ? "newcomer" : role == 2 ? "sharer" : role == 3 ? "milestone" : "second";
        bytes memory head = bytes.concat(hex"0000000c", "share reward", hex"00000020", attribution, hex"00000020", purchase);
        return bytes16(sha256(bytes.concat(head, bytes4(uint32(bytes(name).length)), bytes(name))));
    }

    function stateOf(Reward memory r) external pure returns (uint8) {
        if (r.returned) return r.issued == 0 ? 3 : 4;
        return r.issued == 0 ? 1 : 2;
    }

    function told(bytes16 id) external view returns (PromisedReward memory) {
        return campaigns.rewardOf(id);
    }
}
