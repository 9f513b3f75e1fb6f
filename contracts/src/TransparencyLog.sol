// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Checkpoint, ITransparencyLog} from "./interfaces/ITransparencyLog.sol";

contract TransparencyLog is ITransparencyLog, AccessManaged {
    uint256 private constant CLOCK_SKEW = 120 seconds;

    Checkpoint[] private _checkpoints;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc ITransparencyLog
    function append(uint64 size, bytes32 root, uint40 madeAt) external restricted {
        Checkpoint memory last = latest();
        if (root == 0 || size == 0) revert LogRootInvalid();
        if (size < last.size) revert LogShrunk(size, last.size);
        if (size == last.size) {
            if (root != last.root) revert LogForked(size, root, last.root);
            revert LogCheckpointKnown(size);
        }
        if (madeAt < last.madeAt || madeAt > block.timestamp + CLOCK_SKEW) {
            revert LogInstantInvalid(madeAt, last.madeAt, block.timestamp);
        }
        _checkpoints.push(Checkpoint(size, madeAt, root));
        emit CheckpointMade(size, root, madeAt);
    }

    /// @inheritdoc ITransparencyLog
    function checkpointCount() external view returns (uint256) {
        return _checkpoints.length;
    }

    /// @inheritdoc ITransparencyLog
    function checkpointAt(uint256 place) external view returns (Checkpoint memory) {
        if (place >= _checkpoints.length) revert LogCheckpointUnknown(place);
        return _checkpoints[place];
    }

    /// @inheritdoc ITransparencyLog
    function rootOfSize(uint64 size) external view returns (bytes32) {
        (uint256 low, uint256 high) = (0, _checkpoints.length);
        while (low < high) {
            uint256 middle = (low + high) >> 1;
            if (_checkpoints[middle].size < size) low = middle + 1;
            else high = middle;
        }
        if (low == _checkpoints.length || _checkpoints[low].size != size) return 0;
        return _checkpoints[low].root;
    }

    /// @inheritdoc ITransparencyLog
    function latest() public view returns (Checkpoint memory last) {
        uint256 count = _checkpoints.length;
        if (count != 0) last = _checkpoints[count - 1];
    }
}
