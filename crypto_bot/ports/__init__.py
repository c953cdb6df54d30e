"""What the core needs from the world, as protocols that the adapters answer to."""

from crypto_bot.ports.log import (
    DayRecord,
    LoggedSignal,
    LogPosition,
    PredictionQueries,
    ResolvedCall,
)
from crypto_bot.ports.market import (
    CandleArchive,
    CandleFeed,
    CandleListener,
    Clock,
    Gap,
    MarketViews,
    PriceFeed,
)
from crypto_bot.ports.models import ModelCallLog, ModelCatalog, ModelSource
from crypto_bot.ports.notices import ChannelCounts, Notifier
from crypto_bot.ports.paper import PaperSink, PaperStore, PaperTape, PaperTrading, PaperWrites
from crypto_bot.ports.signals import (
    Commit,
    CommitHistory,
    Commits,
    PredictionStore,
    Settled,
    SignalSink,
    SignalSource,
    StoredSignal,
)
from crypto_bot.ports.training import Trainer, TrainingRecords

__all__ = [
    "CandleArchive",
    "CandleFeed",
    "CandleListener",
    "ChannelCounts",
    "Clock",
    "Commit",
    "CommitHistory",
    "Commits",
    "DayRecord",
    "Gap",
    "LogPosition",
    "LoggedSignal",
    "MarketViews",
    "ModelCallLog",
    "ModelCatalog",
    "ModelSource",
    "Notifier",
    "PaperSink",
    "PaperStore",
    "PaperTape",
    "PaperTrading",
    "PaperWrites",
    "PredictionQueries",
    "PredictionStore",
    "PriceFeed",
    "ResolvedCall",
    "Settled",
    "SignalSink",
    "SignalSource",
    "StoredSignal",
    "Trainer",
    "TrainingRecords",
]
