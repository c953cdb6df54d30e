"""The daemon with a token: it asks for it, and never shows it."""

from __future__ import annotations

import signal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Start

pytestmark = pytest.mark.slow
TOKEN = "hush-hush-token"


def test_the_token_is_required_and_never_shown(daemon: Start) -> None:
    engine = daemon(
        "--exchange",
        "sim",
        "--use_ml",
        "0",
        CRYPTO_BOT_API__TOKEN=TOKEN,
        CRYPTO_BOT_LOG__LEVEL="debug",
        CRYPTO_BOT_ENGINE__RECORD_BARS="20",
    )
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished")
    answers = []
    for path in ("/api/predictions", "/docs", "/openapi.json", "/metrics", "/nothing"):
        for headers, expected in (({}, {401}), ({"Authorization": f"Bearer {TOKEN}"}, {200, 404})):
            status, text = asked(Request(f"{url}{path}", headers=headers))
            assert status in expected, path
            answers.append(text)
    status, text = asked(Request(f"{url}/login", data=f"token={TOKEN}x".encode()))
    assert status == 401
    engine.event("login.refused")
    engine.signal(signal.SIGTERM)
    assert engine.ended() == 0
    assert TOKEN not in "\n".join([*engine.lines, *answers, text])


def asked(request: Request) -> tuple[int, str]:
    """Status, and head and body of the answer."""
    try:
        with urlopen(request, timeout=150) as reply:
            return reply.status, f"{reply.headers}{reply.read().decode()}"
    except HTTPError as error:
        with error:
            return error.code, f"{error.headers}{error.read().decode()}"
