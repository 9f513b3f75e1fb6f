// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Issue, IssueRef, Redeem, Slice} from "../../src/interfaces/AllianceTypes.sol";
import {IReserveDesk, ReserveFigure} from "../../src/interfaces/IReserveDesk.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev Merchants issue and redeem on reserves: figures true, forged, old and ahead, requirements, defaults and cures in
/// any order. A book of every limit that was stated says what an issue may come to.
contract ReserveTraffic is AllianceFixture {
    uint40 public constant LIFE = 6 days;
    uint64 private constant RESERVES = 7;
    bytes32 private constant CUSTODIAN = keccak256("Custodian(uint64 merchant,address custodian,uint32 nonce)");
    bytes32 private constant FIGURE =
        keccak256("ReserveFigure(uint64 merchant,uint128 reserveMicros,uint40 asOf,uint32 sequence)");

    /// @dev What one call stated: so many lifetime points, for what is accepted before `until`.
    struct Stated {
        uint256 since;
        uint256 limit;
        uint256 until;
    }

    IReserveDesk public desk;
    uint256 public breaches;
    mapping(uint256 kind => uint256) public done;
    mapping(uint256 m => ReserveFigure) private _figures;
    mapping(uint256 m => uint256) public requiredBps;
    mapping(uint256 m => uint256) public nextBps;
    mapping(uint256 m => uint256) public nextFrom;
    mapping(uint256 m => uint256) public defaultFrom;
    mapping(uint256 m => Stated[]) private _stated;
    uint256 private _nonce;

    constructor() {
        _found();
        desk = IReserveDesk(_deploy("ReserveDesk", abi.encode(_manager, registry, LIFE)));
        bytes4[] memory selectors = new bytes4[](2);
        (selectors[0], selectors[1]) = (registry.setIssuanceLimit.selector, registry.stateReserve.selector);
        IAccessManager(_manager).setTargetFunctionRole(address(registry), selectors, RESERVES);
        IAccessManager(_manager).grantRole(RESERVES, address(desk), 0);
        for (uint256 m; m < MERCHANTS; ++m) {
            bytes32 word = keccak256(abi.encode(CUSTODIAN, glns[m], vm.addr(_custodian(m)), 0));
            desk.nameCustodian(glns[m], vm.addr(_custodian(m)), _signed(_merchantKey(m), word));
        }
    }

    function figureOf(uint256 m) external view returns (ReserveFigure memory) {
        return _figures[m];
    }

    function lastLimit(uint256 m) external view returns (bool any, uint256 limit) {
        uint256 count = _stated[m].length;
        return count == 0 ? (false, 0) : (true, _stated[m][count - 1].limit);
    }

    function issue(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 accepted = _now - (_roll(seed, 3) == 0 ? _roll(seed, _now - START + 1) % 2 days : 0);
        uint256 room = _most(m, accepted);
        uint256 amount = 1 + _roll(seed, 400);
        uint256 had = tokens[m].issuedTotal();
        if (_roll(seed, 3) == 0 && room < CAP && room >= had) amount = room - had + _roll(seed, 2); // at its edge
        Slice memory slice;
        slice.issues = new Issue[](1);
        IssueRef memory told;
        (slice.issues[0], told) = _issueOf(accountOf(0), _leg(m, 6, amount));
        slice.issues[0].what = uint256(uint128(told.opId)) << 128 | accepted << 88 | m;
        told.acceptedAt = uint40(accepted);
        if (!_submit(m, slice, _single(_issueLeaf(m, accountOf(0), told)))) return;
        if (had + amount > room) ++breaches;
        ++done[0];
    }

    function redeem(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        Redeem memory op;
        (op.opId, op.account, op.nonce) = (_opId(), accountOf(0), _nonce++);
        (op.maxValueMicros, op.validUntil, op.acceptedAt) = (type(uint64).max, uint40(_now + 60), uint40(_now));
        op.legs = new uint256[](1);
        op.legs[0] = _leg(m, 6, 1 + _roll(seed, 300));
        op.signature = _sign(_memberKey(0), _spendDigest(op));
        Slice memory slice;
        slice.redeems = new Redeem[](1);
        slice.redeems[0] = op;
        if (_submit(m, slice, _single(_redeemLeaf(op.account, _redeemRef(m, op))))) ++done[1];
    }

    function bring(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 signer = _roll(seed, 6) == 0 ? (m + 1) % MERCHANTS : m;
        ReserveFigure memory last = _figures[m];
        uint256 reserve = _roll(seed, 3_000) * valueOf(m);
        uint256 asOf = _now + 1 hours - _roll(seed, 1 days);
        uint256 sequence = last.sequence + _roll(seed, 3);
        ReserveFigure memory told = ReserveFigure(glns[m], uint128(reserve), uint40(asOf), uint32(sequence));
        bytes memory signature = _signed(_custodian(signer), keccak256(abi.encode(FIGURE, told)));
        vm.warp(_now);
        try desk.bring(told, signature) {
            bool sound = sequence > last.sequence && asOf >= last.asOf && asOf <= _now;
            if (!sound || signer != m) ++breaches;
            _figures[m] = told;
            _count(m);
            ++done[2];
        } catch {}
    }

    function refresh(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        vm.warp(_now);
        desk.refresh(glns[m]);
        _count(m);
    }

    function require_(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 bps = _roll(seed, 4) * 5_000;
        uint256 from = _now + _roll(seed, 10 days);
        vm.warp(_now);
        try desk.setRequirement(glns[m], uint16(bps), uint40(from)) {
            _promote(m);
            if (bps > requiredBps[m] && from < _now + 8 days) ++breaches;
            (nextBps[m], nextFrom[m]) = (bps, from);
            ++done[3];
        } catch {}
    }

    function declareDefault(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 from = _now + _roll(seed, 3 hours);
        vm.warp(_now);
        try desk.declareDefault(glns[m], uint40(from), bytes32(seed)) {
            if (defaultFrom[m] != 0 || from < _now + 1 hours) ++breaches;
            defaultFrom[m] = from;
            Stated[] storage stated = _stated[m];
            uint256 count = stated.length;
            uint256 limit = count == 0 ? type(uint64).max : stated[count - 1].limit;
            uint256 until = count != 0 && stated[count - 1].until < from ? stated[count - 1].until : from;
            stated.push(Stated(_now, limit, until));
            ++done[4];
        } catch {}
    }

    function cure(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        vm.warp(_now);
        try desk.cure(glns[m], bytes32(seed)) {
            if (defaultFrom[m] == 0) ++breaches;
            defaultFrom[m] = 0;
            _count(m);
            ++done[5];
        } catch {}
    }

    function wait(uint256 seed) external {
        if (_now < START + EPOCH * 5) _now += 1 + (_roll(seed, 2) == 0 ? _roll(seed, 2 hours) : _roll(seed, 4 days));
    }

    // Parts

    function _promote(uint256 m) private {
        if (nextFrom[m] != 0 && _now >= nextFrom[m]) requiredBps[m] = nextBps[m];
    }

    /// @dev What a figure comes to: so much may be issued that what is outstanding stays covered as required.
    function _count(uint256 m) private {
        _promote(m);
        uint256 bps = requiredBps[m];
        if (bps == 0 && _stated[m].length == 0) return;
        uint256 stale = _figures[m].asOf + uint256(LIFE);
        uint256 counted = _now < stale ? _figures[m].reserveMicros : 0;
        uint256 until = bps == 0 || counted == 0 ? type(uint40).max : stale;
        if (defaultFrom[m] != 0 && defaultFrom[m] < until) until = defaultFrom[m];
        uint256 limit = type(uint64).max;
        if (bps != 0) {
            uint256 outstanding = tokens[m].outstanding(0) * valueOf(m);
            uint256 covered = counted * 10_000 / bps;
            limit = tokens[m].issuedTotal() + (covered > outstanding ? (covered - outstanding) / valueOf(m) : 0);
        }
        _stated[m].push(Stated(_now, limit, until));
    }

    /// @dev An upper bound by the rule alone: the greatest limit since the last one that surely counted by then, for what
    /// takes room away counts from the first whole hour on that is an hour away; and the end that was stated last, or an
    /// hour later at most than the moment at which it was.
    function _most(uint256 m, uint256 accepted) private view returns (uint256 most) {
        Stated[] storage stated = _stated[m];
        uint256 count = stated.length;
        if (count == 0) return CAP;
        Stated storage last = stated[count - 1];
        if (accepted >= last.until && accepted >= last.since + 1 hours) return 0;
        most = type(uint64).max;
        for (uint256 i = count; i > 0; --i) {
            Stated storage step = stated[i - 1];
            if (i == count || step.limit > most) most = step.limit;
            if (step.since + 2 hours <= accepted) return most < CAP ? most : CAP;
        }
        return CAP;
    }

    function _custodian(uint256 m) private pure returns (uint256) {
        return 0xC057 + m;
    }

    function _signed(uint256 key, bytes32 structHash) private view returns (bytes memory) {
        return _sign(key, _digestOf("Alliance Reserves", address(desk), structHash));
    }
}
