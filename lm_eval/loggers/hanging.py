"""Services whose clients hang; a module for itself, because the command line imports it at the end of every command."""

from __future__ import annotations

__all__ = ["abandon", "hanging_services"]

_hanging: list[str] = []


def abandon(service: str) -> None:
    """Note that the client of a service hangs.

    Args:
        service: The service's name.
    """
    _hanging.append(service)


def hanging_services() -> list[str]:
    """List the services whose clients hang: their handlers for the end of the process would hang, too.

    Returns:
        The names of the services.
    """
    return list(_hanging)
