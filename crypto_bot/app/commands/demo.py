"""`crypto-bot demo`: the engine on the simulated exchange, with a new database each time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from crypto_bot.adapters.store.connection import connect
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.commands.flags import Parser, add_settings, settings_of
from crypto_bot.app.market_settings import SIM
from crypto_bot.app.settings import Settings

DATABASE = Path("data/demo.db")
_RECORD_BARS = 96


def demo_settings(argv: Sequence[str]) -> Settings:
    """Removes the database of the last demonstration. Raises ConfigError while it is in use."""
    text = "The signal engine on the simulated exchange, without a network."
    parser = Parser(prog="crypto-bot demo", description=text)
    add_settings(parser, "use_ml", "device", "symbols_file", "host", "port", "models_dir", "paper")
    flags = parser.parse_args(argv)
    flags.exchange, flags.database_url = SIM, f"sqlite:///{DATABASE}"
    settings = settings_of(flags)
    with closing(Database(connect(settings.database_url))) as last:
        last.lock()
        for ending in ("", "-wal", "-shm"):
            DATABASE.with_name(f"{DATABASE.name}{ending}").unlink(missing_ok=True)
    engine = settings.engine.model_copy(update={"record_bars": _RECORD_BARS})
    return settings.model_copy(update={"engine": engine})
