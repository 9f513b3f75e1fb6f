// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {AccountUse, CustodialLimits, SignerRecord} from "../interfaces/AllianceTypes.sol";
import {IClearingHouse} from "../interfaces/IClearingHouse.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Settlement} from "./Settlement.sol";

/// @dev Who may sign for an account, which nonces are used, and how much custodians spent (D1, D3, D4).
abstract contract Permits is Settlement, EIP712 {
    struct Series {
        uint64 acceptor;
        uint64 spentMicros;
    }

    uint8 internal constant SIGNER_CUSTODIAL = 1;
    uint8 internal constant SIGNER_CONTRACT = 2;
    uint8 internal constant SIGNER_REVOKE = 4;
    uint40 internal constant SIGNER_DELAY = 24 hours;
    uint256 internal constant SIGNATURE_LENGTH = 65;

    mapping(address account => mapping(uint256 word => uint256)) private _nonces;
    mapping(address account => mapping(address signer => SignerRecord)) private _signers;
    mapping(address account => AccountUse) private _uses;
    mapping(bytes32 permitDigest => Series) internal _series;

    /// @inheritdoc IClearingHouse
    function nonceWord(address account, uint256 wordIndex) external view returns (uint256) {
        return _nonces[account][wordIndex];
    }

    /// @inheritdoc IClearingHouse
    function seriesOf(bytes32 permitDigest) external view returns (uint64 acceptor, uint64 spentMicros) {
        Series storage known = _series[permitDigest];
        return (known.acceptor, known.spentMicros);
    }

    /// @inheritdoc IClearingHouse
    function signerOf(address account, address signer) public view returns (SignerRecord memory) {
        SignerRecord memory known = _signers[account][signer];
        if (known.activeFrom == 0 && _continues()) return _predecessor.signerOf(account, signer);
        return known;
    }

    /// @inheritdoc IClearingHouse
    function accountUse(address account) public view returns (AccountUse memory) {
        AccountUse memory use = _uses[account];
        if (use.signers == 0 && _continues()) return _predecessor.accountUse(account);
        return use;
    }

    /// @dev The account's signer approved the digest and was active at that time (INV-9).
    function _authorise(uint32 operation, address account, bytes32 digest, bytes calldata signature, uint256 form)
        internal
        view
        returns (bool custodial)
    {
        bool byContract = form & 1 != 0;
        uint40 instant = uint40(form >> 1);
        if (byContract && signature.length < 20) revert SignatureInvalid(operation, account, digest);
        address signer =
            byContract ? address(bytes20(signature[:20])) : Signatures.signerOf(digest, signature);
        if (signer == address(0)) revert SignatureInvalid(operation, account, digest);
        SignerRecord memory known = signerOf(account, signer);
        if (!_isActive(known, instant) || (known.flags & SIGNER_CONTRACT != 0) != byContract) {
            revert SignerNotActive(operation, account, signer, instant);
        }
        if (byContract && !Signatures.isFromContract(signer, digest, signature[20:])) {
            revert SignatureInvalid(operation, account, digest);
        }
        return known.flags & SIGNER_CUSTODIAL != 0;
    }

    /// @dev How the signature is written and when it counts, in one word.
    function _form(bool byContract, uint256 instant) internal pure returns (uint256) {
        return instant << 1 | (byContract ? 1 : 0);
    }

    function _isActive(SignerRecord memory known, uint40 instant) private pure returns (bool) {
        return known.activeFrom != 0 && instant >= known.activeFrom && (known.revokedAt == 0 || instant < known.revokedAt);
    }

    /// @dev The choke point of permits: one bit per nonce (D4).
    function _useNonce(uint32 operation, address account, uint256 nonce) internal {
        uint256 word = _nonces[account][nonce >> 8];
        uint256 bit = 1 << (nonce & 255);
        if (word & bit != 0) revert NonceUsed(operation, account, nonce);
        _nonces[account][nonce >> 8] = word | bit;
    }

    /// @dev Custodial signers of an account spend at most the day's limit together. A spending of the day before the
    /// latest counts for that day; an older one as if it were of that day.
    function _countCustodial(
        uint32 operation,
        address account,
        uint256 instant,
        uint256 valueMicros,
        CustodialLimits memory limits
    ) internal {
        AccountUse memory use = accountUse(account);
        uint32 day = uint32(instant / 1 days);
        if (day > use.day) {
            use.spentBeforeMicros = day == use.day + 1 ? use.spentMicros : 0;
            use.spentMicros = 0;
            use.day = day;
        }
        uint256 spent = valueMicros + (day == use.day ? use.spentMicros : use.spentBeforeMicros);
        if (spent > limits.perDayMicros) revert CustodialDayLimit(operation, account, spent, limits.perDayMicros);
        if (day == use.day) use.spentMicros = uint64(spent);
        else use.spentBeforeMicros = uint64(spent);
        _uses[account] = use;
    }

    /// @dev Adds a signer. It counts at once if vouched for or the account's very first, else 24 hours from now.
    function _addSigner(address account, address signer, uint8 flags, uint40 instant, bool vouched)
        internal
        returns (uint40 activeFrom)
    {
        AccountUse memory use = accountUse(account);
        activeFrom = vouched || use.signers == 0 ? instant : uint40(block.timestamp) + SIGNER_DELAY;
        ++use.signers;
        _uses[account] = use;
        _signers[account][signer] = SignerRecord(activeFrom, 0, flags);
    }

    function _revokeSigner(address account, address signer, SignerRecord memory known, uint40 instant) internal {
        known.revokedAt = instant;
        _signers[account][signer] = known;
    }
}
