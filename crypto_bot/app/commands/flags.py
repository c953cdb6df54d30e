"""Flags shared by several commands, and their conversion to settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from crypto_bot.app.completion import answer, is_asked
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.suggestion import suggestion
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.user_file import at_home

_FLAGS: dict[str, tuple[str, str]] = {
    "use_ml": ("use_ml", "1: use the coins' own models first; 0: rules only, torch is not loaded"),
    "device": ("device", "auto, cpu or cuda: where the models run"),
    "tf": ("tf", "timeframe: 1m, 5m, 15m, 1h, 4h or 1d"),
    "symbols_file": ("symbols_file", "JSON list of symbols"),
    "host": ("api.host", "address of the API; any but loopback needs CRYPTO_BOT_API__TOKEN"),
    "port": ("api.port", "port of the API; 0 takes a free one"),
    "database_url": ("database_url", "sqlite:///PATH or postgresql+psycopg://…"),
    "models_dir": ("models_dir", "where trained models are published"),
    "recipe": ("recipe", "whose models answer: the name of a recipe, or the path of a file"),
    "paper": ("paper.enabled", "1: paper trading; 0: none"),
    "exchange": ("exchange.id", "a ccxt exchange id, or sim"),
    "exchange_url": ("exchange.url", "replaces the host of every REST address of the exchange"),
}


class Parser(argparse.ArgumentParser):
    """Reports errors in one line, and accepts no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; a shell that asks for completions is answered instead."""
        if is_asked():
            answer(self)
        return super().parse_args(args, namespace)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Raises ConfigError for unknown arguments, with the flag that was probably meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            meant = suggestion(unknown[0].split("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        known = None if action.choices is None else [str(each) for each in action.choices]
        if known is not None and str(value) not in known and (meant := suggestion(value, known)):
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}{meant}")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        """Raises ConfigError."""
        raise ConfigError(f"{message} (see {self.prog} --help)")


def add_settings(parser: argparse.ArgumentParser, *names: str) -> None:
    """Adds the flags `names` of the settings, all of them if none is named, and `--config`."""
    for name in names or _FLAGS:
        parser.add_argument(f"--{name}", help=_FLAGS[name][1])
    parser.add_argument("--config", type=path_of, help="settings file; default crypto_bot.toml")


def settings_of(flags: argparse.Namespace) -> Settings:
    """The settings, overridden by the given flags. Raises ConfigError.

    A command that computes on a device refuses one that this machine lacks. A recipe brings its
    timeframe, unless another is given.
    """
    nested: dict[str, Any] = {}
    given = vars(flags)
    if given.get("recipe") is not None and given.get("tf") is None:
        from crypto_bot.recipes.shipped import recipe  # noqa: PLC0415 - few commands need numpy

        given["tf"] = recipe(given["recipe"]).timeframe
    for name, (path, _) in _FLAGS.items():
        value = given.get(name)
        if value is None:
            continue
        section, _, key = path.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[key] = value
    settings = load(nested, flags.config)
    if "device" in given and settings.device == "cuda":
        from crypto_bot.models.device import chosen_device  # noqa: PLC0415 - as above

        chosen_device(settings.device)
    return settings


def flags_of(settings: Settings, *names: str) -> list[str]:
    """The flags `names` by which a command reads what an engine of `settings` reads.

    Those at their defaults are left out, and the address of a database, which may be secret, too.
    """
    defaults, words = Settings.model_construct(), list[str]()
    for name in names:
        value, usual = (_at(each, _FLAGS[name][0]) for each in (settings, defaults))
        secret = name == "database_url" and not str(value).startswith("sqlite:")
        if value != usual and not secret:
            words += [f"--{name}", str(int(value) if isinstance(value, bool) else value)]
    return words


def _at(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


def shared_environment(settings: Settings) -> dict[str, str]:
    """Settings that a job shares with the engine, also those for which there are no flags."""
    return {
        "CRYPTO_BOT_TF": settings.tf,
        "CRYPTO_BOT_DEVICE": settings.device,
        "CRYPTO_BOT_SYMBOLS_FILE": str(settings.symbols_file),
        "CRYPTO_BOT_DATABASE_URL": settings.database_url,
        "CRYPTO_BOT_EXCHANGE__ID": settings.exchange.id,
        "CRYPTO_BOT_EXCHANGE__MARKET_TYPE": settings.exchange.market_type,
        "CRYPTO_BOT_MODELS_DIR": str(settings.models_dir),
        "CRYPTO_BOT_DECISION__COST_BPS": str(settings.decision.cost_bps),
        "CRYPTO_BOT_LOG__FORMAT": "json",
    }


def instant_of(text: str) -> int:
    """UTC milliseconds of an ISO-8601 time, for argparse."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2025-01-01") from error
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1000)


def switch_of(text: str) -> int:
    """1 or 0, for argparse."""
    if text not in {"0", "1"}:
        raise argparse.ArgumentTypeError(f"'{text}' is neither 1 nor 0")
    return int(text)


def path_of(text: str) -> Path:
    """The path of a file, for argparse: a shell leaves `--csv=~/x.csv` as it is."""
    try:
        return at_home(Path(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run_settings(argv: Sequence[str]) -> Settings:
    """Settings of the daemon from its command line. Raises ConfigError."""
    from crypto_bot.app.served_recipe import served_recipe  # noqa: PLC0415 - as above

    parser = Parser(prog="crypto-bot run", description="The signal engine.")
    add_settings(parser)
    parser.add_argument("--once", action="store_true", help="one round, then exit")
    flags = parser.parse_args(argv)
    settings = settings_of(flags)
    served_recipe(settings)
    return settings.model_copy(update={"once": True}) if flags.once else settings
