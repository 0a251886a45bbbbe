"""The default policy, and a desk's own over it: everything can be said, what is wrong is told."""

import msgspec
import pytest

from dealing.alerts.model import Severity
from dealing.alerts.policy import (
    AlertPolicy,
    Burst,
    DayHours,
    Escalation,
    Figures,
    Flap,
    Hours,
    Inhibitor,
    Route,
    Worse,
    severity_of,
)
from dealing.alerts.policy_file import default_policy_file, load_alert_policy
from dealing.alerts.sources.registry import RULES, Kind
from exposure.errors import ConfigError
from tests.dealing.alerts.book_days import policy, rule

OWN = """
name: night desk
version: 7
zone: Asia/Tokyo
routes:
  - {channels: [slack, phone], severities: [critical], teams: [risk], level: 1,
     hours: {from: "22:00", to: "6:30", days: [mon, fri]}}
quiet_hours: {enabled: true, from: 20:15, to: "24:00"}
on_call: [anna, boris]
escalation: [{after_min: 2.5, level: 1}, {after_min: 10, level: 3}]
flap: {toggles: 5}
update_s: 30
rules:
  margin_call: {enabled: false, team: risk}
  uncovered_exposure:
    fires_at: 5_000_000
    for_s: 30
    hours: market
    floor: warning
    by_symbol:
      XAUUSD: {fires_at: 9_000_000}
      USDTRY: {fires_at: 100_000, clears_at: 50_000, critical_at: 7,
               warning_usd: 5, critical_usd: 6}
    inhibited_by: [feed_gap, {rule: limit_hard, same_subject: true}]
    burst: {above: 2}
    quiet_s: 60
    repeat_s: 0
    escalates: false
"""


@pytest.fixture
def loaded(tmp_path):
    def load(text):
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return load_alert_policy(path)

    return load


def test_the_default_policy_has_every_rule_that_a_source_knows():
    held = load_alert_policy()
    assert set(held.rules) == {one.name for one in RULES}
    assert all(one.enabled for one in held.rules.values())
    assert held.label == "standard v1"


@pytest.mark.parametrize("words", RULES, ids=lambda words: words.name)
def test_the_default_figures_fit_what_sources_mention(words):
    one = load_alert_policy().rules[words.name]
    assert (one.name, one.team) == (words.name, words.team)
    assert one.fires_at >= words.least
    assert one.fires(one.fires_at)
    assert not one.fires(one.clears_at) or words.kind is Kind.HAPPENING
    assert 0.0 <= one.warning_usd < one.critical_usd
    assert severity_of(one, one.critical_usd) is Severity.CRITICAL


def test_the_default_policy_is_documented_rule_by_rule():
    lines = default_policy_file().read_text(encoding="utf-8").splitlines()
    for words in RULES:
        place = lines.index(f"  {words.name}:")
        assert lines[place - 1].startswith("  # ")


def test_who_is_loud_can_be_acknowledged_by_somebody():
    for one in load_alert_policy().rules.values():
        assert not one.escalates or one.repeat_s > 0.0


def test_a_desks_own_file_says_only_what_is_different(loaded):
    assert loaded("version: 1\n") == load_alert_policy()
    assert load_alert_policy(default_policy_file()) == load_alert_policy()
    assert loaded("on_call: [anna]\n") == msgspec.structs.replace(
        load_alert_policy(), on_call=("anna",)
    )


