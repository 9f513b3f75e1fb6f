// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Why the ClearingHouse refuses a batch
/// @notice An error whose first argument is `operation` is the fault of that one operation (its index in the batch):
/// the packer sets it aside and sends the others again. All other errors are the fault of the batch or its slice.
interface IBatchRefusals {
    error BatchNumberUsed(uint64 number, uint64 last);
    error BatchEmpty(uint64 number);
    error BatchTooLarge(uint256 operations, uint256 most);
    /// @notice The registry names another ClearingHouse: this one has been replaced, or not yet begun.
    error ClearingHouseNotInForce(address inForce);
    error ClearingHousePaused(uint40 until);
    /// @notice Rows must rise by programme and version, so that none stands twice.
    error TableNotRising(uint256 row);
    /// @notice Slices must rise by merchant, so that none stands twice under one signature.
    error SliceNotRising(uint256 slice);
    error SliceMerchantUnknown(uint64 merchant);
    error SliceSignatureInvalid(uint64 merchant, bytes32 digest);

    error AccountInvalid(uint32 operation, address account);
    /// @notice Accepted more than 2 minutes ahead of the block.
    error AcceptedInFuture(uint32 operation, uint40 acceptedAt, uint256 timestamp);
    /// @notice Mined more than 7 days after acceptance: void (D3).
    error AcceptedTooLongAgo(uint32 operation, uint40 acceptedAt, uint256 timestamp);
    error MerchantSuspendedAt(uint32 operation, uint64 merchant, uint40 suspendedFrom, uint40 acceptedAt);
    error ReasonUnknown(uint32 operation, uint8 reason);
    /// @notice The campaign desk has no such reward of this merchant and programme for this account, has fewer points of it,
    /// or it was issued or went back before (INV-14).
    error RewardNotPromised(uint32 operation, bytes16 reward);
    error FlagsUnknown(uint32 operation, uint8 flags);
    error LegCountInvalid(uint32 operation, uint256 legs);
    error AmountZero(uint32 operation, uint256 leg);
    /// @notice The table has no such row; `leg` is row << 96 | epoch << 64 | amount.
    error LegOutsideTable(uint32 operation, uint256 leg);
    error TermsNotInForce(uint32 operation, uint32 programme, uint16 version, uint40 acceptedAt);
    /// @notice The acceptor has terms of its own in force and the operation cites others, or it cites another pair's.
    error TermsOfAnotherPair(uint32 operation, uint32 programme, uint16 version, uint64 acceptor);
    error EpochUnknown(uint32 operation, uint32 programme, uint256 epoch);
    error EpochEnded(uint32 operation, uint32 programme, uint256 epoch, uint40 end);
    /// @notice Points do not expire before their epoch's end, in the acceptance time and in the block (INV-11).
    error EpochNotEnded(uint32 operation, uint32 programme, uint256 epoch, uint40 end);
    /// @notice Restored points of an ended epoch need an epoch with at least 30 days left (D10).
    error EpochTooShort(uint32 operation, uint32 programme, uint256 epoch, uint40 end);
    /// @notice The operation is its issuer's alone, and the slice is another merchant's.
    error IssuerMismatch(uint32 operation, uint64 merchant, uint64 issuer);
    /// @notice Issuance would pass the cap in force (INV-10).
    error IssuanceCapExceeded(uint32 operation, uint32 programme, uint256 issued, uint256 cap);

    /// @notice Points are extended into an epoch that ends after the one they are in (INV-11).
    error ExtensionNotLater(uint32 operation, uint32 programme, uint256 epoch, uint256 later);
    /// @notice The programme's points have been extended so often that the token's counters would overflow.
    error ExtensionsExhausted(uint32 operation, uint32 programme, uint256 clawedBack);

    /// @notice Legs of one programme and terms version and then one of another programme, in whole words.
    error ConversionLegInvalid(uint32 operation, uint256 leg);
    /// @notice The two programmes have no conversion terms of that number (0: no announced end of the one brings its
    /// points into the other), or they are not in force at acceptance.
    error ConversionNotInForce(uint32 operation, uint32 programme, uint32 target, uint32 terms, uint40 acceptedAt);
    /// @notice What is issued is not what terms and point values give, rounded down.
    error ConversionAmountWrong(uint32 operation, uint256 points, uint256 due);
    /// @notice The member wanted at least so many points.
    error ConversionBelowLeast(uint32 operation, uint256 points, uint256 least);
    /// @notice The programme ends, and has not yet, in the acceptance time or in the block.
    error WindDownNotDue(uint32 operation, uint32 programme, uint40 endsAt);

    error PermitExpired(uint32 operation, uint40 validUntil, uint40 acceptedAt);
    /// @notice Not a proper signature: wrong length, high s, no such curve point, or refused by the contract signer.
    error SignatureInvalid(uint32 operation, address account, bytes32 digest);
    /// @notice Signed by a key that is not (yet, any more, or in this form) a signer of the account.
    error SignerNotActive(uint32 operation, address account, address signer, uint40 instant);
    error SignerKnown(uint32 operation, address account, address signer);
    error SignerUnknown(uint32 operation, address account, address signer);
    error NonceUsed(uint32 operation, address account, uint256 nonce);
    error PermitValueExceeded(uint32 operation, uint256 valueMicros, uint256 mostMicros);
    /// @notice The captures of one permit belong to one acceptor.
    error SeriesAcceptorMismatch(uint32 operation, uint64 merchant, uint64 acceptor);
    error CustodialPermitLimit(uint32 operation, address account, uint256 valueMicros, uint256 mostMicros);
    error CustodialDayLimit(uint32 operation, address account, uint256 valueMicros, uint256 mostMicros);

    /// @notice An account that has moved to another neither moves again nor takes over from a third.
    error AccountMoved(uint32 operation, address account, address successor);
    /// @notice A custodian signed the rotation, or the new account does not have exactly the signer that was named.
    error MoveNotWilled(uint32 operation, address account, address successor, address signer);
    /// @notice The recovery desk has no announcement of this move that two operators made and nobody objected to, or
    /// its notice has not ended, or it lapsed.
    error MoveNotRipe(uint32 operation, address account, address successor, uint8 reason);
    /// @notice A leg of a move names programme and epoch and nothing else.
    error MoveLegInvalid(uint32 operation, uint256 leg);
    /// @notice Too many moves lead to the account one after another.
    error MovesExhausted(uint32 operation, address account, uint256 moves);

    /// @notice The batch root does not prove the original operation as it is told.
    error OriginalNotProven(uint32 operation, uint64 batch, bytes32 leaf);
    error OriginalLegUnknown(uint32 operation, uint8 legIndex, uint256 legs);
    /// @notice Programme or terms version is not that of the original leg.
    error OriginalLegMismatch(uint32 operation, uint256 original, uint256 leg);
    /// @notice Reversals of one original would exceed it.
    error OriginalExceeded(uint32 operation, uint256 reversed, uint256 original);
    /// @notice A redemption is restored by the merchant that accepted it.
    error OriginalMerchantMismatch(uint32 operation, uint64 merchant, uint64 acceptor);
}
