"""The log as a person reads it on a terminal: a time and a sentence for each event."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import structlog

from crypto_bot.engine.health import Loading
from crypto_bot.reports.notices import price_text

_FRAMES = 3
"""Of a traceback: the newest, which name the place."""
_MOST_COINS = 6
_MARKED = frozenset({"warning", "error", "critical"})


def sentence(_: object, __: str, event: structlog.typing.EventDict) -> str:
    """The line of an event, such as `09:15:01 BTCUSDT LONG at 91234.5, …`.

    The last processor of the console: it gets the same events as the JSON of a pipe. Those without
    a sentence of their own are written as name and fields.
    """
    fields = dict(event)
    time, level = str(fields.pop("timestamp"))[11:19], str(fields.pop("level"))
    name, failure = str(fields.pop("event")), fields.pop("exc_info", None)
    dropped, form = fields.pop("not_logged", 0), _SENTENCES.get(name)
    text = _plain(name, fields) if form is None else form(fields)
    text += f" ({dropped} more were not logged)" if dropped else ""
    mark = f"{level.upper()}: " if level in _MARKED else ""
    return f"{time} {mark}{text}{_failure(failure)}"


def _plain(name: str, fields: dict[str, Any]) -> str:
    words = name if " " in name else name.replace(".", " ").replace("_", " ")
    listed = ", ".join(f"{key} {value}" for key, value in fields.items() if value is not None)
    return f"{words}: {listed}" if listed else words


def _failure(failure: object) -> str:
    """The error in whole, and where it was raised: the newest places, the last one last."""
    if failure is True:
        failure = sys.exc_info()
    error = failure[1] if isinstance(failure, tuple) else failure
    if not isinstance(error, BaseException):
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = "".join(f"\n    {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    return f": {type(error).__name__}: {error}{places}"


def _started(fields: dict[str, Any]) -> str:
    return f"the engine has started, candles of {fields['tf']}: page and API at {fields['url']}"


def _loading(fields: dict[str, Any]) -> str:
    return f"loading: {Loading(**fields).words}"


def _cycle(fields: dict[str, Any]) -> str:
    calls = f"{fields['longs']} LONG, {fields['shorts']} SHORT"
    bars = "" if fields["bars"] == 1 else f" over {fields['bars']} candles"
    text = f"{str(fields['candle'])[:16].replace('T', ' ')} {fields['tf']}: "
    text += f"{fields['signals']} signals{bars}, {calls}"
    if fields["outcomes"]:
        text += f"; {fields['outcomes']} outcomes, {fields['right']} right"
    text += f"; {fields['cycle_ms'] / 1000:.1f} s"
    return f"{text}; {fields['owed']} coins are behind" if fields["owed"] else text


def _signal(fields: dict[str, Any]) -> str:
    text = f"{fields['symbol']} {fields['pred']} at {price_text(fields['entry'])}"
    if fields["stop_loss"] is not None:
        stop, target = price_text(fields["stop_loss"]), price_text(fields["target"])
        text += f", stop {stop}, target {target}"
    return f"{text}, p {fields['confidence']:.2f}, {fields['source']}: {fields['reason']}"


def _loaded(fields: dict[str, Any]) -> str:
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in fields["verdicts"].items())
    return f"models of {_coins(fields)} answer: {verdicts}"


def _refused(fields: dict[str, Any]) -> str:
    return f"models of {_coins(fields)} decline, the rules answer: {fields['reason']}"


def _coins(fields: dict[str, Any]) -> str:
    symbols, count = fields["symbols"], int(fields["n"])
    return f"{count} coins" if count > _MOST_COINS else ", ".join(symbols)


def _fill(fields: dict[str, Any]) -> str:
    side = f"{fields['side']} " if fields["side"] else ""
    why = f": {fields['reason']}" if fields["reason"] else ""
    what = f"{side}{fields['symbol']}, {fields['amount']} at {fields['price']}"
    return f"{fields['account']}: {what}{why}"


def _trades_refused(fields: dict[str, Any]) -> str:
    rule = str(fields["rule"]).replace("_", " ")
    count = "1 signal" if fields["n"] == 1 else f"{fields['n']} signals"
    return f"paper, {fields['account']}: {count} refused by {rule}"


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "engine.started": _started,
    "engine.loading": _loading,
    "cycle.finished": _cycle,
    "signal.emitted": _signal,
    "model.loaded": _loaded,
    "model.refused": _refused,
    "paper.opened": lambda fields: f"paper, opened in {_fill(fields)}",
    "paper.closed": lambda fields: f"paper, closed in {_fill(fields)}",
    "paper.refused": _trades_refused,
}
