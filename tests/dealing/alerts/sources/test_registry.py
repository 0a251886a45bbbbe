"""The rules in words: one each, and the same ones everywhere."""

from __future__ import annotations

from collections import Counter

from dealing.alerts.sources.registry import BY_NAME, RULES, Kind

OF_THE_BRIEF = {
    "margin_call", "stop_out", "negative_equity", "limit_soft", "limit_hard", "uncovered_exposure",
    "toxic_client", "cluster", "stale_feed", "feed_gap", "provider_rejects", "engine_break",
    "recon_break", "var_limit", "large_deal", "large_deposit", "large_withdrawal",
    "payment_pattern", "kyc_expiry", "pnl_jump", "engine_lag", "sync_lag", "component_down",
}  # fmt: skip


def test_every_rule_is_described_once():
    assert set(BY_NAME) == OF_THE_BRIEF
    assert not [name for name, count in Counter(rule.name for rule in RULES).items() if count > 1]


def test_every_rule_says_what_it_is():
    for rule in RULES:
        assert rule.description.endswith(".")
        assert all((rule.title, rule.unit, rule.subject, rule.team))
        assert rule.least >= 0.0


def test_happenings_are_those_that_take_place_once():
    assert {rule.name for rule in RULES if rule.kind is Kind.HAPPENING} == {
        "margin_call", "stop_out", "negative_equity", "engine_break", "large_deal",
        "large_deposit", "large_withdrawal",
    }  # fmt: skip
