// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Credits} from "../../src/clearing/Credits.sol";
import {Debits} from "../../src/clearing/Debits.sol";
import {Settlement} from "../../src/clearing/Settlement.sol";
import {Succession} from "../../src/clearing/Succession.sol";
import {
    AccountMove, ConversionSlice, ExtensionSlice, Issue, SignerChange, Slice, TermsKey
} from "../../src/interfaces/AllianceTypes.sol";
import {Signatures} from "../../src/libraries/Signatures.sol";
import {vm} from "../foundry/Vm.sol";

/// @dev Proofs with Halmos: what the ClearingHouse is made of, function by function, for all arguments. This contract is
/// a ClearingHouse without batches, and the registry that it asks.
contract HouseProofs is Debits {
    uint256 private constant START = 1_700_000_000;
    uint256 private constant EPOCHS = 20;

    constructor()
        AccessManaged(address(1))
        EIP712("Alliance Ledger", "1")
        Settlement(address(this), address(0))
        Succession(address(0))
        Credits(address(this))
    {}

    function accountMover() external view returns (address) {
        return address(this);
    }

    function moveAccounts(uint64, AccountMove[] calldata) external {}

    function extendPoints(uint64, ExtensionSlice[] calldata) external {}

    function convertPoints(uint64, ConversionSlice[] calldata) external {}

    function submitBatch(uint64, TermsKey[] calldata, SignerChange[] calldata, Slice[] calldata) external {}

    function epochEnd(uint32, uint256 epoch) external pure returns (uint40) {
        return epoch == 0 || epoch > EPOCHS ? 0 : uint40(START + epoch * 30 days);
    }

    bool private _promises;

    /// @dev The desk that the house asks: it knows no reward, or each.
    function take(bytes16, uint64, address, uint256) external view returns (bool) {
        return _promises;
    }

    // INV-5

    function check_INV5_both_sides_of_obligations(uint64 merchant, uint64 first, uint64 second, int128 x, int128 y)
        public
        pure
    {
        Turn memory turn;
        Book memory one;
        Book memory two;
        turn.merchant = merchant;
        one.issuer = first;
        two.issuer = second;
        _accrue(turn, one, x);
        _accrue(turn, two, y);
        assert(turn.credit == one.owed + two.owed);
    }

    // INV-7

    function use(address account, uint256 nonce) external {
        _useNonce(0, account, nonce);
    }

    function check_INV7_a_nonce_is_used_once(address a, uint256 first, address b, uint256 second) public {
        _useNonce(0, a, first);
        (bool done,) = address(this).call(abi.encodeCall(this.use, (b, second)));
        assert(done == (a != b || first != second));
    }

    function open(uint64 number) external view {
        _openBatch(number);
    }

    function check_INV7_batch_numbers_rise(uint64 first, uint64 second, bytes32 root) public {
        vm.assume(first != 0);
        _closeBatch(first, 1, root);
        (bool done,) = address(this).call(abi.encodeCall(this.open, (second)));
        assert(done == (second > first));
    }

    function check_INV7_reversals_stay_within_their_original(bytes32 key, uint128 x, uint128 y, uint64 most) public {
        _reverse(0, key, x, most);
        _reverse(0, key, y, most);
        assert(uint256(x) + y <= most && reversedOf(key) == uint256(x) + y);
    }

    // INV-9

    function authorise(address account, bytes32 digest, bytes calldata signature, uint40 instant) external view returns (address) {
        _authorise(0, account, digest, signature, _form(false, instant));
        return Signatures.signerOf(digest, signature);
    }

    /// @dev The account has one signer; whatever passes was signed by it while it counted.
    function check_INV9_only_an_active_signer_of_the_account_approves(
        address account, address signer, address other, uint40 from, uint40 revoked, bytes32 digest, uint40 instant
    ) public {
        vm.assume(signer != address(0) && from != 0);
        _addSigner(account, signer, 0, from, true);
        if (revoked != 0) _revokeSigner(account, signer, signerOf(account, signer), revoked);
        bytes memory signature = abi.encodePacked(digest, digest ^ bytes32(uint256(1)), uint8(27));
        try this.authorise(other, digest, signature, instant) returns (address by) {
            assert(other == account && by == signer);
            assert(instant >= from && (revoked == 0 || instant < revoked));
        } catch {}
    }

    // INV-10

    struct Case {
        uint64 merchant;
        uint64 issuer;
        uint64 cap;
        uint64 issued;
        uint40 from;
        uint40 until;
    }

    /// @dev Two issues of one row, so that the second may meet what the first looked up.
    function issue(Case calldata given, Issue calldata first, Issue calldata second) external returns (uint256) {
        Work memory work;
        work.latest = type(uint40).max;
        work.leaves = new bytes32[](2);
        work.rows = new Row[](1);
        Row memory row = work.rows[0];
        row.key = 1 << 16 | 1;
        (row.cap, row.from, row.until) = (given.cap, given.from, given.until);
        (row.book.programme, row.book.issuer, row.book.issued) = (1, given.issuer, given.issued);
        Turn memory turn;
        turn.merchant = given.merchant;
        turn.suspendedFrom = type(uint256).max;
        _issue(work, turn, first);
        _issue(work, turn, second);
        return row.book.issued;
    }

    struct Part {
        uint128 opId;
        uint40 acceptedAt;
        uint8 reason;
        address account;
        uint8 epoch;
        uint64 amount;
    }

    /// @dev Of the table's only row, in epochs that share a place of what is looked up (1, 17), that do not (2), and that
    /// the calendar lacks (0, 21).
    function check_INV10_issues_keep_issuer_cap_terms_and_epoch(Case calldata given, Part calldata one, Part calldata two)
        public
    {
        uint256 first = _epoch(one.epoch);
        uint256 second = _epoch(two.epoch);
        try this.issue(given, _issueOf(one, first), _issueOf(two, second)) returns (uint256 issued) {
            assert(issued == uint256(given.issued) + one.amount + two.amount);
            assert(issued <= given.cap && given.merchant == given.issuer);
            _checkPart(given, one, first);
            _checkPart(given, two, second);
        } catch {}
    }

    function _checkPart(Case calldata given, Part calldata part, uint256 epoch) private pure {
        assert(part.acceptedAt >= given.from && part.acceptedAt < given.until);
        assert(epoch != 0 && epoch <= EPOCHS && part.acceptedAt < START + epoch * 30 days);
        assert(part.amount != 0 && part.account != address(0) && part.reason <= 3);
    }

    // INV-14

    function check_INV14_the_desk_is_asked_for_rewards_alone(Case calldata given, Part calldata one, bool promised)
        public
    {
        _promises = promised;
        Part memory two = one;
        try this.issue(given, _issueOf(one, 1), _issueOf(two, 1)) {
            assert(one.reason < 3 || (one.reason == 3 && promised));
        } catch {}
    }

    function _issueOf(Part memory part, uint256 epoch) private pure returns (Issue memory) {
        return Issue(
            uint256(part.opId) << 128 | uint256(part.acceptedAt) << 88 | uint256(part.reason) << 80,
            uint256(uint160(part.account)) << 96 | epoch << 64 | part.amount
        );
    }

    /// @dev A number where the solver has a symbol: a place in memory must be one.
    function _epoch(uint8 e) private pure returns (uint256) {
        if (e == 0) return 0;
        if (e == 1) return 1;
        if (e == 2) return 2;
        if (e == 17) return 17;
        vm.assume(e == 21);
        return 21;
    }
}
