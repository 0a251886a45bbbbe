"""What the engine is told of the settings."""

from __future__ import annotations

from dealing.settings import Settings
from exposure.limits import LimitRule
from exposure.model.ids import Currency
from exposure.settings import EngineSettings


def engine_settings(settings: Settings, kept_events: int | None) -> EngineSettings:
    """Return the engine's part; ``kept_events`` stay in memory, all of them for None."""
    return EngineSettings(
        reporting_currency=Currency(settings.desk.reporting_currency),
        pivots=tuple(Currency(code) for code in settings.engine.pivots),
        kept_events=kept_events,
        soft_limit_share=settings.limits.soft_share,
        limits=tuple(LimitRule(**dict(rule)) for rule in settings.limits.rules),
    )
