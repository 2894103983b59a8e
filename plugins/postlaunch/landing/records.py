"""Records as JSON that loses nothing: a number keeps its spelling, text that is not Unicode its escapes, and depth is not a limit."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NoReturn

import orjson

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = 20  # characters of 64 bits; Python itself refuses to read thousands of digits
_READ_LEVELS = 100  # of JSON that nests deeper than Python reads
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def _number(text: str) -> Any:
    """Whole numbers stay int within 64 bits; every other number keeps its own spelling."""
    if len(text) <= _LONGEST_INTEGER and text.lstrip("-").isdigit() and -(2**63) <= int(text) < 2**63:
        return int(text)
    return orjson.Fragment(text.encode())


def read_json(body: bytes) -> Any:
    """Parse JSON so that `write_json` gives every number back as it was written. Raises ValueError."""
    try:
        return json.loads(body, parse_int=_number, parse_float=_number, parse_constant=_refuse_constant)
    except RecursionError:
        return _read_deep_json(body)


def _read_deep_json(body: bytes) -> Any:
    """What lies too deep stays the text that it is, whoever reads it later may judge it; the rest is parsed with a NaN in its place."""
    shallow, deep = _split_by_depth(body)

    def deep_value(name: str) -> orjson.Fragment:
        if not deep:
            _refuse_constant(name)  # with one of its own the text has more of them than it should
        return deep.popleft()

    return json.loads(shallow, parse_int=_number, parse_float=_number, parse_constant=deep_value)


def _split_by_depth(body: bytes) -> tuple[bytes, deque[orjson.Fragment]]:
    """JSON text with NaN for every value below the levels that are read, and these values in their order, each on one line."""
    depth = start = end = 0
    shallow: list[bytes] = []
    deep: deque[orjson.Fragment] = deque()
    for token in _TOKEN.finditer(body):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth == _READ_LEVELS:
                start = token.start()
                shallow.append(body[end:start])
        elif token[0] in (b"]", b"}"):
            if depth == _READ_LEVELS:
                end = token.end()
                deep.append(orjson.Fragment(body[start:end].replace(b"\n", b" ")))
            depth -= 1
    if depth:
        raise ValueError("JSON whose brackets do not match")
    return b"NaN".join([*shallow, body[end:]]), deep


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def write_json(record: Any) -> bytes:
    """One line of JSON without a newline. What orjson refuses (lone surrogates, huge integers, more than 254 levels) is as it came."""
    try:
        return orjson.dumps(record)
    except TypeError:
        return b"".join(_texts(record))


class _Text(bytes):
    """A piece of JSON that is written already."""


_COMMA = _Text(b",")


def _texts(record: Any) -> Iterator[bytes]:
    """A record of any depth, piece by piece: what is still to be written waits in a list, not in calls of functions."""
    waiting: list[Any] = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, _Text):
            yield value
        elif isinstance(value, dict):
            yield b"{"
            waiting.append(_Text(b"}"))
            pairs = [part for key, item in value.items() for part in (_COMMA, _key(key), item)]
            waiting += reversed(pairs[1:])
        elif isinstance(value, list):
            yield b"["
            waiting.append(_Text(b"]"))
            items = [part for item in value for part in (_COMMA, item)]
            waiting += reversed(items[1:])
        else:
            yield _scalar(value)


def _key(key: str) -> _Text:
    return _Text(orjson.dumps(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", key)) + b":")


def _scalar(value: Any) -> bytes:
    if isinstance(value, str) and _SURROGATE.search(value):
        return json.dumps(value).encode()
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value).encode()
    return orjson.dumps(value)
