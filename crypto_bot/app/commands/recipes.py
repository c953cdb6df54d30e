"""`crypto-bot recipes list | show NAME`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.table import Table

from crypto_bot.app.commands.flags import Parser
from crypto_bot.app.commands.screen import screen
from crypto_bot.models.families.family import FitOptions
from crypto_bot.recipes import shipped
from crypto_bot.recipes.plans import choice_of, served_choice


def recipes(argv: Sequence[str]) -> int:
    """Lists the shipped recipes, or prints one as it stands. Raises ConfigError for a wrong one."""
    parser = Parser(prog="crypto-bot recipes", description="What can be trained, by name.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    commands.add_parser("list", help="the recipes that come with the program")
    show = commands.add_parser("show", help="checks a recipe and prints it")
    show.add_argument("name", metavar="NAME_OR_PATH")
    flags = parser.parse_args(argv)
    if flags.command == "list":
        screen().print(_table())
    else:
        _check(flags.name)
        sys.stdout.write(shipped.source(flags.name))
    return 0


def _table() -> Table:
    table = Table("recipe", "what", "timeframe", "features", "predicts", "answers")
    for name in shipped.names():
        each = shipped.recipe(name)
        table.add_row(
            name,
            each.title,
            each.timeframe or "that of the engine",
            each.features,
            ", ".join(f"{output.label} ({output.horizon})" for output in each.outputs),
            each.serves,
        )
    return table


def _check(name: str) -> None:
    """Raises ConfigError; settings of families are known to the families alone."""
    found, options = shipped.recipe(name), FitOptions(device="cpu")
    served_choice(found, options)
    for part in (*found.families, *found.compared):
        choice_of(part, options)
