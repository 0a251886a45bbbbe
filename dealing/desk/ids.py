"""The names of everything a callback or a script touches, once."""

from __future__ import annotations

from enum import StrEnum


class ShellIds(StrEnum):
    """The frame around every screen."""

    PROVIDER = "shell-provider"
    ROOT = "shell-root"
    MARKET = "shell-market"
    CHIP = "shell-chip"
    CLOCK = "shell-clock"
    UTC = "shell-utc"
    HEALTH = "shell-health"
    BANNER = "shell-banner"
    BOOK = "shell-book"
    SIDE = "shell-side"
    RATES = "shell-rates"
    AGE = "shell-age"
    RENDER = "shell-render"
    CHOICES = "shell-choices"
    HELP = "shell-help"


class ExposureIds(StrEnum):
    """The exposure grid and its switches."""

    GRID = "exposure-grid"
    VIEW = "exposure-view"
    ASSET_CLASS = "exposure-class"
    SEARCH = "exposure-search"
    COLUMNS = "exposure-columns"
    COLUMN_LIST = "exposure-column-list"
    COUNT = "exposure-count"
    NOTE = "exposure-note"


class TileIds(StrEnum):
    """The strip of key figures."""

    STRIP = "tiles"


class PnlIds(StrEnum):
    """The chart of the house's profit."""

    CHART = "pnl-chart"
    NOTE = "pnl-note"


class MarginIds(StrEnum):
    """The accounts closest to the edge."""

    GRID = "margin-grid"
    BANDS = "margin-bands"
    COUNT = "margin-count"


class WatchIds(StrEnum):
    """The panel that shows what comes close: accounts or limits."""

    SHOWN = "watch-shown"


class LimitIds(StrEnum):
    """Limits, most used first."""

    GRID = "limits-grid"
    ALERT = "limits-alert"
    COUNT = "limits-count"


class CrossingIds(StrEnum):
    """The stream of margin calls, stop-outs and limits."""

    LIST = "crossings-list"
    COUNT = "crossings-count"
    EMPTY = "crossings-empty"


class DrillIds(StrEnum):
    """The drawer below the grid that explains one row."""

    PANEL = "drill-panel"
    SELECTION = "drill-selection"
    TITLE = "drill-title"
    BEFORE = "drill-before"
    SUMMARY = "drill-summary"
    TERMS = "drill-terms"
    NOTE = "drill-note"
    TABS = "drill-tabs"
    POSITIONS = "drill-positions"
    CLIENTS = "drill-clients"
    PROVIDERS = "drill-providers"


class RevenueIds(StrEnum):
    """What the house earned, and why."""

    TILES = "revenue-tiles"
    NOTE = "revenue-note"
    GRID = "revenue-grid"
    EMPTY = "revenue-empty"
    DIMENSION = "revenue-dimension"
    PERIOD = "revenue-period"
    DAYS = "revenue-days"
    FIRST = "revenue-first"
    LAST = "revenue-last"
    COUNT = "revenue-count"
    CHART = "revenue-chart"
    STEPS = "revenue-steps"
    SPAN = "revenue-span"
    UNTIL = "revenue-until"
    SINCE = "revenue-since"
    ASK = "revenue-ask"
    ANSWER = "revenue-answer"


class SystemIds(StrEnum):
    """The state of the machinery."""

    COMPONENTS = "system-components"
    COUNTERS = "system-counters"
    BREAKS = "system-breaks"
    BREAK_COUNT = "system-break-count"
    BREAK_KINDS = "system-break-kinds"
