"""A flood of lines of one kind stops after some, and says how many there were."""

import logging

import pytest
import structlog

from crypto_bot.app.logging import Flood


def test_warnings_of_a_kind_are_limited_by_the_minute_and_counted() -> None:
    flood = Flood(most=3)

    def passed(name: str, level: str, minute: int) -> dict[str, object] | None:
        event = {"event": name, "timestamp": f"2026-11-27T10:{minute:02}:59Z"}
        try:
            return dict(flood.of_events(None, level, event))
        except structlog.DropEvent:
            return None

    first = [passed("login.refused", "warning", 0) for _ in range(10)]
    assert [each is not None for each in first] == [True] * 3 + [False] * 7
    assert passed("page.failed", "error", 0) is not None, "another kind"
    assert all(passed("signal.emitted", "info", 0) for _ in range(10)), "news"
    after = passed("login.refused", "warning", 1)
    assert after is not None
    assert after["not_logged"] == 7
    assert "not_logged" not in (passed("login.refused", "warning", 1) or {})


@pytest.mark.parametrize("name", ["asyncio", "uvicorn.error"])
def test_libraries_are_limited_too(name: str) -> None:
    flood = Flood(most=2)
    record = logging.LogRecord(name, logging.ERROR, "", 0, "accept failed", None, None)
    assert [flood.of_libraries(record) for _ in range(5)] == [True] * 2 + [False] * 3
