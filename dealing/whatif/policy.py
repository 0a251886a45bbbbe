"""A policy as a file: which client's risk goes where, and what hedging it would have cost.

The schema is described in docs/whatif.md; a wrong file is answered with all its problems at once,
each with its line and key.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    model_validator,
)

from bookrouting.policy import Policy as RoutingPolicy
from dealing.layers import KeyPath, Layer, merged, place_of, yaml_layer
from dealing.routing_policy import PolicyFile, load_routing_policy
from exposure.errors import ConfigError
from exposure.model.books import Book

_BOOK_RATIOS: Final = {Book.A.value: 1.0, Book.B.value: 0.0}
RECORDED: Final = "recorded"
_ROUTING_KEYS: Final = frozenset(PolicyFile.model_fields) - {"name"}


class PolicyKind(StrEnum):
    """What decides.

    ``actual``: the recorded books and the recorded hedges. ``modelled``: the recorded books, each
    fill hedged at once by the model. ``edge`` and ``score``: who is proven to win is hedged, by his
    markouts at one horizon or by the flow score of ``plimsoll score``. ``routing``: a policy of the
    desk's own form (docs/routing.md), obeyed as the day goes by.
    """

    ACTUAL = "actual"
    MODELLED = "modelled"
    ALL_A = "all_a"
    ALL_B = "all_b"
    FIXED = "fixed"
    EDGE = "edge"
    SCORE = "score"
    ROUTING = "routing"


class OpenPositions(StrEnum):
    """What becomes of positions that were open before the day: the policy's, or as they were."""

    MOVE = "move"
    KEEP = "keep"


def _as_ratio(value: object) -> object:
    return _BOOK_RATIOS.get(value, value) if isinstance(value, str) else value


Ratio = Annotated[float, BeforeValidator(_as_ratio), Field(ge=0.0, le=1.0, allow_inf_nan=False)]
"""A book (A or B) or the hedged share of a new deal, in [0, 1]."""

