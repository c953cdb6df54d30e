"""What a search may change: ranges of settings, read from a TOML file and checked by name."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from crypto_bot.app.paper_settings import PaperAccountSettings, Section
from crypto_bot.app.settings import EngineSettings, Settings
from crypto_bot.app.suggestion import suggestion
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.user_file import decoded

ENGINE, ACCOUNT, FAMILY = "engine", "account", "family"
_ENGINE_NAMES = ("analyzer_threshold", "horizon_bars")
_FACTS = frozenset({"name", "market", "start", "late", "funding_bps"})
"""Settings of an account that say what is so; the `_bps` of its costs are such too."""
_ACCOUNT_NAMES = tuple(
    name
    for name in PaperAccountSettings.model_fields
    if name not in _FACTS and not name.endswith("_bps")
)
_DIGITS = 4
"""Significant digits of a value that is drawn: what is shown is what was tried."""


class Range(Section):
    """The values of one setting: `low` to `high`, both included, or `choices`."""

    low: float | None = None
    high: float | None = None
    step: float | None = Field(default=None, gt=0)
    log: bool = False
    choices: tuple[Any, ...] = ()

    @model_validator(mode="after")
    def _agree(self) -> Range:
        if self.choices:
            if self.model_fields_set != {"choices"}:
                raise ValueError("choices stand alone")
            return self
        if self.low is None or self.high is None or self.low >= self.high:
            raise ValueError("low and a higher high are needed, or choices")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and no step")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that a check has to accept."""
        return self.choices or (self.low, self.high)


class Parameter(NamedTuple):
    """A setting of a section, `whole` where it is a whole number."""

    section: str
    name: str
    range: Range
    whole: bool

    @property
    def key(self) -> str:
        """Its name in a trial."""
        return f"{self.section}.{self.name}"

    def value(self, drawn: Any) -> Any:
        """The value of the setting for what a sampler has drawn."""
        if self.range.choices:
            return json.loads(drawn)
        return int(drawn) if self.whole else float(f"{drawn:.{_DIGITS}g}")


Space = Sequence[Parameter]
Values = Mapping[str, Any]
"""Values by the keys of their parameters."""


def space_of(path: Path | None, family: Values) -> list[Parameter]:
    """The ranges of the file at `path`, or those that come with the program.

    `family`: the settings of the family and their defaults; empty where no model is fitted. Raises
    ConfigError in one line for a wrong name or range.
    """
    origin = "the search space" if path is None else str(path)
    try:
        text = (
            (files(__package__) / "search.toml").read_text("utf-8")
            if path is None
            else decoded(path.read_bytes())
        )
        held = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{origin}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{origin} is not TOML: {error}") from error
    known = {ENGINE: _ENGINE_NAMES, ACCOUNT: _ACCOUNT_NAMES, FAMILY: tuple(family)}
    found = []
    for section, ranges in held.items():
        _require(section, known, origin)
        if section == FAMILY and not family:
            raise ConfigError(f"{origin}: [family] needs --walk_forward and one --family")
        if not isinstance(ranges, dict):
            raise ConfigError(f"{origin}: {section} is a table of settings")
        for name, given in ranges.items():
            _require(name, known[section], f"{origin}: [{section}]")
            found.append(_parameter(section, name, given, family, origin))
    if not found:
        raise ConfigError(f"{origin}: there is nothing to search")
    return found


def applied(settings: Settings, account: str, values: Values) -> Settings:
    """`settings` with the `values` of a trial, and `account` as its one paper account."""
    engine = EngineSettings.model_validate({**settings.engine.model_dump(), **_of(ENGINE, values)})
    (before,) = (each for each in settings.paper.accounts if each.name == account)
    after = PaperAccountSettings.model_validate({**before.model_dump(), **_of(ACCOUNT, values)})
    paper = settings.paper.model_copy(update={"accounts": (after,), "enabled": True})
    return settings.model_copy(update={"engine": engine, "paper": paper})


