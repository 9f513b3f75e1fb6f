// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IssuanceLimit} from "../interfaces/AllianceTypes.sol";

/// @dev How one limit follows on another so that an issue is never judged more strictly when it is mined than when it was
/// accepted (D7): it may go up to the greatest limit that was in force from its acceptance until now.
library IssuanceLimits {
    struct Step {
        uint64 limit;
        uint40 from;
    }

    /// @dev Every step takes something away; what is given is written into the last one. `head` says the last step, the
    /// limit before it, and the instant at which all issuance ends.
    struct Ladder {
        IssuanceLimit head;
        Step[] steps;
    }

    /// @dev What takes room away counts so much later, for the indexes to see it first, and from a whole hour on, so
    /// that whoever asks for many counts makes no more steps than hours.
    uint256 private constant LEAD = 1 hours;
    uint256 private constant CLOCK_SKEW = 120 seconds;

    function set(Ladder storage ladder, uint64 limit, uint40 until) internal returns (IssuanceLimit memory head) {
        uint40 ended = ladder.head.until;
        if (ended == 0) {
            ladder.steps.push(Step(type(uint64).max, 0));
            ended = type(uint40).max;
        }
        if (limit >= ladder.steps[ladder.steps.length - 1].limit) _give(ladder.steps, limit);
        else _take(ladder.steps, limit, ended);
        uint40 soonest = uint40(block.timestamp + LEAD);
        // Nothing ends before everybody can know, unless it would have anyway.
        if (ended < soonest) soonest = ended;
        head.until = until < soonest ? soonest : until;
        uint256 count = ladder.steps.length;
        (head.limit, head.from) = (ladder.steps[count - 1].limit, ladder.steps[count - 1].from);
        head.before = ladder.steps[count < 2 ? 0 : count - 2].limit;
        ladder.head = head;
    }

    /// @dev What may be issued whenever it was accepted: the last step's limit is the least that still counts.
    function sure(IssuanceLimit memory head) internal view returns (uint64) {
        return head.until > block.timestamp + CLOCK_SKEW ? head.limit : 0;
    }

    function mostAt(Ladder storage ladder, uint256 acceptedAt) internal view returns (uint256 most) {
        if (acceptedAt >= ladder.head.until) return 0;
        for (uint256 i = ladder.steps.length; i > 0; --i) {
            Step memory step = ladder.steps[i - 1];
            bool before = step.from <= acceptedAt;
            if ((before || step.from <= block.timestamp) && step.limit > most) most = step.limit;
            if (before) break;
        }
    }

    /// @dev More counts at once; a loss that is yet to come and that the new limit makes good does not come.
    function _give(Step[] storage steps, uint64 limit) private {
        uint256 last = steps.length - 1;
        while (last > 0 && steps[last].from > block.timestamp && limit >= steps[last - 1].limit) {
            steps.pop();
            --last;
        }
        steps[last].limit = limit;
    }

    function _take(Step[] storage steps, uint64 limit, uint40 ended) private {
        Step storage last = steps[steps.length - 1];
        uint40 from = ended <= block.timestamp ? ended : uint40((block.timestamp + 2 * LEAD - 1) / LEAD * LEAD);
        // Where nothing was accepted since the last step, for issuance had ended, there is nothing to honour.
        if (from <= last.from) last.limit = limit;
        else steps.push(Step(limit, from));
    }
}
