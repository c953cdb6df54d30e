"""Addresses of this machine: loopback ones, and how an address stands in a URL."""

from __future__ import annotations

from ipaddress import ip_address


def address_of(host: str) -> str:
    """`host` as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an IP address, is reachable from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
