"""A Ray cluster of two nodes on this machine, reachable from it alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

HOST = "127.0.0.2"
"""Loopback too; Ray takes 127.0.0.1 for the machine's own address, which others reach."""
_NODE: dict[str, Any] = {
    "num_cpus": 1,
    "node_ip_address": HOST,
    "object_store_memory": 100_000_000,
    "include_dashboard": False,
}
_ALERT = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 10,
}


@contextmanager
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """The cluster, and the node on which nothing but jobs runs. One core each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Ray makes its workers yield to everything else on a machine.
        patch.setenv("RAY_worker_niceness", "0")
        from ray.cluster_utils import Cluster  # noqa: PLC0415 - only slow tests wait for it

        cluster: Any = Cluster()
        try:
            cluster.add_node(**_NODE, _system_config=_ALERT)
            other = cluster.add_node(**_NODE)
            yield cluster, other
        finally:
            cluster.shutdown()
