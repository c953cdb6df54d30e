"""Reports to the service manager by the protocol of sd_notify(3), systemd's."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress


class ServiceSocket:
    """The socket that `environment` names; without one (no systemd) nothing is sent."""

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        given = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watched = bool(self._address) and meant and given.isdecimal() and int(given) > 0
        self.watchdog_s = int(given) / 1e6 if watched else None
        """A process that is silent for so long is restarted; None where nobody watches."""

    def ready(self, status: str) -> None:
        """It has started, and is at `status`."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """The watchdog need not bite; `status` is what `systemctl status` shows."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stuck(self, status: str) -> None:
        """No sign of life, and why."""
        self._send(f"STATUS={status}")

    def stopping(self) -> None:
        """It is stopping on request."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A manager that does not listen is no reason to end, and none to wait.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), self._address)
