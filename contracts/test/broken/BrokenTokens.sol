// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Counters} from "../../src/interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "../../src/interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "../../src/interfaces/IAllianceRegistry.sol";

/// @dev The real token but for what an heir answers itself: everything else is the real code, run on the clone's own
/// storage. One heir for each rule of docs/alliance-points-standard.md, with the one fault that the rule forbids.
abstract contract BrokenToken {
    address private immutable _real;
    address private immutable _self;

    constructor(address real) {
        _real = real;
        _self = address(this);
    }

    /// @dev Runs the real code; gives back whether it succeeded and what it said.
    function _run(bytes memory data) internal returns (bool succeeded, bytes memory said) {
        (succeeded, said) = _real.delegatecall(data);
    }

    /// @dev Ends the call as the real code does.
    function _asReal(bytes memory data) internal {
        (bool succeeded, bytes memory said) = _run(data);
        if (!succeeded) {
            assembly ("memory-safe") {
                revert(add(said, 32), mload(said))
            }
        }
        assembly ("memory-safe") {
            return(add(said, 32), mload(said))
        }
    }

    function _house() internal returns (address) {
        (, bytes memory said) = _run(abi.encodeCall(IAlliancePoints.registry, ()));
        return IAllianceRegistry(abi.decode(said, (address))).clearingHouse();
    }

    fallback() external {
        _asReal(msg.data);
    }
}

/// @dev No fault: the frame itself changes nothing.
contract Unbroken is BrokenToken {
    constructor(address real) BrokenToken(real) {}
}

contract ClaimsErc20 is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == type(IAlliancePoints).interfaceId
            || id == type(IERC20).interfaceId;
    }
}

contract HasDecimals is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function decimals() external pure returns (uint8) {
        return 18;
    }
}

contract NameIsNotText is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function name() external pure returns (bytes memory) {
        return hex"c328";
    }
}

contract InitialisesAgain is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function initialize(address, uint32, string calldata, string calldata) external {
        // The place of OpenZeppelin's Initializable (ERC-7201): as if nobody had initialised.
        assembly ("memory-safe") {
            sstore(0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00, 0)
        }
        _asReal(msg.data);
    }
}

contract TransfersSilently is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function transfer(address, uint256) external pure returns (bool) {
        return true;
    }
}

contract TransfersFromSilently is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return true;
    }
}

contract Approves is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }
}

contract Permits is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {}
}

contract TransfersAtEpoch is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function transferAtEpoch(uint256, address, uint256) external pure returns (bool) {
        return true;
    }
}

contract CalendarOfItsOwn is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function validityDuration() external pure returns (uint256) {
        return 65_000;
    }
}

contract AnybodyIssues is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function issueBatch(uint256[] calldata) external {
        if (msg.sender == _house()) _asReal(msg.data);
    }
}

contract TellsIssuesTwice is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function issueBatch(uint256[] calldata) external {
        if (msg.sender == _house()) emit IERC20.Transfer(address(this), address(this), 1);
        _asReal(msg.data);
    }
}

contract TellsRedemptionsTwice is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function redeemBatch(uint256[] calldata) external {
        if (msg.sender == _house()) emit IERC20.Transfer(address(this), address(this), 1);
        _asReal(msg.data);
    }
}

contract TellsRestoresTwice is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function restoreBatch(uint256[] calldata) external {
        if (msg.sender == _house()) emit IERC20.Transfer(address(this), address(this), 1);
        _asReal(msg.data);
    }
}

contract TellsClawbacksTwice is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function clawBackBatch(uint256[] calldata) external {
        if (msg.sender == _house()) emit IERC20.Transfer(address(this), address(this), 1);
        _asReal(msg.data);
    }
}

contract TellsExpiriesTwice is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function expireBatch(uint256[] calldata) external {
        if (msg.sender == _house()) emit IAlliancePoints.PointsExpired(address(this), 1, 1);
        _asReal(msg.data);
    }
}

contract TellsGiftsTwice is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function giftBatch(uint256[] calldata) external {
        if (msg.sender == _house()) emit IERC20.Transfer(address(this), address(this), 1);
        _asReal(msg.data);
    }
}

contract RefusesWithoutReason is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function redeemBatch(uint256[] calldata) external {
        if (msg.sender != _house()) _asReal(msg.data);
        (bool succeeded,) = _run(msg.data);
        // An empty revert, where the operation should be named.
        if (!succeeded) revert();
    }
}

contract HidesCounters is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function counters(uint256 epoch) external returns (Counters memory told) {
        (, bytes memory said) = _run(abi.encodeCall(IAlliancePoints.counters, (epoch)));
        told = abi.decode(said, (Counters));
        told.redeemed = 0;
    }
}

contract IgnoresExpiry is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function balanceOfAtEpoch(uint256 epoch, address account) external returns (uint256) {
        (, bytes memory said) = _run(abi.encodeCall(IAlliancePoints.balanceAtEpochRaw, (account, epoch)));
        return abi.decode(said, (uint256));
    }
}

contract CapIsPassed is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function issuedTotal() external pure returns (uint256) {
        return type(uint64).max;
    }
}

contract BurnsGas is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function redeemBatch(uint256[] calldata moves) external {
        uint256 start = gasleft();
        while (start - gasleft() < moves.length * 50_000) {}
        _asReal(msg.data);
    }
}

contract LooksAtTheBlock is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function liveSupply() external returns (uint256) {
        (, bytes memory said) = _run(abi.encodeCall(IAlliancePoints.liveSupply, ()));
        return abi.decode(said, (uint256)) + (block.number & 1);
    }
}

contract Mints is BrokenToken {
    constructor(address real) BrokenToken(real) {}

    function mint(address, uint256) external {}
}
