// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliancePoints} from "../../src/interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "../../src/interfaces/IAllianceRegistry.sol";
import {ICampaignDesk} from "../../src/interfaces/ICampaignDesk.sol";
import {IClearingHouse} from "../../src/interfaces/IClearingHouse.sol";
import {
    AccountMove, Issue, IssueRef, Redeem, RedeemRef, SignerChange, Slice, Terms, TermsKey
} from "../../src/interfaces/AllianceTypes.sol";
import {Gln} from "../../src/registry/Gln.sol";
import {vm} from "./Vm.sol";

/// @dev Three rival merchants with a programme each, four members with keys, and batches that the contracts accept.
/// Merchant m issues programme m + 1, which stands in row m of every table.
abstract contract AllianceFixture {
    uint256 public constant MEMBERS = 4;
    uint256 public constant MERCHANTS = 3;
    uint256 public constant EPOCHS = 6;
    uint64 public constant CAP = 20_000;
    uint256 internal constant FEE_BPS = 150;
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant EPOCH = 30 days;
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant SLICE_TYPE = keccak256("Slice(uint64 batch,uint64 merchant,bytes32 operationsHash)");
    bytes32 private constant SPEND_TYPE =
        keccak256("SpendPermit(address account,uint256 nonce,uint64 maxValueMicros,uint40 validUntil)");
    bytes32 private constant MOVE_TYPE =
        keccak256("AccountMove(address account,address successor,address signer,uint40 validUntil)");
    bytes32 private constant GIFT_TYPE = keccak256(
        "GiftPermit(address account,address recipient,uint256 nonce,uint40 validUntil,bytes32 legsHash)"
    );

    IAllianceRegistry public registry;
    IClearingHouse public house;
    ICampaignDesk public campaigns;
    IAlliancePoints[3] public tokens;
    uint64[3] public glns;
    mapping(uint256 member => uint256) public moves;
    uint256 internal _now = START; // block.timestamp is read once per call by the compiler, and reset by the runner
    address internal _manager;
    address internal _recoveries;
    uint256 private _operations;
    uint256 private _rolls;

    function _found() internal {
        vm.warp(START);
        address manager = _deploy("AccessManager", abi.encode(address(this)));
        _manager = manager;
        registry = IAllianceRegistry(_deploy("AllianceRegistry", abi.encode(manager, _deploy("AlliancePoints", ""))));
        address desk = _deploy("RecoveryDesk", abi.encode(manager, registry, 7 days));
        _recoveries = desk;
        address mover = _deploy("AccountMover", abi.encode(manager, registry, address(0), desk));
        campaigns = ICampaignDesk(_deploy("CampaignDesk", abi.encode(manager, registry)));
        house = IClearingHouse(_deploy("ClearingHouse", abi.encode(manager, registry, address(0), mover, campaigns)));
        registry.setCustodialLimits(type(uint64).max, type(uint64).max);
        registry.setClearingHouse(address(house));
        uint40[] memory ends = new uint40[](EPOCHS);
        for (uint256 e; e < EPOCHS; ++e) ends[e] = uint40(START + EPOCH * (e + 1));
        for (uint256 m; m < MERCHANTS; ++m) {
            glns[m] = uint64(9_506_000_000_010 + 10 * m);
            while (!Gln.isValid(glns[m])) ++glns[m];
            address key = vm.addr(_merchantKey(m));
            registry.admitMerchant(glns[m], key, key, key);
            registry.createProgramme(glns[m], "Points", "P", ends, Terms(uint40(START), valueOf(m), uint16(FEE_BPS), CAP, 4));
            tokens[m] = IAlliancePoints(registry.programme(uint32(m + 1)).token);
        }
        SignerChange[] memory changes = new SignerChange[](MEMBERS);
        for (uint256 i; i < MEMBERS; ++i) {
            changes[i] = SignerChange(_opId(), accountOf(i), vm.addr(_memberKey(i)), 0, uint40(START), 0, "");
        }
        house.submitBatch(1, _table(), changes, new Slice[](0));
    }

    /// @dev What the service deploys, byte for byte: the committed artifact and the constructor's arguments.
    function _deploy(string memory name, bytes memory arguments) internal returns (address made) {
        string memory path = string.concat("../ledger_service/chain/artifacts/", name, ".json");
        bytes memory code = bytes.concat(vm.parseJsonBytes(vm.readFile(path), ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }

    /// @dev Of a point of merchant m, in micros; the last one makes every fee round.
    function valueOf(uint256 m) public pure returns (uint64) {
        return m == 0 ? 10_000 : m == 1 ? 5_000 : 333;
    }

    /// @dev The member's account now; after `k` moves it was `accountAt(member, k)`.
    function accountOf(uint256 member) public view returns (address) {
        return accountAt(member, moves[member]);
    }

    function accountAt(uint256 member, uint256 k) public pure returns (address) {
        return address(uint160(0xACC000 + member + (k << 8)));
    }

    function _currentOf(address account) internal view returns (address) {
        return accountOf(uint160(account) & 255);
    }

    function _memberKey(uint256 member) internal pure returns (uint256) {
        return 0xBEEF + member;
    }

    function _merchantKey(uint256 m) internal pure returns (uint256) {
        return 0xCAFE + m;
    }

    function _opId() internal returns (bytes16) {
        return bytes16(keccak256(abi.encode(++_operations)));
    }

    function _table() internal pure returns (TermsKey[] memory table) {
        table = new TermsKey[](MERCHANTS);
        for (uint256 m; m < MERCHANTS; ++m) table[m] = TermsKey(uint32(m + 1), 1);
    }

    // Legs: with the row in calldata, whole in leaves

    function _leg(uint256 m, uint256 epoch, uint256 amount) internal pure returns (uint256) {
        return m << 96 | epoch << 64 | amount;
    }

    function _whole(uint256 leg) internal pure returns (uint256) {
        return ((leg >> 96) + 1) << 112 | 1 << 96 | uint96(leg);
    }

    function _wholeAll(uint256[] memory legs) internal pure returns (uint256[] memory whole) {
        whole = new uint256[](legs.length);
        for (uint256 i; i < legs.length; ++i) whole[i] = _whole(legs[i]);
    }

    // Leaves, signatures, batches

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digestOf("Alliance Ledger", address(house), structHash);
    }

    /// @dev In the domain of another contract.
    function _digestOf(string memory name, address verifier, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPE, keccak256(bytes(name)), keccak256("1"), block.chainid, verifier));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _moveDigest(AccountMove memory op) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(MOVE_TYPE, op.account, op.successor, op.signer, op.validUntil)));
    }

    function _spendDigest(Redeem memory op) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(SPEND_TYPE, op.account, op.nonce, op.maxValueMicros, op.validUntil)));
    }

    function _giftDigest(address from, address to, uint256 nonce, uint256 validUntil, uint256[] memory legs)
        internal
        view
        returns (bytes32)
    {
        bytes32 legsHash = keccak256(abi.encodePacked(_wholeAll(legs)));
        return _digest(keccak256(abi.encode(GIFT_TYPE, from, to, nonce, validUntil, legsHash)));
    }

    function _issueOf(address account, uint256 leg) internal returns (Issue memory op, IssueRef memory told) {
        told = IssueRef(_opId(), uint40(_now), 0, _whole(leg));
        op.what = uint256(uint128(told.opId)) << 128 | _now << 88 | leg >> 96;
        op.whom = uint256(uint160(account)) << 96 | uint96(leg);
    }

    function _issueLeaf(uint256 m, address account, IssueRef memory told) internal view returns (bytes32) {
        return keccak256(abi.encode(1, told.opId, glns[m], account, told.acceptedAt, told.reason, told.leg));
    }

    function _redeemRef(uint256 m, Redeem memory op) internal view returns (RedeemRef memory) {
        return
            RedeemRef(op.opId, glns[m], op.nonce, op.acceptedAt, op.flags, _spendDigest(op), _wholeAll(op.legs));
    }

    function _redeemLeaf(address account, RedeemRef memory told) internal pure returns (bytes32) {
        bytes32 legsHash = keccak256(abi.encodePacked(told.legs));
        return keccak256(
            abi.encode(2, told.opId, told.merchant, account, told.nonce, told.acceptedAt, told.flags, told.permitDigest, legsHash)
        );
    }

    function _signSlice(Slice memory slice, uint64 number, bytes32[] memory leaves, uint256 key) internal view {
        bytes32 hash = keccak256(abi.encodePacked(leaves));
        slice.signature = _sign(key, _digest(keccak256(abi.encode(SLICE_TYPE, number, slice.merchant, hash))));
    }

    /// @dev Whether the house took the slices as batch `number`.
    function _submit(uint64 number, Slice[] memory slices) internal returns (bool) {
        vm.warp(_now);
        try house.submitBatch(number, _table(), new SignerChange[](0), slices) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev One slice of merchant m, signed by it.
    function _submit(uint256 m, Slice memory slice, bytes32[] memory leaves) internal returns (bool) {
        return _submitAs(m, slice, leaves, _merchantKey(m));
    }

    function _submitAs(uint256 m, Slice memory slice, bytes32[] memory leaves, uint256 key) internal returns (bool) {
        slice.merchant = glns[m];
        uint64 number = house.lastBatch() + 1;
        _signSlice(slice, number, leaves, key);
        Slice[] memory slices = new Slice[](1);
        slices[0] = slice;
        return _submit(number, slices);
    }

    /// @dev The proof of one of at most three leaves: pairs are hashed smaller first, the odd one moves up.
    function _proofOf(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory proof) {
        if (leaves.length == 1) return new bytes32[](0);
        bytes32 pair = leaves[0] < leaves[1]
            ? keccak256(abi.encodePacked(leaves[0], leaves[1]))
            : keccak256(abi.encodePacked(leaves[1], leaves[0]));
        proof = new bytes32[](index == 2 || leaves.length == 2 ? 1 : 2);
        proof[0] = index == 2 ? pair : leaves[1 - index];
        if (proof.length == 2) proof[1] = leaves[2];
    }

    function _single(bytes32 leaf) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](1);
        leaves[0] = leaf;
    }

    /// @dev What the issuer owes for points: their value less the fee (D12).
    function _owed(uint256 m, uint256 points) internal pure returns (int256) {
        uint256 value = points * valueOf(m);
        return int256(value - value * FEE_BPS / 10_000);
    }

    /// @dev The next random number of a step, less than `bound`.
    function _roll(uint256 seed, uint256 bound) internal returns (uint256) {
        return uint256(keccak256(abi.encode(seed, ++_rolls))) % bound;
    }
}
