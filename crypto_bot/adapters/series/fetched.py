"""What the inputs have fetched, read from where it is stored."""

from __future__ import annotations

from crypto_bot.adapters.series.cache import fetched

market_cap = fetched("market_cap")
exchange_net_flow = fetched("exchange_net_flow")
sopr = fetched("sopr")
active_addresses = fetched("active_addresses")
social_score = fetched("social_score")
social_volume = fetched("social_volume")
sentiment_pos = fetched("sentiment_pos")
sentiment_neg = fetched("sentiment_neg")
funding = fetched("funding")
premium_1h = fetched("premium_1h")
btc_implied_volatility = fetched("btc_implied_volatility", of="BTCUSDT")
