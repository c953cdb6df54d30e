"""Inputs over HTTP: what is stored, when it is known, and one line for what goes wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.series.cache import PUBLISHED_MS
from crypto_bot.adapters.series.inputs import RETRY_MS, Inputs, Source, Waiting
from crypto_bot.adapters.series.registered import FETCHED, INPUTS
from crypto_bot.domain.instant import DAY_MS
from tests.adapters.series.providers import (
    DAY_S,
    FIRST_S,
    KEY,
    Providers,
    Reply,
    as_json,
    cryptocompare_error,
    served,
)

DAILY_INPUTS = ("cryptocompare", "glassnode", "lunarcrush")
DAILY = tuple(name for each in DAILY_INPUTS for name in INPUTS.get(each).series)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
ALL = (0, 4 * 10**12)
FIRST_MS, LAST = FIRST_S * 1000, 39  # day 40 has not ended


class Hour:
    """A clock that shows the providers' time; waits are kept, and only counted."""

    def __init__(self, providers: Providers) -> None:
        self.providers = providers
        self.waited: list[float] = []

    def now_ms(self) -> int:
        return self.providers.now_s * 1000

    def seconds(self) -> float:
        return time.monotonic() + sum(self.waited)

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return False


class World:
    """The server, a clock and the inputs that read it."""

    def __init__(self, folder: Path, providers: Providers) -> None:
        self.folder = folder
        self.providers = providers
        self.clock = Hour(providers)
        self.lines: list[Any] = []
        self.open()

    def open(self, key: str = KEY, timeout_s: float = 5.0, **of: str) -> None:
        """Inputs as after a start of the program; `of`: keys of single providers."""
        named = [(name, INPUTS.get(name)) for name in INPUTS.names()]
        sources = [Source(each, self.providers.url, of.get(name, key)) for name, each in named]
        waiting = Waiting(timeout_s, self.clock, self.clock.wait)
        self.inputs = Inputs(self.folder, sources, waiting)

    def refresh(self, *wanted: str, symbols: tuple[str, ...] = SYMBOLS) -> list[Any]:
        """The lines that a round writes."""
        with capture_logs() as lines:
            self.inputs.refresh(symbols, wanted or DAILY)
        return lines

    def read(self, name: str, symbol: str = "BTCUSDT") -> list[tuple[float, float]]:
        """Days since the first, with hours, at which values were known; and the values."""
        found = FETCHED.get(name)(self.folder).read(symbol, *ALL)
        return [((at - FIRST_MS) / DAY_MS, value) for at, value in found]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with served() as providers:
        yield World(tmp_path / "inputs", providers)


def test_what_providers_send_is_stored_and_known_after_its_day(world: World) -> None:
    assert [line["event"] for line in world.refresh()] == ["input.fetched"] * 3
    known = 1 + PUBLISHED_MS / DAY_MS
    for name in DAILY:
        found = world.read(name)
        days = [day for day in range(LAST + 1) if day != 3 or "sentiment" not in name]
        assert [at for at, _ in found[:-1]] == pytest.approx([day + known for day in days[:-1]])
        # It was due three hours ago, and waited for: known since it is there.
        assert found[-1][0] == pytest.approx(LAST + 1 + 5 / 24)
        assert found == world.read(name, "ETHUSDT")
    first = {name: world.read(name)[0][1] for name in DAILY}
    assert first == {
        "market_cap": 40_000.0 * 19e6,
        "exchange_net_flow": -250.5,
        "sopr": 1.01,
        "active_addresses": 800_000.0,
        "social_score": 60.0,
        "social_volume": 1000.0,
        "sentiment_pos": 80.0,
        "sentiment_neg": 20.0,
    }
    sent = json.dumps([(path, query) for path, query, _ in world.providers.asked])
    assert KEY not in sent
    assert {name for each in INPUTS.names() for name in INPUTS.get(each).series} == set(
        FETCHED.names()
    )


def test_a_day_is_fetched_once(world: World) -> None:
    world.refresh()
    before = {name: world.read(name) for name in DAILY}
    world.providers.asked.clear()
    world.open()
    assert world.refresh() == []
    assert world.providers.asked == []

    world.providers.now_s += DAY_S
    assert [line["event"] for line in world.refresh()] == ["input.fetched"] * 3
    spans = {int(query["s"]) for _, query, _ in world.providers.asked if "s" in query}
    assert spans == {FIRST_S + 40 * DAY_S}
    for name in DAILY:
        assert world.read(name)[:-1] == before[name], name
        assert world.read(name)[-1][0] == pytest.approx(41 + 5 / 24)


