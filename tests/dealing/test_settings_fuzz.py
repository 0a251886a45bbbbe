"""Configuration that means harm: every wrong file is a list of short sentences."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dealing.settings import Settings, default_file, known_keys, load_settings
from exposure.errors import ConfigError
from tests.damage import damaged
from tests.thorough import examples

SHIPPED = default_file().read_bytes()
LONGEST_SENTENCE = 1_000

words = st.sampled_from(
    (
        "", "~", "2", "-1", ".inf", ".nan", "1e999", "true", "USD", "[]", "{}", "[a, [b]]",
        "{a: 1}", "2024-13-45", "1:99:99", "0x1f", "!!int x", "!!bool x", "!!binary a",
        "!!python/name:os.x", "&a [*a]", "*a", "<<", "=", "|", ">", "'", '"', '"\\ud800"', '"\\0"',
        "@x", "`", "%", "\t", "127.0.0.1", "8.8.8.8", "America", "UTC", "../../etc", "\x07",
        "\ufeff", "\u2028", "😀",
    )
)  # fmt: skip
keys = st.sampled_from([key.split(".") for key in known_keys()])


def answer_to(content: bytes, environment: dict[str, str] | None = None):
    """Return the settings that a file gives, or the problems; checks what every answer keeps."""
    with TemporaryDirectory() as name:
        path = Path(name) / "mine.yaml"
        path.write_bytes(content)
        try:
            answer = load_settings(path, environment)
        except ConfigError as e:
            answer = e.problems
    if not isinstance(answer, Settings):
        assert answer
        assert all(0 < len(problem) < LONGEST_SENTENCE for problem in answer)
    return answer


@examples(40)
@given(damaged(SHIPPED))
def test_a_damaged_file_gives_settings_or_sentences(content):
    answer_to(content)


@examples(40)
@given(
    st.binary(max_size=80) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_random_text_gives_settings_or_sentences(content):
    answer_to(content)


@examples(60)
@given(st.lists(st.tuples(keys, words), min_size=1, max_size=4))
def test_any_word_under_a_known_key_gives_settings_or_sentences(written):
    lines = [f"{section}:\n  {key}: {word}" for (section, key), word in written]
    answer_to("\n".join(lines).encode())


@examples(60)
@given(keys, words | st.text(max_size=20))
@example(["market", "speed"], "\udc80")
@example(["market", "source"], "\udc80")
@example(["desk", "day_zone"], "\udc80")
@example(["desk", "host"], "\udc80")
def test_any_word_in_the_environment_gives_settings_or_sentences(key, word):
    answer_to(b"", {f"PLIMSOLL__{'__'.join(key).upper()}": word})


@pytest.mark.parametrize(
    "name",
    ["PLIMSOLL__", "PLIMSOLL____", "PLIMSOLL__DESK", "PLIMSOLL__DESK__", "PLIMSOLL__A__B__C"],
)
def test_a_name_of_the_environment_that_is_no_key_is_a_sentence(name):
    (problem,) = answer_to(b"", {name: "1"})
    assert name in problem


def laughs(levels: int) -> str:
    """Return a few lines whose aliases stand for more values than any machine holds."""
    names = "abcdefghijklmnop"[: levels + 1]
    lines = [f"{names[0]}: &{names[0]} [x]"]
    for below, name in pairwise(names):
        lines.append(f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (laughs(10), "line 2: is no YAML: an alias"),
        (laughs(10) + "\n? *k\n: 1", "an alias"),
        ("market: &m {speed: *m}", "line 1: is no YAML: an alias"),
        ("market: {<<: {speed: 2}, speed: 3}", "merge"),
        ("market: " + "[" * 20_000, "nested too deeply"),
        ("market:\n  start: 2024-13-45", "line 2: is no YAML: month must be"),
        ("market:\n  start: 2024-01-01T00:00:00+99:00", "line 2: is no YAML: offset"),
        ("market: {seed: !!int x}", "line 1: is no YAML: invalid literal"),
        ("market: {seed: !!bool x}", "line 1: is no YAML"),
        (f"market: {{seed: {'9' * 5_000}}}", "line 1: is no YAML: Exceeds the limit"),
        (f"market: {{seed: 0x{'f' * 9_000}}}", "market.seed: must be"),
        ('market: {source: "\\ud800"}', "line 1: is no YAML"),
        (f"market: {{source: {'a' * 9_000}}}", "is no directory"),
        ("market: {speed: \x07}", "is no YAML: unacceptable character"),
        ("? [a]\n: 1", "line 1: a key must be a word"),
        ("market: {? {a: 1} : 2}", "line 1: a key must be a word"),
        ("desk: {day_zone: America}", "America is no time zone"),
        (f"desk: {{day_zone: {'a' * 9_000}}}", "is no time zone"),
        ("--- {}\n--- {}", "another document"),
        ("%YAML 9.9\n---\nmarket: {}", "incompatible"),
    ],
)
def test_an_ill_meant_file_is_a_sentence(text, word):
    assert any(word in problem for problem in answer_to(text.encode()))
