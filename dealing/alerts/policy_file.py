"""An alert policy as a file: YAML over the default one, every problem at once with its place.

``policy.yaml`` beside this module is the default and says what each key means. A desk's own file
holds what is different: rules and their keys are laid over the default, lists replace it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from pydantic import ValidationError

from dealing.alerts.policy import AlertPolicy, RulePolicy
from dealing.alerts.policy_sections import PolicyFile, RuleSection, known_keys, meant
from dealing.alerts.sources.registry import BY_NAME
from dealing.layers import KeyPath, merged, yaml_layer
from exposure.errors import ConfigError

_RULES: Final = "rules"


def default_policy_file() -> Path:
    """Return where the default policy is."""
    return Path(str(resources.files("dealing.alerts"))) / "policy.yaml"


def load_alert_policy(
    path: Path | None = None, people: Collection[str] | None = None
) -> AlertPolicy:
    """Read the default policy, and a desk's own over it.

    Args:
        path: The desk's own file.
        people: The desk's users: nobody else can be called. None where nobody is called.

    Raises:
        ConfigError: With every problem, each with its line and key.
    """
    tree = merged([yaml_layer(default_policy_file())])
    repeated: list[str] = []
    if path is not None:
        tree = _laid_over(tree, merged([yaml_layer(path)]))
        repeated = _lines_of(path).repeated
    rules, problems = _rules(tree.pop(_RULES, {}))
    problems += _circles(rules)
    try:
        whole = PolicyFile.model_validate(tree)
    except ValidationError as e:
        problems += _problems(e, ())
        raise ConfigError(repeated + _placed(problems, path)) from e
    problems += _strangers(whole.on_call, people)
    if repeated or problems:
        raise ConfigError(repeated + _placed(problems, path))
    return whole.plain(rules)


class _Problem(NamedTuple):
    key: KeyPath
    words: str


def _strangers(on_call: Sequence[str], people: Collection[str] | None) -> list[_Problem]:
    """Return who is on call and would never hear of it."""
    if people is None:
        return []
    known = meant if people else lambda *_: ", nobody is listed there yet"
    return [
        _Problem(
            ("on_call", str(place)), f"{name} is no user of alerts.users{known(name, [*people])}"
        )
        for place, name in enumerate(on_call)
        if name not in people
    ]


class _Lines(NamedTuple):
    """In which line a file says what, and what it says twice."""

    path: Path
    of: dict[KeyPath, int]
    repeated: list[str]


def _lines_of(path: Path) -> _Lines:
    lines = _Lines(path, {}, [])
    root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    if root is not None:
        _note_lines(root, (), lines)
    return lines


def _note_lines(node: yaml.Node, above: KeyPath, lines: _Lines) -> None:
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines.of[*above, str(number)] = item.start_mark.line + 1
            _note_lines(item, (*above, str(number)), lines)
    elif isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            key, line = (*above, str(key_node.value)), key_node.start_mark.line + 1
            if key in lines.of:
                lines.repeated.append(
                    f"{lines.path} line {line}: {'.'.join(key)} was already set in line "
                    f"{lines.of[key]}"
                )
            lines.of[key] = line
            _note_lines(value, key, lines)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return a tree with another one over it."""
    tree = dict(below)
    for key, value in above.items():
        held = tree.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            tree[key] = _laid_over(held, value)
        elif value is not None or key not in tree:
            tree[key] = value
    return tree


def _rules(told: object) -> tuple[dict[str, RulePolicy], list[_Problem]]:
    if not isinstance(told, dict):
        return {}, [_Problem((_RULES,), "must be rules by their names")]
    rules: dict[str, RulePolicy] = {}
    problems: list[_Problem] = []
    for name, section in told.items():
        key = (_RULES, str(name))
        if name not in BY_NAME:
            problems.append(_Problem(key, f"there is no such rule{meant(str(name), BY_NAME)}"))
            continue
        try:
            checked = RuleSection.model_validate(section, context={"rule": name})
        except ValidationError as e:
            problems += _problems(e, key)
        else:
            rules[name] = checked.plain(name)
    return rules, problems


def _circles(rules: Mapping[str, RulePolicy]) -> list[_Problem]:
    """Return who would hide itself: a rule that is inhibited by what it inhibits."""
    before = {name: {one.rule for one in rule.inhibited_by} for name, rule in rules.items()}
    found = []
    for name in rules:
        reached, front = set[str](), set(before[name])
        while front - reached:
            reached |= front
            front = {further for one in front for further in before.get(one, ())}
        if name in reached:
            words = "goes in a circle, so that a case could hide itself"
            found.append(_Problem((_RULES, name, "inhibited_by"), words))
    return found


def _problems(error: ValidationError, above: KeyPath) -> list[_Problem]:
    found = []
    for one in error.errors():
        key = (*above, *(str(part) for part in one["loc"]))
        found.append(_Problem(key, _complaint(dict(one), key)))
    return found


def _placed(problems: Sequence[_Problem], path: Path | None) -> list[str]:
    """Return problems as sentences with their places; a desk's own file is looked at first."""
    files = [*([] if path is None else [path]), default_policy_file()]
    texts = [_lines_of(file) for file in files] if problems else []
    return [f"{_place(one.key, texts)}: {'.'.join(one.key)}: {one.words}" for one in problems]


def _place(key: KeyPath, texts: Sequence[_Lines]) -> str:
    """Return where a key was written last, or else what it is part of."""
    for length in range(len(key), 0, -1):
        for text in texts:
            line = text.of.get(key[:length])
            if line is not None:
                return f"{text.path} line {line}"
    return str(texts[0].path)


def _complaint(error: dict[str, Any], key: KeyPath) -> str:
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"there is no such key{meant(key[-1], known_keys(key))}"
        case "value_error":
            return str(error["ctx"]["error"])
        case "model_type":
            return f"must be a section with keys, was {str(error['input'])[:80]!r}"
        case _:
            message = str(error["msg"]).replace("Input should", "must")
            return f"{message[0].lower()}{message[1:]}, was {str(error['input'])[:80]!r}"
