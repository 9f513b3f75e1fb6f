// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Conversion, ConversionSlice, ConversionTerms, Issue, IssueRef, Slice, WindDown
} from "../../src/interfaces/AllianceTypes.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev Random conversions between three programmes, of which the third ends: permitted and forged, repeated, of wrong
/// amounts, without a permit before and after the end. A book of plain additions says what must be so.
contract ConversionTraffic is AllianceFixture {
    uint256 private constant BEGIN = START + 9 days;
    uint256 private constant ISSUES_UNTIL = START + 20 days;
    uint256 public constant ENDS_AT = START + 40 days;
    bytes32 private constant PERMIT = keccak256(
        "ConversionPermit(address account,uint32 programme,uint64 points,uint32 target,uint64 leastPoints,uint256 nonce,uint40 validUntil)"
    );
    bytes32 private constant PROPOSAL = keccak256(
        "ConversionProposal(uint32 programme,uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps)"
    );
    bytes32 private constant WIND_DOWN = keccak256(
        "WindDownProposal(uint32 programme,uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)"
    );

    /// @dev What a step asks for, and where it is dishonest.
    struct Plan {
        uint256 from;
        uint256 into;
        uint256 member;
        uint256 fault; // 0 none, 1 another member's key, 2 another merchant's, 3 a point more, 4 an old nonce
        bool ended;
        uint256 spread;
        uint256 points;
        uint256 due;
        int256 owed;
    }

    mapping(address => mapping(uint256 m => mapping(uint256 epoch => uint256))) public balance;
    mapping(uint256 m => uint256) public issued;
    mapping(uint256 m => uint256) public redeemed;
    mapping(uint256 m => int256) public net;
    mapping(uint256 kind => uint256) public done;
    mapping(uint256 invariantNumber => uint256) public breaches;
    mapping(uint256 member => mapping(uint256 nonce => bool)) private _used;
    uint256 private _nonce;

    constructor() {
        _found();
        for (uint256 m; m < MERCHANTS; ++m) {
            for (uint256 i; i < MEMBERS; ++i) _issue(m, i, 2, 2_000);
        }
        for (uint256 m; m < MERCHANTS; ++m) {
            for (uint256 to; to < 2; ++to) if (to != m) _agree(m, to);
        }
        WindDown memory end = WindDown(uint40(ISSUES_UNTIL), uint40(ENDS_AT), 1, uint16(_spreadOf(2, 0)));
        bytes32 word = keccak256(abi.encode(WIND_DOWN, 3, end.issuesUntil, end.endsAt, end.target, end.spreadBps));
        registry.announceWindDown(3, end, _signed(2, word), _signed(0, word));
        _now = BEGIN;
    }

    function issue(uint256 seed) external {
        _issue(_roll(seed, MERCHANTS), _roll(seed, MEMBERS), _epochOf(seed), 1 + _roll(seed, 300));
    }

    function wait(uint256 seed) external {
        if (_now < START + EPOCH * 4) _now += 1 + _roll(seed, 4 days);
    }

    function closePeriod() external {
        house.closePeriod(house.currentPeriod());
    }

    function convert(uint256 seed) external {
        Plan memory plan;
        (plan.from, plan.member) = (_roll(seed, MERCHANTS), _roll(seed, MEMBERS));
        plan.into = plan.from == 2 ? _roll(seed, 2) : 1 - plan.from;
        _take(seed, plan);
    }

    /// @dev Without a permit, as the end of a programme allows it: before the end too, and of programmes that do not end.
    function windDown(uint256 seed) external {
        Plan memory plan;
        plan.ended = true;
        (plan.from, plan.member) = (_roll(seed, 6) == 0 ? 1 : 2, _roll(seed, MEMBERS));
        _take(seed, plan);
    }

    function _take(uint256 seed, Plan memory plan) private {
        plan.fault = _roll(seed, 8);
        plan.spread = _spreadOf(plan.from, plan.into);
        Conversion memory op = _conversion(seed, plan);
        bytes32 digest = plan.ended ? bytes32(0) : _permit(plan, op);
        if (!plan.ended) {
            op.signature = _sign(_memberKey(plan.fault == 1 ? plan.member + 1 : plan.member), digest);
        }
        if (!_submitted(plan, op, digest)) return;
        _breachIf(plan.fault == 1 && !plan.ended, 9);
        _breachIf(plan.fault == 2, 10);
        _breachIf(plan.fault == 3, 4);
        _breachIf(!plan.ended && _used[plan.member][op.nonce], 7);
        _breachIf(plan.ended && (plan.from != 2 || _now < ENDS_AT), 9);
        _breachIf(!plan.ended && plan.from == 2 && _now >= ENDS_AT, 9);
        // What is given is never worth more than what is taken.
        _breachIf(plan.due * valueOf(plan.into) > plan.points * valueOf(plan.from), 4);
        _used[plan.member][op.nonce] = true;
        ++done[plan.ended ? 1 : 0];
        _book(plan, op);
    }

    function _conversion(uint256 seed, Plan memory plan) private returns (Conversion memory op) {
        (op.opId, op.account, op.acceptedAt) = (_opId(), accountOf(plan.member), uint40(_now));
        uint256 count = 1 + _roll(seed, 2);
        op.legs = new uint256[](count + 1);
        uint256 version = plan.from == 2 && _now >= ISSUES_UNTIL ? 2 : 1;
        for (uint256 i; i < count; ++i) {
            uint256 epoch = plan.ended ? 2 : _epochOf(seed);
            uint256 amount = 1 + _roll(seed, 150);
            op.legs[i] = (plan.from + 1) << 112 | version << 96 | epoch << 64 | amount;
            plan.points += amount;
            uint256 value = amount * valueOf(plan.from);
            plan.owed += int256(value - value * plan.spread / 10_000);
        }
        plan.due = plan.points * valueOf(plan.from) * (10_000 - plan.spread) / (10_000 * valueOf(plan.into));
        if (plan.fault == 3) ++plan.due;
        op.legs[count] = (plan.into + 1) << 112 | 1 << 96 | _epochOf(seed) << 64 | plan.due;
        if (plan.ended) return op;
        op.terms = 1;
        op.validUntil = uint40(_now + 60);
        op.nonce = plan.fault == 4 ? _roll(seed, _nonce + 1) : ++_nonce;
    }

    function _permit(Plan memory plan, Conversion memory op) private view returns (bytes32) {
        return _digest(
            keccak256(
                abi.encode(
                    PERMIT, op.account, plan.from + 1, plan.points, plan.into + 1, op.leastPoints, op.nonce, op.validUntil
                )
            )
        );
    }

    function _submitted(Plan memory plan, Conversion memory op, bytes32 digest) private returns (bool) {
        uint64 number = house.lastBatch() + 1;
        uint256 terms = uint256(op.terms) << 16 | plan.spread;
        bytes32 legs = keccak256(abi.encodePacked(op.legs));
        bytes32 leaf = keccak256(
            abi.encode(10, op.opId, glns[plan.into], op.account, op.nonce, op.acceptedAt, terms, digest, legs)
        );
        Slice memory signed;
        signed.merchant = glns[plan.into];
        _signSlice(signed, number, _single(leaf), _merchantKey(plan.fault == 2 ? plan.into + 1 : plan.into));
        ConversionSlice[] memory slices = new ConversionSlice[](1);
        slices[0] = ConversionSlice(signed.merchant, signed.signature, new Conversion[](1));
        slices[0].conversions[0] = op;
        vm.warp(_now);
        try house.convertPoints(number, slices) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev Both sides of what took effect. A balance that did not cover it is a breach, and stands at nothing.
    function _book(Plan memory plan, Conversion memory op) private {
        uint256 last = op.legs.length - 1;
        for (uint256 i; i < last; ++i) {
            uint256 amount = uint64(op.legs[i]);
            uint256 epoch = uint32(op.legs[i] >> 64);
            uint256 had = balance[op.account][plan.from][epoch];
            _breachIf(had < amount, 9);
            balance[op.account][plan.from][epoch] = had < amount ? 0 : had - amount;
        }
        balance[op.account][plan.into][uint32(op.legs[last] >> 64)] += plan.due;
        redeemed[plan.from] += plan.points;
        issued[plan.into] += plan.due;
        net[plan.from] -= plan.owed;
        net[plan.into] += plan.owed;
    }

    function _issue(uint256 m, uint256 member, uint256 epoch, uint256 amount) private {
        Slice memory slice;
        slice.issues = new Issue[](1);
        IssueRef memory told;
        (slice.issues[0], told) = _issueOf(accountOf(member), _leg(m, epoch, amount));
        if (!_submit(m, slice, _single(_issueLeaf(m, accountOf(member), told)))) return;
        _breachIf(m == 2 && _now >= ISSUES_UNTIL, 10);
        balance[accountOf(member)][m][epoch] += amount;
        issued[m] += amount;
    }

    function _agree(uint256 m, uint256 to) private {
        ConversionTerms memory next = ConversionTerms(uint40(START + 8 days), uint16(_spreadOf(m, to)));
        bytes32 word = keccak256(abi.encode(PROPOSAL, m + 1, to + 1, 1, next.effectiveFrom, next.spreadBps));
        registry.publishConversion(uint32(m + 1), uint32(to + 1), next, _signed(m, word), _signed(to, word));
    }

    function _signed(uint256 m, bytes32 structHash) private view returns (bytes memory) {
        return _sign(_merchantKey(m), _digestOf("Alliance Ledger", address(registry), structHash));
    }

    function _spreadOf(uint256 from, uint256 into) private pure returns (uint256) {
        return from == 0 ? 0 : 137 * from + into;
    }

    /// @dev Of the second or the third epoch, which are open for the whole time but its last days.
    function _epochOf(uint256 seed) private returns (uint256) {
        return _roll(seed, 8) == 0 ? _roll(seed, EPOCHS + 2) : 2 + _roll(seed, 2);
    }

    function _breachIf(bool happened, uint256 invariantNumber) private {
        if (happened) ++breaches[invariantNumber];
    }
}
