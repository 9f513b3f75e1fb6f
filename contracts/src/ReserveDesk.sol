// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IssuanceLimit, ReserveStatement, Terms} from "./interfaces/AllianceTypes.sol";
import {IAlliancePoints} from "./interfaces/IAlliancePoints.sol";
import {IAllianceRegistry} from "./interfaces/IAllianceRegistry.sol";
import {Coverage, IReserveDesk, ReserveAccount, ReserveFigure} from "./interfaces/IReserveDesk.sol";
import {Signatures} from "./libraries/Signatures.sol";

contract ReserveDesk is IReserveDesk, AccessManaged, EIP712 {
    bytes32 private constant CUSTODIAN_TYPE =
        keccak256("Custodian(uint64 merchant,address custodian,uint32 nonce)");
    bytes32 private constant FIGURE_TYPE =
        keccak256("ReserveFigure(uint64 merchant,uint128 reserveMicros,uint40 asOf,uint32 sequence)");
    uint256 private constant NOTICE = 8 days;
    uint256 private constant LEAD = 1 hours;
    uint256 private constant WHOLE_BPS = 10_000;

    /// @dev What a merchant's programmes have outstanding.
    struct Book {
        uint32[] programmes;
        address[] tokens;
        uint256[] values; // of a point, micros
        uint256 outstandingMicros;
    }

    IAllianceRegistry private immutable _registry;
    /// @inheritdoc IReserveDesk
    uint40 public immutable figureLife;

    mapping(uint64 merchant => ReserveAccount) private _accounts;

    constructor(address authority, address registry_, uint40 figureLife_)
        AccessManaged(authority)
        EIP712("Alliance Reserves", "1")
    {
        _registry = IAllianceRegistry(registry_);
        figureLife = figureLife_;
    }

    /// @inheritdoc IReserveDesk
    function nameCustodian(uint64 merchant, address custodian, bytes calldata signature) external restricted {
        ReserveAccount storage account = _known(merchant);
        bytes32 structHash = keccak256(abi.encode(CUSTODIAN_TYPE, merchant, custodian, account.nonce));
        _requireSigned(merchant, _registry.merchantKeys(merchant).admin, structHash, signature);
        ++account.nonce;
        account.custodian = custodian;
        emit CustodianNamed(merchant, custodian);
    }

    /// @inheritdoc IReserveDesk
    function setRequirement(uint64 merchant, uint16 bps, uint40 from) external restricted {
        ReserveAccount storage account = _known(merchant);
        _promote(account);
        uint256 earliest = block.timestamp + (bps > account.requiredBps ? NOTICE : 0);
        if (from < earliest) revert ReserveNoticeTooShort(merchant, from, earliest);
        account.nextBps = bps;
        account.nextFrom = from;
        emit RequirementSet(merchant, bps, from);
    }

    /// @inheritdoc IReserveDesk
    function bring(ReserveFigure calldata figure, bytes calldata signature) external {
        ReserveAccount storage account = _known(figure.merchant);
        bytes32 structHash = keccak256(abi.encode(FIGURE_TYPE, figure));
        _requireSigned(figure.merchant, account.custodian, structHash, signature);
        if (figure.sequence <= account.sequence || figure.asOf < account.asOf) {
            revert ReserveFigureOld(
                figure.merchant, figure.sequence, figure.asOf, account.sequence, account.asOf
            );
        }
        if (figure.asOf > block.timestamp) {
            revert ReserveFigureAhead(figure.merchant, figure.asOf, block.timestamp);
        }
        account.sequence = figure.sequence;
        account.asOf = figure.asOf;
        account.reserveMicros = figure.reserveMicros;
        emit ReserveFigureBrought(figure.merchant, figure.reserveMicros, figure.asOf, figure.sequence);
        _count(figure.merchant, account);
    }

    /// @inheritdoc IReserveDesk
    function refresh(uint64 merchant) external {
        _count(merchant, _known(merchant));
    }

    /// @inheritdoc IReserveDesk
    function declareDefault(uint64 merchant, uint40 from, bytes32 evidence) external restricted {
        ReserveAccount storage account = _known(merchant);
        if (account.defaultFrom != 0) revert ReserveInDefault(merchant, account.defaultFrom);
        uint256 earliest = block.timestamp + LEAD;
        if (from < earliest) revert ReserveNoticeTooShort(merchant, from, earliest);
        account.defaultFrom = from;
        emit DefaultDeclared(merchant, from, evidence);
        _state(merchant, account);
        uint32[] memory programmes = _registry.programmesOf(merchant);
        for (uint256 i; i < programmes.length; ++i) {
            IssuanceLimit memory was = _registry.issuanceLimit(programmes[i]);
            uint40 until = was.until != 0 && was.until < from ? was.until : from;
            _registry.setIssuanceLimit(programmes[i], was.until == 0 ? type(uint64).max : was.limit, until);
        }
    }

    /// @inheritdoc IReserveDesk
    function cure(uint64 merchant, bytes32 evidence) external restricted {
        ReserveAccount storage account = _known(merchant);
        if (account.defaultFrom == 0) revert ReserveNotInDefault(merchant);
        account.defaultFrom = 0;
        emit DefaultCured(merchant, evidence);
        _count(merchant, account);
    }

    /// @inheritdoc IReserveDesk
    function accountOf(uint64 merchant) external view returns (ReserveAccount memory) {
        return _accounts[merchant];
    }

    /// @inheritdoc IReserveDesk
    function coverage(uint64 merchant) external view returns (Coverage memory told) {
        ReserveAccount storage account = _accounts[merchant];
        told.outstandingMicros = _book(merchant).outstandingMicros;
        told.reserveMicros = _counted(account);
        told.coverageBps = told.outstandingMicros == 0
            ? type(uint256).max
            : told.reserveMicros * WHOLE_BPS / told.outstandingMicros;
        told.requiredBps = _required(account);
    }

    /// @inheritdoc IReserveDesk
    function registry() external view returns (address) {
        return address(_registry);
    }

    function _known(uint64 merchant) private view returns (ReserveAccount storage) {
        if (_registry.merchantKeys(merchant).admin == address(0)) revert ReserveMerchantUnknown(merchant);
        return _accounts[merchant];
    }

    function _requireSigned(uint64 merchant, address signer, bytes32 structHash, bytes calldata signature)
        private
        view
    {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!Signatures.isFrom(signer, digest, signature)) revert ReserveSignatureInvalid(merchant, digest);
    }

    function _required(ReserveAccount storage account) private view returns (uint16) {
        bool due = account.nextFrom != 0 && block.timestamp >= account.nextFrom;
        return due ? account.nextBps : account.requiredBps;
    }

    function _promote(ReserveAccount storage account) private {
        uint16 bps = _required(account);
        if (bps != account.requiredBps) account.requiredBps = bps;
    }

    function _state(uint64 merchant, ReserveAccount storage account) private {
        uint40 asOf = account.asOf;
        _registry.stateReserve(
            ReserveStatement({
                merchant: merchant,
                reserveMicros: account.reserveMicros,
                asOf: asOf,
                staleFrom: asOf == 0 ? 0 : asOf + figureLife,
                requiredBps: account.requiredBps,
                defaultFrom: account.defaultFrom
            })
        );
    }

    function _counted(ReserveAccount storage account) private view returns (uint256) {
        return block.timestamp < account.asOf + uint256(figureLife) ? account.reserveMicros : 0;
    }

    function _book(uint64 merchant) private view returns (Book memory book) {
        book.programmes = _registry.programmesOf(merchant);
        uint256 count = book.programmes.length;
        book.tokens = new address[](count);
        book.values = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            (Terms memory terms,) = _registry.currentTerms(book.programmes[i]);
            book.tokens[i] = _registry.programme(book.programmes[i]).token;
            book.values[i] = terms.pointValueMicros;
            book.outstandingMicros += IERC20(book.tokens[i]).totalSupply() * terms.pointValueMicros;
        }
    }

    /// @dev The one place where limits follow from figures. Nobody may issue more on a reserve than it covers, so the
    /// room is shared out.
    function _count(uint64 merchant, ReserveAccount storage account) private {
        _promote(account);
        _state(merchant, account);
        Book memory book = _book(merchant);
        uint256 bps = account.requiredBps;
        uint256 counted = _counted(account);
        uint256 room = bps == 0 ? 0 : counted * WHOLE_BPS / bps;
        room = room > book.outstandingMicros ? room - book.outstandingMicros : 0;
        // What has gone stale covers nothing already; there is no later instant at which it ends.
        uint256 until = bps == 0 || counted == 0 ? type(uint40).max : account.asOf + uint256(figureLife);
        if (account.defaultFrom != 0 && account.defaultFrom < until) until = account.defaultFrom;
        for (uint256 i; i < book.programmes.length; ++i) {
            uint32 programme = book.programmes[i];
            if (bps == 0 && _registry.issuanceLimit(programme).until == 0) continue;
            uint256 most = type(uint64).max;
            if (bps != 0) {
                uint256 limit = IAlliancePoints(book.tokens[i]).issuedTotal()
                    + room / book.programmes.length / book.values[i];
                if (limit < most) most = limit;
            }
            _registry.setIssuanceLimit(programme, uint64(most), uint40(until));
        }
    }
}
