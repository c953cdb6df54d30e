"""An exchange that cannot be reached safely: the error names the cause, and no password."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable
from tests.adapters.exchange.conftest import ScriptedExchange

PASSWORD = "hush-hush-4711"


def certified(folder: Path, *, days: int) -> ssl.SSLContext:
    """A certificate that no authority signed, valid until `days` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "both.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
async def unsigned(tmp_path: Path) -> AsyncIterator[str]:
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certified(tmp_path, days=30)).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def why_not(address: str) -> str:
    line = Line("binance", SystemClock(), url=f"https://bot:{PASSWORD}@{address}", max_attempts=1)
    try:
        with pytest.raises(ExchangeUnavailable) as refused:
            await line.open(["BTCUSDT"])
        return str(refused.value)
    finally:
        await line.close()


async def test_a_certificate_that_nobody_signed(unsigned: str) -> None:
    reason = await why_not(unsigned)
    assert "CERTIFICATE_VERIFY_FAILED" in reason
    assert "self-signed certificate" in reason
    assert PASSWORD not in reason


async def test_a_server_without_tls(exchange: ScriptedExchange) -> None:
    reason = await why_not(exchange.url.removeprefix("http://"))
    assert "SSL" in reason
    assert PASSWORD not in reason


async def test_nobody_listens() -> None:
    reason = await why_not("127.0.0.1:9")
    assert "Connect call failed" in reason
    assert PASSWORD not in reason


def test_an_unusable_address_is_named_without_its_password() -> None:
    with pytest.raises(ConfigError, match="not a usable address") as refused:
        Line("binance", SystemClock(), url=f"ftp://bot:{PASSWORD}@127.0.0.1:99")
    assert PASSWORD not in str(refused.value)
