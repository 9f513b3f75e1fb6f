// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;
contract Batches {
    struct Issue { bytes16 opId; address account; uint40 acceptedAt; uint256 leg; }
    struct Redeem { bytes16 opId; address account; uint256 nonce; uint40 acceptedAt; uint256[] legs; bytes signature; }
    mapping(address => mapping(uint256 => uint256)) public word;
    mapping(address => mapping(uint256 => uint256)) public nonceWord;
    mapping(uint256 => int256) public net;
    mapping(uint256 => bytes32) public rootOf;
    mapping(bytes32 => uint256) public signers;
    uint256 public total;
    event Issued(uint256 indexed batch, bytes16 indexed opId, address indexed account, uint32 index, uint40 acceptedAt, uint256 leg);
    event Redeemed(uint256 indexed batch, bytes16 indexed opId, address indexed account, uint32 index, uint256 nonce, uint256[] legs);
    error Bad(uint32 index);
    function submit(uint256 number, Issue[] calldata issues, Redeem[] calldata redeems) external {
        uint256 n = issues.length + redeems.length;
        bytes32[] memory leaves = new bytes32[](n);
        for (uint256 i; i < issues.length; ++i) {
            Issue calldata o = issues[i];
            uint256 epoch = (o.leg >> 64) & 0xffffffff;
            uint256 shift = (epoch & 3) * 64;
            uint256 w = word[o.account][epoch >> 2];
            uint256 amount = o.leg & 0xffffffffffffffff;
            if (((w >> shift) & 0xffffffffffffffff) + amount > 0xffffffffffffffff) revert Bad(uint32(i));
            word[o.account][epoch >> 2] = w + (amount << shift);
            total += amount;
            leaves[i] = keccak256(abi.encode(uint256(1), o.opId, o.account, o.acceptedAt, o.leg));
            emit Issued(number, o.opId, o.account, uint32(i), o.acceptedAt, o.leg);
        }
        for (uint256 i; i < redeems.length; ++i) {
            Redeem calldata o = redeems[i];
            uint256 nw = nonceWord[o.account][o.nonce >> 8];
            uint256 bit = 1 << (o.nonce & 255);
            if (nw & bit != 0) revert Bad(uint32(i));
            nonceWord[o.account][o.nonce >> 8] = nw | bit;
            bytes32 digest = keccak256(abi.encode(number, o.account, o.nonce));
            address s = ecrecover(digest, uint8(o.signature[64]), bytes32(o.signature[0:32]), bytes32(o.signature[32:64]));
            if (signers[keccak256(abi.encode(o.account, s))] == 1) revert Bad(uint32(i));
            for (uint256 j; j < o.legs.length; ++j) {
                uint256 leg = o.legs[j];
                uint256 epoch = (leg >> 64) & 0xffffffff;
                uint256 shift = (epoch & 3) * 64;
                uint256 w = word[o.account][epoch >> 2];
                uint256 amount = leg & 0xffffffffffffffff;
                if (((w >> shift) & 0xffffffffffffffff) < amount) revert Bad(uint32(i));
                word[o.account][epoch >> 2] = w - (amount << shift);
                net[leg >> 112] -= int256(amount);
                net[7] += int256(amount);
            }
            leaves[issues.length + i] = keccak256(abi.encode(uint256(2), o.opId, o.account, o.nonce, keccak256(abi.encodePacked(o.legs))));
            emit Redeemed(number, o.opId, o.account, uint32(i), o.nonce, o.legs);
        }
        while (n > 1) {
            uint256 k;
            for (uint256 i; i + 1 < n; i += 2) {
                (bytes32 a, bytes32 b) = leaves[i] < leaves[i+1] ? (leaves[i], leaves[i+1]) : (leaves[i+1], leaves[i]);
                assembly { mstore(0, a) mstore(32, b) a := keccak256(0, 64) }
                leaves[k++] = a;
            }
            if (n & 1 == 1) leaves[k++] = leaves[n-1];
            n = k;
        }
        rootOf[number] = leaves[0];
    }
}