def test_a_day_that_is_late_is_asked_for_about_once_an_hour(world: World) -> None:
    world.refresh("sopr")
    world.providers.now_s += DAY_S
    world.providers.answer = lambda _: as_json([])
    world.providers.asked.clear()
    for _ in range(3):
        assert world.refresh("sopr") == []
        world.providers.now_s += RETRY_MS // 2000
    assert len(world.providers.asked) == 2 * 2
    world.providers.answer = lambda _: None
    world.providers.now_s += RETRY_MS // 1000
    world.refresh("sopr")
    assert world.read("sopr")[-1][0] == (world.clock.now_ms() - FIRST_MS) / DAY_MS


HTML = {"content-type": "text/html"}
LIMITED = "You are over your rate limit please upgrade your account!"
WRONG: dict[str, tuple[Reply, str, str]] = {
    "error page": ((502, HTML, b"<html>\nBad Gateway"), "no reply", "answers 502: <html> Bad G"),
    "HTML": ((200, HTML, b"<html>\nplease log in"), "a reply that cannot be read", "without JSON"),
    "empty": ((200, {}, b""), "a reply that cannot be read", "an empty reply"),
    "moved": (
        (302, {"location": "http://127.0.0.1:9/"}, b""),
        "a reply that cannot",
        "answers 302",
    ),
    "other JSON": (as_json({"data": 5}), "a reply that cannot be read", "rows"),
    "a list of numbers": (as_json([1, 2]), "a reply that cannot be read", "rows"),
    "no right": (as_json({"error": f"{KEY} may not"}, 403), "not in the plan", "… may not"),
    "unauthorized": (as_json({"error": f"bad {KEY}"}, 401), "the key is refused", "bad …"),
    "too often": (as_json({}, 429, retry_after="7"), "too many requests", "answers 429"),
    "banned": (as_json({}, 429, retry_after="86400"), "too many requests", "pause of 86400 s"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_goes_wrong_is_one_line_for_each_input(world: World, wrong: str) -> None:
    reply, state, reason = WRONG[wrong]
    world.providers.answer = lambda _: reply
    lines = world.refresh()
    assert [line["input"] for line in lines] == list(DAILY_INPUTS)
    for line in lines:
        assert line["event"] == "input.masked"
        assert line["state"].startswith(state)
        assert reason in line["reason"]
        assert "\n" not in line["reason"]
    assert KEY not in str(lines)
    assert len(world.providers.asked) <= 3 * 3
    world.providers.now_s += RETRY_MS // 1000
    assert world.refresh() == [], "the same state is not logged again"
    assert all(world.read(name) == [] for name in DAILY)

    world.providers.answer = lambda _: None
    world.clock.waited.clear()
    world.providers.now_s += 2 * DAY_S
    assert [line["event"] for line in world.refresh()] == ["input.fetched"] * 3
    assert all(world.read(name) for name in DAILY)


@pytest.mark.parametrize("key", ["", "a-wrong-key", "schlüssel", "two\nlines"])
def test_no_key_and_a_wrong_key_are_one_line_each(world: World, key: str) -> None:
    world.open(key)
    lines = world.refresh()
    assert [line["state"] for line in lines] == ["the key is refused" if key else "no key"] * 3
    named = [INPUTS.get(name).variable for name in DAILY_INPUTS]
    if not key:
        assert [line["reason"].split()[-1] for line in lines] == named
        assert world.providers.asked == []
    else:
        assert key not in str(lines)
    assert world.refresh() == []


@pytest.mark.parametrize("body", [[b"", b""], [b" "] * 40], ids=["silence", "drops"])
def test_a_server_that_hangs_is_left_in_time(world: World, body: list[bytes]) -> None:
    world.providers.answer = lambda _: (200, {"content-length": "40"}, body)
    world.open(timeout_s=0.2)
    lines = world.refresh()
    assert [line["state"] for line in lines] == ["no reply"] * 3
    assert all(line["reason"] == "127.0.0.1 gave no reply within 0.2 s" for line in lines)
    assert len(world.providers.asked) == 3, "the other coins are not asked for"


def test_nobody_listens(world: World) -> None:
    world.providers.url = "http://127.0.0.1:9"
    world.open()
    lines = world.refresh()
    assert [line["state"] for line in lines] == ["no reply"] * 3
    assert all("127.0.0.1 is not reached" in line["reason"] for line in lines)


class Once:
    """Answers with `reply`, and then as it is documented."""

    def __init__(self, reply: Reply) -> None:
        self.left = [reply]

    def __call__(self, path: str) -> Reply | None:
        return self.left.pop() if self.left else None


def test_pauses_are_kept(world: World) -> None:
    """As the reply demands: in the usual header, in Glassnode's own, in CryptoCompare's words."""
    for name, reply, wait_s in (
        ("sopr", as_json({"message": "too many"}, 429, x_rate_limit_reset="23"), 23.0),
        ("social_score", as_json({"error": "slow down"}, 429, retry_after="11"), 11.0),
        ("market_cap", as_json(cryptocompare_error(LIMITED, 99)), 60.0),
    ):
        world.providers.answer = Once(reply)
        world.clock.waited.clear()
        assert [line["event"] for line in world.refresh(name)] == ["input.fetched"]
        assert max(world.clock.waited) == pytest.approx(wait_s, abs=1.0)
    assert world.read("sopr")
    assert world.read("social_score")
    assert world.read("market_cap")


def _rows(name: str, rows: list[tuple[Any, Any]]) -> Any:
    if name == "sopr":
        return [{"t": at, "v": value} for at, value in rows]
    if name == "social_score":
        return {"data": [{"time": at, "galaxy_score": value} for at, value in rows]}
    data = [{"time": at, "current_supply": 1.0, "close": value} for at, value in rows]
    return {"Response": "Success", "Data": {"Data": data}}


@pytest.mark.parametrize("name", ["sopr", "social_score", "market_cap"])
@pytest.mark.parametrize(
    ("at_day", "value", "reason"),
    [
        (7, -5.0, "-5 is not from"),
        (7, float("nan"), "nan is no number"),
        (7, float("inf"), "inf is no number"),
        (7, 10**400, "is no number"),
        (7, "many", "is no number"),
        (7, [1], "is no number"),
        (90, 7.0, "lies in the future"),
        (4000.5, 7.0, "is not the beginning of a day"),
        (6, 7.0, "is given twice"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_the_rest_kept(
    world: World, name: str, at_day: float, value: Any, reason: str
) -> None:
    rows = [(FIRST_S + day * DAY_S, 2.0) for day in range(5, 10) if day != 7]
    rows.append((int(FIRST_S + at_day * DAY_S), value))
    lie = as_json(_rows(name, sorted(rows)))
    world.providers.answer = lambda _: lie
    (line,) = world.refresh(name, symbols=SYMBOLS[:1])
    assert (line["event"], line["state"]) == ("input.masked", "values that cannot be")
    assert line["reason"].startswith(f"BTCUSDT: {name}: ")
    assert reason in line["reason"]
    kept = [day for day in (5, 6, 8, 9) if not (reason == "is given twice" and day == 6)]
    assert [int(at) - 1 for at, _ in world.read(name)] == kept


def test_coins_that_a_provider_lacks_are_named_once(world: World) -> None:
    lines = world.refresh(symbols=("BTCUSDT", "XYZUSDT", "odd"))
    assert [line["event"] for line in lines] == ["input.fetched"] * 3
    assert all("XYZUSDT" in line["absent"] for line in lines)
    assert all(world.read(name) and not world.read(name, "XYZUSDT") for name in DAILY)
    world.providers.asked.clear()
    world.providers.now_s += 3 * 3_600
    assert world.refresh(symbols=("BTCUSDT", "XYZUSDT", "odd")) == []
    assert world.providers.asked == [], "once a day is enough for them"
    world.open()
    lines = world.refresh(symbols=("XYZUSDT",))
    assert [line["state"] for line in lines] == ["a coin that it does not have"] * 3


def test_a_metric_beyond_the_plan_leaves_the_others(world: World) -> None:
    def answer(path: str) -> Reply | None:
        return as_json({"message": "not in your plan"}, 403) if "exchanges_net" in path else None

    world.providers.answer = answer
    (line,) = world.refresh("exchange_net_flow", "sopr", "active_addresses")
    assert line["state"] == "not in the plan of the key"
    assert line["reason"].startswith("exchange_net_flow: 127.0.0.1 answers 403")
    assert world.read("sopr", "ETHUSDT")
    assert world.providers.paths().count("/v1/metrics/indicators/sopr") == 2
    assert sum("exchanges_net" in path for path in world.providers.paths()) == 1


def test_a_damaged_file_is_fetched_anew(world: World) -> None:
    world.refresh("sopr")
    before = world.read("sopr")
    (world.folder / "sopr" / "BTCUSDT.parquet").write_bytes(b"PAR1 torn")
    world.open()
    world.refresh("sopr")
    assert world.read("sopr") == before


def test_long_histories_come_in_pages(world: World) -> None:
    world.providers.now_s = FIRST_S + 4_500 * DAY_S + 3_600 * 5
    world.refresh("market_cap", symbols=("BTCUSDT",))
    assert len(world.read("market_cap")) == 4_500
    assert len(world.providers.asked) <= 8
