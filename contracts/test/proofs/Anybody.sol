// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @dev What a proof plays towards the contract it proves: the authority, which lets the proof's own contract do all and
/// others nothing, and a signer that signs what it was told to.
abstract contract Anybody {
    mapping(bytes32 digest => bool) internal _signed;
    bool internal _signsAll;

    function canCall(address caller, address, bytes4) external view virtual returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return _signsAll || _signed[digest] ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
