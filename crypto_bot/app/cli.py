"""The commands: `python main.py …` is `crypto-bot run …`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from crypto_bot import __version__
from crypto_bot.domain.errors import ConfigError, CryptoBotError

FAILED = 1
BAD_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """`crypto-bot COMMAND …`: 0 on success, 1 for a failed job, 2 for bad usage or settings."""
    words = list(sys.argv[1:] if argv is None else argv)
    command, rest = (words[0], words[1:]) if words else ("--help", [])
    if command in {"-h", "--help"}:
        sys.stdout.write(_help())
        return 0
    if command == "--version":
        sys.stdout.write(f"crypto-bot {__version__}\n")
        return 0
    if command not in _COMMANDS:
        sys.stderr.write(f"unknown command '{command}': use one of {', '.join(_COMMANDS)}\n")
        return BAD_USAGE
    return guarded(lambda: _COMMANDS[command][0](rest))


def run_main(argv: Sequence[str] | None = None) -> int:
    """`python main.py …`."""
    return guarded(lambda: _run(list(sys.argv[1:] if argv is None else argv)))


def guarded(job: Callable[[], int]) -> int:
    """Runs `job`; a CryptoBotError becomes one line on standard error and an exit code."""
    try:
        return job()
    except ConfigError as error:
        sys.stderr.write(f"crypto-bot: {error}\n")
        return BAD_USAGE
    except CryptoBotError as error:
        sys.stderr.write(f"crypto-bot: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def _run(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.flags import run_settings  # noqa: PLC0415 - as above
    from crypto_bot.app.daemon import Daemon  # noqa: PLC0415 - each command loads what it needs
    from crypto_bot.app.logging import configure  # noqa: PLC0415 - as above

    settings = run_settings(argv)
    configure(settings.log.level, settings.log.format)
    daemon = Daemon(settings)
    code = guarded(lambda: asyncio.run(daemon.run()))
    # Worker threads may still be busy. The process does not wait for them: a restart recovers
    # from the store in any case.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _sim(argv: Sequence[str]) -> int:
    # Replaces this process, so that signals and the exit code are those of the exchange.
    os.execv(sys.executable, (sys.executable, "-m", "simulated_exchange", *argv))  # noqa: S606


def _candles(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.candles import candles  # noqa: PLC0415 - as above

    return candles(argv)


def _backtest(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.backtest import backtest  # noqa: PLC0415 - as above

    return backtest(argv)


def _train(argv: Sequence[str]) -> int:
    what, rest = (argv[0], argv[1:]) if argv else ("", [])
    if what == "one":
        from crypto_bot.app.commands.train_one import train_one  # noqa: PLC0415 - as above

        return train_one(rest)
    if what == "all":
        from crypto_bot.app.commands.train_all import train_all  # noqa: PLC0415 - as above

        return train_all(rest)
    if what == "status":
        from crypto_bot.app.commands.train_status import train_status  # noqa: PLC0415 - as above

        return train_status(rest)
    raise ConfigError(
        "missing subcommand: use crypto-bot train one --symbol BTCUSDT, train all or train status"
    )


def _replay(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.replay import replay  # noqa: PLC0415 - as above

    return replay(argv)


def _models(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.models import models  # noqa: PLC0415 - as above

    return models(argv)


def _paper(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.paper import paper  # noqa: PLC0415 - as above

    return paper(argv)


def _backup(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.backup import backup  # noqa: PLC0415 - as above

    return backup(argv)


def _notify(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.notify import notify  # noqa: PLC0415 - as above

    return notify(argv)


def _review(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.review import review  # noqa: PLC0415 - as above

    return review(argv)


def _export(argv: Sequence[str]) -> int:
    from crypto_bot.app.commands.export import export  # noqa: PLC0415 - as above

    return export(argv)


_COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "run": (_run, "the engine: candles, signals, outcomes, API"),
    "sim": (_sim, "the simulated exchange alone"),
    "candles": (_candles, "sync | import | export | check the stored candles"),
    "train": (_train, "one | all: trains, evaluates and publishes models; status: the newest run"),
    "models": (_models, "list | show | verify | rollback | audit | accept the models"),
    "paper": (_paper, "status | stop | resume the paper accounts"),
    "backtest": (_backtest, "runs the engine over stored candles"),
    "review": (_review, "live results of each source, coin and model"),
    "export": (_export, "predictions with their outcomes, as CSV or Parquet"),
    "replay": (_replay, "--verify: recomputes the prediction log and reports differences"),
    "backup": (_backup, "PATH: a copy of the database while the engine runs"),
    "notify": (_notify, "test: sends a test message to every receiver"),
}


def _help() -> str:
    rows = "\n".join(f"  {name:<10}{text}" for name, (_, text) in _COMMANDS.items())
    return f"usage: crypto-bot COMMAND [--help] …\n\n{rows}\n"
