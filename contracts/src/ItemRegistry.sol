// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignedBatches} from "./batches/SignedBatches.sol";
import {ItemBatch} from "./interfaces/IItemRegistry.sol";
import {ItemBook} from "./items/ItemBook.sol";
import {Gtin} from "./libraries/Gtin.sol";

contract ItemRegistry is SignedBatches, ItemBook {
    uint256 private constant ROOT = 1;
    uint256 private constant CLAIM = 2;
    uint256 private constant VOID = 3;
    uint256 private constant MOST_ITEMS = 1 << 24;

    constructor(address authority, address registry_)
        AccessManaged(authority)
        EIP712("Alliance Batches", "1")
        SignedBatches(registry_)
    {}

    function _apply(Head memory head, bytes calldata words, bytes32[] calldata)
        internal
        override
        returns (bytes4)
    {
        uint256 count = _wordCount(words);
        if (head.kind == CLAIM && count == 3) return _claim(head, words);
        if (head.kind == VOID && count == 2) return _void(head, words);
        if (head.kind == ROOT && count == 4) return _anchor(head, words);
        return OperationKindUnknown.selector;
    }

    function _anchor(Head memory head, bytes calldata words) private returns (bytes4) {
        (bytes32 root, uint256 count, uint256 gtin, bytes32 lot) =
            abi.decode(words[128:], (bytes32, uint256, uint256, bytes32));
        bool sound = root != 0 && lot != 0 && count != 0 && count <= MOST_ITEMS && Gtin.isValid(gtin);
        if (!sound) return ItemBatchInvalid.selector;
        if (_batches[root].count != 0) return ItemRootKnown.selector;
        bytes32 known = _rootOfLot[head.merchant][uint64(gtin)][lot];
        if (known != 0) return ItemLotAnchored.selector;
        _rootOfLot[head.merchant][uint64(gtin)][lot] = root;
        _batches[root] = ItemBatch(head.merchant, uint64(gtin), head.acceptedAt, uint32(count));
        emit ItemBatchAnchored(root, head.merchant, uint64(gtin), lot, uint32(count), head.opId);
        return APPLIED;
    }

    function _claim(Head memory head, bytes calldata words) private returns (bytes4) {
        (bytes32 root, uint256 index, uint256 account) = (bytes32(_word(words, 0)), _word(words, 1), _word(words, 2));
        if (account == 0 || account >> 160 != 0) return ItemAccountInvalid.selector;
        bytes4 refusal = _notOwned(head, root, index);
        if (refusal != APPLIED) return refusal;
        refusal = _mark(root, index, CLAIMED);
        if (refusal != APPLIED) return refusal;
        emit ItemClaimed(root, uint32(index), address(uint160(account)), head.opId);
        return APPLIED;
    }

    function _void(Head memory head, bytes calldata words) private returns (bytes4) {
        (bytes32 root, uint256 index) = (bytes32(_word(words, 0)), _word(words, 1));
        bytes4 refusal = _notOwned(head, root, index);
        if (refusal != APPLIED) return refusal;
        refusal = _mark(root, index, VOIDED);
        if (refusal != APPLIED) return refusal;
        emit ItemVoided(root, uint32(index), head.opId);
        return APPLIED;
    }

    function _notOwned(Head memory head, bytes32 root, uint256 index) private view returns (bytes4) {
        ItemBatch storage batch = _batches[root];
        (uint256 count, uint64 owner) = (batch.count, batch.owner);
        if (count == 0 || head.acceptedAt < batch.acceptedAt) return ItemBatchUnknown.selector;
        if (owner != head.merchant) return ItemBatchNotYours.selector;
        return index < count ? APPLIED : ItemUnknown.selector;
    }
}
