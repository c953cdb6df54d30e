"""Each fault does what its name says, at its own rate, and leaves the market alone."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest

from simulated_exchange.faults import Delivery, FaultKind, Faults, Wire, encoded
from simulated_exchange.rest import Reply

ROWS: list[Any] = [
    [at * 900_000, "1.0", "1.2", "0.9", "1.1", "5.0", at * 900_000 + 899_999] for at in range(6)
]
KLINES = Reply(200, list(ROWS))
TIME = Reply(200, {"serverTime": 5})


def spoilt(kind: FaultKind, reply: Reply = KLINES, seed: int = 1) -> Wire:
    faults = Faults(seed, 0.0)
    faults.set_rate(1.0, [kind])
    wire = faults.spoil(reply, now_ms=1_000)
    assert faults.injected == {kind: 1}
    assert reply in (KLINES, TIME)
    assert KLINES.body == ROWS
    return wire


def rows_of(kind: FaultKind) -> list[Any]:
    wire = spoilt(kind)
    assert (wire.status, wire.delivery) == (200, Delivery.WHOLE)
    rows: list[Any] = json.loads(wire.body)
    return rows


def test_limits_say_how_long_to_wait() -> None:
    limited = spoilt(FaultKind.RATE_LIMITED)
    assert limited.status == 429
    assert limited.retry_after_s in range(5, 31)
    banned = spoilt(FaultKind.BANNED)
    assert banned.status == 418
    assert banned.retry_after_s in range(60, 121)
    assert banned.retry_after_s is not None
    until_ms = 1_000 + 1000 * banned.retry_after_s
    assert f"IP banned until {until_ms}." in json.loads(banned.body)["msg"]


def test_replies_that_are_no_json() -> None:
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(spoilt(FaultKind.TRUNCATED).body)
    for kind, status in ((FaultKind.HTML, 200), (FaultKind.HTML_503, 503)):
        wire = spoilt(kind)
        assert (wire.status, wire.media_type) == (status, "text/html")
        assert wire.body.startswith(b"<!DOCTYPE html>")
    assert spoilt(FaultKind.SERVER_ERROR).status == 500
    assert spoilt(FaultKind.TIMEOUT) == encoded(KLINES)._replace(delivery=Delivery.HELD)


def test_an_empty_reply_has_no_body_or_no_candles() -> None:
    bodies = {spoilt(FaultKind.EMPTY, seed=seed).body for seed in range(20)}
    assert bodies == {b"", b"[]"}
    assert {spoilt(FaultKind.EMPTY, TIME, seed).body for seed in range(20)} == {b""}


def test_candles_that_are_twice_swapped_gone_or_not_numbers() -> None:
    duplicated = rows_of(FaultKind.DUPLICATED)
    assert len(duplicated) == len(ROWS) + 1
    assert sorted(duplicated) == duplicated
    disordered = rows_of(FaultKind.DISORDERED)
    assert disordered != ROWS
    assert sorted(disordered) == ROWS
    missing = rows_of(FaultKind.MISSING)
    assert len(missing) == len(ROWS) - 1
    assert [row for row in ROWS if row in missing] == missing
    nan = rows_of(FaultKind.NAN)
    cells = zip(chain(*nan), chain(*ROWS), strict=True)
    assert [cell for cell, good in cells if cell != good] == ["NaN"]


@pytest.mark.parametrize("kind", ["duplicated", "disordered", "missing", "nan"])
def test_there_is_nothing_to_spoil_in_a_reply_without_candles(kind: str) -> None:
    faults = Faults(1, 0.0)
    faults.set_rate(1.0, [FaultKind(kind)])
    for reply in (TIME, Reply(200, []), Reply(400, {"code": -1121, "msg": "Invalid symbol."})):
        assert faults.spoil(reply, 0) == encoded(reply)
    assert not faults.injected


def test_each_kind_strikes_at_its_own_rate() -> None:
    faults = Faults(5, 0.05)
    faults.set_rate(0.2, [FaultKind.NAN])
    faults.set_rate(0.0, [kind for kind in FaultKind if kind not in ("nan", "missing", "timeout")])
    for _ in range(4000):
        faults.spoil(KLINES, 0)
    assert faults.injected.keys() == {"nan", "missing", "timeout"}
    assert faults.injected["timeout"] == pytest.approx(200, rel=0.25)
    assert faults.injected["missing"] == pytest.approx(190, rel=0.25)  # 0.05 of what was sent
    assert faults.injected["nan"] == pytest.approx(760, rel=0.15)


def test_the_same_seed_draws_the_same_faults() -> None:
    one, same, other = (Faults(seed, 0.1) for seed in (1, 1, 2))
    drawn = [[faults.spoil(KLINES, 0) for _ in range(50)] for faults in (one, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_an_outage_ends_at_its_time() -> None:
    faults = Faults(1, 0.0)
    assert faults.outage(0) is None
    faults.begin_outage(1000)
    during = [faults.outage(999) for _ in range(20)]
    assert {wire.delivery for wire in during if wire} == {Delivery.WHOLE, Delivery.DROPPED}
    assert {wire.status for wire in during if wire} == {503}
    assert faults.outage(1000) is None
    assert faults.injected == {"outage": 20}
