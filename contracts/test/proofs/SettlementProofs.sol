// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Line} from "../../src/interfaces/ISettlementDesk.sol";
import {MerchantKeys} from "../../src/interfaces/AllianceTypes.sol";
import {SettlementDesk} from "../../src/SettlementDesk.sol";
import {Anybody} from "./Anybody.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: a settled period of three merchants, for all nets. This contract is the
/// authority, the registry, the house with its nets, and the settlement key of every merchant.
contract SettlementProofs is Anybody {
    uint40 private constant START = 1_700_000_000;
    uint64 private constant UNIT = 10_000;
    uint256 private constant MERCHANTS = 3;

    SettlementDesk private _desk;
    mapping(uint64 merchant => int256) private _nets;
    uint32 private _period = 2;

    function setUp() public {
        vm.warp(START);
        _desk = new SettlementDesk(address(this), address(this), UNIT);
        for (uint64 m = 1; m <= MERCHANTS; ++m) _desk.enlist(m);
        _signsAll = true;
    }

    function clearingHouse() external view returns (address) {
        return address(this);
    }

    function merchantKeys(uint64) external view returns (MerchantKeys memory) {
        return MerchantKeys(address(this), address(this), address(this));
    }

    function currentPeriod() external view returns (uint32) {
        return _period;
    }

    function net(uint32 period, uint64 merchant) external view returns (int256) {
        return period == 1 ? _nets[merchant] : int256(0);
    }

    /// @dev A period is settled once, and nothing of it changes afterwards.
    function check_INV5_a_settled_period_stays(int64 x, uint40 later, int256 held) public {
        vm.assume(x >= 0 && x < 1e9);
        (_nets[1], _nets[2]) = (int256(x) * -10_000, int256(x) * 10_000);
        Line memory line = Line(1, 1, 2, int256(x) * 10_000, bytes32(uint256(5)));
        _desk.publish(1, keccak256(bytes.concat(keccak256(abi.encode(line)))), START + 2 days);
        vm.assume(later >= START && later < 1 << 39);
        vm.warp(later);
        uint256[] memory payouts = new uint256[](1);
        payouts[0] = 1 << 64 | uint64(x);
        bytes memory members = abi.encodePacked(uint64(1), uint64(2), uint64(3));
        bytes memory call_ = abi.encodeCall(_desk.settle, (1, members, payouts));
        (bool done,) = address(_desk).call(call_);
        assert(done == (later >= START + 2 days && x != 0));
        if (!done) return;
        (done,) = address(_desk).call(call_);
        assert(!done);
        (done,) = address(_desk).call(abi.encodeCall(_desk.dispute, (line, new bytes32[](0), 1, held, 0, "")));
        assert(!done && _desk.netOf(1, 1) == int256(x) * -10_000);
    }
}
