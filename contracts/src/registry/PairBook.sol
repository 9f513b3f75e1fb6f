// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PairTerms} from "../interfaces/AllianceTypes.sol";
import {IAllianceRegistry} from "../interfaces/IAllianceRegistry.sol";
import {ProgrammeBook} from "./ProgrammeBook.sol";

/// @dev Terms that an issuer and one acceptor agreed on. Both have signed each version (INV-10).
abstract contract PairBook is ProgrammeBook {
    bytes32 private constant PAIR_TYPE = keccak256(
        "PairTermsProposal(uint32 programme,uint64 acceptor,uint16 previous,uint40 effectiveFrom,uint64 pointValueMicros,uint16 feeBps)"
    );

    /// @inheritdoc IAllianceRegistry
    function publishPairTerms(
        uint32 number, PairTerms calldata proposal, bytes calldata issuerSignature, bytes calldata acceptorSignature
    ) external {
        uint64 issuer = _programme(number).issuer;
        uint64 acceptor = proposal.acceptor;
        _known(acceptor);
        _checkPair(number, issuer, proposal);
        bytes32 structHash = keccak256(
            abi.encode(
                PAIR_TYPE,
                number,
                acceptor,
                _last[number][acceptor],
                proposal.effectiveFrom,
                proposal.pointValueMicros,
                proposal.feeBps
            )
        );
        _requireAdmin(issuer, structHash, issuerSignature);
        _requireAdmin(acceptor, structHash, acceptorSignature);
        _checkNotice(number, acceptor, proposal.effectiveFrom);
        _addPair(number, proposal);
    }

    /// @inheritdoc IAllianceRegistry
    function acceptorOf(uint32 number, uint16 version) external view returns (uint64) {
        if (version == 0 || version > _programme(number).versions) revert RegistryTermsUnknown(number, version);
        return _versions[number][version].acceptor;
    }

    /// @inheritdoc IAllianceRegistry
    function lastVersion(uint32 number, uint64 acceptor) external view returns (uint16) {
        return _last[number][acceptor];
    }

    /// @inheritdoc IAllianceRegistry
    function pairTermsAt(uint32 number, uint64 acceptor, uint40 instant)
        public
        view
        returns (uint16 version, uint40 from, uint40 until)
    {
        until = type(uint40).max;
        version = _last[number][acceptor];
        while (version != 0) {
            from = _versions[number][version].effectiveFrom;
            if (from <= instant) break;
            until = from;
            from = 0;
            version = _links[number][version].previous;
        }
        if (_versions[number][version].pointValueMicros == 0) version = 0;
    }

    /// @inheritdoc IAllianceRegistry
    function timesAt(uint32 number, uint16 version, uint64 acceptor, uint40 instant)
        external
        view
        returns (uint256 times)
    {
        Version storage stated = _versions[number][version];
        if (stated.pointValueMicros == 0) return 0;
        (uint256 from, uint256 until) = (stated.effectiveFrom, _untilOf(number, version));
        uint256 owner = stated.acceptor;
        if (owner == 0 && acceptor != 0) {
            (uint16 own, uint40 since, uint40 next) = pairTermsAt(number, acceptor, instant);
            if (own != 0) return 0;
            if (since > from) from = since;
            if (next < until) until = next;
        } else if (owner != acceptor) {
            return 0;
        }
        if (instant >= from && instant < until) times = from << 40 | until;
    }

    function _checkPair(uint32 number, uint64 issuer, PairTerms calldata proposal) private view {
        bool ends = proposal.pointValueMicros == 0;
        if (proposal.acceptor == issuer || proposal.feeBps > (ends ? 0 : 10_000)) {
            revert RegistryPairInvalid(number, proposal.acceptor, proposal.pointValueMicros, proposal.feeBps);
        }
        uint16 last = _last[number][proposal.acceptor];
        if (ends && _versions[number][last].pointValueMicros == 0) {
            revert RegistryPairUnknown(number, proposal.acceptor);
        }
    }

    function _addPair(uint32 number, PairTerms calldata added) private {
        uint40 from = added.effectiveFrom;
        Version memory stated = Version(from, added.pointValueMicros, added.feeBps, 0, 0, uint48(added.acceptor));
        uint16 version = _addVersion(number, stated);
        _programmes[number].paired = true;
        emit PairTermsPublished(number, version, added.acceptor, from, added.pointValueMicros, added.feeBps);
    }
}
