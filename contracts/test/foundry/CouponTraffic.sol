// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IAllianceCoupons} from "../../src/interfaces/IAllianceCoupons.sol";
import {Gln} from "../../src/registry/Gln.sol";
import {SignedFixture} from "./SignedFixture.sol";

/// @dev Random uses, reversals and gifts, honest and not, of a list of three codes (given once at most, merchant 0's) and
/// of an open type of merchant 1's with five serials and a cap of three.
contract CouponTraffic is SignedFixture {
    uint256 public constant COUPONS = 8;
    uint256 public constant CODES = 3;
    uint64 public constant CAP_OF_OPEN = 3;
    uint256 private constant CONSUME = 3;
    uint256 private constant REVERSE = 4;
    uint256 private constant GIVE = 5;

    struct Use {
        uint64 batch;
        bytes16 opId;
        uint40 acceptedAt;
        uint256 merchant;
        uint256 coupon;
        address account;
        bytes32 root;
        bytes32 opening;
        bytes32 leaf;
        bool reversed;
    }

    uint64[2] public gcns;
    mapping(uint256 coupon => uint256) public uses;
    mapping(uint256 coupon => uint256) public reversals;
    mapping(uint256 coupon => address) public holder; // of a coupon that was given: who has it, or had it when used
    bytes32[] private _leaves;
    bytes32 private _root;
    Use[] private _uses;

    constructor() {
        _foundBeside("AllianceCoupons");
        uint64 number = 9_506_000_100_000;
        for (uint256 i; i < 2; ++i) {
            while (!Gln.isValid(++number)) {}
            gcns[i] = number;
        }
        _must(0, abi.encode(1, _opId(), glns[0], _now, gcns[0], 1, 3, START, START + 40 days, 1, 0, bytes32(0)));
        _must(1, abi.encode(1, _opId(), glns[1], _now, gcns[1], 1, CAP_OF_OPEN, START, START + 40 days, 2, 1, bytes32(0)));
        for (uint256 c; c < CODES; ++c) {
            _leaves.push(keccak256(abi.encode(idOf(c), keccak256(abi.encode(_opening(c))))));
        }
        bytes32[] memory last = _proofOf(_leaves, 2);
        _root = _pair(last[0], _leaves[2]);
        _must(0, abi.encode(2, _opId(), glns[0], _now, gcns[0], _root, uint64(idOf(0)), CODES));
    }

    function coupons() public view returns (IAllianceCoupons) {
        return IAllianceCoupons(address(desk));
    }

    function useCount() external view returns (uint256) {
        return _uses.length;
    }

    function useAt(uint256 i) external view returns (bytes32 leaf, bool reversed) {
        return (_uses[i].leaf, _uses[i].reversed);
    }

    function idOf(uint256 coupon) public view returns (uint256) {
        bool closed = coupon < CODES;
        return uint256(gcns[closed ? 0 : 1]) << 64 | 3 << 56 | (closed ? coupon : 250 + coupon);
    }

    function isUsed(uint256 coupon) public view returns (bool) {
        return uses[coupon] != reversals[coupon];
    }

    function consume(uint256 seed) external {
        Use memory use;
        use.coupon = _roll(seed, COUPONS);
        use.merchant = _roll(seed, MERCHANTS);
        uint256 signer = _signer(seed, use.merchant);
        use.opId = _opId();
        use.acceptedAt = uint40(_now);
        use.account = _roll(seed, 3) == 0 ? accountOf(_roll(seed, MEMBERS)) : holder[use.coupon];
        bool closed = use.coupon < CODES;
        bool sees = _roll(seed, 4) != 0;
        if (closed) {
            use.root = _root;
            use.opening = _opening(sees ? use.coupon : (use.coupon + 1) % CODES);
        }
        bytes memory words = _useWords(use);
        bytes32[] memory proof = closed ? _proofOf(_leaves, use.coupon) : new bytes32[](0);
        if (!_apply(use.merchant, _merchantKey(signer), words, proof)) return;
        _breachIf(signer != use.merchant || (closed && !sees) || isUsed(use.coupon), 6);
        _breachIf(holder[use.coupon] != address(0) && holder[use.coupon] != use.account, 6);
        _breachIf(_now >= START + 40 days, 6);
        ++uses[use.coupon];
        (use.batch, use.leaf) = (desk.lastBatch(), keccak256(words));
        _uses.push(use);
        ++done[CONSUME];
    }

    /// @dev By the acceptor, now and then another, or for another coupon.
    function takeBack(uint256 seed) external {
        if (_uses.length == 0) return;
        Use storage was = _uses[_roll(seed, _uses.length)];
        uint256 m = _signer(seed, was.merchant);
        uint256 coupon = _roll(seed, 6) == 0 ? _roll(seed, COUPONS) : was.coupon;
        bytes memory words = abi.encode(REVERSE, _opId(), glns[m], _now, idOf(coupon), was.leaf);
        bytes32[] memory witness = new bytes32[](6);
        (witness[0], witness[1]) = (bytes32(uint256(was.batch)), bytes32(was.opId));
        (witness[2], witness[3]) = (bytes32(uint256(was.acceptedAt)), bytes32(uint256(uint160(was.account))));
        (witness[4], witness[5]) = (was.root, was.opening);
        if (!_apply(m, _merchantKey(m), words, witness)) return;
        _breachIf(was.reversed || m != was.merchant || coupon != was.coupon || !isUsed(coupon), 6);
        was.reversed = true;
        ++reversals[was.coupon];
        ++done[REVERSE];
    }

    function give(uint256 seed) external {
        uint256 coupon = _roll(seed, COUPONS);
        uint256 owner = coupon < CODES ? 0 : 1;
        uint256 m = _signer(seed, owner);
        address had = holder[coupon];
        address from = had == address(0) || _roll(seed, 4) == 0 ? accountOf(_roll(seed, MEMBERS)) : had;
        address to = accountOf(_roll(seed, MEMBERS));
        bytes memory words = abi.encode(GIVE, _opId(), glns[m], _now, idOf(coupon), from, to);
        if (!_apply(m, _merchantKey(m), words, new bytes32[](0))) return;
        _breachIf(m != owner || isUsed(coupon) || from == to || (had != address(0) && had != from), 6);
        _breachIf(coupon < CODES && had != address(0), 6);
        holder[coupon] = to;
        ++done[GIVE];
    }

    /// @dev The same operation again, under the batch's number or a new one.
    function again(uint256 seed) external {
        if (_uses.length == 0) return;
        Use memory was = _uses[_roll(seed, _uses.length)];
        bytes32[] memory proof = was.coupon < CODES ? _proofOf(_leaves, was.coupon) : new bytes32[](0);
        bool old = _roll(seed, 2) == 0 || !isUsed(was.coupon);
        uint64 number = old ? was.batch : desk.lastBatch() + 1;
        bool taken = _applyAs(number, was.merchant, _merchantKey(was.merchant), _useWords(was), proof);
        _breachIf(taken, old ? 7 : 6);
    }

    /// @dev How many members have a token of the coupon, and whether its holder has.
    function held(uint256 coupon) external view returns (uint256 count, bool byHolder) {
        for (uint256 i; i < MEMBERS; ++i) {
            uint256 has = IERC1155(address(desk)).balanceOf(accountOf(i), idOf(coupon));
            count += has;
            if (has != 0 && accountOf(i) == holder[coupon]) byHolder = true;
        }
    }

    function _must(uint256 m, bytes memory words) private {
        require(_apply(m, _merchantKey(m), words, new bytes32[](0)), "prepared");
    }

    function _useWords(Use memory use) private view returns (bytes memory) {
        return abi.encode(
            CONSUME, use.opId, glns[use.merchant], use.acceptedAt, idOf(use.coupon), use.account, use.root, use.opening
        );
    }

    function _opening(uint256 coupon) private pure returns (bytes32) {
        return keccak256(abi.encode("opening", coupon));
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }
}