def family_settings(values: Values) -> dict[str, Any]:
    """The settings of the family among `values`."""
    return _of(FAMILY, values)


def usual_values(settings: Settings, account: str, space: Space, family: Values) -> dict[str, Any]:
    """What stands in the settings for each parameter, by its key."""
    (own,) = (each for each in settings.paper.accounts if each.name == account)
    held = {ENGINE: dict(settings.engine), ACCOUNT: dict(own), FAMILY: family}
    return {each.key: held[each.section][each.name] for each in space}


def longest_bars(settings: Settings, account: str, space: Space) -> int:
    """Candles after which the longest trade of any trial is closed.

    Raises ConfigError where the engine could not settle its signals.
    """
    (own,) = (each for each in settings.paper.accounts if each.name == account)
    bars = {"engine.horizon_bars": settings.engine.horizon_bars, "account.bars": own.bars}
    for each in space:
        if each.key in bars:
            bars[each.key] = int(max(each.range.ends))
    if bars["engine.horizon_bars"] >= settings.engine.record_lag_bars:
        raise ConfigError(
            f"engine.horizon_bars up to {bars['engine.horizon_bars']}: "
            f"engine.record_lag_bars = {settings.engine.record_lag_bars} must exceed it"
        )
    return max(bars.values())


def fragment(settings: Settings, account: str, values: Values) -> str:
    """The settings of a trial as lines of a settings file, those of the other accounts too."""
    lines = [f"{name} = {_toml(each)}" for name, each in _of(ENGINE, values).items()]
    lines = ["[engine]", *lines, ""] if lines else []
    for before in settings.paper.accounts:
        own = before
        if before.name == account:
            (own,) = applied(settings, account, values).paper.accounts
        usual = PaperAccountSettings(name=own.name, market=own.market)
        changed = {
            name: getattr(own, name)
            for name in PaperAccountSettings.model_fields
            if getattr(own, name) != getattr(usual, name)
        }
        lines += [
            "[[paper.accounts]]",
            f"name = {_toml(own.name)}",
            f"market = {_toml(own.market)}",
        ]
        lines += [*(f"{name} = {_toml(each)}" for name, each in changed.items()), ""]
    family = _of(FAMILY, values)
    if family:
        inside = ", ".join(f"{name} = {_toml(each)}" for name, each in family.items())
        lines += ["# In the [[families]] of a recipe:", f"# settings = {{ {inside} }}", ""]
    return "\n".join(lines)


def _parameter(section: str, name: str, given: Any, family: Values, origin: str) -> Parameter:
    """Each end, and each choice, is checked as the setting itself would be."""
    where = f"{origin}: {section}.{name}"
    try:
        held = Range.model_validate(given)
        kept = [_checked(section, name, each, family) for each in held.ends]
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        inner = ".".join(str(each) for each in found["loc"] if each != name)
        raise ConfigError(
            f"{where}{f'.{inner}' if inner else ''} = {found['input']!r}: {found['msg']}"
        ) from error
    if not held.choices and not all(
        isinstance(each, int | float | Decimal) and not isinstance(each, bool) for each in kept
    ):
        raise ConfigError(f"{where} is no number: use choices")
    return Parameter(section, name, held, all(isinstance(each, int) for each in kept))


def _checked(section: str, name: str, value: Any, family: Values) -> Any:
    if section == FAMILY:
        return TypeAdapter(type(family[name])).validate_python(value)
    if section == ENGINE:
        return getattr(EngineSettings.model_validate({name: value}), name)
    return getattr(PaperAccountSettings.model_validate({"name": "any", name: value}), name)


def _require(name: str, known: Iterable[str], origin: str) -> None:
    names = list(known)
    if name not in names:
        meant = suggestion(name, names) or f": use one of {', '.join(names)}"
        raise ConfigError(f"{origin}: unknown name {name}{meant}")


def _of(section: str, values: Values) -> dict[str, Any]:
    return {
        key.removeprefix(f"{section}."): each
        for key, each in values.items()
        if key.startswith(f"{section}.")
    }


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value)
