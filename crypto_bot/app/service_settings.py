"""Settings of what is around the engine: the server, the log and the notices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from crypto_bot.adapters.web.proxies import SOUND_PREFIX
from crypto_bot.app.paper_settings import Section


class ApiSettings(Section):
    """The HTTP server."""

    host: Annotated[str, AfterValidator(lambda host: host.strip("[]"))] = "127.0.0.1"
    """A name or an address; an IPv6 address may stand in brackets, as in a URL. Any but loopback
    needs CRYPTO_BOT_API__TOKEN."""
    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes a free one."""
    token: SecretStr | None = None
    """Read only from the environment: CRYPTO_BOT_API__TOKEN; 24 characters or more."""
    root_path: str = Field(default="", pattern=SOUND_PREFIX)
    """Where a proxy shows the page, such as /bot; without it X-Forwarded-Prefix says so."""
    allowed_hosts: tuple[str, ...] = ()
    """Names beside those of the loopback address under which a proxy shows the page."""
    allowed_origins: tuple[str, ...] = ()
    """Sites whose pages may ask, such as https://bot.example.org, where the proxy replaces Host."""


class LogSettings(Section):
    """Logging."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON on a pipe."""


class NotifySettings(Section):
    """Receivers of notices, and what is sent when."""

    urls: SecretStr | None = None
    """Apprise URLs, separated by blanks; only from the environment: CRYPTO_BOT_NOTIFY__URLS."""
    level: Literal["info", "warning", "alarm"] = "info"
    """The lowest level sent: signals and fills are info, a circuit breaker is an alarm."""
    quiet_hours: str | None = None
    """Such as 22:00-07:00: only alarms are sent; the rest follows as one digest at the end."""
    zone: str = "UTC"
    """Of the quiet hours and of the times in a digest, e.g. Europe/Berlin."""
