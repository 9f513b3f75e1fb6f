// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AllianceRegistry} from "../../src/AllianceRegistry.sol";
import {MerchantKeys, Terms, WindDown} from "../../src/interfaces/AllianceTypes.sol";
import {Anybody} from "./Anybody.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: what was published of a programme stays, for all terms, ends and instants. This contract is
/// the authority, every merchant's admin key, and the token of every programme.
contract RegistryProofs is Anybody {
    uint64 private constant ISSUER = 4_006_381_333_931;
    uint64 private constant OTHER = 9_501_101_530_003;
    uint40 private constant START = 1_700_000_000;

    AllianceRegistry private _registry;

    function setUp() public {
        vm.warp(START);
        _registry = new AllianceRegistry(address(this), address(this));
        _registry.admitMerchant(ISSUER, address(this), address(this), address(this));
        _registry.admitMerchant(OTHER, address(this), address(this), address(this));
        _create(ISSUER);
        _create(OTHER);
        _signsAll = true;
    }

    function initialize(address, uint32, string calldata, string calldata) external {}

    function check_INV11_epochs_are_only_added_and_end_later(uint40 first, uint40 second) public {
        uint40[] memory added = new uint40[](2);
        (added[0], added[1]) = (first, second);
        (bool done,) = address(_registry).call(abi.encodeCall(_registry.appendEpochs, (1, added)));
        assert(done == (first > START + 60 days && second > first));
        assert(_registry.epochEnd(1, 1) == START + 30 days && _registry.epochEnd(1, 2) == START + 60 days);
        assert(_registry.epochEnd(1, 3) == (done ? first : 0) && _registry.epochEnd(1, 4) == (done ? second : 0));
    }

    function check_INV10_new_terms_leave_what_was_accepted_before(Terms memory next, Terms memory last, uint40 accepted, uint40 now_)
        public
    {
        vm.warp(now_);
        vm.assume(now_ >= START && now_ < 1 << 39 && accepted <= now_ && accepted >= START);
        uint256 before = _registry.timesAt(1, 1, 0, accepted);
        if (!_published(next)) return;
        assert(next.effectiveFrom >= uint256(now_) + 8 days && next.issuanceCap != 0 && next.feeBps <= 10_000);
        if (_published(last)) assert(last.effectiveFrom > next.effectiveFrom);
        Terms memory first = _registry.terms(1, 1);
        assert(first.pointValueMicros == 10_000 && first.issuanceCap == 1_000 && first.feeBps == 150);
        assert(uint40(_registry.timesAt(1, 1, 0, accepted)) == next.effectiveFrom && before != 0);
        assert(_registry.timesAt(1, 2, 0, accepted) == 0 && _registry.timesAt(1, 3, 0, accepted) == 0);
    }

    function check_INV9_an_end_comes_with_its_notice_and_once(WindDown memory end, WindDown memory again, uint40 now_) public {
        vm.assume(now_ >= START && now_ < 1 << 39);
        vm.assume(end.target == 2 && again.target == 2);
        vm.warp(now_);
        if (!_announced(end)) return;
        assert(end.endsAt >= uint256(now_) + 30 days && end.issuesUntil >= uint256(now_) + 8 days);
        assert(end.spreadBps < 10_000 && end.issuesUntil <= end.endsAt);
        assert(!_announced(again) && _registry.windDown(1).endsAt == end.endsAt);
    }

    function check_INV10_only_the_admin_key_changes_keys(address admin, address operations, address settlement, bool signs)
        public
    {
        _signsAll = signs;
        MerchantKeys memory keys = MerchantKeys(admin, operations, settlement);
        (bool done,) = address(_registry).call(abi.encodeCall(_registry.rotateKeys, (ISSUER, keys, "")));
        assert(done == (signs && admin != address(0) && operations != address(0) && settlement != address(0)));
        (address key,) = _registry.sliceKey(ISSUER);
        assert(key == (done ? operations : address(this)));
        (key,) = _registry.sliceKey(OTHER);
        assert(key == address(this));
    }

    function check_INV10_a_lost_admin_key_is_replaced_after_its_notice(address admin, uint40 later) public {
        vm.assume(later >= START && later < 1 << 39);
        _registry.proposeRecovery(ISSUER, MerchantKeys(admin, address(2), address(3)));
        vm.warp(later);
        (bool done,) = address(_registry).call(abi.encodeCall(_registry.completeRecovery, (ISSUER)));
        assert(done == (later >= START + 8 days));
        assert(_registry.merchantKeys(ISSUER).admin == (done ? admin : address(this)));
    }

    function _create(uint64 merchant) private {
        uint40[] memory ends = new uint40[](2);
        (ends[0], ends[1]) = (START + 30 days, START + 60 days);
        _registry.createProgramme(merchant, "P", "P", ends, Terms(START, 10_000, 150, 1_000, 2));
    }

    function _published(Terms memory next) private returns (bool done) {
        (done,) = address(_registry).call(abi.encodeCall(_registry.publishTerms, (1, next, "")));
    }

    function _announced(WindDown memory end) private returns (bool done) {
        (done,) = address(_registry).call(abi.encodeCall(_registry.announceWindDown, (1, end, "", "")));
    }
}
