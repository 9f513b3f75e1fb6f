// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {SignedBatches} from "./batches/SignedBatches.sol";
import {CouponBook} from "./coupons/CouponBook.sol";
import {CouponRoot, CouponType} from "./interfaces/IAllianceCoupons.sol";
import {IERC2135} from "./interfaces/IERC2135.sol";
import {Gcn} from "./libraries/Gcn.sol";
import {Gln} from "./registry/Gln.sol";

contract AllianceCoupons is SignedBatches, CouponBook {
    uint256 private constant TYPE = 1;
    uint256 private constant ROOT = 2;
    uint256 private constant CONSUME = 3;
    uint256 private constant REVERSE = 4;
    uint256 private constant GIVE = 5;
    uint8 private constant RULE_NONE = 0;
    uint8 private constant RULE_ONCE = 1;
    uint256 private constant RULES = 3;
    uint256 private constant WITNESS_OF_REVERSAL = 6;

    constructor(address authority, address registry_)
        AccessManaged(authority)
        EIP712("Alliance Batches", "1")
        SignedBatches(registry_)
        ERC1155("")
    {}

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155) returns (bool) {
        return interfaceId == type(IERC2135).interfaceId || super.supportsInterface(interfaceId);
    }

    function _apply(Head memory head, bytes calldata words, bytes32[] calldata witness)
        internal
        override
        returns (bytes4)
    {
        uint256 count = _wordCount(words);
        if (head.kind == CONSUME && count == 4) return _consume(head, words, witness);
        if (head.kind == REVERSE && count == 2) return _reverse(head, words, witness);
        if (head.kind == GIVE && count == 3) return _give(head, words);
        if (head.kind == ROOT && count == 4) return _anchor(head, words);
        if (head.kind == TYPE && count == 8) return _register(head, words);
        return OperationKindUnknown.selector;
    }

    function _register(Head memory head, bytes calldata words) private returns (bytes4) {
        (uint256 gcn, uint256 version, uint256 cap, uint256 from, uint256 until, uint256 rule, uint256 open, bytes32 terms) =
        abi.decode(words[128:], (uint256, uint256, uint256, uint256, uint256, uint256, uint256, bytes32));
        if (gcn > type(uint64).max || !Gln.isValid(uint64(gcn))) return CouponTypeUnknown.selector;
        CouponType storage kind = _types[uint64(gcn)];
        if (kind.version != 0 && kind.owner != head.merchant) return CouponTypeNotYours.selector;
        if (version != uint256(kind.version) + 1 || version > type(uint16).max) return CouponTypeVersionNotNext.selector;
        bool sound = cap != 0 && cap <= type(uint64).max && from < until && until <= type(uint40).max && rule < RULES
            && open < 2;
        if (!sound) return CouponTypeInvalid.selector;
        if (version > 1) {
            bool widens = cap >= kind.cap && from <= kind.from && until >= kind.until && rule >= kind.rule
                && (open != 0) == kind.open;
            if (!widens) return CouponTypeInvalid.selector;
        }
        kind.owner = head.merchant;
        (kind.from, kind.until, kind.version) = (uint40(from), uint40(until), uint16(version));
        (kind.rule, kind.open, kind.cap, kind.termsHash) = (uint8(rule), open != 0, uint64(cap), terms);
        emit CouponTypeRegistered(
            uint64(gcn), head.merchant, kind.version, kind.cap, kind.from, kind.until, kind.rule, kind.open, terms
        );
        return APPLIED;
    }

    function _anchor(Head memory head, bytes calldata words) private returns (bytes4) {
        (uint256 gcn, bytes32 root, uint256 first, uint256 count) =
            abi.decode(words[128:], (uint256, bytes32, uint256, uint256));
        (CouponType storage kind, bytes4 refusal) = _owned(head, gcn);
        if (refusal != APPLIED) return refusal;
        bool sound = root != 0 && count != 0 && count <= Gcn.MOST_COUNT && first <= type(uint64).max && !kind.open;
        if (!sound || !Gcn.isWhole(first) || !Gcn.isWhole(first + count - 1)) return CouponRootInvalid.selector;
        if (_codeRoots[uint64(gcn)][root].count != 0) return CouponRootKnown.selector;
        if (first < kind.nextSerial) return CouponSerialsTaken.selector;
        if (count + kind.issued > kind.cap) return CouponCapExceeded.selector;
        kind.issued += uint64(count);
        kind.nextSerial = uint64(first + count);
        _codeRoots[uint64(gcn)][root] = CouponRoot(uint64(first), uint64(count), head.acceptedAt);
        emit CouponRootAnchored(uint64(gcn), root, uint64(first), uint64(count), head.opId);
        return APPLIED;
    }

    function _consume(Head memory head, bytes calldata words, bytes32[] calldata proof) private returns (bytes4) {
        uint256 id = _word(words, 0);
        uint256 account = _word(words, 1);
        CouponType storage kind = _types[Gcn.typeOf(id)];
        if (kind.version == 0 || !Gcn.isWhole(id)) return CouponTypeUnknown.selector;
        if (head.acceptedAt < kind.from || head.acceptedAt >= kind.until) return CouponNotInWindow.selector;
        bytes4 refusal = _unproven(head, words, proof, kind.open);
        if (refusal != APPLIED) return refusal;
        if (isConsumed(id)) return CouponConsumed.selector;
        address consumer = address(uint160(account));
        if (account >> 160 != 0) return CouponHolderMismatch.selector;
        bool given = _given[id];
        if (given && (consumer == address(0) || balanceOf(consumer, id) == 0)) return CouponHolderMismatch.selector;
        if (kind.open) {
            if (kind.issued >= kind.cap) return CouponCapExceeded.selector;
            ++kind.issued;
        }
        // A refusal changes nothing: the holder's token goes only once nothing can be refused any more.
        if (given) _pass(consumer, address(0), id);
        _setConsumed(id, true);
        emit OnConsumption(consumer, id, 1, abi.encodePacked(head.opId, head.merchant, head.acceptedAt));
        return APPLIED;
    }

    /// @dev Whether the coupon is one of a list that stood before, and the acceptor saw its code.
    function _unproven(Head memory head, bytes calldata words, bytes32[] calldata proof, bool open)
        private
        view
        returns (bytes4)
    {
        uint256 id = _word(words, 0);
        bytes32 root = bytes32(_word(words, 2));
        bytes32 opening = bytes32(_word(words, 3));
        if (open) return root == 0 && opening == 0 ? APPLIED : CouponNotIssued.selector;
        CouponRoot memory list = _codeRoots[Gcn.typeOf(id)][root];
        uint256 serial = uint64(id);
        if (serial < list.first || serial >= uint256(list.first) + list.count || head.acceptedAt < list.acceptedAt) {
            return CouponNotIssued.selector;
        }
        bytes32 leaf = keccak256(abi.encode(id, keccak256(abi.encode(opening))));
        return MerkleProof.verifyCalldata(proof, root, leaf) ? APPLIED : CouponNotProven.selector;
    }

    function _reverse(Head memory head, bytes calldata words, bytes32[] calldata witness) private returns (bytes4) {
        uint256 id = _word(words, 0);
        bytes32 consumption = bytes32(_word(words, 1));
        if (witness.length < WITNESS_OF_REVERSAL) return CouponConsumptionNotProven.selector;
        bytes32 leaf = keccak256(
            abi.encode(
                CONSUME, witness[1], head.merchant, witness[2], id, witness[3], witness[4], witness[5]
            )
        );
        bytes32 root = rootOf(uint64(uint256(witness[0])));
        bool proven = leaf == consumption && root != 0
            && MerkleProof.verifyCalldata(witness[WITNESS_OF_REVERSAL:], root, leaf);
        if (!proven) return CouponConsumptionNotProven.selector;
        if (_reversed[leaf]) return CouponReversed.selector;
        _reversed[leaf] = true;
        _setConsumed(id, false);
        CouponType storage kind = _types[Gcn.typeOf(id)];
        if (kind.open) --kind.issued;
        if (_given[id]) _pass(address(0), address(uint160(uint256(witness[3]))), id);
        emit ConsumptionReversed(id, head.merchant, head.opId, leaf);
        return APPLIED;
    }

    function _give(Head memory head, bytes calldata words) private returns (bytes4) {
        uint256 id = _word(words, 0);
        (address from, address to) = (address(uint160(_word(words, 1))), address(uint160(_word(words, 2))));
        (CouponType storage kind, bytes4 refusal) = _owned(head, Gcn.typeOf(id));
        if (refusal != APPLIED) return refusal;
        bool issued = Gcn.isWhole(id) && (kind.open || uint64(id) < kind.nextSerial);
        if (!issued) return CouponNotIssued.selector;
        if (isConsumed(id)) return CouponConsumed.selector;
        bool again = _given[id];
        bool allowed = kind.rule != RULE_NONE && (kind.rule != RULE_ONCE || !again);
        if (!allowed || from == to || from == address(0) || to == address(0)) return CouponTransferRefused.selector;
        if (again && balanceOf(from, id) == 0) return CouponHolderMismatch.selector;
        if (!again) {
            _given[id] = true;
            _pass(address(0), from, id);
        }
        _pass(from, to, id);
        return APPLIED;
    }

    function _owned(Head memory head, uint256 gcn) private view returns (CouponType storage kind, bytes4 refusal) {
        kind = _types[uint64(gcn)];
        if (gcn > type(uint64).max || kind.version == 0) return (kind, CouponTypeUnknown.selector);
        if (kind.owner != head.merchant) return (kind, CouponTypeNotYours.selector);
    }
}
