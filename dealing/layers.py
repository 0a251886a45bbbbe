"""Where a setting's value comes from: layers of settings, the later one wins.

A layer is a flat list of what somebody wrote, each with the words that find it again ("my.yaml line
4", "PLIMSOLL__DESK__PORT"), so that a complaint names the place and not only the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from exposure.errors import ConfigError

ENVIRONMENT_PREFIX: Final = "PLIMSOLL__"

KeyPath = tuple[str, ...]


class Written(NamedTuple):
    """One value as somebody wrote it; ``place`` says where, for a person."""

    key: KeyPath
    value: object
    place: str


Layer = Sequence[Written]


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, which a few lines can make to stand for more than a machine holds.

    What Python cannot build from a value is a mistake at its line like any other.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.current_event.start_mark
            raise yaml.composer.ComposerError(None, None, "an alias: write the value out", mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, ArithmeticError) as e:
            raise yaml.constructor.ConstructorError(None, None, str(e), node.start_mark) from e

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        text = super().construct_scalar(node)
        str(text).encode()  # half a character (a lone surrogate) is no text
        return text


def yaml_layer(path: Path) -> Layer:
    """Read a configuration file.

    Raises:
        ConfigError: It cannot be read, is no YAML, is no mapping or holds a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is no UTF-8 text"
        raise ConfigError([f"{path}: cannot be read: {reason}"]) from e
    try:
        loader = _PlainLoader(text)
        root = loader.get_single_node()
        found = list(_mapping(loader, root, (), path)) if root is not None else []
    except yaml.MarkedYAMLError as e:
        raise ConfigError([_syntax_problem(path, e)]) from e
    except yaml.YAMLError as e:
        raise ConfigError([f"{path}: is no YAML: {e}"]) from e
    except RecursionError as e:
        raise ConfigError([f"{path}: is nested too deeply: sections hold keys, no more"]) from e
    _refuse_repeated_keys(found)
    return found


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """Read the ``PLIMSOLL__SECTION__KEY`` variables; each value is written as in YAML."""
    return [
        Written(_environment_key(name), _plain(text), name)
        for name, text in sorted(environment.items())
        if name.startswith(ENVIRONMENT_PREFIX)
    ]


def values_layer(values: Mapping[str, object], place: str) -> Layer:
    """Make a layer of dotted keys; None means that nobody wrote anything."""
    return [
        Written(tuple(key.split(".")), value, place)
        for key, value in values.items()
        if value is not None
    ]


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return all layers as one tree, later ones over earlier ones."""
    tree: dict[str, Any] = {}
    for written in (written for layer in layers for written in layer):
        node = tree
        for name in written.key[:-1]:
            below = node.get(name)
            if not isinstance(below, dict):
                below = node[name] = {}
            node = below
        if written.value != {}:
            node[written.key[-1]] = written.value
        else:
            node.setdefault(written.key[-1], {})
    return tree


def place_of(key: KeyPath, layers: Sequence[Layer]) -> str | None:
    """Return where the value that counts was written, None if nobody wrote it."""
    for written in (written for layer in reversed(layers) for written in reversed(layer)):
        common = min(len(written.key), len(key))
        if written.key[:common] == key[:common]:
            return written.place
    return None


def _mapping(
    loader: yaml.SafeLoader, node: yaml.Node, above: KeyPath, path: Path
) -> Iterator[Written]:
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([f"{_line(path, node)}: must be sections with keys, such as desk: ..."])
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError([f"{_line(path, key_node)}: a key must be a word"])
        key = (*above, str(loader.construct_object(key_node, deep=True)))
        if not above and isinstance(value_node, yaml.MappingNode) and value_node.value:
            yield from _mapping(loader, value_node, key, path)
        elif not above and _is_empty(value_node):
            yield Written(key, {}, _line(path, key_node))
        else:
            value = loader.construct_object(value_node, deep=True)
            yield Written(key, value, _line(path, key_node))


def _is_empty(node: yaml.Node) -> bool:
    # a section whose keys are all commented out
    return not node.value or node.tag == "tag:yaml.org,2002:null"


def _line(path: Path, node: yaml.Node) -> str:
    return f"{path} line {node.start_mark.line + 1}"


def _syntax_problem(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = f" line {mark.line + 1}" if mark is not None else ""
    return f"{path}{line}: is no YAML: {error.problem or error.context}"


def _refuse_repeated_keys(found: list[Written]) -> None:
    first: dict[KeyPath, Written] = {}
    problems = [
        f"{written.place}: {'.'.join(written.key)} was already set at {first[written.key].place}"
        for written in found
        if first.setdefault(written.key, written) is not written
    ]
    if problems:
        raise ConfigError(problems)


def _environment_key(name: str) -> KeyPath:
    return tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))


def _plain(text: str) -> object:
    try:
        return yaml.load(text, _PlainLoader)  # noqa: S506  # a SafeLoader that refuses more
    except (yaml.YAMLError, RecursionError):
        return text
