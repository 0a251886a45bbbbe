"""What happened beside what would have: one run per policy, and the differences between them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.paired import PairedDifference, paired_difference
from dealing.answers import Report
from dealing.flow.terms import RoutingTerms
from dealing.score.reader import FlowReader
from dealing.whatif.asked import BlockChoice
from dealing.whatif.markouts import Edges, measured_edges
from dealing.whatif.policy import (
    EdgeRules,
    OpenPositions,
    Policy,
    PolicyKind,
    ProviderTerms,
    RoutedPolicy,
)
from dealing.whatif.provider import HedgeTape, ProviderModel
from dealing.whatif.routers import Router, router_of
from dealing.whatif.routing import MINUTE_NS, RoutingRouter
from dealing.whatif.run import Outcome, Plan, run_day
from exposure.model.events import AccountChanged
from exposure.settings import EngineSettings
from feeds.book_files import BookDirectory

Floats = NDArray[np.float64]

REPETITIONS: Final = 4_000
CONFIDENCE: Final = 0.95
HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
_DAYS_ENOUGH: Final = 10
_WATCHING: Final = frozenset({PolicyKind.SCORE, PolicyKind.ROUTING})
_NS_PER_MS: Final = 1_000_000


class Result(NamedTuple):
    """One policy's day, and against what happened.

    ``routing`` compares with the recorded books hedged by the same model (None for ``actual``):
    the part of the difference that is the policy's. ``by_login`` is that part, login by login.
    """

    policy: Policy
    outcome: Outcome
    difference: PairedDifference
    routing: PairedDifference | None
    by_login: dict[str, float]


class Comparison(NamedTuple):
    """Everything that was computed.

    ``actual`` is what happened; ``block_ns`` what the bands draw anew.
    """

    actual: Outcome
    results: list[Result]
    client_of: dict[str, str]
    block_ns: int
    seed: int
    notes: list[str]


class _Baseline(NamedTuple):
    """What has to agree for two policies to share the run of the recorded books."""

    open_positions: OpenPositions
    provider: ProviderTerms


def compare(
    book: BookDirectory,
    policies: list[Policy],
    settings: EngineSettings,
    blocks: BlockChoice,
    seed: int,
    until: int | None,
    progress: Report,
) -> Comparison:
    """Compute what happened and every policy.

    Args:
        book: The day's files.
        policies: What to try.
        settings: Those of the engine.
        blocks: What the bands draw anew.
        seed: Which draws.
        until: The end of the day, ns UTC.
        progress: Told how much is done.
    """
    return _Comparing(book, policies, settings, blocks, seed, until, progress).compared()


class _Comparing:
    """The runs of one comparison; those that several policies need are made once."""

    def __init__(
        self,
        book: BookDirectory,
        policies: list[Policy],
        settings: EngineSettings,
        blocks: BlockChoice,
        seed: int,
        until: int | None,
        progress: Report,
    ) -> None:
        self._book, self._policies, self._settings = book, policies, settings
        self._seed, self._until = seed, until
        self._block_ns = _block_ns(book, blocks, until)
        self._client_of, self._recorded = _clients(book)
        self._baselines: dict[_Baseline, Outcome] = {}
        self._edges: dict[float, Edges] = {}
        self._progress, self._runs = progress, 0
        self._expected = 1 + len(policies) + len({_baseline(one) for one in policies} - {None})

    def compared(self) -> Comparison:
        actual = self._run(None)
        results = [self._result(policy, actual) for policy in self._policies]
        return Comparison(
            actual, results, self._client_of, self._block_ns, self._seed, self._notes(results)
        )

    def _result(self, policy: Policy, actual: Outcome) -> Result:
        if policy.policy is PolicyKind.ACTUAL:
            return Result(policy, actual, self._paired(actual, actual), None, {})
        key = _baseline(policy)
        if key is None:
            raise AssertionError
        if key not in self._baselines:
            self._baselines[key] = self._run(self._plan(_recorded_books(policy), actual.tape))
        baseline = self._baselines[key]
        outcome = baseline
        if policy.policy is not PolicyKind.MODELLED:
            outcome = self._run(self._plan(policy, actual.tape))
        return Result(
            policy,
            outcome,
            self._paired(outcome, actual),
            self._paired(outcome, baseline),
            _by_login(outcome, baseline),
        )

    def _plan(self, policy: Policy, tape: HedgeTape) -> Plan:
        reader = FlowReader(pivots=self._settings.pivots)
        return Plan(
            self._router(policy, reader),
            ProviderModel(policy.provider, tape),
            policy.open_positions is OpenPositions.MOVE,
            round(policy.provider.delay_ms * _NS_PER_MS),
            reader if policy.policy in _WATCHING else None,
        )

    def _router(self, policy: Policy, reader: FlowReader) -> Router | None:
        if isinstance(policy, RoutedPolicy):
            return RoutingRouter(
                RoutingTerms(policy.rules, policy.routing.provider_usd_per_million),
                reader,
                self._client_of,
                self._recorded,
                round(policy.routing.every_min * MINUTE_NS),
            )
        flow = reader.flow if policy.policy in _WATCHING else None
        return router_of(policy, self._client_of, self._edges_for(policy), flow)

    def _edges_for(self, policy: Policy) -> Edges | None:
        if policy.policy is not PolicyKind.EDGE:
            return None
        horizon_s = (policy.edge or EdgeRules()).horizon_s
        if horizon_s not in self._edges:
            self._edges[horizon_s] = measured_edges(
                self._book, self._client_of, horizon_s, self._until
            )
        return self._edges[horizon_s]

    def _run(self, plan: Plan | None) -> Outcome:
        report = partial(self._report, self._runs)
        self._runs += 1
        return run_day(self._book, self._settings, plan, self._block_ns, self._until, report)

    def _report(self, before: int, done: float) -> None:
        self._progress(min((before + done) / max(self._expected, 1), 1.0))

    def _paired(self, one: Outcome, other: Outcome) -> PairedDifference:
        differences = block_results(one) - block_results(other)
        chance = np.random.default_rng(self._seed)
        n = max(len(differences), 1)
        draws = chance.integers(0, n, (REPETITIONS, n))
        compared = sum(policy.policy is not PolicyKind.ACTUAL for policy in self._policies)
        return paired_difference(differences, draws, CONFIDENCE, max(compared, 1))

    def _notes(self, results: list[Result]) -> list[str]:
        notes = []
        for result in results:
            refused = result.outcome.refused_hedges
            if refused:
                notes.append(
                    f"{result.policy.title}: {refused:,} modelled hedges found no rate and are "
                    "left out: add quotes that convert to USD"
                )
        return notes


def block_results(outcome: Outcome) -> Floats:
    """Return what the house earned in each block; the first one's begins at nothing.

    Shapes: (blocks,). Units: USD.
    """
    levels = np.array([sample.pnl_usd for sample in outcome.samples], np.float64)
    return np.diff(levels, prepend=0.0)


def _by_login(outcome: Outcome, baseline: Outcome) -> dict[str, float]:
    """Return how much more each login's hedges brought; his own result is the same in both."""
    ours, theirs = outcome.hedge_usd, baseline.hedge_usd
    return {
        login: ours.get(login, 0.0) - theirs.get(login, 0.0)
        for login in sorted(ours.keys() | theirs.keys())
    }


