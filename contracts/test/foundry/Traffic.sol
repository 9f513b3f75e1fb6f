// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccountMove, Clawback, Expiry, Extension, ExtensionSlice, Gift, Issue, IssueRef, Redeem, RedeemRef, Restore, SignerChange, Slice
} from "../../src/interfaces/AllianceTypes.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev Random steps against the contracts, with a book of what must be true kept by plain additions. A step that
/// the contracts refuse leaves the book as it was; a step that they must refuse and do not is a breach.
contract Traffic is AllianceFixture {
    struct PastIssue {
        uint64 batch;
        uint256 merchant;
        address account;
        IssueRef told;
        bytes32[] proof;
        bytes32 leaf;
        uint256 clawed;
    }

    struct PastRedeem {
        uint64 batch;
        uint256 merchant;
        Redeem op;
        bytes32 leaf;
        uint256[2] restored;
    }

    enum Kind {
        ISSUED,
        RESTORED,
        REDEEMED,
        CLAWED,
        EXPIRED,
        GIFTED,
        MOVED,
        EXTENDED
    }

    mapping(address => mapping(uint256 m => mapping(uint256 epoch => uint256))) public balance;
    mapping(Kind => mapping(uint256 m => mapping(uint256 epoch => uint256))) public counted;
    mapping(uint32 period => mapping(uint256 m => int256)) public net;
    mapping(Kind => uint256) public done;
    mapping(uint256 invariantNumber => uint256) public breaches;
    PastIssue[] internal _issues;
    PastRedeem[] internal _redeems;
    uint256 private _nonce;

    constructor() {
        _found();
    }

    // Steps

    /// @dev One to three issues of a merchant in one batch.
    function issue(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 count = 1 + _roll(seed, 3);
        Slice memory slice;
        slice.issues = new Issue[](count);
        IssueRef[] memory told = new IssueRef[](count);
        address[] memory accounts = new address[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            accounts[i] = accountOf(_roll(seed, MEMBERS));
            (slice.issues[i], told[i]) = _issueOf(accounts[i], _leg(m, _epoch(seed), 1 + _roll(seed, 400)));
            leaves[i] = _issueLeaf(m, accounts[i], told[i]);
        }
        if (!_submit(m, slice, leaves)) return;
        for (uint256 i; i < count; ++i) {
            _credit(Kind.ISSUED, accounts[i], m, told[i].leg);
            _issues.push(PastIssue(house.lastBatch(), m, accounts[i], told[i], _proofOf(leaves, i), leaves[i], 0));
        }
    }

    /// @dev One or two legs, perhaps in a series.
    function redeem(uint256 seed) external {
        uint256 member = _roll(seed, MEMBERS);
        (uint256 m, Redeem memory op) = _redemption(seed, member, _memberKey(member));
        _take(m, op);
    }

    function restore(uint256 seed) external {
        if (_redeems.length == 0) return;
        PastRedeem storage was = _redeems[_roll(seed, _redeems.length)];
        Restore memory op;
        op.legIndex = uint8(_roll(seed, was.op.legs.length));
        uint256 leg = was.op.legs[op.legIndex];
        op.leg = leg >> 64 << 64 | 1 + _roll(seed, uint64(leg));
        op.opId = _opId();
        op.account = was.op.account;
        op.acceptedAt = uint40(_now);
        op.originalBatch = was.batch;
        op.original = _redeemRef(was.merchant, was.op);
        address account = _currentOf(op.account);
        bytes32 leaf = keccak256(
            abi.encode(3, op.opId, glns[was.merchant], account, op.acceptedAt, was.leaf, op.legIndex, _whole(op.leg))
        );
        Slice memory slice;
        slice.restores = new Restore[](1);
        slice.restores[0] = op;
        if (!_submit(was.merchant, slice, _single(leaf))) return;
        uint256 left = uint64(leg) - was.restored[op.legIndex];
        was.restored[op.legIndex] += uint64(op.leg);
        if (was.restored[op.legIndex] > uint64(leg)) ++breaches[7];
        _credit(Kind.RESTORED, account, leg >> 96, op.leg);
        _accrue(was.merchant, leg >> 96, _owed(leg >> 96, left - uint64(op.leg)) - _owed(leg >> 96, left));
    }

    function clawBack(uint256 seed) external {
        if (_issues.length == 0) return;
        PastIssue storage was = _issues[_roll(seed, _issues.length)];
        Clawback memory op;
        op.opId = _opId();
        op.account = was.account;
        op.acceptedAt = uint40(_now);
        op.originalBatch = was.batch;
        op.original = was.told;
        op.proof = was.proof;
        op.legs = new uint256[](1);
        op.legs[0] = _leg(was.merchant, _epoch(seed), 1 + _roll(seed, uint64(was.told.leg)));
        bytes32 legsHash = keccak256(abi.encodePacked(_wholeAll(op.legs)));
        address account = _currentOf(op.account);
        bytes32 leaf =
            keccak256(abi.encode(4, op.opId, glns[was.merchant], account, op.acceptedAt, was.leaf, legsHash));
        Slice memory slice;
        slice.clawbacks = new Clawback[](1);
        slice.clawbacks[0] = op;
        if (!_submit(was.merchant, slice, _single(leaf))) return;
        was.clawed += uint64(op.legs[0]);
        if (was.clawed > uint64(was.told.leg)) ++breaches[7];
        _debit(Kind.CLAWED, account, was.merchant, op.legs[0]);
    }

    function gift(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 member = _roll(seed, MEMBERS);
        Gift memory op;
        op.opId = _opId();
        op.account = accountOf(member);
        op.recipient = accountOf(_roll(seed, MEMBERS));
        op.nonce = _nonce++;
        op.validUntil = uint40(_now + 60);
        op.acceptedAt = uint40(_now);
        op.legs = new uint256[](1);
        op.legs[0] = _leg(m, _epoch(seed), 1 + _roll(seed, 200));
        bytes32 digest = _giftDigest(op.account, op.recipient, op.nonce, op.validUntil, op.legs);
        uint256 signer = _roll(seed, 4) == 0 ? _roll(seed, MEMBERS) : member;
        op.signature = _sign(_memberKey(signer), digest);
        bytes32 legsHash = keccak256(abi.encodePacked(_wholeAll(op.legs)));
        bytes32 leaf = keccak256(
            abi.encode(6, op.opId, glns[m], op.account, op.recipient, op.nonce, op.acceptedAt, digest, legsHash)
        );
        Slice memory slice;
        slice.gifts = new Gift[](1);
        slice.gifts[0] = op;
        if (!_submit(m, slice, _single(leaf))) return;
        if (signer != member) ++breaches[9];
        ++done[Kind.GIFTED];
        uint256 epoch = uint32(op.legs[0] >> 64);
        balance[op.account][m][epoch] -= uint64(op.legs[0]);
        balance[op.recipient][m][epoch] += uint64(op.legs[0]);
    }

    function expire(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        Expiry memory op;
        op.opId = _opId();
        op.account = accountOf(_roll(seed, MEMBERS));
        op.acceptedAt = uint40(_now);
        op.leg = _leg(m, 1 + _roll(seed, EPOCHS), 1 + _roll(seed, 300));
        Slice memory slice;
        slice.expiries = new Expiry[](1);
        slice.expiries[0] = op;
        bytes32 leaf = keccak256(abi.encode(5, op.opId, glns[m], op.account, op.acceptedAt, _whole(op.leg)));
        if (!_submit(m, slice, _single(leaf))) return;
        if (_now < START + EPOCH * uint32(op.leg >> 64)) ++breaches[11];
        _debit(Kind.EXPIRED, op.account, m, op.leg);
    }

    /// @dev Now and then into an epoch that ends no later, or under another merchant's signature.
    function extend(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        Extension memory op;
        op.opId = _opId();
        op.account = accountOf(_roll(seed, MEMBERS));
        op.acceptedAt = uint40(_now);
        uint256 epoch = _epoch(seed);
        uint256 held = balance[op.account][m][epoch];
        if (held == 0) return;
        uint256 amount = _roll(seed, 8) == 0 ? held + 1 : 1 + _roll(seed, held);
        op.leg = (m + 1) << 112 | epoch << 64 | amount;
        op.epoch = uint16(_roll(seed, 4) == 0 ? _roll(seed, EPOCHS + 2) : epoch + 1 + _roll(seed, 2));
        uint256 signer = _roll(seed, 4) == 0 ? _roll(seed, MERCHANTS) : m;
        if (!_extend(m, op, signer)) return;
        if (signer != m) ++breaches[10];
        if (amount > held) ++breaches[9];
        if (op.epoch <= epoch || op.epoch > EPOCHS) ++breaches[11];
        ++done[Kind.EXTENDED];
        _debit(Kind.CLAWED, op.account, m, op.leg);
        _credit(Kind.RESTORED, op.account, m, uint256(op.epoch) << 64 | amount);
    }

    function _extend(uint256 m, Extension memory op, uint256 signer) private returns (bool) {
        vm.warp(_now);
        uint64 number = house.lastBatch() + 1;
        bytes32 leaf = keccak256(abi.encode(9, op.opId, glns[m], op.account, op.acceptedAt, op.leg, op.epoch));
        Slice memory signed;
        signed.merchant = glns[m];
        _signSlice(signed, number, _single(leaf), _merchantKey(signer));
        ExtensionSlice[] memory slices = new ExtensionSlice[](1);
        slices[0] = ExtensionSlice(glns[m], signed.signature, new Extension[](1));
        slices[0].extensions[0] = op;
        try house.extendPoints(number, slices) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev A member's account gives way to a new one with the same key; now and then by somebody else's word.
    function move(uint256 seed) external {
        uint256 member = _roll(seed, MEMBERS);
        if (moves[member] == 8) return;
        uint256 signer = _roll(seed, 4) == 0 ? _roll(seed, MEMBERS) : member;
        AccountMove memory op = _rotation(member, _memberKey(signer));
        if (signer != member && _roll(seed, 2) == 0) op.reason = uint8(2 + _roll(seed, 2));
        if (!_move(op)) return;
        if (signer != member) ++breaches[9];
        _follow(op);
        ++moves[member];
        ++done[Kind.MOVED];
    }

    function _rotation(uint256 member, uint256 key) private returns (AccountMove memory op) {
        op.opId = _opId();
        op.account = accountOf(member);
        op.successor = accountAt(member, moves[member] + 1);
        op.signer = vm.addr(_memberKey(member));
        op.reason = 1;
        op.acceptedAt = uint40(_now);
        op.validUntil = uint40(_now + 60);
        op.legs = new uint256[](MERCHANTS * EPOCHS);
        for (uint256 i; i < op.legs.length; ++i) op.legs[i] = (i / EPOCHS + 1) << 112 | (i % EPOCHS + 1) << 64;
        op.authorisation = _sign(key, _moveDigest(op));
    }

    function _move(AccountMove memory op) private returns (bool) {
        vm.warp(_now);
        if (house.signerOf(op.successor, op.signer).activeFrom == 0) {
            SignerChange[] memory changes = new SignerChange[](1);
            changes[0] = SignerChange(_opId(), op.successor, op.signer, 0, uint40(_now), 0, "");
            house.submitBatch(house.lastBatch() + 1, _table(), changes, new Slice[](0));
        }
        AccountMove[] memory batch = new AccountMove[](1);
        batch[0] = op;
        try house.moveAccounts(house.lastBatch() + 1, batch) {
            return true;
        } catch {
            return false;
        }
    }

    function _follow(AccountMove memory op) private {
        for (uint256 m; m < MERCHANTS; ++m) {
            for (uint256 epoch = 1; epoch <= EPOCHS; ++epoch) {
                balance[op.successor][m][epoch] += balance[op.account][m][epoch];
                balance[op.account][m][epoch] = 0;
            }
        }
    }

    function wait(uint256 seed) external {
        if (_now < START + EPOCH * EPOCHS) _now += 1 + _roll(seed, 9 days);
    }

    function closePeriod() external {
        house.closePeriod(house.currentPeriod());
    }

    // Steps that must fail

    /// @dev INV-9: another member's key, or no one's.
    function forgePermit(uint256 seed) external {
        uint256 member = _roll(seed, MEMBERS);
        (uint256 m, Redeem memory op) = _redemption(seed, member, _memberKey(member + 1 + _roll(seed, 3)));
        if (_take(m, op)) ++breaches[9];
    }

    /// @dev INV-10: an issue that the issuer did not sign.
    function forgeSlice(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        address account = accountOf(_roll(seed, MEMBERS));
        (Slice memory slice, bytes32[] memory leaves) = _oneIssue(m, account, _leg(m, _epoch(seed), 1 + _roll(seed, 99)));
        if (_submitAs(m, slice, leaves, _merchantKey(m + 1 + _roll(seed, 3)))) ++breaches[10];
    }

    /// @dev INV-10: one point more than the cap leaves.
    function overIssue(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 amount = CAP - tokens[m].issuedTotal() + 1 + _roll(seed, 99);
        (Slice memory slice, bytes32[] memory leaves) = _oneIssue(m, accountOf(0), _leg(m, _epoch(seed), amount));
        if (_submit(m, slice, leaves)) ++breaches[10];
    }

    /// @dev INV-7: a redemption that took effect, again, at the same acceptor or another.
    function repeatRedeem(uint256 seed) external {
        if (_redeems.length == 0) return;
        PastRedeem storage was = _redeems[_roll(seed, _redeems.length)];
        Redeem memory op = was.op;
        op.flags = 0;
        op.acceptedAt = uint40(_now < op.validUntil ? _now : op.validUntil);
        if (_take(_roll(seed, 2) == 0 ? was.merchant : _roll(seed, MERCHANTS), op)) ++breaches[7];
    }

    /// @dev INV-7: a batch under a number that is not greater.
    function repeatBatch(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        (Slice memory slice, bytes32[] memory leaves) = _oneIssue(m, accountOf(0), _leg(m, _epoch(seed), 1));
        uint64 number = uint64(_roll(seed, uint256(house.lastBatch()) + 1));
        slice.merchant = glns[m];
        _signSlice(slice, number, leaves, _merchantKey(m));
        Slice[] memory slices = new Slice[](1);
        slices[0] = slice;
        if (_submit(number, slices)) ++breaches[7];
    }

    // What invariants ask

    function issueCount() external view returns (uint256) {
        return _issues.length;
    }

    function clawedOf(uint256 i) external view returns (bytes32 leaf, uint256 clawed) {
        return (_issues[i].leaf, _issues[i].clawed);
    }

    // Parts

    function _redemption(uint256 seed, uint256 member, uint256 key) private returns (uint256 m, Redeem memory op) {
        m = _roll(seed, MERCHANTS);
        op.opId = _opId();
        op.account = accountOf(member);
        op.nonce = _nonce++;
        op.maxValueMicros = uint64(_roll(seed, 8) == 0 ? 1_000 : 100_000_000);
        op.validUntil = uint40(_now + 60);
        op.acceptedAt = uint40(_now);
        op.flags = uint8(_roll(seed, 4) == 0 ? 1 : 0);
        op.legs = new uint256[](1 + _roll(seed, 2));
        for (uint256 i; i < op.legs.length; ++i) {
            op.legs[i] = _leg(_roll(seed, MERCHANTS), _epoch(seed), 1 + _roll(seed, 200));
        }
        op.signature = _sign(key, _spendDigest(op));
    }

    function _take(uint256 m, Redeem memory op) private returns (bool) {
        RedeemRef memory told = _redeemRef(m, op);
        bytes32 leaf = _redeemLeaf(op.account, told);
        Slice memory slice;
        slice.redeems = new Redeem[](1);
        slice.redeems[0] = op;
        if (!_submit(m, slice, _single(leaf))) return false;
        uint256[2] memory none;
        _redeems.push(PastRedeem(house.lastBatch(), m, op, leaf, none));
        uint256 value;
        for (uint256 i; i < op.legs.length; ++i) {
            uint256 issuer = op.legs[i] >> 96;
            _debit(Kind.REDEEMED, op.account, issuer, op.legs[i]);
            _accrue(m, issuer, _owed(issuer, uint64(op.legs[i])));
            value += uint64(op.legs[i]) * uint256(valueOf(issuer));
        }
        if (value > op.maxValueMicros) ++breaches[9];
        return true;
    }

    function _oneIssue(uint256 m, address account, uint256 leg)
        private
        returns (Slice memory slice, bytes32[] memory leaves)
    {
        slice.issues = new Issue[](1);
        IssueRef memory told;
        (slice.issues[0], told) = _issueOf(account, leg);
        leaves = _single(_issueLeaf(m, account, told));
    }

    function _credit(Kind kind, address account, uint256 m, uint256 leg) private {
        ++done[kind];
        balance[account][m][uint32(leg >> 64)] += uint64(leg);
        counted[kind][m][uint32(leg >> 64)] += uint64(leg);
    }

    function _debit(Kind kind, address account, uint256 m, uint256 leg) private {
        ++done[kind];
        balance[account][m][uint32(leg >> 64)] -= uint64(leg);
        counted[kind][m][uint32(leg >> 64)] += uint64(leg);
    }

    function _accrue(uint256 acceptor, uint256 issuer, int256 micros) private {
        uint32 period = house.currentPeriod();
        net[period][issuer] -= micros;
        net[period][acceptor] += micros;
    }

    /// @dev Mostly the open epoch or the next, so that many steps meet.
    function _epoch(uint256 seed) private returns (uint256) {
        uint256 open = (_now - START) / EPOCH + 1;
        return _roll(seed, 8) == 0 ? 1 + _roll(seed, EPOCHS) : open + _roll(seed, 2);
    }
}
