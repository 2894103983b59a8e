"""Whether `timestamp(query)` tells how old the samples behind a query's points are.

It does for a selector, however that is spelled: in parentheses or backticks, with a comment behind it, with a pattern that only Go
reads. Of any other expression the timestamp is the instant itself. Which of the two a query is, the server is asked
(`/api/v1/format_query`, once a query and pull), unless it is a selector as plain as we can read ourselves. A server that does not know the
call is asked for timestamps in any case: that costs a call for each chunk, and leaves nothing out that is not old.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from postlaunch.sources.prometheus.samples import MetricQuery

_QUOTED = r"\"(?:[^\"\\]|\\.)*\""
_SHIFT = r"(?:offset\b|@)"
_SELECTOR = re.compile(rf"(?:[a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{{(?:[^\"{{}}]|{_QUOTED})*\}})?\s*({_SHIFT}.*)?")
_TEXTS = re.compile(rf"{_QUOTED}|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*")

QueryKind = Literal["selector", "shifted", "expression"]


class Staleness:
    """Judges each query once. `formatted`: the server's own spelling of a query, None if it cannot say."""

    def __init__(self, formatted: Callable[[str], str | None]) -> None:
        """Nothing is asked yet."""
        self._formatted = formatted
        self._known: dict[str, QueryKind] = {}

    def is_told(self, metric: MetricQuery, warn: Callable[[str], None]) -> bool:
        """True if it is worth asking for the timestamps of the query's samples; `warn` is told where they say nothing of their age."""
        if metric.selector and metric.selector.has_one_name:
            return True
        kind = self._known.get(metric.query) or self._judge(metric.query)
        self._known[metric.query] = kind
        if kind == "shifted":
            warn(f"{metric.metric_id}: points that only repeat an old sample are not left out, because the query looks at another time")
        return kind == "selector"

    def _judge(self, query: str) -> QueryKind:
        spelled = self._formatted(query)
        if spelled is None:
            return "shifted" if re.search(_SHIFT, _TEXTS.sub("", query)) else "selector"
        spelled = spelled.strip()
        while spelled.startswith("(") and spelled.endswith(")"):
            spelled = spelled[1:-1].strip()
        found = _SELECTOR.fullmatch(spelled)
        return "expression" if found is None else "shifted" if found[1] else "selector"
