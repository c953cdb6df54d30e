"""Filters in the query string. Unknown ones are refused, not ignored."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from crypto_bot.adapters.web.bodies import Sent
from crypto_bot.domain.signal import Source
from crypto_bot.ports import LogPosition

_LAST_MS = 253_402_300_799_999  # the end of the year 9999


def parse_instant(text: str, zone: tzinfo = UTC) -> int:
    """UTC milliseconds of an ISO-8601 date or time (in `zone` where it names none) or a number."""
    try:
        if text.isascii() and text.isdigit():
            at_ms = int(text)
        else:
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=zone) if at.tzinfo is None else at
            at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError(_NO_INSTANT) from error
    if not 0 <= at_ms <= _LAST_MS:
        raise ValueError(_NO_INSTANT)
    return at_ms


_NO_INSTANT = "use a time such as 2025-12-01T00:15:00Z or UTC milliseconds, 1970 to 9999"


def parse_position(text: str) -> LogPosition:
    """The reverse of `position_text`."""
    open_ms, _, symbol = text.partition(":")
    if not (open_ms.isascii() and open_ms.isdigit() and symbol.isalnum() and len(text) <= 64):
        raise ValueError("use the next_cursor of an earlier answer")
    return LogPosition(min(int(open_ms), _LAST_MS), symbol)


def position_text(position: LogPosition) -> str:
    """A cursor: `1764547200000:BTCUSDT`."""
    return f"{position.candle_open_ms}:{position.symbol}"


class HorizonFilter(Sent):
    """Whose answers: those of the engine itself, or of the daily models of one horizon."""

    horizon: str | None = Field(
        default=None, max_length=8, description="Of the daily answers", examples=["7d"]
    )


class RecordFilters(HorizonFilter):
    """Filters of the live record."""

    symbol: str | None = Field(default=None, max_length=32, examples=["BTCUSDT"])
    source: Source | None = None
    since: Annotated[
        int | None,
        BeforeValidator(parse_instant),
        WithJsonSchema({"type": "string", "examples": ["2025-12-01T00:00:00Z"]}),
        Field(description="First candle open: ISO-8601 (UTC where it names no zone) or UTC ms"),
    ] = None


class LogFilters(RecordFilters):
    """Filters of prediction log lines."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(
        default=None,
        description="`next_cursor` of the page before",
        examples=["1764547200000:BTCUSDT"],
    )

    @field_validator("cursor")
    @classmethod
    def _readable(cls, cursor: str | None) -> str | None:
        if cursor is not None:
            parse_position(cursor)
        return cursor

    @property
    def before(self) -> LogPosition | None:
        """The line after which the page starts."""
        return None if self.cursor is None else parse_position(self.cursor)


class CandleFilters(Sent):
    """Filters of candles."""

    tf: str | None = Field(default=None, max_length=8, description="The engine's own by default")
    limit: int = Field(default=500, ge=1, le=5000)
