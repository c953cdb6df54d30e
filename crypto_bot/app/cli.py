"""The commands: `python main.py …` is `crypto-bot run …`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING

from crypto_bot import __version__
from crypto_bot.app.completion import is_asked, offer, skip, words_before
from crypto_bot.app.suggestion import suggestion
from crypto_bot.domain.errors import ConfigError, CryptoBotError, MarketEnded

if TYPE_CHECKING:
    from crypto_bot.app.past import Past
    from crypto_bot.app.settings import Settings

FAILED = 1
BAD_USAGE = 2

_COMMANDS = {
    "run": "the engine: candles, signals, outcomes, API",
    "demo": "the engine on real candles of August 2025, faster than time, without a network",
    "init": "a settings file with every setting, its meaning and its default",
    "sim": "the simulated exchange alone",
    "candles": "sync | import | export | check the stored candles",
    "train": "one | all: trains, evaluates and publishes models; status: the newest run",
    "data": "collect: candles, features and labels of a recipe in one file",
    "recipes": "list | show NAME: what can be trained, by name",
    "models": "list | show | verify | rollback | audit | accept | export the models",
    "paper": "status | stop | resume the paper accounts",
    "backtest": "runs the engine over stored candles",
    "optimise": "searches settings over history, judged on time that the search has not seen",
    "review": "live results of each source, coin and model",
    "export": "predictions with their outcomes, as CSV or Parquet",
    "replay": "--verify: recomputes the prediction log and reports differences",
    "backup": "PATH: a copy of the database while the engine runs",
    "notify": "test: sends a test message to every receiver",
    "completion": "bash | zsh | fish: what a shell runs to complete commands and flags",
}

_TRAIN = ("one", "all", "status")
_TRAIN_HELP = """usage: crypto-bot train one | all | status [--help] …

  one       the models of the coins of --symbol, in this process
  all       the models of every coin of a file, or of those that a recipe names
  status    the newest run
"""


def main(argv: Sequence[str] | None = None) -> int:
    """`crypto-bot COMMAND …`: 0 on success, 1 for a failed job, 2 for bad usage or settings."""
    _print_anywhere()
    if is_asked():
        return _complete()
    name, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in {"-h", "--help"}:
        sys.stdout.write(_help())
        return 0
    if name == "--version":
        sys.stdout.write(f"crypto-bot {__version__}\n")
        return 0
    if name not in _COMMANDS:
        meant = suggestion(name, _COMMANDS) or f": use one of {', '.join(_COMMANDS)}"
        sys.stderr.write(f"unknown command '{name}'{meant}\n")
        return BAD_USAGE
    return guarded(lambda: _command(name)(rest))


def run_main(argv: Sequence[str] | None = None) -> int:
    """`python main.py …`."""
    _print_anywhere()
    return guarded(lambda: _run(list(sys.argv[1:] if argv is None else argv)))


def _complete() -> int:
    """Answers a shell that asks what may come next; most answers end the process."""
    name, *rest = words_before() or [""]
    if name not in _COMMANDS:
        offer(_COMMANDS)
    elif name != "sim":
        skip(1)
        guarded(lambda: _command(name)(rest))
    return 0


def _command(name: str) -> Callable[[Sequence[str]], int]:
    own = {"run": _run, "demo": _demo, "sim": _sim, "train": _train}
    return own.get(name) or _loaded(name, name)


def guarded(job: Callable[[], int]) -> int:
    """Runs `job`; a CryptoBotError becomes one line on standard error and an exit code."""
    try:
        return job()
    except CryptoBotError as error:
        sys.stderr.write(f"crypto-bot: {error}\n")
        return BAD_USAGE if isinstance(error, ConfigError) else FAILED
    except KeyboardInterrupt:
        return FAILED


def _print_anywhere() -> None:
    """What a terminal's encoding cannot show is printed as `?`: no result is lost to it.

    On a pipe, lines arrive as they are written, so that progress is seen there too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace", line_buffering=True)


def _loaded(module: str, name: str) -> Callable[[Sequence[str]], int]:
    """The command `name` of a module: a command loads no libraries but its own."""
    commands = import_module(f"crypto_bot.app.commands.{module}")
    command: Callable[[Sequence[str]], int] = getattr(commands, name)
    return command


def _run(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.flags import run_settings  # noqa: PLC0415 - see `_loaded`

    return _served(run_settings(argv))


def _demo(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.demo import demo  # noqa: PLC0415 - see `_loaded`

    return _served(*demo(argv))


def _served(settings: Settings, past: Past | None = None) -> int:
    from crypto_bot.app.daemon import Daemon  # noqa: PLC0415 - see `_loaded`
    from crypto_bot.app.logging import configure  # noqa: PLC0415 - see `_loaded`

    configure(settings.log.level, settings.log.format)
    daemon = Daemon(settings, past)

    def serve() -> int:
        try:
            return asyncio.run(daemon.run())
        except MarketEnded as ended:
            if past is None:
                raise
            sys.stdout.write(f"{ended}: the demo starts over\n")
            sys.stdout.flush()
            os.execv(sys.executable, (sys.executable, *sys.orig_argv[1:]))  # noqa: S606

    code = guarded(serve)
    # Worker threads may still be busy. The process does not wait for them: a restart recovers
    # from the store in any case.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _sim(argv: Sequence[str]) -> int:
    # Replaces this process, so that signals and the exit code are those of the exchange.
    os.execv(sys.executable, (sys.executable, "-m", "simulated_exchange", *argv))  # noqa: S606


def _train(argv: Sequence[str]) -> int:
    if argv and argv[0] in {"-h", "--help"}:
        sys.stdout.write(_TRAIN_HELP)
        return 0
    if not argv or argv[0] not in _TRAIN:
        if is_asked():
            offer(_TRAIN)
        if argv:
            raise ConfigError(
                f"unknown subcommand '{argv[0]}'{suggestion(argv[0], _TRAIN)}: use crypto-bot "
                f"train {', train '.join(_TRAIN)}"
            )
        raise ConfigError(
            "missing subcommand: use crypto-bot train one --symbol BTCUSDT, train all or train "
            "status"
        )
    if is_asked():
        skip(1)
    module = "train_status" if argv[0] == "status" else "train"
    return _loaded(module, f"train_{argv[0]}")(argv[1:])


def _help() -> str:
    rows = "\n".join(f"  {name:<12}{text}" for name, text in _COMMANDS.items())
    return f"usage: crypto-bot COMMAND [--help] …\n\n{rows}\n"
