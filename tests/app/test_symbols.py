"""Names of coins on the command line."""

import pytest

from crypto_bot.app.shipped import SYMBOLS
from crypto_bot.app.symbols import known_symbols, load_symbols, symbols_in
from crypto_bot.domain.errors import ConfigError
from tests.app.conftest import Run

KNOWN = ("BTCUSDT", "ETHUSDT", "ETHBTC")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BTC", ("BTCUSDT",)),
        ("btc, ETHUSDT", ("BTCUSDT", "ETHUSDT")),
        ("ETHBTC", ("ETHBTC",)),
        ("NEWUSDT", ("NEWUSDT",)),
    ],
)
def test_an_asset_is_its_symbol(text: str, expected: tuple[str, ...]) -> None:
    assert symbols_in(text, KNOWN, "--symbols") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BTCUSD", "no BTCUSD here, did you mean BTCUSDT"),
        ("XYZ", "no XYZ here: BTCUSDT, ETHBTC, ETHUSDT"),
        ("BTC,BTCUSDT", "more than once: BTCUSDT"),
        ("BTC/USDT", "is not a symbol"),
    ],
)
def test_another_is_refused_by_name(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        known_symbols(text, KNOWN, "--symbols")


@pytest.mark.usefixtures("empty_folder")
def test_the_shipped_list_is_there_in_any_folder() -> None:
    assert len(load_symbols(SYMBOLS)) == 32


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("export log.csv --symbol BTC", "0 predictions of 15m -> log.csv (no prediction is in"),
        ("candles check", "no 15m candle of binance is stored"),
        ("candles export there", "no 15m candle of binance is stored"),
    ],
)
def test_an_empty_result_says_why(command: str, expected: str, run: Run) -> None:
    code, printed = run(*command.split(), "--database_url", "sqlite:///empty.db")
    assert code == 0
    assert expected in printed
