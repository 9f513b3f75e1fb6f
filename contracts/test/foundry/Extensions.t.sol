// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Extension, ExtensionSlice, Issue, IssueRef, Slice} from "../../src/interfaces/AllianceTypes.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev INV-4, 10, 11 of single extensions with any numbers in their fields.
contract ExtensionsTest is AllianceFixture {
    uint64 private constant HELD = 1_000;
    uint256 private constant FROM = 2;

    function setUp() public {
        _found();
        Slice memory slice;
        slice.issues = new Issue[](1);
        IssueRef memory told;
        (slice.issues[0], told) = _issueOf(accountOf(0), _leg(0, FROM, HELD));
        require(_submit(0, slice, _single(_issueLeaf(0, accountOf(0), told))), "funded");
    }

    function testFuzz_INV11_points_never_go_to_an_earlier_end(uint16 epoch) public {
        bool later = epoch > FROM && epoch <= EPOCHS;
        require(_extended(1 << 112 | FROM << 64 | HELD, epoch, _merchantKey(0)) == later, "INV-11");
        _requireHeld(later ? epoch : FROM, HELD);
    }

    function testFuzz_INV4_what_goes_is_what_comes(uint64 amount, uint8 epoch) public {
        epoch = uint8(FROM + 1 + epoch % (EPOCHS - FROM));
        bool covered = amount != 0 && amount <= HELD;
        require(_extended(1 << 112 | FROM << 64 | amount, epoch, _merchantKey(0)) == covered, "INV-4: covered");
        _requireHeld(epoch, covered ? amount : 0);
        _requireHeld(FROM, covered ? HELD - amount : HELD);
        require(IERC20(address(tokens[0])).totalSupply() == HELD && tokens[0].issuedTotal() == HELD, "INV-4: supply");
    }

    function testFuzz_INV4_a_leg_of_any_bits_leaves_every_other_balance(uint256 leg, uint16 epoch) public {
        vm.assume(leg >> 144 != 0 || uint32(leg >> 112) != 1 || uint16(leg >> 96) != 0);
        require(!_extended(leg, epoch, _merchantKey(0)), "a leg of other words");
        _requireHeld(FROM, HELD);
    }

    function testFuzz_INV10_only_the_issuers_key_extends(uint256 key) public {
        key = key % type(uint128).max + 1;
        vm.assume(key != _merchantKey(0));
        require(!_extended(1 << 112 | FROM << 64 | HELD, 3, key), "INV-10: a strange key");
        _requireHeld(FROM, HELD);
    }

    function _requireHeld(uint256 epoch, uint256 points) private view {
        require(tokens[0].balanceAtEpochRaw(accountOf(0), epoch) == points, "balance");
        require(tokens[0].outstanding(epoch) == points, "INV-4: outstanding");
    }

    function _extended(uint256 leg, uint16 epoch, uint256 key) private returns (bool) {
        uint64 number = house.lastBatch() + 1;
        Extension memory op = Extension(_opId(), accountOf(0), uint40(_now), epoch, leg);
        bytes32 leaf = keccak256(abi.encode(9, op.opId, glns[0], op.account, op.acceptedAt, op.leg, op.epoch));
        Slice memory signed;
        signed.merchant = glns[0];
        _signSlice(signed, number, _single(leaf), key);
        ExtensionSlice[] memory slices = new ExtensionSlice[](1);
        slices[0] = ExtensionSlice(glns[0], signed.signature, new Extension[](1));
        slices[0].extensions[0] = op;
        vm.warp(_now);
        try house.extendPoints(number, slices) {
            return true;
        } catch {
            return false;
        }
    }
}
