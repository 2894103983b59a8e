"""The task of `prune_storage`."""

from __future__ import annotations

from postlaunch.orchestration.defaults import noted, step


def run_prune() -> str:
    """Remove what the settings keep no longer; nothing without settings."""
    from postlaunch.prune import prune

    with step():
        return noted(prune().summary)
