// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";
import {Held, ISettlementDesk, Line, Round} from "./interfaces/ISettlementDesk.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Signatures} from "./libraries/Signatures.sol";

contract SettlementDesk is ISettlementDesk, AccessManaged, EIP712 {
    bytes32 private constant CONFIRMATION_TYPE =
        keccak256("Confirmation(uint32 period,uint64 merchant,int256 netMicros,bytes32 statements)");
    bytes32 private constant DISPUTE_TYPE = keccak256(
        "Dispute(uint32 period,uint64 merchant,uint64 debtor,uint64 creditor,int256 heldMicros,bytes32 evidence)"
    );
    bytes32 private constant RESOLUTION_TYPE =
        keccak256("Resolution(uint32 period,uint64 debtor,uint64 creditor,int256 payMicros)");
    uint256 private constant MOST_MERCHANTS = 256;
    uint256 private constant LEAST_WINDOW = 2 days;
    uint40 private constant RESOLUTION_TIME = 30 days;

    IAllianceRegistry private immutable _registry;
    /// @inheritdoc ISettlementDesk
    uint64 public immutable microsOfOneMinor;
    /// @inheritdoc ISettlementDesk
    uint32 public lastPublished;

    uint64[] private _merchants;
    mapping(uint64 merchant => uint256) private _afterPlace;
    mapping(uint32 period => Round) private _rounds;
    mapping(uint32 period => mapping(uint64 merchant => int256)) private _adjustments;
    mapping(uint32 period => mapping(uint64 debtor => mapping(uint64 creditor => Held))) private _held;

    constructor(address authority, address registry_, uint64 microsOfOneMinor_)
        AccessManaged(authority)
        EIP712("Alliance Settlement", "1")
    {
        _registry = IAllianceRegistry(registry_);
        microsOfOneMinor = microsOfOneMinor_;
    }

    /// @inheritdoc ISettlementDesk
    function enlist(uint64 merchant) external returns (uint256 place) {
        if (_registry.merchantKeys(merchant).admin == address(0)) revert SettlementMerchantUnknown(merchant);
        if (_afterPlace[merchant] != 0) revert SettlementMerchantKnown(merchant, _afterPlace[merchant] - 1);
        place = _merchants.length;
        if (place == MOST_MERCHANTS) revert SettlementFull(MOST_MERCHANTS);
        _merchants.push(merchant);
        _afterPlace[merchant] = place + 1;
        emit MerchantEnlisted(merchant, place);
    }

    /// @inheritdoc ISettlementDesk
    function publish(uint32 period, bytes32 statements, uint40 until) external restricted {
        uint32 open = _house().currentPeriod();
        uint32 due = lastPublished == 0 ? period : lastPublished + 1;
        bool afterTheLast = lastPublished == 0 || _rounds[lastPublished].root != 0;
        if (period == 0 || period != due || period >= open || !afterTheLast) {
            revert SettlementPeriodNotDue(period, due, open);
        }
        if (statements == 0) revert SettlementStatementsZero();
        uint256 earliest = block.timestamp + LEAST_WINDOW;
        if (until < earliest) revert SettlementUntilTooSoon(until, earliest);
        lastPublished = period;
        Round storage round = _rounds[period];
        round.statements = statements;
        round.until = until;
        round.count = uint16(_merchants.length);
        round.members = keccak256(_members());
        emit StatementsPublished(period, statements, until, _merchants.length);
    }

    /// @inheritdoc ISettlementDesk
    function confirm(uint32 period, uint64 merchant, int256 netMicros, bytes calldata signature) external {
        Round storage round = _open(period);
        uint256 bit = _bitOf(round, merchant);
        _requireSigned(
            merchant, keccak256(abi.encode(CONFIRMATION_TYPE, period, merchant, netMicros, round.statements)), signature
        );
        if (round.confirmed & bit != 0) return;
        int256 net = netOf(period, merchant);
        if (netMicros != net) revert SettlementNetDiffers(merchant, netMicros, net);
        round.confirmed |= bit;
        emit NetConfirmed(period, merchant, netMicros);
    }

    /// @inheritdoc ISettlementDesk
    function dispute(
        Line calldata line,
        bytes32[] calldata proof,
        uint64 by,
        int256 heldMicros,
        bytes32 evidence,
        bytes calldata signature
    ) external {
        Round storage round = _open(line.period);
        // A line is disputed once. Could the payee too, it would take the payer's word away by disputing a little first.
        if (by != (line.owedMicros < 0 ? line.creditor : line.debtor)) {
            revert SettlementNotParty(by, line.debtor, line.creditor);
        }
        if (round.confirmed & _bitOf(round, by) != 0) revert SettlementConfirmed(line.period, by);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(line))));
        if (!MerkleProof.verifyCalldata(proof, round.statements, leaf)) revert SettlementLineNotProven(leaf);
        _requireWithin(heldMicros, line.owedMicros);
        if (heldMicros == 0) revert SettlementHeldInvalid(heldMicros, line.owedMicros);
        _requireSigned(
            by,
            keccak256(abi.encode(DISPUTE_TYPE, line.period, by, line.debtor, line.creditor, heldMicros, evidence)),
            signature
        );
        _hold(round, line, by, heldMicros, evidence);
    }

    /// @inheritdoc ISettlementDesk
    function resolve(
        uint32 period,
        uint64 debtor,
        uint64 creditor,
        int256 payMicros,
        bytes calldata debtorSignature,
        bytes calldata creditorSignature
    ) external {
        bytes32 structHash = keccak256(abi.encode(RESOLUTION_TYPE, period, debtor, creditor, payMicros));
        _requireSigned(debtor, structHash, debtorSignature);
        _requireSigned(creditor, structHash, creditorSignature);
        _decide(period, debtor, creditor, payMicros, 0);
    }

    /// @inheritdoc ISettlementDesk
    function arbitrate(uint32 period, uint64 debtor, uint64 creditor, int256 payMicros, bytes32 evidence)
        external
        restricted
    {
        uint40 deadline = _held[period][debtor][creditor].deadline;
        if (block.timestamp < deadline) revert SettlementDeadlineAhead(deadline);
        _decide(period, debtor, creditor, payMicros, evidence);
    }

    /// @inheritdoc ISettlementDesk
    function settle(uint32 period, bytes calldata members, uint256[] calldata payouts) external restricted {
        Round storage round = _rounds[period];
        uint256 count = round.count;
        if (round.until == 0 || round.root != 0) revert SettlementNotOpen(period, round.until);
        bool everybody = round.confirmed == (count == MOST_MERCHANTS ? type(uint256).max : (1 << count) - 1);
        if (!everybody && block.timestamp < round.until) revert SettlementUnanswered(period, round.until);
        if (keccak256(members) != round.members) revert SettlementMembersDiffer(keccak256(members), round.members);
        _checkNets(period, members, Payouts.added(payouts, count), round.adjusted);
        bytes32 root = keccak256(abi.encode(period, round.statements, keccak256(abi.encodePacked(payouts))));
        round.payouts = uint16(payouts.length);
        round.root = root;
        emit PeriodSettled(period, root, payouts.length);
    }

    /// @inheritdoc ISettlementDesk
    function markPaid(uint32 period, uint256 payouts, bytes32 evidence) external restricted {
        Round storage round = _rounds[period];
        if (round.root == 0) revert SettlementNotNetted(period);
        if (payouts == 0 || payouts >> round.payouts != 0) revert SettlementPayoutInvalid(round.payouts, payouts);
        round.paid |= payouts;
        emit PayoutsPaid(period, payouts, evidence);
    }

    /// @inheritdoc ISettlementDesk
    function netOf(uint32 period, uint64 merchant) public view returns (int256) {
        return _house().net(period, merchant) + _adjustments[period][merchant];
    }

    /// @inheritdoc ISettlementDesk
    function roundOf(uint32 period) external view returns (Round memory) {
        return _rounds[period];
    }

    /// @inheritdoc ISettlementDesk
    function heldOf(uint32 period, uint64 debtor, uint64 creditor) external view returns (Held memory) {
        return _held[period][debtor][creditor];
    }

    /// @inheritdoc ISettlementDesk
    function merchantAt(uint256 place) external view returns (uint64) {
        return _merchants[place];
    }

    /// @inheritdoc ISettlementDesk
    function merchantCount() external view returns (uint256) {
        return _merchants.length;
    }

    /// @inheritdoc ISettlementDesk
    function registry() external view returns (address) {
        return address(_registry);
    }

    function _house() private view returns (IClearingHouse) {
        return IClearingHouse(_registry.clearingHouse());
    }

    /// @dev All merchants in the order of their places, eight bytes each. In calldata they cost a quarter of what reading
    /// them costs, so the settlement brings them along and the round knows their hash.
    function _members() private view returns (bytes memory members) {
        for (uint256 i; i < _merchants.length; ++i) members = bytes.concat(members, bytes8(_merchants[i]));
    }

    function _open(uint32 period) private view returns (Round storage round) {
        round = _rounds[period];
        if (block.timestamp >= round.until || round.root != 0) revert SettlementNotOpen(period, round.until);
    }

    /// @dev The bit of a merchant that takes part in this round.
    function _bitOf(Round storage round, uint64 merchant) private view returns (uint256) {
        uint256 afterPlace = _afterPlace[merchant];
        if (afterPlace == 0 || afterPlace > round.count) revert SettlementMerchantUnknown(merchant);
        return 1 << (afterPlace - 1);
    }

    function _requireSigned(uint64 merchant, bytes32 structHash, bytes calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!Signatures.isFrom(_registry.merchantKeys(merchant).settlement, digest, signature)) {
            revert SettlementSignatureInvalid(merchant, digest);
        }
    }

    /// @dev From nothing to all of it, in its direction.
    function _requireWithin(int256 part, int256 whole) private pure {
        if (whole >= 0 ? part < 0 || part > whole : part > 0 || part < whole) {
            revert SettlementHeldInvalid(part, whole);
        }
    }

    function _hold(Round storage round, Line calldata line, uint64 by, int256 micros, bytes32 evidence) private {
        Held storage held = _held[line.period][line.debtor][line.creditor];
        if (held.deadline != 0) revert SettlementDisputed(line.period, line.debtor, line.creditor);
        if (micros != int128(micros)) revert SettlementHeldInvalid(micros, line.owedMicros);
        uint40 deadline = round.until + RESOLUTION_TIME;
        _held[line.period][line.debtor][line.creditor] = Held(int128(micros), deadline, true);
        uint256 both = _bitOf(round, line.debtor) | _bitOf(round, line.creditor);
        round.adjusted |= both;
        // Who had confirmed had confirmed another net.
        round.confirmed &= ~both;
        _shift(line.period, line.debtor, line.creditor, -micros);
        emit LineDisputed(line.period, line.debtor, line.creditor, by, micros, evidence, deadline);
    }

    /// @dev What is owed of it counts in the next period that is published.
    function _decide(uint32 period, uint64 debtor, uint64 creditor, int256 payMicros, bytes32 evidence) private {
        Held storage held = _held[period][debtor][creditor];
        if (!held.open) revert SettlementNothingHeld(period, debtor, creditor);
        _requireWithin(payMicros, held.micros);
        held.open = false;
        uint32 into = lastPublished + 1;
        if (payMicros != 0) {
            _rounds[into].adjusted |= 1 << (_afterPlace[debtor] - 1) | 1 << (_afterPlace[creditor] - 1);
            _shift(into, debtor, creditor, payMicros);
        }
        emit DisputeResolved(period, debtor, creditor, payMicros, into, evidence);
    }

    /// @dev The choke point of adjustments: both sides at once (INV-5).
    function _shift(uint32 period, uint64 debtor, uint64 creditor, int256 owedMicros) private {
        _adjustments[period][debtor] -= owedMicros;
        _adjustments[period][creditor] += owedMicros;
    }

    /// @dev What each place gets is its merchant's net, rounded by largest remainder; nobody is paid on the way.
    function _checkNets(uint32 period, bytes calldata members, int256[] memory minors, uint256 adjusted) private view {
        address house = address(_house());
        bytes memory question = abi.encodeCall(IClearingHouse.net, (period, 0));
        Payouts.Tally memory tally = Payouts.open(microsOfOneMinor);
        uint256 count = minors.length;
        for (uint256 i; i < count; ++i) {
            uint64 merchant;
            // The members were checked against their hash; each takes eight bytes.
            assembly ("memory-safe") {
                merchant := shr(192, calldataload(add(members.offset, shl(3, i))))
            }
            int256 net = _ask(house, question, merchant);
            if (adjusted >> i & 1 != 0) net += _adjustments[period][merchant];
            Payouts.count(tally, merchant, net, minors[i]);
        }
        Payouts.close(tally);
    }

    /// @dev `house.net(period, merchant)`, with one question in memory for all merchants.
    function _ask(address house, bytes memory question, uint256 merchant) private view returns (int256 net) {
        bool answered;
        // The question is selector, period, merchant: its last word begins 68 bytes behind its length. The answer takes
        // the scratch space.
        assembly ("memory-safe") {
            mstore(add(question, 68), merchant)
            answered := staticcall(gas(), house, add(question, 32), 68, 0, 32)
            answered := and(answered, gt(returndatasize(), 31))
            net := mload(0)
        }
        if (!answered) revert SettlementHouseSilent(house);
    }
}