Amount = Annotated[float, Field(ge=0.0, le=1e9, allow_inf_nan=False)]
OrRecorded = Amount | Literal["recorded"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FixedRules(_Section):
    """A hedge ratio for everybody; a symbol's and then a client's or login's own come before it."""

    default: Ratio = 0.0
    symbols: dict[str, Ratio] = {}
    clients: dict[str, Ratio] = {}
    logins: dict[str, Ratio] = {}


class Thresholds(_Section):
    """Between the two probabilities a client stays where he is."""

    hedge_above: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    keep_below: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.4

    @model_validator(mode="after")
    def _has_a_gap(self) -> Self:
        if self.keep_below >= self.hedge_above:
            raise ValueError(
                "keep_below must be less than hedge_above, or clients swing to and fro"
            )
        return self


class ScoreRules(Thresholds):
    """Hedge whom the flow score says to pass on: the probability that hedging him earns more.

    Nothing happens before ``least_trades`` of his decisions.
    """

    least_trades: Annotated[float, Field(ge=1.0, le=1e6)] = 10.0


class EdgeRules(Thresholds):
    """Hedge whom the past shows to win; everything is decided from what was known at the deal.

    A client's edge is the markout of his fills at ``horizon_s`` less what the spread cost him, in
    units of that cost, shrunk towards ``prior_edge`` as if it were the mean of ``prior_fills``.
    He is hedged from ``hedge_above`` (probability that the edge is above ``breakeven``) on, and no
    more below ``keep_below``.
    """

    horizon_s: Annotated[float, Field(gt=0.0, le=86_400.0)] = 300.0
    least_fills: Annotated[int, Field(ge=1)] = 10
    breakeven: Annotated[float, Field(ge=-100.0, le=100.0)] = -0.7
    prior_edge: Annotated[float, Field(ge=-100.0, le=100.0)] = -1.0
    prior_fills: Annotated[float, Field(gt=0.0, le=1e6)] = 20.0


class RoutingRules(_Section):
    """A routing policy's ``file`` (from the directory of this one), and how often it is asked.

    ``every_min`` is market time; ``provider_usd_per_million`` what the policy expects a provider to
    charge for a round trip beyond its spread, as ``routing`` in config.yaml says it for the desk.
    """

    file: Path
    every_min: Annotated[float, Field(ge=0.1, le=1_440.0)] = 15.0
    provider_usd_per_million: Annotated[float, Field(ge=0.0, le=1e6)] = 5.0


class ProviderTerms(_Section):
    """What hedging costs in the model; ``recorded`` means as the directory's own hedges did.

    Units: ``spread_ratio`` of the clients' spread without its markup, ``slippage_pips`` on top of
    it per fill, ``swap_ratio`` of the swap that the clients of the hedged part paid or got,
    ``delay_ms`` from a client's fill to the house's.
    """

    spread_ratio: Annotated[float, Field(ge=0.0, le=100.0)] = 1.0
    slippage_pips: OrRecorded = RECORDED
    commission_usd_per_lot: OrRecorded = RECORDED
    swap_ratio: Annotated[float, Field(ge=-10.0, le=10.0)] | Literal["recorded"] = RECORDED
    delay_ms: Annotated[float, Field(ge=0.0, le=3_600_000.0)] = 0.0


class Policy(_Section):
    """One policy file."""

    policy: PolicyKind
    name: str = Field(default="", max_length=80)
    open_positions: OpenPositions = OpenPositions.MOVE
    fixed: FixedRules | None = None
    edge: EdgeRules | None = None
    score: ScoreRules | None = None
    routing: RoutingRules | None = None
    provider: ProviderTerms = ProviderTerms()

    @property
    def title(self) -> str:
        """What it is called: its name, else its kind."""
        return self.name or self.policy.value

    @model_validator(mode="after")
    def _sections_belong(self) -> Policy:
        for kind, section in (
            (PolicyKind.FIXED, self.fixed),
            (PolicyKind.EDGE, self.edge),
            (PolicyKind.SCORE, self.score),
            (PolicyKind.ROUTING, self.routing),
        ):
            if section is not None and self.policy is not kind:
                raise ValueError(f"section {kind} belongs to policy: {kind}, not {self.policy}")
        if self.policy is PolicyKind.FIXED and self.fixed is None:
            raise ValueError("policy: fixed needs a section fixed with ratios")
        if self.policy is PolicyKind.ROUTING and self.routing is None:
            raise ValueError("policy: routing needs a section routing with a file")
        if self.policy is PolicyKind.ACTUAL and self.model_fields_set - {"policy", "name"}:
            raise ValueError("policy: actual is what happened: leave the other keys out")
        return self


class RoutedPolicy(Policy):
    """A policy of kind ``routing`` with the routing policy that its file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    routing: RoutingRules
    rules: InstanceOf[RoutingPolicy]


def load_policy(path: Path) -> Policy:
    """Read a policy file, of this form or a routing policy as it is.

    Raises:
        ConfigError: With every problem, each with its place.
    """
    layer = yaml_layer(path)
    keys = {written.key[0] for written in layer}
    if "policy" not in keys and keys & _ROUTING_KEYS:
        return _routed(Policy(policy=PolicyKind.ROUTING, routing=RoutingRules(file=path)))
    try:
        policy = Policy.model_validate(merged([layer]))
    except ValidationError as e:
        raise ConfigError([_problem(path, dict(error), layer) for error in e.errors()]) from e
    if policy.routing is None:
        return policy
    file = path.parent / policy.routing.file
    routing = policy.routing.model_copy(update={"file": file})
    return _routed(policy.model_copy(update={"routing": routing}))


def _routed(policy: Policy) -> RoutedPolicy:
    if policy.routing is None:
        raise AssertionError
    rules = load_routing_policy(policy.routing.file)
    fields = {name: getattr(policy, name) for name in Policy.model_fields}
    return RoutedPolicy(**fields | {"name": policy.name or rules.label, "rules": rules})


def load_policies(paths: tuple[Path, ...]) -> list[Policy]:
    """Read all policy files; those of one name get a number.

    Raises:
        ConfigError: With the problems of all files.
    """
    policies, problems = [], []
    for path in paths:
        try:
            policies.append(load_policy(path))
        except ConfigError as e:
            problems += e.problems
    if problems:
        raise ConfigError(problems)
    return _told_apart(policies)


def _told_apart(policies: list[Policy]) -> list[Policy]:
    taken: dict[str, int] = {}
    named = []
    for policy in policies:
        count = taken[policy.title] = taken.get(policy.title, 0) + 1
        name = policy.title if count == 1 else f"{policy.title} {count}"
        named.append(policy.model_copy(update={"name": name}))
    return named


def _problem(path: Path, error: dict[str, Any], layer: Layer) -> str:
    key: KeyPath = tuple(str(part) for part in error["loc"])
    place = place_of(key, [layer]) if key else None
    where = f"{place or path}: {'.'.join(key)}" if key else str(path)
    return f"{where}: {_complaint(error)}"


def _complaint(error: dict[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return f"is missing (one of {', '.join(PolicyKind)})"
        case "extra_forbidden":
            return "there is no such key (docs/whatif.md lists them)"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            message = str(error["msg"]).replace("Input should", "must")
            return f"{message[0].lower()}{message[1:]}, was {str(error['input'])[:80]!r}"
