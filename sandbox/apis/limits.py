"""Rate limits: how many calls the simulated APIs take, as the real ones document it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

UNLIMITED = 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """Calls in a span of time; the defaults are the documented ones. Zendesk's holds for its incremental endpoints together.

    A test that has no hour to spare shortens the windows: 60 calls in 300 seconds are as hard to keep as 60 in 3,600.
    """

    mixpanel_per_hour: int = 60
    mixpanel_per_second: int = 3
    mixpanel_at_once: int = 100
    zendesk_per_minute: int = 10
    pagerduty_per_minute: int = 960
    mixpanel_window_seconds: float = 3600
    zendesk_window_seconds: float = 60
    pagerduty_window_seconds: float = 60
    timer: Callable[[], float] = field(default=time.monotonic, compare=False)

    @classmethod
    def none(cls) -> Limits:
        """No limits at all."""
        many = UNLIMITED
        return replace(
            cls(),
            mixpanel_per_hour=many,
            mixpanel_per_second=many,
            mixpanel_at_once=many,
            zendesk_per_minute=many,
            pagerduty_per_minute=many,
        )


class Window:
    """At most `calls` in any `seconds`; safe for threads."""

    def __init__(self, calls: int, seconds: float, timer: Callable[[], float], refused: Callable[[], None] = lambda: None) -> None:
        """Start with all calls left; `timer` gives seconds that never go back; `refused` is told of every call that there was none for."""
        self.calls, self.seconds, self._timer, self._refused = calls, seconds, timer, refused
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one call: 0 if there was one, else the seconds until there is."""
        with self._lock:
            self._forget()
            if len(self._taken) >= self.calls:
                self._refused()
                return max(self._taken[0] + self.seconds - self._timer(), 0.001)
            self._taken.append(self._timer())
            return 0.0

    def remaining(self) -> int:
        """How many calls are left now."""
        with self._lock:
            self._forget()
            return self.calls - len(self._taken)

    def resets_in(self) -> float:
        """Seconds until the oldest call is forgotten; 0 when none is held."""
        with self._lock:
            self._forget()
            return max(self._taken[0] + self.seconds - self._timer(), 0.0) if self._taken else 0.0

    def _forget(self) -> None:
        while self._taken and self._taken[0] <= self._timer() - self.seconds:
            self._taken.popleft()
