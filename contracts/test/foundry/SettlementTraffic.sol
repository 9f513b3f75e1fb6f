// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Held, ISettlementDesk, Line, Round} from "../../src/interfaces/ISettlementDesk.sol";
import {Issue, IssueRef, Redeem, Slice} from "../../src/interfaces/AllianceTypes.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev Three merchants trade, close periods, confirm, dispute, decide, net and pay, in any order, honestly or not. Pair p
/// is merchants p and p + 1; what the first owes the second of a period is negative where the second owes more.
contract SettlementTraffic is AllianceFixture {
    uint64 private constant UNIT = 10_000;
    uint256 private constant STOCK = 6_000;
    bytes32 private constant CONFIRMATION =
        keccak256("Confirmation(uint32 period,uint64 merchant,int256 netMicros,bytes32 statements)");
    bytes32 private constant DISPUTE = keccak256(
        "Dispute(uint32 period,uint64 merchant,uint64 debtor,uint64 creditor,int256 heldMicros,bytes32 evidence)"
    );
    bytes32 private constant RESOLUTION =
        keccak256("Resolution(uint32 period,uint64 debtor,uint64 creditor,int256 payMicros)");

    ISettlementDesk public desk;
    uint256 public breaches;
    mapping(uint256 kind => uint256) public done;
    mapping(uint32 period => mapping(uint256 m => int256)) public traded;
    mapping(uint32 period => mapping(uint256 m => int256)) public adjusted;
    mapping(uint32 period => mapping(uint256 m => int256)) public settledNet;
    mapping(uint32 period => mapping(uint256 pair => int256)) public owed;
    mapping(uint32 period => mapping(uint256 pair => int256)) public heldMicros;
    mapping(uint32 period => mapping(uint256 pair => bool)) public isOpen;
    mapping(uint32 period => bytes32) public rootOf;
    mapping(uint32 period => uint256) public paid;
    mapping(uint32 period => uint256) private _payouts;
    mapping(uint32 period => uint256) private _confirmed;
    mapping(uint32 period => uint256) private _until;
    mapping(uint32 period => Line[3]) private _lines;
    uint256 private _nonce;

    constructor() {
        _found();
        desk = ISettlementDesk(_deploy("SettlementDesk", abi.encode(_manager, registry, UNIT)));
        for (uint256 m; m < MERCHANTS; ++m) {
            desk.enlist(glns[m]);
            Slice memory slice;
            slice.issues = new Issue[](1);
            IssueRef memory told;
            (slice.issues[0], told) = _issueOf(accountOf(0), _leg(m, 4, STOCK));
            require(_submit(m, slice, _single(_issueLeaf(m, accountOf(0), told))), "funded");
        }
    }

    function trade(uint256 seed) external {
        (uint256 acceptor, uint256 issuer) = (_roll(seed, MERCHANTS), _roll(seed, MERCHANTS));
        Redeem memory op;
        (op.opId, op.account, op.nonce) = (_opId(), accountOf(0), _nonce++);
        (op.maxValueMicros, op.validUntil, op.acceptedAt) = (type(uint64).max, uint40(_now + 60), uint40(_now));
        op.legs = new uint256[](1);
        uint256 points = 1 + _roll(seed, 90);
        op.legs[0] = _leg(issuer, 4, points);
        op.signature = _sign(_memberKey(0), _spendDigest(op));
        Slice memory slice;
        slice.redeems = new Redeem[](1);
        slice.redeems[0] = op;
        if (!_submit(acceptor, slice, _single(_redeemLeaf(op.account, _redeemRef(acceptor, op))))) return;
        uint32 period = house.currentPeriod();
        int256 micros = _owed(issuer, points);
        traded[period][issuer] -= micros;
        traded[period][acceptor] += micros;
        if (acceptor == (issuer + 1) % 3) owed[period][issuer] += micros;
        else if (issuer != acceptor) owed[period][acceptor] -= micros;
        ++done[0];
    }

    function wait(uint256 seed) external {
        if (_now < START + EPOCH * 3) _now += 1 + _roll(seed, 3 days);
    }

    /// @dev The next closed period, now and then too early, too soon, or another one.
    function publish(uint256 seed) external {
        uint32 period = desk.lastPublished() + 1;
        if (_roll(seed, 4) != 0 && house.currentPeriod() == period) house.closePeriod(period);
        if (_roll(seed, 8) == 0) period = _roll(seed, 2) == 0 ? period - 1 : period + 1;
        uint256 last = desk.lastPublished();
        bytes32[] memory leaves = new bytes32[](3);
        Line[3] memory lines;
        for (uint256 p; p < 3; ++p) {
            lines[p] = Line(period, glns[p], glns[(p + 1) % 3], owed[period][p], bytes32(p));
            leaves[p] = keccak256(bytes.concat(keccak256(abi.encode(lines[p]))));
        }
        bytes32 first = _proofOf(leaves, 2)[0];
        bytes32 root = keccak256(first < leaves[2] ? bytes.concat(first, leaves[2]) : bytes.concat(leaves[2], first));
        uint256 until = _now + (_roll(seed, 4) == 0 ? 2 days - 1 : 2 days + _roll(seed, 2 days));
        vm.warp(_now);
        try desk.publish(period, root, uint40(until)) {
            if (period >= house.currentPeriod() || until < _now + 2 days) ++breaches;
            if (last != 0 && (period != last + 1 || rootOf[uint32(last)] == 0)) ++breaches;
            _until[period] = until;
            for (uint256 p; p < 3; ++p) _lines[period][p] = lines[p];
            ++done[1];
        } catch {}
    }

    function confirm(uint256 seed) external {
        uint32 period = desk.lastPublished();
        uint256 m = _roll(seed, MERCHANTS);
        uint256 signer = _signer(seed, m);
        int256 net = desk.netOf(period, glns[m]) + (_roll(seed, 6) == 0 ? int256(1) : int256(0));
        bytes32 statements = desk.roundOf(period).statements;
        bytes memory signature = _signed(signer, keccak256(abi.encode(CONFIRMATION, period, glns[m], net, statements)));
        vm.warp(_now);
        try desk.confirm(period, glns[m], net, signature) {
            if (signer != m || _now >= _until[period] || rootOf[period] != 0) ++breaches;
            if (_confirmed[period] >> m & 1 != 0) return; // a second time changes nothing
            if (net != traded[period][m] + adjusted[period][m]) ++breaches;
            _confirmed[period] |= 1 << m;
            ++done[2];
        } catch {}
    }

    function dispute(uint256 seed) external {
        uint32 period = desk.lastPublished();
        uint256 p = _roll(seed, 3);
        Line memory line = _lines[period][p];
        uint256 by = _roll(seed, MERCHANTS);
        uint256 signer = _signer(seed, by);
        int256 part = _part(seed, line.owedMicros);
        bytes memory signature = _signed(
            signer,
            keccak256(abi.encode(DISPUTE, period, glns[by], line.debtor, line.creditor, part, bytes32(seed)))
        );
        bytes32[] memory leaves = new bytes32[](3);
        for (uint256 i; i < 3; ++i) leaves[i] = keccak256(bytes.concat(keccak256(abi.encode(_lines[period][i]))));
        vm.warp(_now);
        try desk.dispute(line, _proofOf(leaves, p), glns[by], part, bytes32(seed), signature) {
            bool payer = by == (line.owedMicros < 0 ? (p + 1) % 3 : p);
            if (signer != by || !payer || !_isWithin(part, line.owedMicros) || part == 0) ++breaches;
            if (_confirmed[period] >> by & 1 != 0 || heldMicros[period][p] != 0) ++breaches;
            if (_now >= _until[period] || rootOf[period] != 0) ++breaches;
            (heldMicros[period][p], isOpen[period][p]) = (part, true);
            _confirmed[period] &= ~(1 << p | 1 << (p + 1) % 3);
            _shift(period, p, -part);
            ++done[3];
        } catch {}
    }

    /// @dev By both, now and then by one alone.
    function resolve(uint256 seed) external {
        (uint32 period, uint256 p) = _disputed(seed);
        int256 pay = _part(seed, heldMicros[period][p]);
        uint256 other = _signer(seed, (p + 1) % 3);
        (uint64 debtor, uint64 creditor) = (glns[p], glns[(p + 1) % 3]);
        bytes32 word = keccak256(abi.encode(RESOLUTION, period, debtor, creditor, pay));
        vm.warp(_now);
        try desk.resolve(period, debtor, creditor, pay, _signed(p, word), _signed(other, word)) {
            if (other != (p + 1) % 3) ++breaches;
            _decided(period, p, pay);
        } catch {}
    }

    function arbitrate(uint256 seed) external {
        (uint32 period, uint256 p) = _disputed(seed);
        int256 pay = _part(seed, heldMicros[period][p]);
        vm.warp(_now);
        try desk.arbitrate(period, glns[p], glns[(p + 1) % 3], pay, bytes32(seed)) {
            if (_now < _until[period] + 30 days) ++breaches;
            _decided(period, p, pay);
        } catch {}
    }

    /// @dev Now and then the payouts of a net that is one unit off.
    function settle(uint256 seed) external {
        uint32 period = desk.lastPublished();
        int256[3] memory minors = _rounded(period);
        bool wrong = _roll(seed, 5) == 0;
        if (wrong) (minors[0], minors[1]) = (minors[0] + 1, minors[1] - 1);
        uint256[] memory payouts = _payoutsOf(minors);
        vm.warp(_now);
        try desk.settle(period, abi.encodePacked(glns[0], glns[1], glns[2]), payouts) {
            if (wrong || rootOf[period] != 0 || (_confirmed[period] != 7 && _now < _until[period])) ++breaches;
            rootOf[period] = desk.roundOf(period).root;
            _payouts[period] = payouts.length;
            for (uint256 m; m < 3; ++m) settledNet[period][m] = desk.netOf(period, glns[m]);
            ++done[5];
        } catch {}
    }

    function markPaid(uint256 seed) external {
        uint32 period = uint32(1 + _roll(seed, desk.lastPublished() + 1));
        uint256 bits = _roll(seed, 8);
        try desk.markPaid(period, bits, bytes32(seed)) {
            if (rootOf[period] == 0 || bits == 0 || bits >> _payouts[period] != 0) ++breaches;
            paid[period] |= bits;
            ++done[6];
        } catch {}
    }

    // Parts

    function _decided(uint32 period, uint256 p, int256 pay) private {
        if (!isOpen[period][p] || !_isWithin(pay, heldMicros[period][p])) ++breaches;
        isOpen[period][p] = false;
        _shift(desk.lastPublished() + 1, p, pay);
        ++done[4];
    }

    function _shift(uint32 period, uint256 p, int256 micros) private {
        adjusted[period][p] -= micros;
        adjusted[period][(p + 1) % 3] += micros;
    }

    /// @dev A pair that has something held, if there is one.
    function _disputed(uint256 seed) private returns (uint32 period, uint256 p) {
        uint256 first = _roll(seed, 64);
        uint256 count = (uint256(desk.lastPublished()) + 1) * 3;
        for (uint256 i; i < count; ++i) {
            uint256 place = (first + i) % count;
            (period, p) = (uint32(place / 3), place % 3);
            if (isOpen[period][p]) return (period, p);
        }
    }

    /// @dev Of the whole: mostly a part of it, now and then more or the other way round.
    function _part(uint256 seed, int256 whole) private returns (int256) {
        uint256 choice = _roll(seed, 8);
        if (choice == 0) return whole + 1;
        if (choice == 1) return -whole;
        return whole * int256(1 + _roll(seed, 4)) / 4;
    }

    function _isWithin(int256 part, int256 whole) private pure returns (bool) {
        return whole >= 0 ? part >= 0 && part <= whole : part <= 0 && part >= whole;
    }

    function _signer(uint256 seed, uint256 m) private returns (uint256) {
        return _roll(seed, 8) == 0 ? (m + 1) % MERCHANTS : m;
    }

    function _signed(uint256 m, bytes32 structHash) private view returns (bytes memory) {
        return _sign(_merchantKey(m), _digestOf("Alliance Settlement", address(desk), structHash));
    }

    /// @dev Nets rounded down, and the missing units to the largest remainders, of equal ones to the lower number.
    function _rounded(uint32 period) private view returns (int256[3] memory minors) {
        int256[3] memory rests;
        int256 missing;
        int256 unit = int256(uint256(UNIT));
        for (uint256 m; m < 3; ++m) {
            int256 net = traded[period][m] + adjusted[period][m];
            rests[m] = (net % unit + unit) % unit;
            minors[m] = (net - rests[m]) / unit;
            missing -= minors[m];
        }
        for (; missing > 0; --missing) {
            uint256 most = rests[1] > rests[0] ? 1 : 0;
            if (rests[2] > rests[most]) most = 2;
            ++minors[most];
            rests[most] = -1;
        }
    }

    /// @dev At most two: from who pays to who is paid, in the order of their places.
    function _payoutsOf(int256[3] memory minors) private pure returns (uint256[] memory payouts) {
        payouts = new uint256[](2);
        uint256 count;
        for (uint256 from; from < 3; ++from) {
            for (uint256 to; to < 3 && minors[from] < 0; ++to) {
                if (minors[to] <= 0) continue;
                int256 minor = minors[to] < -minors[from] ? minors[to] : -minors[from];
                (minors[from], minors[to]) = (minors[from] + minor, minors[to] - minor);
                payouts[count++] = from << 72 | to << 64 | uint256(minor);
            }
        }
        assembly ("memory-safe") {
            mstore(payouts, count)
        }
    }
}
