"""The HTTP API: predictions, their results, and the health of the engine."""

from crypto_bot.adapters.web.application import create_app
from crypto_bot.adapters.web.event_stream import EventStream
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.adapters.web.server import WebServer, bind

__all__ = ["EventStream", "Metrics", "WebServer", "bind", "create_app"]
