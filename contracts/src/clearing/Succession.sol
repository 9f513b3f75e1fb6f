// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Successor} from "../interfaces/AllianceTypes.sol";
import {IClearingHouse} from "../interfaces/IClearingHouse.sol";
import {TermsDesk} from "./TermsDesk.sol";

/// @dev Who succeeds whom: accounts that moved (INV-9). Written by the AccountMover alone, on the house's storage.
abstract contract Succession is TermsDesk {
    /// @dev A predecessor of the first version has no successions to continue.
    bool private immutable _inherits;

    mapping(address account => Successor) internal _successors;

    constructor(address predecessor_) {
        if (predecessor_ == address(0)) return;
        try IClearingHouse(predecessor_).successorOf(address(0)) returns (Successor memory) {
            _inherits = true;
        } catch {}
    }

    /// @inheritdoc IClearingHouse
    function successorOf(address account) public view returns (Successor memory known) {
        known = _successors[account];
        if (known.account == address(0) && known.moves == 0 && _inherits) return _predecessor.successorOf(account);
    }

    /// @dev Where points of the account's originals go now. Moves are bounded, and successions meet no account twice.
    function _currentOf(address account) internal view returns (address current) {
        address next = account;
        while (next != address(0)) {
            current = next;
            next = successorOf(current).account;
        }
    }
}
