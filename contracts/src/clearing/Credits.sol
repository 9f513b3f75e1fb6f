// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Issue, RedeemRef, Restore, SignerChange, SignerRecord} from "../interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../interfaces/IAlliancePoints.sol";
import {ICampaignDesk} from "../interfaces/ICampaignDesk.sol";
import {IClearingHouse} from "../interfaces/IClearingHouse.sol";
import {Legs} from "../libraries/Legs.sol";
import {Moves} from "../libraries/Moves.sol";
import {Succession} from "./Succession.sol";

/// @dev Signer changes, and the operations that add points to a balance: issues and restores.
abstract contract Credits is Succession {
    using Moves for Moves.List;

    bytes32 private constant GRANT_TYPE =
        keccak256("SignerGrant(address account,address signer,uint8 flags,uint40 validUntil)");
    uint8 private constant GREATEST_REASON = 2;
    uint8 private constant REWARD = 3;
    uint40 private constant LEAST_RESTORED_LIFE = 30 days;

    ICampaignDesk private immutable _campaignDesk;

    /// @dev Restored of a leg under keccak256(leaf, leg index), clawed back of an issue under its leaf.
    mapping(bytes32 key => uint256) private _reversed;

    constructor(address campaignDesk_) {
        _campaignDesk = ICampaignDesk(campaignDesk_);
    }

    /// @inheritdoc IClearingHouse
    function campaignDesk() external view returns (address) {
        return address(_campaignDesk);
    }

    /// @inheritdoc IClearingHouse
    function reversedOf(bytes32 key) public view returns (uint256 points) {
        points = _reversed[key];
        if (points == 0 && _continues()) points = _predecessor.reversedOf(key);
    }

    /// @dev Reversals of one original sum to at most the original; returns what was reversed before (INV-7).
    function _reverse(uint32 index, bytes32 key, uint256 amount, uint256 most) internal returns (uint256 before) {
        before = reversedOf(key);
        if (before + amount > most) revert OriginalExceeded(index, before + amount, most);
        _reversed[key] = before + amount;
    }

    function _changeSigner(Work memory work, uint32 index, SignerChange calldata op) internal {
        _checkAccepted(work, index, op.acceptedAt);
        if (op.account == address(0) || op.signer == address(0)) revert AccountInvalid(index, op.account);
        if (op.flags > (SIGNER_CUSTODIAL | SIGNER_CONTRACT | SIGNER_REVOKE)) revert FlagsUnknown(index, op.flags);
        bool vouched = op.authorisation.length != 0 && _isVouched(index, op);
        SignerRecord memory known = signerOf(op.account, op.signer);
        uint40 activeFrom;
        if (op.flags & SIGNER_REVOKE != 0) {
            if (known.activeFrom == 0 || known.revokedAt != 0) revert SignerUnknown(index, op.account, op.signer);
            _revokeSigner(op.account, op.signer, known, op.acceptedAt);
        } else {
            if (known.activeFrom != 0) revert SignerKnown(index, op.account, op.signer);
            activeFrom = _addSigner(op.account, op.signer, op.flags, op.acceptedAt, vouched);
        }
        work.leaves[index] = keccak256(
            abi.encode(uint256(7), op.opId, uint256(0), op.account, op.signer, op.flags, op.acceptedAt)
        );
        uint256 head =
            work.number << 192 | uint256(index) << 160 | uint256(op.acceptedAt) << 56 | _detail(op.flags, false);
        emit OperationSignerChanged(head, op.opId, op.account, op.signer, activeFrom);
    }

    /// @dev A custodian's word does not shorten the delay, or it could free itself of its limits.
    function _isVouched(uint32 index, SignerChange calldata op) private view returns (bool) {
        if (op.acceptedAt > op.validUntil) revert PermitExpired(index, op.validUntil, op.acceptedAt);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(GRANT_TYPE, op.account, op.signer, op.flags, op.validUntil)));
        uint256 form = _form(op.authorisation.length != SIGNATURE_LENGTH, op.acceptedAt);
        return !_authorise(index, op.account, digest, op.authorisation, form);
    }

    function _issue(Work memory work, Turn memory turn, Issue calldata op) internal {
        uint256 index = turn.index;
        uint256 what = op.what;
        uint256 whom = op.whom;
        uint256 acceptedAt = uint40(what >> 88);
        _checkAccepted(work, index, acceptedAt);
        _checkNotSuspended(turn, acceptedAt);
        _findRow(work, index, uint256(uint80(what)) << 96 | uint96(whom));
        Row memory row = work.row;
        Book memory book = row.book;
        _checkIssuer(turn, book);
        _checkOpen(index, row, Moves.epochOf(whom), acceptedAt);
        if (!_countIssued(row, uint64(whom))) _checkCap(index, row, acceptedAt);
        book.moves.push(whom | index << 80);
        _recordIssue(work, turn, what, whom, _whole(row, whom));
    }

    function _recordIssue(Work memory work, Turn memory turn, uint256 what, uint256 whom, uint256 leg) private {
        address account = address(uint160(whom >> 96));
        if (account == address(0)) revert AccountInvalid(uint32(turn.index), account);
        uint256 reason = uint8(what >> 80);
        bytes16 opId = bytes16(bytes32(what));
        if (reason > GREATEST_REASON) _takeReward(turn, reason, opId, account, leg);
        uint256 acceptedAt = uint40(what >> 88);
        _begin(work, turn, 1, opId, account);
        uint256[10] memory words = work.words;
        words[4] = acceptedAt;
        words[5] = reason;
        words[6] = leg;
        emit OperationIssued(_place(work, turn, 7, acceptedAt, _detail(reason, false)), opId, account, leg);
    }

    /// @dev INV-14: a reward is issued as the campaign's desk has it promised, and once. Other issues pay nothing for it.
    function _takeReward(Turn memory turn, uint256 reason, bytes16 opId, address account, uint256 leg) private {
        if (reason != REWARD) revert ReasonUnknown(uint32(turn.index), uint8(reason));
        if (!_campaignDesk.take(opId, uint64(turn.merchant), account, leg)) {
            revert RewardNotPromised(uint32(turn.index), opId);
        }
    }

    /// @dev INV-10: lifetime issuance stays within the cap of the terms in force at acceptance, and within what the
    /// issuer's reserve allowed then; whether it is within what may be issued in any case.
    function _countIssued(Row memory row, uint256 amount) private view returns (bool) {
        uint256 issued = row.book.issued;
        if (issued == NOT_READ) issued = IAlliancePoints(row.book.token).issuedTotal();
        // Two numbers of at most 64 bits: no overflow.
        unchecked {
            issued += amount;
        }
        row.book.issued = issued;
        return issued <= uint64(row.cap);
    }

    function _checkCap(uint256 index, Row memory row, uint256 acceptedAt) private view {
        uint32 programme = uint32(row.book.programme);
        uint256 cap = row.cap;
        if (cap >> 64 != 0) cap = _registry.issuanceCapAt(programme, uint16(row.key), acceptedAt);
        if (row.book.issued > cap) revert IssuanceCapExceeded(uint32(index), programme, row.book.issued, cap);
    }

    function _restore(Work memory work, Turn memory turn, Restore calldata op) internal {
        uint32 index = uint32(turn.index);
        _checkAccepted(work, index, op.acceptedAt);
        if (op.original.merchant != turn.merchant) {
            revert OriginalMerchantMismatch(index, uint64(turn.merchant), op.original.merchant);
        }
        bytes32 original = _provenRedeem(work, turn, op);
        _findRow(work, index, op.leg);
        Row memory row = work.row;
        uint256 was = op.original.legs[op.legIndex];
        uint256 leg = _whole(row, op.leg);
        if (was >> 96 != row.key) revert OriginalLegMismatch(index, was, leg);
        _checkRestoredEpoch(index, row.book, was, op);
        _reverseLeg(turn, row, original, op);
        address account = _currentOf(op.account);
        row.book.moves.push(Moves.word(account, index, op.leg));
        _begin(work, turn, 3, op.opId, account);
        uint256[10] memory words = work.words;
        words[4] = op.acceptedAt;
        words[5] = uint256(original);
        words[6] = op.legIndex;
        words[7] = leg;
        uint256 head = _place(work, turn, 8, op.acceptedAt, _detail(op.legIndex, false));
        emit OperationRestored(head, op.opId, account, original, leg);
    }

    /// @dev The leaf of this acceptor's redemption as told, if the root of its batch proves it and it has that leg.
    function _provenRedeem(Work memory work, Turn memory turn, Restore calldata op)
        private
        view
        returns (bytes32 leaf)
    {
        RedeemRef calldata was = op.original;
        uint256[] memory kept = _openLegs(work, turn.index, was.legs.length);
        for (uint256 i; i < was.legs.length; ++i) Legs.keep(kept, i, was.legs[i]);
        _begin(work, turn, 2, was.opId, op.account);
        uint256[10] memory words = work.words;
        words[4] = was.nonce;
        words[5] = was.acceptedAt;
        words[6] = was.flags;
        words[7] = uint256(was.permitDigest);
        words[8] = Legs.hash(kept);
        leaf = _hash(words, 9);
        _requireProven(turn.index, op.originalBatch, op.proof, leaf);
        if (op.legIndex >= was.legs.length) {
            revert OriginalLegUnknown(uint32(turn.index), op.legIndex, was.legs.length);
        }
    }

    function _requireProven(uint256 index, uint64 batch, bytes32[] calldata proof, bytes32 leaf) internal view {
        if (!MerkleProof.verifyCalldata(proof, rootOf(batch), leaf)) {
            revert OriginalNotProven(uint32(index), batch, leaf);
        }
    }

    /// @dev Points return to their epoch while it is open; after that to one with 30 days left (D10).
    function _checkRestoredEpoch(uint32 index, Book memory book, uint256 was, Restore calldata op) private view {
        uint256 epoch = Moves.epochOf(op.leg);
        uint256 first = Moves.epochOf(was);
        if (epoch == first) {
            _checkOpenEpoch(index, book, epoch, op.acceptedAt);
            return;
        }
        uint256 end = _endOf(index, book, first);
        if (op.acceptedAt < end) revert EpochNotEnded(index, uint32(book.programme), first, uint40(end));
        end = _endOf(index, book, epoch);
        if (end < op.acceptedAt + LEAST_RESTORED_LIFE) {
            revert EpochTooShort(index, uint32(book.programme), epoch, uint40(end));
        }
    }

    /// @dev The obligation is reversed as a function of the cumulative amount, so that any split reverses exactly what
    /// a whole restore would (INV-13).
    function _reverseLeg(Turn memory turn, Row memory row, bytes32 original, Restore calldata op) private {
        uint256 most = uint64(op.original.legs[op.legIndex]);
        bytes32 key = keccak256(abi.encode(original, op.legIndex));
        uint256 left = most - _reverse(uint32(turn.index), key, uint64(op.leg), most);
        int256 owed = _owedFor(row, left * row.value);
        _accrue(turn, row.book, _owedFor(row, (left - uint64(op.leg)) * row.value) - owed);
    }
}
