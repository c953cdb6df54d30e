"""`crypto-bot demo`: the engine on real candles of August 2025, with a new database each time."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import MutableSequence, Sequence
from contextlib import closing
from pathlib import Path

from crypto_bot import __version__
from crypto_bot.adapters.store.connection import connect
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.commands.flags import Parser, add_settings, settings_of
from crypto_bot.app.demo import CANDLES, MODELS, SINCE_MS, START_MS, UNTIL_MS, Settling
from crypto_bot.app.market_settings import SIM
from crypto_bot.app.past import Past
from crypto_bot.app.settings import Settings
from crypto_bot.app.shipped import SYMBOLS, shipped
from crypto_bot.app.symbols import load_symbols
from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.domain.instant import instant

DATABASE = Path("data/demo.db")


def demo(argv: Sequence[str]) -> tuple[Settings, Past]:
    """Replaces the database of the last demo. Raises ConfigError while it is in use.

    The settled past is prepared once, and copied from then on.
    """
    settings = demo_settings(argv)
    kept = _kept(settings)
    with closing(Database(connect(settings.database_url))) as last:
        last.lock()
        for ending in ("", "-wal", "-shm"):
            DATABASE.with_name(f"{DATABASE.name}{ending}").unlink(missing_ok=True)
    if kept.exists():
        shutil.copyfile(kept, DATABASE)
    Database.open(settings.database_url, settings.engine_key).close()
    past = Past(
        None if kept.exists() else settle,
        list(argv),
        coins=len(load_symbols(settings.symbols_file)),
        bars=(START_MS - SINCE_MS) // settings.timeframe.ms,
        until_ms=START_MS,
        badge="replay of August 2025",
        about=(
            f"Real candles of August 2025, {settings.sim.speed:g} times as fast as time. What is "
            f"before {_minute(START_MS)} UTC was settled at the start; at "
            f"{_minute(UNTIL_MS)} the demo starts over."
        ),
    )
    return settings, past


def demo_settings(argv: Sequence[str]) -> Settings:
    """The settings of the demo, which replaces those of market, models and database."""
    text = "The signal engine on real candles of August 2025, faster than time, without a network."
    parser = Parser(prog="crypto-bot demo", description=text)
    add_settings(parser, "use_ml", "device", "host", "port", "paper")
    flags = parser.parse_args(argv)
    flags.exchange, flags.database_url = SIM, f"sqlite:///{DATABASE}"
    given = settings_of(flags)
    sim = {"candles": shipped(CANDLES), "start": instant(START_MS), "fault_rate": 0.0}
    own = {
        "symbols_file": shipped(SYMBOLS),
        "models_dir": MODELS,
        "sim": given.sim.model_copy(update=sim),
    }
    return given.model_copy(update=own)


def settle(argv: Sequence[str], counts: MutableSequence[int]) -> None:
    """Settles the past, as the main function of a process; exits with 1 after an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine ends this process
    try:
        settings = demo_settings(argv)
        symbols = load_symbols(settings.symbols_file)
        with closing(Database.open(settings.database_url, settings.engine_key)) as database:
            Settling(settings, symbols, counts).into(database, _kept(settings))
    except CryptoBotError as error:
        sys.stderr.write(f"crypto-bot: {error}\n")
        sys.exit(1)


def _minute(at_ms: int) -> str:
    return instant(at_ms)[:16].replace("T", " ")


def _kept(settings: Settings) -> Path:
    """Where what has been settled is kept, for this version of the program and of its model."""
    meta = json.loads((shipped(MODELS) / "pool/15m/meta.json").read_text("utf-8"))
    served = meta["version"] if settings.use_ml else "rules"
    accounts = "paper" if settings.paper.enabled else "no_paper"
    return DATABASE.with_name(f"demo-{__version__}-{served}-{accounts}.db")
