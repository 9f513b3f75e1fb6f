// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @dev Signatures of keys (65 bytes, low s) and of contracts (ERC-1271). A contract signer gets a fixed amount of
/// gas, so that one signer cannot use up a whole batch's.
library Signatures {
    uint256 private constant CONTRACT_GAS = 100_000;

    /// @dev The address whose key signed, or zero.
    function signerOf(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }

    function isFrom(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signer.code.length != 0) return isFromContract(signer, digest, signature);
        return signer != address(0) && signerOf(digest, signature) == signer;
    }

    function isFromContract(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (bool done, bytes memory answer) =
            signer.staticcall{gas: CONTRACT_GAS}(abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return done && answer.length == 32 && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }
}
