"""YAML as launch files write it: plain text, whole keys, nothing that surprises.

    bytes  ->  at most MOST_BYTES  ->  nodes: no key twice, at most MOST_NODES once aliases are followed  ->  dict

Only true, false, null and decimal numbers are anything but text (the core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema).
YAML 1.1, which PyYAML reads by itself, makes 22:00 the number 1320, `no` false, 010 eight, and ends 2025-13-40 in a traceback.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from postlaunch.errors import ConfigError

MOST_BYTES = 1_000_000  # the longest launch file of the repository has 8,000
MOST_NODES = 100_000  # keys and values, each alias counted with all that it stands for
MOST_DIGITS = 300  # of a number; a double has no more before its point

_TAGS = ("null", "bool", "int", "float", "str", "seq", "map", "merge")
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the resolvers of the core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own name and type


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


def _number(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    if len(text) > MOST_DIGITS:
        raise yaml.constructor.ConstructorError(None, None, f"a number of {len(text):,} digits", node.start_mark)
    return int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _number)


def read_yaml(file: Path) -> dict[str, Any]:
    """The keys and values of a file. Raises ConfigError that names file, line and what is wrong with it."""
    try:
        content = file.read_bytes()
        if len(content) > MOST_BYTES:
            raise ConfigError(f"{file}: {len(content):,} bytes; a launch file has at most {MOST_BYTES:,}")
        loader = _Loader(content.decode("utf-8-sig"))
        node = loader.get_single_node()
        _weigh(file, node, {}, set())
        values = {} if node is None else loader.construct_document(node)
    except RecursionError:
        raise ConfigError(f"{file}: not readable as YAML: too deeply nested") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: not readable as YAML: {' '.join(str(error).split())}") from error
    except (ValueError, KeyError, TypeError) as error:  # a constructor of PyYAML, for example of `!!bool maybe`
        raise ConfigError(f"{file}: not readable as YAML: {type(error).__name__}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: expected keys and values at the top, found {type(values).__name__}")
    return values


def _weigh(file: Path, node: yaml.Node | None, weights: dict[int, int], open_nodes: set[int]) -> int:
    """How many keys and values a node stands for. Raises ConfigError for a key that stands twice, a circle, or too many."""
    if node is None:
        return 0
    known = weights.get(id(node))
    if known is not None:
        return known
    if id(node) in open_nodes:
        raise ConfigError(f"{file}:{node.start_mark.line + 1}: an alias that contains itself")
    if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise ConfigError(f"{file}:{node.start_mark.line + 1}: the tag {node.tag} has no place in a launch file")
    open_nodes.add(id(node))
    weight = 1
    if isinstance(node, yaml.MappingNode):
        _refuse_a_key_twice(file, node)
        children = [child for pair in node.value for child in pair]
    else:
        children = node.value if isinstance(node, yaml.SequenceNode) else []
    for child in children:
        weight += _weigh(file, child, weights, open_nodes)
        if weight > MOST_NODES:
            raise ConfigError(f"{file}:{child.start_mark.line + 1}: more than {MOST_NODES:,} values once its aliases are followed")
    if isinstance(node, yaml.ScalarNode) and (found := _UNREADABLE.search(node.value)):
        raise ConfigError(f"{file}:{node.start_mark.line + 1}: a control character (U+{ord(found[0]):04X}) in {node.value[:60]!a}")
    open_nodes.remove(id(node))
    weights[id(node)] = weight
    return weight


def _refuse_a_key_twice(file: Path, node: yaml.MappingNode) -> None:
    lines: dict[Any, int] = {}
    for key, _ in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else id(key)
        if name in lines and key.tag != "tag:yaml.org,2002:merge":
            raise ConfigError(f"{file}:{key.start_mark.line + 1}: the key {name!r} stands twice, first in line {lines[name]}")
        lines[name] = key.start_mark.line + 1
