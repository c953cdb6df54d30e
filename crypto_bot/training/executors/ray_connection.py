"""Reaching a Ray cluster, or saying in one line and within a minute why not."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from crypto_bot.domain.errors import ConfigError, first_line
from crypto_bot.training.executors.process import ONE_THREAD

_IMPATIENT = {"RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "10"}
"""Ray asks 20 times for half a minute each before it gives an address up."""
_CONNECT_S = 5.0
_ANSWER_S = 60.0


def connected(address: str) -> Any:
    """Ray, connected to the cluster at `address`. Raises ConfigError."""
    if find_spec("ray") is None:
        raise ConfigError("--executor ray needs Ray: pip install 'crypto-bot[ray]'")
    host = _reached(address)
    _require_cluster(address)
    for name, value in _IMPATIENT.items():
        os.environ.setdefault(name, value)
    import ray  # noqa: PLC0415 - an optional extra
    import ray.util.scheduling_strategies  # noqa: PLC0415 - as above

    own: dict[str, Any] = {"_node_ip_address": host} if host.startswith("127.") else {}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": ONE_THREAD},
            **own,
        )
    except Exception as error:
        raise ConfigError(
            f"--ray_address {address}: no Ray cluster that this machine is a node of answers there "
            f"({type(error).__name__}: {first_line(error)})"
        ) from error
    return ray


def _require_cluster(address: str) -> None:
    """Raises ConfigError unless a cluster answers: `ray.init` waits minutes for another server."""
    asked = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        found = subprocess.run(asked, capture_output=True, timeout=_ANSWER_S, check=False)  # noqa: S603 - our own words, and an address that was checked
    except subprocess.TimeoutExpired:
        found = None
    if found is None or found.returncode != 0:
        raise ConfigError(f"--ray_address {address}: what listens there is no Ray cluster")


def _reached(address: str) -> str:
    """The host of HOST:PORT, which takes connections. Raises ConfigError."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ConfigError(f"--ray_address {address}: write HOST:PORT, such as 10.0.0.5:6379")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S):
            return host
    except OSError as error:
        raise ConfigError(
            f"--ray_address {address}: nothing answers there ({error.strerror or error}): start "
            f"the cluster with 'ray start --head --port {port}', or correct the address"
        ) from error
