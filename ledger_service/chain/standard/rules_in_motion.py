"""Rules that a script of batches shows, run as the ClearingHouse in force and thrown away."""

from __future__ import annotations

from ledger_service.chain.standard.simulated import Log, Seen, Step
from ledger_service.chain.standard.subject import (
    ANN,
    BOB,
    NOBODY,
    POINTS,
    STRANGER,
    NotApplicable,
    Subject,
    expired,
    move,
    must_be,
    must_fail,
    must_succeed,
    transfer,
    value_of,
)

BATCHES = ("issueBatch", "restoreBatch", "redeemBatch", "clawBackBatch", "expireBatch", "giftBatch")
_COUNTERS = ("issued", "restored", "redeemed", "clawedBack", "expired")
_ORDER = tuple(
    part["name"]
    for entry in POINTS.abi
    if entry.get("name") == "counters"
    for part in entry["outputs"][0]["components"]
)
_MANY = 200
# For each move in a batch of 200 new holders; the real token uses 24,800 and 6,322.
MOST_GAS = {"issueBatch": 32_000, "redeemBatch": 10_000}


def only_the_house(on: Subject) -> None:
    """No batch function moves anything for another caller."""
    issuer = on.of_registry("programme", on.programme)[1]
    for sender in (STRANGER, on.registry, on.token, issuer.to_bytes(20, "big")):
        moves = [move(ANN, max(1, on.current), 1), int.from_bytes(BOB, "big")]
        for function, seen in zip(
            BATCHES, on.run(*(on.moves(f, moves, sender) for f in BATCHES)), strict=True
        ):
            must_fail(
                f"{function} by 0x{sender.hex()}", seen, "AlliancePointsUnauthorized", ["address"], sender
            )


def _script(on: Subject, *steps: Step) -> list[Seen]:
    """Ann has 100 points of the current epoch; then the steps."""
    return on.run(on.moves("issueBatch", [move(ANN, on.needs_open_epoch(), 100)]), *steps)[1:]


def _moved(on: Subject, function: str, words: list[int], wanted: tuple[tuple[Log, ...], int, int]) -> None:
    """A batch emits exactly these events and leaves Ann and Bob with this."""
    logs, ann, bob = wanted
    epoch = on.needs_open_epoch()
    raw = [on.step("balanceAtEpochRaw", who, epoch) for who in (ANN, BOB)]
    seen = _script(on, on.moves(function, words), *raw)
    must_succeed(function, seen[0])
    must_be(f"events of {function}", seen[0].logs, logs)
    for who, balance, answer in (("giver", ann, seen[1]), ("other account", bob, seen[2])):
        must_be(f"the {who}'s balance after {function}", value_of("balanceAtEpochRaw", answer), balance)


def issues(on: Subject) -> None:
    """Issues credit accounts, each with a Transfer from zero."""
    epoch = on.needs_open_epoch()
    words = [move(ANN, epoch, 7), move(BOB, epoch, 5, 1)]
    logs = (transfer(on.token, NOBODY, ANN, 7), transfer(on.token, NOBODY, BOB, 5))
    _moved(on, "issueBatch", words, (logs, 107, 5))


def restores(on: Subject) -> None:
    """Restores credit as issues do."""
    logs = (transfer(on.token, NOBODY, ANN, 7),)
    _moved(on, "restoreBatch", [move(ANN, on.needs_open_epoch(), 7)], (logs, 107, 0))


def redeems(on: Subject) -> None:
    """Legs of one redemption are one Transfer of their sum."""
    epoch = on.needs_open_epoch()
    words = [move(ANN, epoch, 7), move(ANN, epoch, 5), move(ANN, epoch, 3, 1)]
    logs = (transfer(on.token, ANN, NOBODY, 12), transfer(on.token, ANN, NOBODY, 3))
    _moved(on, "redeemBatch", words, (logs, 85, 0))


def claws_back(on: Subject) -> None:
    """Clawbacks debit, with a Transfer to zero."""
    logs = (transfer(on.token, ANN, NOBODY, 7),)
    _moved(on, "clawBackBatch", [move(ANN, on.needs_open_epoch(), 7)], (logs, 93, 0))


def expires(on: Subject) -> None:
    """Expiries debit, with PointsExpired and a Transfer to zero."""
    epoch = on.needs_open_epoch()
    logs = (expired(on.token, ANN, epoch, 7), transfer(on.token, ANN, NOBODY, 7))
    _moved(on, "expireBatch", [move(ANN, epoch, 7)], (logs, 93, 0))


def gifts(on: Subject) -> None:
    """Gifts move within the epoch, with one Transfer."""
    words = [move(ANN, on.needs_open_epoch(), 7), int.from_bytes(BOB, "big")]
    _moved(on, "giftBatch", words, ((transfer(on.token, ANN, BOB, 7),), 93, 7))