def test_everything_can_be_said(loaded):
    held, standard = loaded(OWN), load_alert_policy()
    assert (held.label, held.zone, held.update_s) == ("night desk v7", "Asia/Tokyo", 30.0)
    night = DayHours(from_minute=1_320, to_minute=390, days=(0, 4))
    assert held.routes == (
        Route(
            channels=("slack", "phone"), severities=(Severity.CRITICAL,), teams=("risk",), level=1,
            hours=night,
        ),
    )  # fmt: skip
    assert held.quiet_hours == DayHours(from_minute=1_215, to_minute=1_440)
    assert held.on_call == ("anna", "boris")
    assert held.escalation == (
        Escalation(after_s=150.0, level=1),
        Escalation(after_s=600.0, level=3),
    )
    assert held.flap == Flap(toggles=5, within_s=600.0)
    assert held.rules["stop_out"] == standard.rules["stop_out"]
    assert not held.rules["margin_call"].enabled
    one = held.rules["uncovered_exposure"]
    assert (one.fires_at, one.clears_at, one.for_s) == (5_000_000.0, 700_000.0, 30.0)
    assert (one.hours, one.floor, one.worse) == (Hours.MARKET, Severity.WARNING, Worse.ABOVE)
    assert one.inhibited_by == (
        Inhibitor(rule="feed_gap"), Inhibitor(rule="limit_hard", same_subject=True),
    )  # fmt: skip
    assert one.burst == Burst(above=2, within_s=120.0)
    assert (one.quiet_s, one.repeat_s, one.escalates) == (60.0, 0.0, False)
    assert one.figures_of("XAUUSD") == Figures(
        fires_at=9_000_000.0, clears_at=1_500_000.0, warning_usd=2_000_000.0,
        critical_usd=10_000_000.0,
    )  # fmt: skip
    assert one.figures_of("USDTRY") == Figures(
        fires_at=100_000.0, clears_at=50_000.0, warning_usd=5.0, critical_usd=6.0, critical_at=7.0
    )
    assert one.figures_of("EURUSD").fires_at == 3_000_000.0
    assert one.figures_of("NZDCHF") is one


def test_lists_may_be_empty_and_sections_without_keys(loaded):
    held = loaded("routes: []\nescalation: []\nrules:\n  stop_out:\n    burst:\nflap:\n")
    assert (held.routes, held.escalation) == ((), ())
    assert held.rules == load_alert_policy().rules


def test_a_policy_remembers_as_long_as_anything_counts():
    held = policy(rule(burst=Burst(above=1, within_s=900.0)))
    assert held.remembers_us == 900 * 10**6
    assert AlertPolicy(name="x", version=1, rules={}).remembers_us == 600 * 10**6


