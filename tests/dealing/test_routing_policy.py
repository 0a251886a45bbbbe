"""A routing policy's file: what is left out has a default, what is wrong is said at once."""

from pathlib import Path

import pytest

from bookrouting.policy import HOUR_NS, Override, Place, Policy, place_of
from bookrouting.segments import Segment, Span
from dealing.routing_policy import load_routing_policy
from exposure.errors import ConfigError
from exposure.model.books import Book

ROOT = Path(__file__).parents[2]

WHOLE = """
name: desk one
version: 4
evidence: {hedge_above: 0.9, keep_below: 0.3, least_n: 20, urgent_flags: [latency]}
cool_down: {trades: 10, hours: 1.5}
caps: {daily_ratio: 0.1, client_ratio: 0.2, new_client_usd: 1000000}
risk: {risk_aversion: 0.5, ratio_step: 0.25, least_change: 0.25}
pricing: {flags: [latency, off_market], least_n: 8}
segments:
  - name: large partners
    match: {ibs: [IB7], countries: [CY, MT], n: {least: 5, below: 100}, in_cluster: false}
    book: C
    hedge_ratio: 0.5
  - {name: staff, match: {groups: [staff]}, watched: true}
  - {name: careful, match: {score: {least: 60}}, hedge_above: 0.95}
overrides:
  - {client_id: C77, book: A, expires: 2026-01-14T12:00:00Z, reason: until the case is closed}
"""


@pytest.fixture
def loaded(tmp_path):
    def load(text):
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return load_routing_policy(path)

    return load


def test_what_is_left_out_has_the_default_of_the_policy(loaded):
    assert loaded("name: standard\nversion: 1\n") == Policy("standard", 1)


def test_everything_can_be_said(loaded):
    policy = loaded(WHOLE)
    assert policy.label == "desk one v4"
    assert (policy.evidence.hedge_above, policy.evidence.least_n) == (0.9, 20.0)
    assert policy.cool_down.duration_ns == 3 * HOUR_NS // 2
    assert (policy.caps.daily_ratio, policy.caps.new_client_usd) == (0.1, 1e6)
    assert policy.risk.ratio_step == 0.25
    first, second, third = policy.segments
    assert first == Segment(
        "large partners", ibs=("IB7",), countries=("CY", "MT"), n=Span(5.0, 100.0),
        score=Span(0.0), in_cluster=False, hedge_ratio=0.5,
    )  # fmt: skip
    assert (second.watched, second.groups) == (True, ("staff",))
    assert (third.hedge_above, third.score) == (0.95, Span(60.0))
    noon = 1_768_392_000 * 10**9
    assert policy.overrides == (
        Override("C77", Place(Book.A, 1.0), noon, "until the case is closed"),
    )


def test_the_example_of_the_documentation_is_a_good_policy(loaded):
    text = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")
    example = text.split("```yaml")[1].split("```")[0]
    policy = loaded(example)
    assert policy.segments
    assert policy.overrides


def test_a_place_is_a_book_with_its_ratio():
    places = [place_of(ratio) for ratio in (0.0, 0.5, 1.0)]
    assert [place.book for place in places] == [Book.B, Book.C, Book.A]


PROBLEMS = {
    "version: 1": ["policy.yaml: name: is missing"],
    "name: x\nversion: 0": ["line 2: version: must be greater than or equal to 1, was '0'"],
    "name: x\nversion: 1\nevidense: {}": [
        "line 3: evidense: there is no such key (docs/routing.md lists them)"
    ],
    "name: x\nversion: 1\nevidence: {hedge_above: 0.3}": [
        "keep_below (0.4) must be below hedge_above (0.3), or clients go to and fro"
    ],
    "name: x\nversion: 1\nevidence: {least_n: .nan}": ["line 3: evidence.least_n: must be"],
    "name: x\nversion: 1\ncaps:\n  daily_ratio: 2\n  client_ratio: 0": [
        "line 4: caps.daily_ratio: must be less than or equal to 1",
        "line 5: caps.client_ratio: must be greater than 0",
    ],
    "name: x\nversion: 1\nsegments: [{name: s}]": [
        "line 3: segments.0: needs a book, a hedge_above, a keep_below or watched: true"
    ],
    "name: x\nversion: 1\nsegments: [{name: s, book: C}]": ["book C, and no other, needs"],
    "name: x\nversion: 1\nsegments: [{name: s, book: A, hedge_ratio: 0.4}]": ["book C, and no"],
    "name: x\nversion: 1\nsegments: [{name: s, book: A}, {name: s, book: B}]": [
        "segment s is there twice"
    ],
    "name: x\nversion: 1\noverrides: [{client_id: C1, book: A, reason: why}]": [
        "line 3: overrides.0.expires: is missing"
    ],
    "name: x\nversion: 1\noverrides: [{client_id: C1, book: A, reason: why, expires: soon}]": [
        "overrides.0.expires: must be a valid datetime"
    ],
    "- name": ["must be sections with keys"],
}


@pytest.mark.parametrize("text", list(PROBLEMS))
def test_every_problem_is_said_with_its_place(loaded, text):
    with pytest.raises(ConfigError) as e:
        loaded(text)
    assert len(e.value.problems) == len(PROBLEMS[text])
    for problem, words in zip(e.value.problems, PROBLEMS[text], strict=True):
        assert words in problem
