// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What a log of RFC 9162 was at an instant: so many entries under that SHA-256 root.
struct Checkpoint {
    uint64 size;
    uint40 madeAt;
    bytes32 root;
}

/// @title Checkpoints of the log over every traceability event
/// @notice INV-15: the size only grows, and no checkpoint is ever changed, so that whoever keeps an event's inclusion
/// proof can show it for ever. That a later root has the earlier ones for its beginning anybody proves off chain from
/// the two roots; the log forks where it cannot be proven, and both roots stand here as the evidence.
interface ITransparencyLog {
    event CheckpointMade(uint64 indexed size, bytes32 root, uint40 madeAt);

    error LogRootInvalid();
    /// @notice Smaller than the last checkpoint.
    error LogShrunk(uint64 size, uint64 last);
    /// @notice The size of the last checkpoint under another root.
    error LogForked(uint64 size, bytes32 root, bytes32 known);
    /// @notice The last checkpoint again.
    error LogCheckpointKnown(uint64 size);
    /// @notice Before the last checkpoint's instant, or more than 120 seconds from now.
    error LogInstantInvalid(uint40 madeAt, uint40 last, uint256 timestamp);
    error LogCheckpointUnknown(uint256 place);

    /// @notice Puts a checkpoint behind the last one. Role OPERATOR.
    function append(uint64 size, bytes32 root, uint40 madeAt) external;

    function checkpointCount() external view returns (uint256);

    /// @notice The checkpoint at a place, from 0, in the order of their sizes.
    function checkpointAt(uint256 place) external view returns (Checkpoint memory);

    /// @notice The last checkpoint; size 0 where there is none.
    function latest() external view returns (Checkpoint memory);

    /// @notice The root that was published for this very size; 0 where none was.
    function rootOfSize(uint64 size) external view returns (bytes32);
}
