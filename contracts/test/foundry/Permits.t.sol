// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Issue, IssueRef, Redeem, Slice} from "../../src/interfaces/AllianceTypes.sol";
import {AllianceFixture} from "./AllianceFixture.sol";
import {vm} from "./Vm.sol";

/// @dev INV-5, 7, 9, 10 of single operations with any numbers in their fields.
contract PermitsTest is AllianceFixture {
    function setUp() public {
        _found();
        require(_issued(0, 0, 10_000), "funded");
    }

    function testFuzz_INV7_a_nonce_is_used_once(uint256 nonce, uint256 other) public {
        vm.assume(nonce != other);
        require(_redeemed(0, 1, nonce, _memberKey(0)), "the first use");
        require(!_redeemed(0, 1, nonce, _memberKey(0)), "INV-7: the second use");
        require(!_redeemed(0, 2, nonce, _memberKey(0)), "INV-7: at another acceptor");
        require(_redeemed(0, 1, other, _memberKey(0)), "another nonce");
    }

    function testFuzz_INV9_only_the_members_key_spends(uint256 key) public {
        key = key % type(uint128).max + 1;
        vm.assume(key != _memberKey(0));
        require(!_redeemed(0, 1, 7, key), "INV-9: a strange key");
        require(tokens[0].balanceAtEpochRaw(accountOf(0), 1) == 10_000, "INV-9: balance");
    }

    function testFuzz_INV9_a_signature_of_any_bytes_spends_nothing(bytes memory signature) public {
        Redeem memory op = _redemption(1, 100);
        op.signature = signature;
        require(!_taken(1, op), "INV-9: bytes");
    }

    function testFuzz_INV9_a_permit_covers_its_value_only(uint64 most, uint64 points) public {
        points = uint64(1 + points % 10_000);
        Redeem memory op = _redemption(1, points);
        op.maxValueMicros = most;
        op.signature = _sign(_memberKey(0), _spendDigest(op));
        require(_taken(1, op) == (uint256(points) * valueOf(0) <= most), "INV-9: value");
    }

    function testFuzz_INV5_an_acceptor_is_owed_what_the_issuer_owes(uint64 points) public {
        points = uint64(1 + points % 10_000);
        Redeem memory op = _redemption(1, points);
        op.signature = _sign(_memberKey(0), _spendDigest(op));
        require(_taken(1, op), "taken");
        int256 owed = house.net(1, glns[1]);
        require(owed == _owed(0, points) && house.net(1, glns[0]) == -owed, "INV-5");
    }

    function testFuzz_INV10_issuance_ends_at_the_cap(uint64 first, uint64 second) public {
        uint256 total = 10_000;
        for (uint256 i; i < 2; ++i) {
            uint256 amount = (i == 0 ? first : second) % (CAP + 2);
            bool fits = amount != 0 && total + amount <= CAP;
            require(_issued(0, 1, amount) == fits, "INV-10: cap");
            if (fits) total += amount;
            require(tokens[0].issuedTotal() == total, "INV-10: issued");
        }
    }

    function testFuzz_INV10_only_the_issuer_signs_its_issues(uint256 key) public {
        key = key % type(uint128).max + 1;
        vm.assume(key != _merchantKey(0));
        (Slice memory slice, bytes32[] memory leaves) = _issueSlice(0, 1, 5);
        require(!_submitAs(0, slice, leaves, key), "INV-10: signature");
        require(!_submit(1, slice, leaves), "INV-10: another merchant");
    }

    function _issueSlice(uint256 m, uint256 member, uint256 amount)
        private
        returns (Slice memory slice, bytes32[] memory leaves)
    {
        slice.issues = new Issue[](1);
        IssueRef memory told;
        (slice.issues[0], told) = _issueOf(accountOf(member), _leg(m, 1, amount));
        leaves = _single(_issueLeaf(m, accountOf(member), told));
    }

    function _issued(uint256 m, uint256 member, uint256 amount) private returns (bool) {
        (Slice memory slice, bytes32[] memory leaves) = _issueSlice(m, member, amount);
        return _submit(m, slice, leaves);
    }

    function _redemption(uint256 nonce, uint256 points) private returns (Redeem memory op) {
        op.opId = _opId();
        op.account = accountOf(0);
        op.nonce = nonce;
        op.maxValueMicros = type(uint64).max;
        op.validUntil = uint40(_now + 60);
        op.acceptedAt = uint40(_now);
        op.legs = new uint256[](1);
        op.legs[0] = _leg(0, 1, points);
    }

    function _redeemed(uint256 member, uint256 acceptor, uint256 nonce, uint256 key) private returns (bool) {
        Redeem memory op = _redemption(nonce, 10 + member);
        op.signature = _sign(key, _spendDigest(op));
        return _taken(acceptor, op);
    }

    function _taken(uint256 acceptor, Redeem memory op) private returns (bool) {
        Slice memory slice;
        slice.redeems = new Redeem[](1);
        slice.redeems[0] = op;
        return _submit(acceptor, slice, _single(_redeemLeaf(op.account, _redeemRef(acceptor, op))));
    }
}
