// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ItemBatch} from "../../src/interfaces/IItemRegistry.sol";
import {ItemTraffic} from "./ItemTraffic.sol";

/// @dev INV-12 after every step of random sequences: each item claimed once, by its batch's owner, and never once void.
contract ItemsTest {
    ItemTraffic private _traffic;

    function setUp() public {
        _traffic = new ItemTraffic();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_traffic);
    }

    function invariant_INV12_an_item_is_claimed_once_by_its_owner() public view {
        require(_traffic.breaches(12) == 0, "INV-12: a step");
        require(_traffic.breaches(7) == 0, "INV-7: a batch twice");
        for (uint256 r; r < _traffic.ROOTS(); ++r) {
            bytes32 root = _traffic.rootAt(r);
            _requireSame(_traffic.items().itemBatch(root), _traffic.known(root));
            uint256[2] memory marks;
            for (uint256 p; p < _traffic.PLACES(); ++p) {
                uint256 index = _traffic.indexAt(p);
                (uint256 claims, uint256 voids) = (_traffic.claims(root, index), _traffic.voids(root, index));
                require(claims < 2 && voids < 2, "INV-12: twice");
                marks[index >> 7] |= (claims | voids << 1) << ((index & 127) << 1);
            }
            // No mark but these, on any item of the batch.
            require(_traffic.items().marksOf(root, 0) == marks[0], "INV-12: first word");
            require(_traffic.items().marksOf(root, 1) == marks[1], "INV-12: second word");
        }
    }

    /// @dev The invariant would hold of a registry that refuses everything.
    function test_every_kind_of_item_operation_takes_effect() public {
        for (uint256 i; i < 60; ++i) {
            _traffic.anchor(i);
            _traffic.claim(i);
            _traffic.claim(i + 1000);
            _traffic.annul(i);
            _traffic.again(i);
        }
        for (uint256 kind = 1; kind < 4; ++kind) require(_traffic.done(kind) > 2, "a kind never took effect");
        invariant_INV12_an_item_is_claimed_once_by_its_owner();
    }

    function _requireSame(ItemBatch memory told, ItemBatch memory own) private pure {
        require(keccak256(abi.encode(told)) == keccak256(abi.encode(own)), "INV-12: an anchored batch");
    }
}
