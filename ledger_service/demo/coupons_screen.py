"""What a run says of the real coupons: every redemption is accepted, or refused with a reason."""

from __future__ import annotations

from collections import Counter

from ledger_service.demo.screen import Screen, dollars

_REFUSED = "coupon refused: "


def show_coupons(screen: Screen, counts: Counter[str]) -> bool:
    """The table, and whether all that was shown is accounted for."""
    refused = {name: count for name, count in sorted(counts.items()) if name.startswith(_REFUSED)}
    rows = [("campaigns", f"{counts['campaigns']:,}"), ("coupons issued", f"{counts['coupons issued']:,}"),
            ("redemptions shown", f"{counts['coupons shown']:,}"),
            ("accepted", f"{counts['coupons accepted']:,}")]  # fmt: skip
    rows += [(f"not used: {name.removeprefix(_REFUSED)}", f"{count:,}") for name, count in refused.items()]
    rows.append(("taken off", dollars(counts["cents off by coupons"])))
    screen.table("Real coupons", ["", "so far"], rows)
    whole = counts["coupons accepted"] + sum(refused.values()) == counts["coupons shown"]
    screen.say("  every redemption is accounted for" if whole else "  redemptions are NOT all accounted for")
    return whole