PROBLEMS = {
    "rules: {margin_cal: {enabled: true}}": [
        "line 1: rules.margin_cal: there is no such rule: did you mean margin_call?"
    ],
    "rules: {tea: {}}": ["there is no such rule, only margin_call, stop_out,"],
    "rules:\n  stop_out:\n    quiet: 3\n    repeats_s: 4": [
        "line 3: rules.stop_out.quiet: there is no such key: did you mean quiet_s?",
        "line 4: rules.stop_out.repeats_s: there is no such key: did you mean repeat_s?",
    ],
    "channels: [slack]": ["line 1: channels: there is no such key"],
    "rule: {}": ["line 1: rule: there is no such key: did you mean rules?"],
    "rules:\n  stale_feed:\n    fires_at: .nan\n  var_limit: {clears_at: 2}\nzone: Mars/North": [
        "line 3: rules.stale_feed.fires_at: must be a finite number",
        "line 4: rules.var_limit: clears_at (2) must be below fires_at (0.9), or it comes and goes",
        "line 5: zone: there is no time zone Mars/North",
    ],
    "rules: {kyc_expiry: {worse: below}}": ["clears_at (500) must be above fires_at (1000)"],
    "rules: {stop_out: {clears_at: 1}}": ["it happens once, so it has no clears_at and no for_s"],
    "rules: {stop_out: {for_s: 1}}": ["it happens once, so it has no clears_at and no for_s"],
    "rules: {stop_out: {warning_usd: 1_000_000_000}}": [
        "warning_usd (1e+09) must not be above critical_usd"
    ],
    "rules: {stop_out: {floor: terrible}}": ["rules.stop_out.floor: must be 'info', 'warning' or"],
    "rules: {stop_out: {burst: {above: 0}}}": ["rules.stop_out.burst.above: must be greater than"],
    "rules: {stop_out: {burst: {over: 1}}}": ["rules.stop_out.burst.over: there is no such key"],
    "rules: {stop_out: {quiet_s: 0}}": ["rules.stop_out.quiet_s: must be greater than 0"],
    "rules: {stop_out: {warning_usd: -1}}": ["rules.stop_out.warning_usd: must be greater than"],
    "rules: {stop_out: {inhibited_by: [tea]}}": ["inhibited_by.0.rule: there is no rule tea"],
    "rules: {stop_out: {inhibited_by: [stop_out]}}": ["cannot be inhibited by itself"],
    "rules: {stop_out: {inhibited_by: [{rule: feed_gap, subject: a, same_subject: true}]}}": [
        "is about a subject or about the same_subject, not both"
    ],
    "rules:\n  feed_gap:\n    inhibited_by: [stale_feed]": [
        "rules.stale_feed.inhibited_by: goes in a circle, so that a case could hide itself",
        "line 3: rules.feed_gap.inhibited_by: goes in a circle",
    ],
    "rules: {stop_out: off}": ["rules.stop_out: must be a section with keys, was 'False'"],
    "rules: [stop_out]": ["rules: must be rules by their names"],
    "rules:\n  large_deal:\n    by_symbol:\n      XAUUSD: {fire_at: 5}": [
        "line 4: rules.large_deal.by_symbol.XAUUSD.fire_at: there is no such key: did you mean"
    ],
    "rules: {stale_feed: {by_symbol: {A: {fires_at: 4}}}}": [
        "by_symbol A: clears_at (5) must be below fires_at (4)"
    ],
    "rules:\n  stop_out:\n    quiet_s: 5\n    quiet_s: 6": [
        "line 4: rules.stop_out.quiet_s was already set in line 3"
    ],
    "routes: [{channels: []}]": ["line 1: routes.0.channels: "],
    "routes: [{chanels: [slack]}]": [
        "routes.0.channels: is missing",
        "routes.0.chanels: there is no such key: did you mean channels?",
    ],
    "routes: [{channels: [slack], hours: {from: 9, until: 17}}]": [
        "routes.0.hours.to: is missing",
        "routes.0.hours.until: there is no such key",
    ],
    "quiet_hours: {from: '25:00', to: noon}": [
        "quiet_hours.from: must be a time of day such as '22:00', was '25:00'",
        "quiet_hours.to: must be a time of day such as '22:00', was 'noon'",
    ],
    "quiet_hours: {from: '06:00', to: '6:00'}": ["quiet_hours: from and to must differ"],
    "quiet_hours: {days: [monday]}": ["quiet_hours.days: days are mon, tue"],
    "quiet_hours: {enable: true}": ["there is no such key: did you mean enabled?"],
    "escalation: [{after_min: 5, level: 2}, {after_min: 6, level: 1}]": [
        "each step must come later"
    ],
    "escalation: [{after: 5, level: 2}]": [
        "escalation.0.after_min: is missing",
        "escalation.0.after: there is no such key: did you mean after_min?",
    ],
    "flap: {toggle: 2}": ["flap.toggle: there is no such key: did you mean toggles?"],
    "- name": ["must be sections with keys"],
}


@pytest.mark.parametrize("text", list(PROBLEMS))
def test_every_problem_is_said_with_its_place(loaded, text):
    with pytest.raises(ConfigError) as e:
        loaded(text)
    assert len(e.value.problems) == len(PROBLEMS[text]), e.value.problems
    for problem, words in zip(e.value.problems, PROBLEMS[text], strict=True):
        assert words in problem


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_alert_policy(tmp_path / "none.yaml")


def test_whoever_is_on_call_and_no_user_of_the_desk_would_never_hear_of_it(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\non_call: [anna, ben]\n")
    assert load_alert_policy(file, ["anna", "ben"]).on_call == ("anna", "ben")
    with pytest.raises(ConfigError) as e:
        load_alert_policy(file, ["anna", "benn"])
    assert e.value.problems == [
        f"{file} line 2: on_call.1: ben is no user of alerts.users: did you mean benn?"
    ]
    with pytest.raises(ConfigError) as e:
        load_alert_policy(file, [])
    assert e.value.problems[0].endswith(
        "on_call.0: anna is no user of alerts.users, nobody is listed there yet"
    )
