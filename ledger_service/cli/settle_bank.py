"""What `alliance settle` says of bank files: the order that was written, and what a statement came to."""

from __future__ import annotations

import argparse
import json
from datetime import date
from typing import Any

from ledger_service.bootstrap.agreeing import agreement
from ledger_service.bootstrap.banking import (
    Wish,
    marked_document,
    order_payouts,
    ordered_document,
    pay_by_statement,
)
from ledger_service.config import Settings
from ledger_service.settlement.bank.accounts import AccountsFile
from ledger_service.settlement.whole_files import write_new


def write_order(settings: Settings, options: argparse.Namespace) -> str:
    """The payment order is in its file; one that exists is never written over."""
    wish = Wish(options.execution, options.attempt, options.charset == "latin")
    book = AccountsFile(options.accounts)
    with agreement(settings) as room:
        document, lines = order_payouts(room, options.period, book, wish)
    ordered = ordered_document(lines)
    told = {"period": options.period, **ordered, "file": str(options.into)}
    # Bank accounts are nobody else's to read.
    if write_new(options.into, document, 0o600):
        told["before"] = True
    if options.json:
        return json.dumps(told)
    how = "is there already, byte by byte" if "before" in told else "is written"
    what = f"{len(ordered['payouts'])} payouts"
    what += f", {len(ordered['pools'])} lines with pools" if ordered["pools"] else ""
    what += f", {len(ordered['coupons'])} payments of coupons" if ordered["coupons"] else ""
    return f"{options.into} {how}: {what} of period {options.period}, for {options.execution}"


def read_statement(settings: Settings, options: argparse.Namespace) -> str:
    """What a bank's statement paid is marked; the rest is named with its reason."""
    book = AccountsFile(options.accounts)
    with options.statement.open("rb") as statement, agreement(settings) as room:
        marked = pay_by_statement(room, options.period, statement, book)
    told = marked_document(options.period, marked)
    return json.dumps(told) if options.json else _text(told)


def execution_date(text: str) -> date:
    """A day, as an argument."""
    try:
        return date.fromisoformat(text)
    except ValueError as failure:
        raise argparse.ArgumentTypeError("takes a day, as 2026-12-31") from failure


def attempt_number(text: str) -> int:
    """Which order of a period this is, as an argument."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:3]) <= 99):
        raise argparse.ArgumentTypeError("takes a whole number from 1 to 99")
    return int(text)


def _text(told: dict[str, Any]) -> str:
    lines = [
        f"CAME BACK: payout {case['payout']} is marked as paid, and booking {case['place']} returns it"
        f" ({case['told']}); the mark stays: settle it outside, or by a line of the next period"
        for case in told["cases"]
    ]
    lines += [
        f"CAME BACK: the line with the pool of programme {case['programme']} is marked as paid, and booking"
        f" {case['place']} returns it ({case['told']}); the mark stays"
        for case in told["pool_cases"]
    ]
    lines += [
        f"CAME BACK: payment {case['payment']} of coupons is marked as paid, and booking {case['place']}"
        f" returns it ({case['told']}); the mark stays"
        for case in told["coupon_cases"]
    ]
    lines += [f"payout {index}: paid" for index in told["paid_now"]]
    lines += [f"pool of programme {one}: paid" for one in told["pools_paid_now"]]
    lines += [f"pool of programme {one}: was marked before" for one in told["pools_paid_before"]]
    lines += [f"coupons' payment {one}: paid" for one in told["coupons_paid_now"]]
    lines += [f"coupons' payment {one}: was marked before" for one in told["coupons_paid_before"]]
    lines += [f"payout {index}: was marked before, nothing is done" for index in told["paid_before"]]
    lines += [
        f"booking {one['place']} {one['reference'][:35] or '-'}: {one['reason']}"
        + (f" ({one['told'][:80]})" if one["told"] else "")
        for one in told["unmatched"]
    ]
    hidden = sum(told["counts"].values()) - len(told["unmatched"])
    lines += [f"and {hidden:,} further bookings that pay nothing"] if hidden else []
    if not any(told[what] for what in ("paid_now", "pools_paid_now", "coupons_paid_now")):
        lines.append("nothing was marked")
    lines.append(f"evidence {told['evidence']}; {len(told['open'])} payouts are open"
                 + (f", {len(told['pools_open'])} lines with pools" if told["pools_open"] else "")
                 + (f", {len(told['coupons_open'])} payments of coupons" if told["coupons_open"] else ""))
    return "\n".join(lines)
