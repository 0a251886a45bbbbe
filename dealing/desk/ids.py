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
    ALERTS = "shell-alerts"
    SAID = "shell-said"


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


class RiskIds(StrEnum):
    """What the book may lose, and what a jump of prices would do to it."""

    TILES = "risk-tiles"
    NOTES = "risk-notes"
    NAMES = "risk-names"
    PARTS = "risk-parts"
    PARTS_COUNT = "risk-parts-count"
    FAMILY = "risk-family"
    SCENARIOS = "risk-scenarios"
    SCENARIOS_EMPTY = "risk-scenarios-empty"
    TABLE_ASK = "risk-table-ask"
    TABLE_ANSWER = "risk-table-answer"
    TABLE_NOTE = "risk-table-note"
    SHOCK_TARGET = "risk-shock-target"
    SHOCK_PERCENT = "risk-shock-percent"
    SHOCK_ASK = "risk-shock-ask"
    SHOCK_ANSWER = "risk-shock-answer"
    SHOCK_NOTE = "risk-shock-note"
    SHOCK_FIGURES = "risk-shock-figures"
    SHOCK_ACCOUNTS = "risk-shock-accounts"
    REVERSE_TARGET = "risk-reverse-target"
    REVERSE_CAPITAL = "risk-reverse-capital"
    REVERSE_ASK = "risk-reverse-ask"
    REVERSE_ANSWER = "risk-reverse-answer"
    REVERSE_NOTE = "risk-reverse-note"
    REVERSE_MOVES = "risk-reverse-moves"
    LADDER_TARGET = "risk-ladder-target"
    LADDER_ASK = "risk-ladder-ask"
    LADDER_ANSWER = "risk-ladder-answer"
    LADDER_NOTE = "risk-ladder-note"
    LADDER_ROWS = "risk-ladder-rows"
    PROVIDERS_ASK = "risk-providers-ask"
    PROVIDERS_ANSWER = "risk-providers-answer"
    PROVIDERS_NOTE = "risk-providers-note"
    PROVIDERS_EMPTY = "risk-providers-empty"
    PROVIDERS_ROWS = "risk-providers-rows"


class AccountsIds(StrEnum):
    """Every account by level and distance, now or after a move."""

    TILES = "accounts-tiles"
    TARGET = "accounts-target"
    SLIDER = "accounts-slider"
    MOVE = "accounts-move"
    SORT = "accounts-sort"
    SEARCH = "accounts-search"
    COUNT = "accounts-count"
    NOTE = "accounts-note"
    STATE = "accounts-state"
    GRID = "accounts-grid"
    EMPTY = "accounts-empty"
    ASK = "accounts-ask"
    ANSWER = "accounts-answer"


class ClientsIds(StrEnum):
    """Clients by how dangerous their flow is, and why."""

    TILES = "clients-tiles"
    SORT = "clients-sort"
    ONLY = "clients-only"
    BOOK = "clients-book"
    SEARCH = "clients-search"
    STATE = "clients-state"
    NOTE = "clients-note"
    COUNT = "clients-count"
    GRID = "clients-grid"
    EMPTY = "clients-empty"
    LIST_ASK = "clients-list-ask"
    LIST_ANSWER = "clients-list-answer"
    CARD_ASK = "clients-card-ask"
    CARD_ANSWER = "clients-card-answer"
    CARD_BADGE = "card-badge"
    CARD_BODY = "card-body"
    CARD_NOTE = "card-note"
    CARD_VERDICT = "card-verdict"
    CARD_CURVES = "card-curves"
    CARD_REASONS = "card-reasons"
    CARD_EVIDENCE = "card-evidence"
    CARD_TRADES = "card-trades"
    CARD_TRADES_NOTE = "card-trades-note"
    CARD_LOGINS = "card-logins"
    CARD_EMPTY = "card-empty"


class MoveIds(StrEnum):
    """Moving clients to another book: the form, what waits, what was done."""

    WHOM = "move-whom"
    TO = "move-to"
    RATIO = "move-ratio"
    SYMBOL = "move-symbol"
    UNTIL = "move-until"
    OPEN = "move-open"
    REASON = "move-reason"
    ACTOR = "move-actor"
    PREVIEW = "move-preview"
    PLAN = "move-plan"
    ANSWER = "move-answer"
    AGAIN = "move-again"
    TABS = "moves-tabs"
    NOTE = "moves-note"
    COUNT = "moves-count"
    DECIDE = "moves-decide"
    DECIDE_WHAT = "moves-decide-what"
    DECIDE_REASON = "moves-decide-reason"
    DECIDE_ACTOR = "moves-decide-actor"
    DECIDE_NOTE = "moves-decide-note"
    WAITING = "moves-waiting"
    RECENT = "moves-recent"
    AUDIT = "moves-audit"
    CLUSTERS = "moves-clusters"
    SHADOW = "moves-shadow"
    SHADOW_TOLD = "moves-shadow-told"