def _baseline(policy: Policy) -> _Baseline | None:
    if policy.policy is PolicyKind.ACTUAL:
        return None
    return _Baseline(policy.open_positions, policy.provider)


def _recorded_books(policy: Policy) -> Policy:
    return Policy(
        policy=PolicyKind.MODELLED, open_positions=policy.open_positions, provider=policy.provider
    )


def _clients(book: BookDirectory) -> tuple[dict[str, str], dict[str, float]]:
    """Return the client and the hedge ratio of each login as the day begins."""
    clients: dict[str, str] = {}
    ratios: dict[str, float] = {}
    for batch in book.opening():
        for event in batch.events:
            if isinstance(event, AccountChanged) and event.account.login not in clients:
                account = event.account
                clients[account.login] = account.client_id
                ratios[account.login] = account.book.hedge_ratio(account.hedge_ratio or 0.0)
    return clients, ratios


def _block_ns(book: BookDirectory, blocks: BlockChoice, until: int | None) -> int:
    if blocks is not BlockChoice.AUTO:
        return HOUR_NS if blocks is BlockChoice.HOUR else DAY_NS
    return DAY_NS if len(_days(book, until)) >= _DAYS_ENOUGH else HOUR_NS


def _days(book: BookDirectory, until: int | None) -> Mapping[int, None]:
    """Return the days on which something was quoted."""
    found: dict[int, None] = {}
    for segment in book.segments(until):
        if hasattr(segment, "quotes"):
            found |= dict.fromkeys(np.unique(segment.quotes.ts_event // DAY_NS).tolist())
    return found
