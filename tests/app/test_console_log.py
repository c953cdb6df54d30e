"""The log on a terminal and on a pipe: the same events, as sentences and as JSON."""

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO
from threading import Thread
from typing import Any

import pytest
import structlog

from crypto_bot.app.logging import SignalLog, configure
from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import StoredSignal
from tests.domain.paper_accounts import signal


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


CYCLE = {
    "candle": "2025-12-01T00:00:00.000Z",
    "tf": "15m",
    "signals": 32,
    "bars": 1,
    "longs": 2,
    "shorts": 1,
    "outcomes": 5,
    "right": 3,
    "cycle_ms": 412.0,
    "owed": 0,
}
REFUSED = {"n": 32, "symbols": [f"C{at}USDT" for at in range(32)], "reason": "the pool is stale"}


@pytest.mark.parametrize(
    ("level", "event", "fields", "expected"),
    [
        (
            *("info", "cycle.finished", CYCLE),
            "2025-12-01 00:00 15m: 32 signals, 2 LONG, 1 SHORT; 5 outcomes, 3 right; 0.4 s",
        ),
        (
            *("warning", "model.refused", REFUSED),
            "WARNING: models of 32 coins decline, the rules answer: the pool is stale",
        ),
        (
            *("info", "engine.loading"),
            {"histories": 14, "coins": 32, "candles": 40, "of_candles": 96},
            "loading: history 14 of 32, record 40 of 96",
        ),
        ("info", "clock.corrected", {"offset_ms": 12}, "clock corrected: offset_ms 12"),
        ("error", "a message of a library", {}, "ERROR: a message of a library"),
    ],
)
def test_an_event_is_a_sentence_on_a_terminal_and_json_on_a_pipe(
    capsys: pytest.CaptureFixture[str],
    level: str,
    event: str,
    fields: dict[str, Any],
    expected: str,
) -> None:
    configure("info", "console")
    getattr(structlog.get_logger(), level)(event, **fields)
    assert capsys.readouterr().out[9:] == f"{expected}\n"
    configure("info", "json")
    getattr(structlog.get_logger(), level)(event, **fields)
    written = json.loads(capsys.readouterr().out)
    assert (written["event"], written["level"]) == (event, level)
    assert written.items() >= fields.items()


def test_an_error_is_written_in_whole_and_short(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        raise MarketDataError("no usable reply: " + "x" * 300)

    try:
        deep(9)
    except MarketDataError:
        structlog.get_logger().exception("cycle.failed", until="2025-12-01")
    first, *places = capsys.readouterr().out.splitlines()
    assert first.endswith("MarketDataError: no usable reply: " + "x" * 300)
    assert len(places) == 3


@pytest.mark.parametrize(("level", "calls"), [("info", ["LONG"]), ("debug", ["LONG", "NO_TRADE"])])
def test_no_trade_is_written_at_debug_alone(
    capsys: pytest.CaptureFixture[str], level: str, calls: list[str]
) -> None:
    configure(level, "json")
    long = signal(pred=Pred.LONG)._replace(reasons=("RSI 22", "more"))
    made = [long, signal("ETHUSDT", pred=Pred.NO_TRADE)]
    late = StoredSignal(signal("SOLUSDT"), 0, late=True)
    SignalLog().committed([*(StoredSignal(each, 0, late=False) for each in made), late], [])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["pred"] for line in lines] == calls
    assert lines[0]["reason"] == "RSI 22"


def test_a_line_of_a_library_is_not_written_into_one_of_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = Thread(target=logging.getLogger("a.library").warning, args=("slow",))

    class Stream(StringIO):
        """In the midst of the first line the library logs, in another thread."""

        def write(self, text: str) -> int:
            written = super().write(text)
            if library.ident is None:
                library.start()
                library.join(0.5)
            return written

    monkeypatch.setattr(sys, "stdout", stream := Stream())
    configure("info", "json")
    structlog.get_logger("engine").info("machine.busy")
    library.join()
    lines = stream.getvalue().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["machine.busy", "slow"]
