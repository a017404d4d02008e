"""Addresses of this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """True if a URL's host is this machine by its name alone; other names are not resolved."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
