"""The web side of the engine: API, review page and metrics, connected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from crypto_bot.adapters.store.commit_history import SqlCommitHistory
from crypto_bot.adapters.store.connection import folder_beside
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.store.role_log import SqlRoleLog
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.adapters.web.application import Proxy, create_app
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.event_stream import EventStream
from crypto_bot.adapters.web.gauges import gauge, of_drift, of_models, of_notices, of_paper
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.mount import mount_page
from crypto_bot.adapters.web.page.training_table import line_of
from crypto_bot.adapters.web.training import Training
from crypto_bot.app.drift import DriftWatch
from crypto_bot.app.live_engine import LiveEngine
from crypto_bot.app.notices import Notices
from crypto_bot.app.outlook import OutlookEngine
from crypto_bot.app.paper import PaperService
from crypto_bot.app.past import Past
from crypto_bot.app.recent_log import RECENT
from crypto_bot.app.served_recipe import served_recipe
from crypto_bot.app.setting_lines import secrets_of, setting_lines
from crypto_bot.app.settings import Settings
from crypto_bot.app.upkeep import Upkeep
from crypto_bot.app.wiring import model_catalog
from crypto_bot.backtesting.kept import FOLDER, KeptBacktests
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import ModelCatalog, OutlookLog

_EVENTS = 1024
"""Events kept for clients that reconnect: four hours of 32 coins at 15 minutes."""

_RUNS_SHOWN = 5


class Front:
    """The web side of one engine: `metrics`, `stream` and `board` are sinks of it."""

    def __init__(
        self,
        settings: Settings,
        symbols: tuple[str, ...],
        engine: LiveEngine,
        outlook: Sequence[OutlookEngine],
        past: Past | None = None,
    ) -> None:
        self._settings, self._symbols, self._engine = settings, symbols, engine
        self._outlook = outlook
        RECENT.hide(secrets_of(settings))
        self._past = past
        self._timeframe = settings.timeframe
        self.metrics = Metrics(engine.health)
        self.stream = EventStream(memory=_EVENTS)

    def restore(self, database: Database) -> None:
        """Reloads what was shown before a restart. Raises StoreError."""
        for log, timeframe, horizon_bars in self._logs(database):
            queries = SqlPredictionQueries(log, timeframe)
            newest = 2 * horizon_bars * len(self._symbols)
            self.metrics.restore(queries.log_page(LogFilter(), None, newest)[::-1])
        beside = [(engine.key, engine.timeframe) for engine in self._outlook]
        self.stream.recall(SqlCommitHistory(database, self._timeframe, beside))

    def application(
        self,
        database: Database,
        catalog: ModelCatalog,
        paper: PaperService,
        notices: Notices,
        *,
        upkeep: Upkeep,
    ) -> tuple[FastAPI, Board]:
        """The API with the page, and the board with the page's data."""
        api, stored = self._settings.api, (database, self._timeframe)
        queries, runs = SqlPredictionQueries(*stored), SqlTrainingRuns(*stored)
        self._add_metrics(database, paper, notices, upkeep.drift)
        outlook = [self._outlook_log(engine, database) for engine in self._outlook]
        app = create_app(
            queries=queries,
            catalog=catalog,
            coverage=self._coverage(outlook),
            health=self._engine.health,
            metrics=self.metrics,
            stream=self.stream,
            now_ms=self._engine.now_ms,
            paper=paper,
            training=Training(runs, upkeep.jobs),
            host=api.host,
            token=None if api.token is None else api.token.get_secret_value(),
            proxy=Proxy(api.root_path, api.allowed_hosts, api.allowed_origins),
        )
        board = Board(
            symbols=self._symbols,
            timeframe=self._timeframe,
            now_ms=self._engine.now_ms,
            **self._of_settings(),
            queries=queries,
            catalog=catalog,
            health=self._engine.health,
            paper=paper if self._settings.paper.enabled else None,
            quotes=paper.quotes,
            training=lambda: [line_of(run) for run in runs.newest_runs(_RUNS_SHOWN)],
            outlook=outlook,
            jobs=upkeep.jobs,
            alarms=lambda: upkeep.drift.alarms,
            unwatched=lambda: upkeep.drift.unwatched,
            role_changes=SqlRoleLog(*stored).changes,
            log_lines=RECENT.lines,
        )
        mount_page(app, board)
        return app, board

    def _of_settings(self) -> dict[str, Any]:
        """What the page has of the settings alone, see `Sources`."""
        asked = self._settings
        return {
            "cost_bps": asked.decision.cost_bps,
            "speed": asked.sim.speed if asked.simulated else 1.0,
            "setting_lines": setting_lines(asked),
            "backtests": KeptBacktests(folder_beside(asked.database_url) / FOLDER),
            **self._market_words(),
        }

    def _market_words(self) -> dict[str, str]:
        """What the page says of a market that is not live, see `Sources`."""
        if self._past is not None:
            return {"badge": self._past.badge, "about": self._past.about}
        if not self._settings.simulated:
            return {}
        if self._settings.sim.candles is not None:
            return {"badge": "replay", "about": "The candles are read from files."}
        return {"badge": "SAMPLE DATA", "about": "A generated market: no coin has these prices."}

    def _add_metrics(
        self, database: Database, paper: PaperService, notices: Notices, drift: DriftWatch
    ) -> None:
        size = "database_size_bytes", "The database on the disk"
        listeners = "stream_listeners", "Clients of /api/stream"
        self.metrics.add(lambda: [gauge(*size, database.size_bytes)])
        self.metrics.add(lambda: [gauge(*listeners, self.stream.listeners)])
        self.metrics.add(lambda: of_notices(notices.counts()))
        self.metrics.add(lambda: of_models(notices.models))
        self.metrics.add(lambda: of_drift(drift.alarms, drift.live))
        self.metrics.add(lambda: of_paper(paper))

    def _logs(self, database: Database) -> list[tuple[Database, Timeframe, int]]:
        """Of the engine and of each outlook: the rows, the timeframe and the usual horizon."""
        own = (database, self._timeframe, self._settings.engine.horizon_bars)
        return [
            own,
            *(
                (database.of(each.key), each.timeframe, each.settings.engine.horizon_bars)
                for each in self._outlook
            ),
        ]

    def _coverage(self, outlook: Sequence[OutlookLog]) -> Coverage:
        daily = {each.horizon: each for each in outlook}
        horizon = served_recipe(self._settings).horizon
        return Coverage(self._symbols, self._timeframe, daily, horizon)

    def _outlook_log(self, engine: OutlookEngine, database: Database) -> OutlookLog:
        return OutlookLog(
            engine.horizon,
            engine.timeframe,
            SqlPredictionQueries(database.of(engine.key), engine.timeframe),
            model_catalog(
                *(engine.registry, self._symbols),
                lambda: engine.timeframe.last_closed(self._engine.now_ms()),
            ),
            engine.training,
        )
