"""The colours of ``assets/css/tokens.css``, for what CSS cannot reach: the first paint and charts.

A test holds the two together.
"""

from __future__ import annotations

from typing import Final

TOKENS: Final = {
    "dark": {
        "--bg": "#0b1016",
        "--panel": "#0f151d",
        "--raised": "#17202b",
        "--line": "#1e2935",
        "--text": "#e6edf3",
        "--muted": "#93a1b0",
        "--accent": "#56b4e9",
    },
    "light": {
        "--bg": "#f3f5f8",
        "--panel": "#ffffff",
        "--raised": "#eef2f6",
        "--line": "#d7dee6",
        "--text": "#16202b",
        "--muted": "#566474",
        "--accent": "#0a6aa6",
    },
}
"""Theme -> CSS variable -> colour."""

GRID_THEME: Final = {
    "accentColor": "var(--accent)",
    "backgroundColor": "var(--panel)",
    "foregroundColor": "var(--text)",
    "borderColor": "var(--line)",
    "chromeBackgroundColor": "var(--panel)",
    "headerBackgroundColor": "var(--panel)",
    "headerTextColor": "var(--muted)",
    "headerFontWeight": 500,
    "rowHoverColor": "var(--hover)",
    "selectedRowBackgroundColor": "var(--selected)",
    "rowHeight": 24,
    "headerHeight": 28,
    "fontFamily": "inherit",
    "fontSize": 12,
    "cellHorizontalPadding": 8,
    "wrapperBorder": False,
    "wrapperBorderRadius": 0,
    "borderRadius": 2,
    "spacing": 4,
    "valueChangeValueHighlightBackgroundColor": "var(--flash)",
    "cellTextColor": "var(--text)",
}
"""AG Grid's theme parameters; every colour is a variable, so a theme changes without a redraw."""
