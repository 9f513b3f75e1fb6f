// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AllianceCoupons} from "../../src/AllianceCoupons.sol";
import {CouponType} from "../../src/interfaces/IAllianceCoupons.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: what one operation after another does to the coupons, for all acceptors and serials. Types
/// with a list of codes are proven where the list has one code, so that its root is the code's leaf.
contract CouponProofs is AllianceCoupons {
    struct Use {
        uint64 merchant;
        uint40 acceptedAt;
        uint256 id;
        address account;
    }

    constructor() AllianceCoupons(address(1), address(1)) {}

    function take(uint256 kind, uint64 merchant, uint40 acceptedAt, bytes calldata words) external returns (bytes4) {
        bytes32[] calldata none;
        assembly ("memory-safe") {
            none.offset := 0
            none.length := 0
        }
        return _apply(Head(kind, bytes16(uint128(1)), merchant, acceptedAt, 1, 0, 0), words, none);
    }

    /// @dev The choke point: a bit of one coupon, whichever type and serial.
    function check_INV6_a_use_marks_no_other_coupon(uint256 a, uint256 b, uint256 c) public {
        vm.assume(a >> 128 == 0 && b >> 128 == 0 && c >> 128 == 0);
        _setConsumed(a, true);
        assert(isConsumed(a) && isConsumed(b) == (a == b));
        _setConsumed(b, true);
        _setConsumed(c, false);
        assert(isConsumed(a) == (a != c) && isConsumed(b) == (b != c) && !isConsumed(c));
    }

    function check_INV6_no_code_no_coupon(
        uint64 merchant, uint40 anchoredAt, uint64 first, bytes32 code, Use memory use, bytes32 opening, bytes32 root
    ) public {
        CouponType memory kind = _closed(merchant);
        uint64 gcn = uint64(use.id >> 64);
        _types[gcn] = kind;
        bytes32 leaf = keccak256(abi.encode(use.id, keccak256(abi.encode(code))));
        bytes memory words = abi.encode(2, 0, merchant, anchoredAt, uint256(gcn), leaf, uint256(first), 1);
        if (this.take(2, merchant, anchoredAt, words) != APPLIED) return;
        if (!_used(use, root, opening)) return;
        assert(root == leaf && opening == code && uint64(use.id) == first && use.acceptedAt >= anchoredAt);
        assert(isConsumed(use.id) && !_used(use, root, opening));
    }

    function check_INV6_only_its_owner_gives_an_unused_coupon(CouponType memory kind, Use memory gift, address to) public {
        uint64 gcn = uint64(gift.id >> 64);
        _types[gcn] = kind;
        _setConsumed(gift.id, gift.acceptedAt & 1 == 1);
        bytes memory words =
            abi.encode(5, 0, gift.merchant, gift.acceptedAt, gift.id, uint256(uint160(gift.account)), uint256(uint160(to)));
        if (this.take(5, gift.merchant, gift.acceptedAt, words) != APPLIED) return;
        assert(kind.owner == gift.merchant && kind.rule != 0 && gift.acceptedAt & 1 == 0 && to != gift.account);
        assert(balanceOf(to, gift.id) == 1 && balanceOf(gift.account, gift.id) == 0 && _given[gift.id]);
    }

    /// @dev A given coupon stays its holder's where its use is refused, and goes where it is not.
    function check_INV6_a_refused_use_leaves_the_coupon(CouponType memory kind, Use memory use, address holder) public {
        vm.assume(holder != address(0) && use.id >> 128 == 0);
        _types[uint64(use.id >> 64)] = kind;
        _given[use.id] = true;
        _pass(address(0), holder, use.id);
        bool done = _used(use, 0, 0);
        if (done) assert(use.account == holder && kind.open && kind.issued < kind.cap);
        assert(balanceOf(holder, use.id) == (done ? 0 : 1) && isConsumed(use.id) == done);
    }

    function _closed(uint64 merchant) private pure returns (CouponType memory kind) {
        (kind.owner, kind.version, kind.cap, kind.until) = (merchant, 1, 1_000, type(uint40).max);
    }

    function _used(Use memory use, bytes32 root, bytes32 opening) private returns (bool) {
        bytes memory words =
            abi.encode(3, 0, use.merchant, use.acceptedAt, use.id, uint256(uint160(use.account)), root, opening);
        return this.take(3, use.merchant, use.acceptedAt, words) == APPLIED;
    }
}