def never_below_zero(on: Subject) -> None:
    """A debit that is not covered is refused by name, whole."""
    epoch = on.needs_open_epoch()
    kinds = ["uint32", "address", "uint256", "uint256", "uint256"]
    for function in ("redeemBatch", "clawBackBatch", "expireBatch", "giftBatch"):
        words = [move(ANN, epoch, 101, 3)] + [int.from_bytes(BOB, "big")] * (function == "giftBatch")
        refused, left = _script(on, on.moves(function, words), on.step("balanceAtEpochRaw", ANN, epoch))
        error = "AlliancePointsInsufficientBalance"
        must_fail(f"{function} of too much", refused, error, kinds, 3, ANN, epoch, 100, 101)
        must_be("the balance after it", value_of("balanceAtEpochRaw", left), 100)


def counted(on: Subject) -> None:
    """Each move is counted once, for its epoch and in all; the sums stand on accounts (INV-4)."""
    epoch = on.needs_open_epoch()
    told = [on.step("counters", e) for e in (0, epoch)]
    sums = [on.step("outstanding", 0), on.step("outstanding", epoch), on.step("totalSupply")]
    amounts = (100, 7, 20, 3, 2)
    order = ("restoreBatch", "redeemBatch", "clawBackBatch", "expireBatch")
    script = [on.moves(f, [move(ANN, epoch, a)]) for f, a in zip(order, amounts[1:], strict=True)]
    script.append(on.moves("giftBatch", [move(ANN, epoch, 10), int.from_bytes(BOB, "big")]))
    before, after = on.run(*told, *sums), _script(on, *script, *told, *sums)
    for step in after[: len(script)]:
        must_succeed("a batch", step)
    after = after[len(script) :]
    for place, where in ((0, "in all"), (1, f"of epoch {epoch}")):
        was, now = _counters(before[place]), _counters(after[place])
        for name, amount in zip(_COUNTERS, amounts, strict=True):
            must_be(f"{name} {where} rose by", now[name] - was[name], amount)
        must_be(f"outstanding {where}", value_of("outstanding", after[2 + place]), _sum(now))
    must_be("totalSupply", value_of("totalSupply", after[4]), _sum(_counters(after[0])))


def _counters(seen: Seen) -> dict[str, int]:
    return dict(zip(_ORDER, value_of("counters", seen), strict=True))


def _sum(told: dict[str, int]) -> int:
    return told["issued"] + told["restored"] - told["redeemed"] - told["clawedBack"] - told["expired"]


def ends_in_time(on: Subject) -> None:
    """Points count until their epoch's end, never less long, and not from it on (INV-11)."""
    epoch = on.needs_open_epoch()
    if on.end >= 2**40 - 1:
        raise NotApplicable("points of this programme never expire")
    views = (
        ("balanceOfAtEpoch", (epoch, ANN)), ("balanceOf", (ANN,)), ("isEpochExpired", (epoch,)),
        ("balanceAtEpochRaw", (ANN, epoch)),
    )  # fmt: skip
    early = [on.step(name, *given, at=on.end - 1) for name, given in views] if on.end - 1 > on.now else []
    late = [on.step(name, *given, at=on.end) for name, given in views]
    seen = [
        value_of(name, answer)
        for (name, _), answer in zip(views * 2, _script(on, *early, *late), strict=False)
    ]
    if early:
        must_be("the second before the end", seen[:4], [100, 100, False, 100])
    must_be("at the end", seen[-4:], [0, 0, True, 100])


def cheap_batches(on: Subject) -> None:
    """A batch of 200 stays within the standard's gas for each move."""
    epoch = on.needs_open_epoch()
    accounts = [(n + 1 << 64).to_bytes(20, "big") for n in range(_MANY)]
    words = [move(account, epoch, 1, n) for n, account in enumerate(accounts)]
    for function, seen in zip(MOST_GAS, on.run(*(on.moves(f, words) for f in MOST_GAS)), strict=True):
        must_succeed(f"{function} of {_MANY} moves", seen)
        each, most = seen.gas // _MANY, MOST_GAS[function]
        must_be(f"{function}: {each:,} gas for each move is at most {most:,}", each <= most, True)


def views_of_state_alone(on: Subject) -> None:
    """Views depend on state and time, not on caller or block: a reorganisation alone changes none."""
    epoch = max(1, on.current)
    views = (
        ("totalSupply", ()), ("liveSupply", ()), ("issuedTotal", ()), ("outstanding", (0,)),
        ("outstanding", (epoch,)), ("counters", (0,)), ("balanceOf", (BOB,)), ("currentEpoch", ()),
    )  # fmt: skip
    second = on.now + 1 if on.now + 1 != on.end else on.now
    asks = [
        on.step(n, *g, sender=s, at=t) for t in (on.now, second) for s in (STRANGER, BOB) for n, g in views
    ]
    seen = [s.output for s in on.run(*asks)]
    for place, (name, _) in enumerate(views):
        must_be(f"answers of {name}", len(set(seen[place :: len(views)])), 1)
