"""The section ``hedging`` of the settings: what is written there, and the hedger's rules of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from bookrouting.hedge_terms import HedgeMode, HedgeRules

NS_PER_MS: Final = 1_000_000


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


HedgeModeName = Annotated[
    Literal["off", "manual", "automatic"],
    # YAML reads the word off as false
    BeforeValidator(lambda value: "off" if value is False else value),
]


class HedgeRuleSettings(_Section):
    """How one symbol is hedged; what is left out is as for all others."""

    symbol: str = Field(min_length=1, max_length=64)
    mode: HedgeModeName | None = None
    hedges: Literal["uncovered", "house_net"] | None = None
    lp: str | None = Field(default=None, min_length=1)
    band: Literal["fixed", "cube_root"] | None = None
    band_lots: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    target_ratio: float | None = Field(default=None, ge=0.0, le=1.0)
    risk_aversion_per_usd: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    min_clip_lots: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    max_clip_lots: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    most_ticket_lots: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    most_usd_per_hour: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    cool_down_ms: int | None = Field(default=None, ge=0, le=3_600_000)
    stale_after_ms: int | None = Field(default=None, ge=1, le=3_600_000)
    answer_within_ms: int | None = Field(default=None, ge=100, le=3_600_000)
    rejects_to_pause: int | None = Field(default=None, ge=1, le=1_000)
    news_pause_s: int | None = Field(default=None, ge=0, le=3_600)


class HedgingSection(_Section):
    """How the house is hedged from the desk; off unless somebody says otherwise."""

    mode: HedgeModeName
    hedges: Literal["uncovered", "house_net"]
    lp: str = Field(min_length=1)
    band: Literal["fixed", "cube_root"]
    band_lots: float = Field(ge=0.0, allow_inf_nan=False)
    target_ratio: float = Field(ge=0.0, le=1.0)
    risk_aversion_per_usd: float = Field(gt=0.0, allow_inf_nan=False)
    min_clip_lots: float = Field(gt=0.0, allow_inf_nan=False)
    max_clip_lots: float = Field(gt=0.0, allow_inf_nan=False)
    most_ticket_lots: float = Field(gt=0.0, allow_inf_nan=False)
    most_usd_per_hour: float = Field(gt=0.0, allow_inf_nan=False)
    cool_down_ms: int = Field(ge=0, le=3_600_000)
    stale_after_ms: int | None = Field(ge=1, le=3_600_000)
    answer_within_ms: int = Field(ge=100, le=3_600_000)
    rejects_to_pause: int = Field(ge=1, le=1_000)
    news_pause_s: int = Field(ge=0, le=3_600)
    news: Annotated[tuple[AwareDatetime, ...], Field(strict=False)]
    decide_every_ms: int = Field(ge=20, le=10_000)
    rules: Annotated[tuple[HedgeRuleSettings, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _makes_sense(self) -> HedgingSection:
        names = [rule.symbol for rule in self.rules]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{', '.join(repeated)} has two rules: write one")
        for name in ("", *names):
            problem = hedger_rules(self.of(name)).problem()
            if problem is not None:
                raise ValueError(f"{name or 'all symbols'}: {problem}")
        return self

    def of(self, symbol: str) -> dict[str, Any]:
        """Return the keys that a symbol is hedged by: its own, and the rest from here."""
        own = next((rule for rule in self.rules if rule.symbol == symbol), None)
        chosen = self.model_dump(exclude={"rules", "news", "decide_every_ms"})
        return chosen if own is None else chosen | own.model_dump(exclude_none=True)


_OF_HEDGER: Final = (
    "band_lots", "target_ratio", "min_clip_lots", "max_clip_lots", "most_usd_per_hour",
    "rejects_to_pause",
)  # fmt: skip


def hedger_rules(chosen: Mapping[str, Any]) -> HedgeRules:
    """Return the hedger's part of a symbol's keys."""
    return HedgeRules(
        mode=HedgeMode(chosen["mode"]),
        cool_down_ns=chosen["cool_down_ms"] * NS_PER_MS,
        answer_within_ns=chosen["answer_within_ms"] * NS_PER_MS,
        **{name: chosen[name] for name in _OF_HEDGER},
    )
