"""All settings; unknown ones are errors. Flags > environment > crypto_bot.toml > default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import PydanticBaseSettingsSource as Source
from pydantic_settings.exceptions import SettingsError

from crypto_bot.adapters.store.connection import has_password
from crypto_bot.app.market_settings import SIM, ExchangeSettings, InputSettings, SimSettings
from crypto_bot.app.outlook_settings import Lowest, OutlookSettings
from crypto_bot.app.paper_settings import LONGEST_S, PaperSettings, Section, Switch, UserPath
from crypto_bot.app.service_settings import ApiSettings, LogSettings, NotifySettings
from crypto_bot.app.shipped import MODELS, SYMBOLS
from crypto_bot.app.store_settings import StoreSettings
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.loopback import is_loopback
from crypto_bot.domain.notice import QuietHours, zone_of
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.domain.user_file import decoded

CONFIG_FILE = Path("crypto_bot.toml")
_PREFIX = "CRYPTO_BOT_"
_FOR_TESTS = "CRYPTO_BOT_TEST_"
_SHORTEST_TOKEN = 24
_LONGEST_DAYS = 36_500.0
_SECRETS = (("api", "token"), ("notify", "urls"))
_OLDER_SPELLINGS = {
    "USE_ML_PER_COIN": "use_ml",
    "ML_DEFAULT_TF": "tf",
    "ML_DEVICE": "device",
    "SYMBOLS_FILE": "symbols_file",
}


class EngineSettings(Section):
    """The signal engine."""

    name: str | None = Field(default=None, pattern="^[A-Za-z0-9_.-]+$")
    """Of its rows in the database; default such as `binance-spot`."""
    horizon_bars: int = Field(default=16, ge=1)
    """Maximum number of candles after which a signal is settled."""
    record_bars: int = Field(default=672, ge=1)
    """Number of past candles over which the first start builds the sources' records."""
    record_lag_bars: int = Field(default=96, ge=1)
    """Age in candles from which outcomes count for other coins."""
    late_after_s: float | None = Field(default=None, gt=0, le=LONGEST_S)
    """A signal made later than this after its close is late; default a quarter of the timeframe."""
    analyzer_threshold: float | None = Field(default=None, gt=0, lt=1)
    """Minimum confluence score of the analyzer; default its own."""


class DecisionSettings(Section):
    """The decision to trade."""

    cost_bps: float = Field(default=10.0, ge=0)
    """Fees, spread and slippage of a round trip, basis points."""


class ModelSettings(Section):
    """Which of the published models are served."""

    max_age_days: float = Field(default=45.0, gt=0, le=_LONGEST_DAYS)
    """From the end of a model's data; an older model is STALE, and the rules are used."""
    pool_max_age_days: float = Field(default=45.0, gt=0, le=_LONGEST_DAYS)
    """The same for the pool, which serves coins without a model of their own."""
    most_gb: float = Field(default=20.0, gt=0)
    """What the models and challengers may take on the disk: beyond it the oldest versions go, but
    not those that are served or could be rolled back to."""
    recalibrate: Switch = False
    """Gives their probabilities another temperature and biases while that is proven to help."""
    served: Lowest = "WARMUP"
    """The lowest verdict that is served; the signal names it. Below it the rules are used."""
    traded: Literal["ACTIVE", "WARMUP", "LOW"] = "ACTIVE"
    """The lowest verdict that is traded; below it LONG and SHORT become NO_TRADE."""


class RetrainSettings(Section):
    """Training that the daemon starts.

    Its models are challengers, served once they have proved themselves or no other may answer.
    """

    first: Switch | None = None
    """Fetches the history and trains where no model may answer. On a simulated exchange only 1
    trains so, by age or by alarm."""
    stale_days: float = Field(default=30.0, gt=0, le=_LONGEST_DAYS)
    """Trains anew when the data of a model that answers ended so long ago."""
    on_drift: Switch = True
    """Trains anew when inputs, calibration or log loss of the models have drifted."""
    stages: tuple[Annotated[int, Field(gt=0, le=100)], ...] = (100,)
    """Shares of the coins, percent, that get challengers one after the other, such as 10, 50, 100:
    each is a new test, which also leads back."""
    schedule: str | None = None
    """When it trains besides: a cron expression, UTC, such as `0 3 * * 0`."""


