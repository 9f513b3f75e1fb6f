// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IItemRegistry, ItemBatch} from "../../src/interfaces/IItemRegistry.sol";
import {SignedFixture} from "./SignedFixture.sol";

/// @dev Random anchors, claims and voids of rivals, on few batches and few items, so that they meet.
contract ItemTraffic is SignedFixture {
    uint256 public constant ROOTS = 5;
    uint256 public constant PLACES = 5;
    uint256 private constant ROOT = 1;
    uint256 private constant CLAIM = 2;
    uint256 private constant VOID = 3;

    struct Past {
        uint64 number;
        uint256 merchant;
        bytes words;
    }

    mapping(bytes32 root => ItemBatch) private _known;
    mapping(bytes32 root => mapping(uint256 index => uint256)) public claims;
    mapping(bytes32 root => mapping(uint256 index => uint256)) public voids;
    mapping(uint256 merchant => mapping(uint256 lot => bytes32)) private _lots;
    Past[] private _past;

    constructor() {
        _foundBeside("ItemRegistry");
    }

    function items() public view returns (IItemRegistry) {
        return IItemRegistry(address(desk));
    }

    function known(bytes32 root) external view returns (ItemBatch memory) {
        return _known[root];
    }

    /// @dev Items of both words of marks, at their ends.
    function indexAt(uint256 place) public pure returns (uint256) {
        return place == 0 ? 0 : place == 1 ? 1 : place == 2 ? 127 : place == 3 ? 128 : 255;
    }

    function rootAt(uint256 place) public pure returns (bytes32) {
        return bytes32(place + 1);
    }

    function anchor(uint256 seed) external {
        uint256 m = _roll(seed, MERCHANTS);
        uint256 signer = _signer(seed, m);
        bytes32 root = rootAt(_roll(seed, ROOTS));
        uint256 count = _roll(seed, 8) == 0 ? 0 : 100 + _roll(seed, 150);
        uint256 lot = 1 + _roll(seed, 3);
        uint40 since = _accepted(seed);
        bytes memory words = abi.encode(ROOT, _opId(), glns[m], since, root, count, uint256(4_006_381_333_931), lot);
        if (!_apply(m, _merchantKey(signer), words, new bytes32[](0))) return;
        _breachIf(signer != m || count == 0 || _known[root].count != 0 || _lots[m][lot] != 0, 12);
        _known[root] = ItemBatch(glns[m], 4_006_381_333_931, since, uint32(count));
        _lots[m][lot] = root;
        ++done[ROOT];
    }

    function claim(uint256 seed) external {
        _mark(seed, CLAIM);
    }

    function annul(uint256 seed) external {
        _mark(seed, VOID);
    }

    /// @dev What took effect, again: under a new number, or the one it had.
    function again(uint256 seed) external {
        if (_past.length == 0) return;
        Past storage was = _past[_roll(seed, _past.length)];
        uint64 number = _roll(seed, 2) == 0 ? was.number : desk.lastBatch() + 1;
        bool taken = _applyAs(number, was.merchant, _merchantKey(was.merchant), was.words, new bytes32[](0));
        _breachIf(taken, number == was.number ? 7 : 12);
    }

    function _mark(uint256 seed, uint256 kind) private {
        bytes32 root = rootAt(_roll(seed, ROOTS));
        uint256 index = indexAt(_roll(seed, PLACES));
        ItemBatch memory batch = _known[root];
        uint256 m = _merchantOf(seed, batch.owner);
        uint256 signer = _signer(seed, m);
        address account = _roll(seed, 8) == 0 ? address(0) : accountOf(_roll(seed, MEMBERS));
        uint40 since = _accepted(seed);
        bytes memory words = kind == CLAIM
            ? abi.encode(CLAIM, _opId(), glns[m], since, root, index, account)
            : abi.encode(VOID, _opId(), glns[m], since, root, index);
        if (!_apply(m, _merchantKey(signer), words, new bytes32[](0))) return;
        _breachIf(signer != m || glns[m] != batch.owner || index >= batch.count || since < batch.acceptedAt, 12);
        _breachIf(voids[root][index] != 0 || (kind == CLAIM && account == address(0)), 12);
        if (kind == CLAIM) ++claims[root][index];
        else ++voids[root][index];
        _past.push(Past(desk.lastBatch(), m, words));
        ++done[kind];
    }

    /// @dev Mostly the owner, so that many steps take effect.
    function _merchantOf(uint256 seed, uint64 owner) private returns (uint256) {
        for (uint256 m; m < MERCHANTS; ++m) {
            if (glns[m] == owner && _roll(seed, 4) != 0) return m;
        }
        return _roll(seed, MERCHANTS);
    }

    function _accepted(uint256 seed) private returns (uint40) {
        return uint40(_now - _roll(seed, 3 days));
    }
}
