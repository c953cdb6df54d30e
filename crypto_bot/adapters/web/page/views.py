"""The views of the page, in the order of their keys."""

from crypto_bot.adapters.web.page import (
    backtests,
    coin,
    log,
    models,
    overview,
    paper,
    performance,
    system,
)
from crypto_bot.adapters.web.page.frame import View

VIEWS = (
    View("/", "Overview", overview.build),
    View("/coin", "Coin", coin.build, ("/coin/{symbol}",), names_itself=True),
    View(performance.PATH, "Performance", performance.build),
    View(models.PATH, "Models", models.build),
    View(paper.PATH, "Paper", paper.build),
    View(backtests.PATH, "Backtests", backtests.build, (backtests.PATH + "/{id}",)),
    View("/log", "Log", log.build),
    View(system.PATH, "System", system.build),
)