class Settings(BaseSettings):
    """All settings."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    use_ml: Switch = True
    """Models answer first; without them the rules do, and torch is not loaded."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the models run."""
    tf: str = "15m"
    """Timeframe of the candles: 1m, 5m, 15m, 1h, 4h or 1d."""
    symbols_file: UserPath = SYMBOLS
    """JSON list of the coins; the default is the list that comes with the program, unless there is
    such a file."""
    database_url: str = Field(default="sqlite:///data/crypto_bot.db", repr=False)  # may be secret
    """`sqlite:///PATH` or `postgresql+psycopg://…`: all that the engine keeps but its models."""
    models_dir: UserPath = MODELS
    """Where models are published."""
    recipe: str = "per_coin"
    """Whose models answer: its name, or the path of its file."""
    series_dir: UserPath | None = None
    """Folder of data series in files, such as funding/BTCUSDT.parquet."""
    once: Switch = False
    """One round, then exit."""
    exchange: ExchangeSettings = ExchangeSettings()
    sim: SimSettings = SimSettings()
    engine: EngineSettings = EngineSettings()
    decision: DecisionSettings = DecisionSettings()
    store: StoreSettings = StoreSettings()
    models: ModelSettings = ModelSettings()
    outlook: OutlookSettings = OutlookSettings()
    paper: PaperSettings = PaperSettings()
    retrain: RetrainSettings = RetrainSettings()
    inputs: InputSettings = InputSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()
    notify: NotifySettings = NotifySettings()

    _given: Mapping[str, Mapping[str, Any]] = PrivateAttr(default_factory=dict)

    @property
    def given(self) -> Mapping[str, Mapping[str, Any]]:
        """What flags, the environment and the file gave, nested, the strongest source first."""
        return self._given

    @property
    def timeframe(self) -> Timeframe:
        """Raises ConfigError for an unknown `tf`."""
        return Timeframe.parse(self.tf)

    @property
    def simulated(self) -> bool:
        """Whether the exchange is the simulated one: its candles are of no real market."""
        return self.exchange.id == SIM

    @property
    def engine_key(self) -> EngineKey:
        """Whose rows of the database are read and written."""
        return EngineKey.of(self.exchange.id, self.exchange.market_type, self.engine.name)

    @property
    def late_after_ms(self) -> int:
        """Signals made later than this after the close of their candle are late."""
        seconds = self.engine.late_after_s
        return self.timeframe.ms // 4 if seconds is None else int(seconds * 1000)


def load(flags: Mapping[str, Any], config: Path | None = None) -> Settings:
    """Settings from flags (nested as in `Settings`), the environment and the file `config`.

    Raises ConfigError with one line for anything unknown, malformed or contradictory.
    """
    _refuse_unknown_environment(os.environ)
    older = {key: os.environ[name] for name, key in _OLDER_SPELLINGS.items() if name in os.environ}
    file = _from_file(config)
    for where, values in (("a flag", flags), ("the settings file", file)):
        if has_password(str(values.get("database_url", ""))):
            raise ConfigError(
                f"the database URL of {where} has a password, which others could read: set it in "
                f"the environment, as {_PREFIX}DATABASE_URL or PGPASSWORD"
            )

    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: Source,
            env_settings: Source,
            dotenv_settings: Source,  # noqa: ARG003 - named by pydantic
            file_secret_settings: Source,  # noqa: ARG003 - named by pydantic
        ) -> tuple[Source, ...]:
            below = (InitSettingsSource(settings_cls, values) for values in (older, file))
            return init_settings, env_settings, *below

    try:
        settings = Sourced(**flags)
    except (ValidationError, SettingsError) as error:
        raise ConfigError(_one_line(error)) from error
    _check(settings)
    environment = {**older, **EnvSettingsSource(Sourced)()}
    settings._given = {"flag": flags, "environment": environment, "settings file": file}  # noqa: SLF001
    return settings


def _from_file(config: Path | None) -> dict[str, Any]:
    path = config or CONFIG_FILE
    if config is None and not path.exists():
        return {}
    try:
        content = tomllib.loads(decoded(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"settings file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"settings file {path} is not TOML: {error}") from error
    for section, key in _SECRETS:
        given = content.get(section)
        if isinstance(given, dict) and key in given:
            name = f"{_PREFIX}{section.upper()}__{key.upper()}"
            raise ConfigError(
                f"settings file {path}: {section}.{key} is a secret and is only read from "
                f"the environment: set {name}"
            )
    return content


def _refuse_unknown_environment(environment: Mapping[str, str]) -> None:
    """Refuses unknown top-level keys, which pydantic ignores; models refuse nested ones."""
    for name in environment:
        head = name.removeprefix(_PREFIX).split("__")[0].lower()
        is_ours = name.startswith(_PREFIX) and not name.startswith(_FOR_TESTS)
        if is_ours and head not in Settings.model_fields:
            raise ConfigError(f"environment: unknown setting {name}")


def _one_line(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):
        return f"settings: {error}"
    problems = []
    for each in error.errors():
        name = ".".join(str(part) for part in each["loc"])
        if each["type"] == "extra_forbidden":
            problems.append(f"unknown setting {name}")
        else:
            # The whole input of a section with a secret may contain the secret.
            secret = any(each["loc"] == of[: len(each["loc"])] for of in _SECRETS)
            problems.append(f"{name} = {'…' if secret else repr(each['input'])}: {each['msg']}")
    return "settings: " + "; ".join(problems)


def _check(settings: Settings) -> None:
    if settings.engine.record_lag_bars <= settings.engine.horizon_bars:
        raise ConfigError("settings: engine.record_lag_bars must exceed engine.horizon_bars")
    if settings.exchange.grace_s * 1000 >= settings.timeframe.ms:
        raise ConfigError(f"settings: exchange.grace_s must be shorter than {settings.tf}")
    if settings.notify.quiet_hours is None:
        zone_of(settings.notify.zone)
    else:
        QuietHours.parse(settings.notify.quiet_hours, settings.notify.zone)
    token = settings.api.token
    if token is not None and len(token.get_secret_value()) < _SHORTEST_TOKEN:
        raise ConfigError(
            f"CRYPTO_BOT_API__TOKEN has fewer than {_SHORTEST_TOKEN} characters and could be "
            "guessed: take what `openssl rand -hex 32` prints"
        )
    if not is_loopback(settings.api.host) and token is None:
        raise ConfigError(
            f"host {settings.api.host} is reachable from other machines: set the environment "
            "variable CRYPTO_BOT_API__TOKEN to a secret, or use 127.0.0.1"
        )