class HedgingIds(StrEnum):
    """How each symbol is hedged, and the ticket."""

    NOTE = "hedging-note"
    ROWS = "hedging-rows"
    EMPTY = "hedging-empty"
    SYMBOL = "hedging-symbol"
    NAMES = "hedging-names"
    SIDE = "hedging-side"
    LOTS = "hedging-lots"
    MODE = "hedging-mode"
    ACTOR = "hedging-actor"
    REASON = "hedging-reason"
    TICKET = "hedging-ticket"
    FIGURES = "hedging-figures"
    RESULT = "hedging-result"
    CONFIRM = "hedging-confirm"
    QUESTION = "hedging-question"
    ANSWERS = "hedging-answers"


class OfficeIds(StrEnum):
    """The back office: money, clients, breaks and messages that wait for people."""

    TILES = "office-tiles"
    HEALTH = "office-health"
    NOTE = "office-note"
    TABS = "office-tabs"
    COUNT = "office-count"
    ROLE = "office-role"
    READER = "office-reader"
    WHY = "office-why"
    SEARCH = "office-search"
    HITS = "office-hits"
    SEARCH_NOTE = "office-search-note"
    DECIDE = "office-decide"
    DECIDE_WHAT = "office-decide-what"
    DECIDE_DETAIL = "office-decide-detail"
    DECIDE_OWNER = "office-decide-owner"
    DECIDE_REASON = "office-decide-reason"
    DECIDE_ACTOR = "office-decide-actor"
    DECIDE_NOTE = "office-decide-note"
    WAITING = "office-waiting"
    HOLDS = "office-holds"
    ORDERS = "office-orders"
    FROZEN = "office-frozen"
    DEPOSITS = "office-deposits"
    BREAKS = "office-breaks"
    DEAD = "office-dead"
    LETTER = "office-letter"
    CLIENT = "office-client"
    CLIENT_NOTE = "office-client-note"
    CLIENT_EMPTY = "office-client-empty"
    MONEY_FORM = "office-money"
    AMOUNT = "office-amount"
    CURRENCY = "office-currency"
    LOGIN = "office-login"


class AlertIds(StrEnum):
    """Cases, what people do about them, grades, mutes and the hand-over note."""

    TILES = "alerts-tiles"
    PROBLEMS = "alerts-problems"
    NOTE = "alerts-note"
    STATE = "alerts-state"
    SEVERITY = "alerts-severity"
    RULE = "alerts-rule"
    SINCE = "alerts-since"
    SEARCH = "alerts-search"
    TABS = "alerts-tabs"
    COUNT = "alerts-count"
    LIST = "alerts-list"
    DONE = "alerts-done"
    DONE_TEXT = "alerts-done-text"
    DO = "alerts-do"
    DO_WHAT = "alerts-do-what"
    DO_OWNER = "alerts-do-owner"
    DO_FOR = "alerts-do-for"
    DO_OUTCOME = "alerts-do-outcome"
    DO_USD = "alerts-do-usd"
    DO_NOTE = "alerts-do-note"
    DO_ACTOR = "alerts-do-actor"
    DO_SAID = "alerts-do-said"
    CASE = "alerts-case"
    CASE_NOTE = "alerts-case-note"
    CASE_EMPTY = "alerts-case-empty"
    GRADES = "alerts-grades"
    GRADES_DAYS = "alerts-grades-days"
    GRADES_SAID = "alerts-grades-said"
    MUTES = "alerts-mutes"
    MUTE_RULE = "alerts-mute-rule"
    MUTE_SUBJECT = "alerts-mute-subject"
    MUTE_FOR = "alerts-mute-for"
    MUTE_REASON = "alerts-mute-reason"
    MUTE_ACTOR = "alerts-mute-actor"
    MUTE_SAID = "alerts-mute-said"
    SHIFT = "alerts-shift"
    SHIFT_WORDS = "alerts-shift-words"
    SHIFT_ACTOR = "alerts-shift-actor"
    SHIFT_SAID = "alerts-shift-said"
    SHIFT_BODY = "alerts-shift-body"
    SHIFT_TEXT = "alerts-shift-text"
    NOW = "alerts-now"
    NOW_LIST = "alerts-now-list"
    NOW_MORE = "alerts-now-more"


class SystemIds(StrEnum):
    """The state of the machinery."""

    COMPONENTS = "system-components"
    COUNTERS = "system-counters"
    BREAKS = "system-breaks"
    BREAK_COUNT = "system-break-count"
    BREAK_KINDS = "system-break-kinds"
