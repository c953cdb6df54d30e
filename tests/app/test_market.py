"""The market of the settings."""

from __future__ import annotations

import pytest

from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.stream import StreamedPrices
from crypto_bot.app.market import open_market
from crypto_bot.app.settings import ExchangeSettings, Settings


@pytest.mark.parametrize(("streams", "kind"), [(False, CcxtPrices), (True, StreamedPrices)])
async def test_prices_are_streamed_if_switched_on(*, streams: bool, kind: type) -> None:
    settings = Settings(exchange=ExchangeSettings(id="kraken", stream_prices=streams))
    market = open_market(settings, ["BTCUSDT"], None)
    assert type(market.prices) is kind
    await market.close()
