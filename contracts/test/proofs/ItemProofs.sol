// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ItemBatch} from "../../src/interfaces/IItemRegistry.sol";
import {ItemRegistry} from "../../src/ItemRegistry.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: what one operation after another does to the items, for all merchants, batches and indexes.
contract ItemProofs is ItemRegistry {
    struct Claim {
        uint64 merchant;
        uint40 acceptedAt;
        bytes32 root;
        uint256 index;
        uint256 account;
        bool voids;
    }

    constructor() ItemRegistry(address(1), address(1)) {}

    function take(uint256 kind, uint64 merchant, uint40 acceptedAt, bytes calldata words) external returns (bytes4) {
        bytes32[] calldata none;
        assembly ("memory-safe") {
            none.offset := 0
            none.length := 0
        }
        return _apply(Head(kind, bytes16(uint128(1)), merchant, acceptedAt, 1, 0, 0), words, none);
    }

    function check_INV12_an_item_is_claimed_once(ItemBatch memory batch, ItemBatch memory other, Claim memory a, Claim memory b)
        public
    {
        _batches[a.root] = batch;
        if (b.root != a.root) _batches[b.root] = other;
        if (!_done(a)) return;
        _checkRightful(a, batch);
        assert(isClaimedOrVoid(a) && (a.voids || this.isClaimed(a.root, a.index)));
        bool same = a.root == b.root && a.index == b.index;
        bool wasMarked = _marked(b);
        bool done = _done(b);
        if (done) _checkRightful(b, b.root == a.root ? batch : other);
        // A second claim of the item is refused, and anything after it is void; a claimed item may become void.
        if (same && done) assert(b.voids && !a.voids);
        if (!done) assert(_marked(b) == wasMarked);
        if (!same) assert(_marked(a));
    }

    function check_INV12_a_claim_marks_no_other_item(ItemBatch memory batch, Claim memory a, bytes32 root, uint256 index)
        public
    {
        vm.assume(root != a.root || index != a.index);
        vm.assume(index < 1 << 32 && a.index < 1 << 32);
        _batches[a.root] = batch;
        _done(a);
        assert(!this.isClaimed(root, index) && !this.isVoid(root, index));
    }

    function check_INV12_a_batch_keeps_what_it_was_anchored_with(
        uint64 merchant, uint64 another, bytes32 root, uint64 count, uint64 newCount, bytes32 lot, bytes32 newLot
    ) public {
        uint256 gtin = 4_006_381_333_931;
        if (this.take(1, merchant, 5, abi.encode(1, 0, merchant, 5, root, count, gtin, lot)) != APPLIED) return;
        assert(root != 0 && lot != 0 && count != 0);
        bytes4 answer = this.take(1, another, 6, abi.encode(1, 0, another, 6, root, newCount, gtin, newLot));
        assert(answer != APPLIED);
        ItemBatch memory kept = this.itemBatch(root);
        assert(kept.owner == merchant && kept.count == count && kept.acceptedAt == 5 && kept.gtin == gtin);
    }

    function isClaimedOrVoid(Claim memory a) internal view returns (bool) {
        return a.voids ? this.isVoid(a.root, a.index) : this.isClaimed(a.root, a.index);
    }

    function _marked(Claim memory a) private view returns (bool) {
        return this.isVoid(a.root, a.index) || this.isClaimed(a.root, a.index);
    }

    function _checkRightful(Claim memory a, ItemBatch memory batch) private pure {
        assert(batch.owner == a.merchant && a.index < batch.count && a.acceptedAt >= batch.acceptedAt);
        assert(a.voids || (a.account != 0 && a.account >> 160 == 0));
    }

    function _done(Claim memory a) private returns (bool) {
        bytes memory words = a.voids
            ? abi.encode(3, 0, a.merchant, a.acceptedAt, a.root, a.index)
            : abi.encode(2, 0, a.merchant, a.acceptedAt, a.root, a.index, a.account);
        return this.take(a.voids ? 3 : 2, a.merchant, a.acceptedAt, words) == APPLIED;
    }
}
