"""How well a colour reads on another one, and the colours of the stylesheet in all four looks.

Source: WCAG 2.2, relative luminance and contrast ratio; CSS Color 5 for what a mix gives.
"""

import re

from dealing.desk.options import assets_dir

READABLE = 4.5
"""The contrast that WCAG AA asks of small text."""

LOOKS = ("dark/safe", "dark/classic", "light/safe", "light/classic")


def tokens(look):
    """Return the variables of a theme and palette, as the cascade leaves them."""
    theme, palette = look.split("/")
    css = (assets_dir() / "css/01-tokens.css").read_text("utf-8")
    blocks = [":root"]
    blocks += [':root[data-palette="classic"]'] * (palette == "classic")
    blocks += [':root[data-theme="light"]'] * (theme == "light")
    blocks += [f':root[data-theme="{theme}"][data-palette="{palette}"]'] * (look == LOOKS[3])
    found = {}
    for block in blocks:
        body = css.split(f"{block} {{")[1].split("}")[0]
        found |= dict(re.findall(r"(--[\w-]+): ([^;]+);", body))
    return found


def share(percent):
    """Return a percentage of the stylesheet as a number.

    >>> share("34%")
    0.34
    """
    return float(percent.removesuffix("%")) / 100


def rgb(text):
    """Return a colour as three numbers in [0, 1].

    >>> rgb("#ff0000")
    (1.0, 0.0, 0.0)
    """
    return tuple(int(text[k : k + 2], 16) / 255 for k in (1, 3, 5))


def mixed(color, part, below):
    """Return ``part`` of a colour with the rest of another one, or laid over it that densely."""
    return tuple(part * a + (1 - part) * b for a, b in zip(color, below, strict=True))


def contrast(one, other):
    """Return the contrast ratio of two colours, from 1 (none) to 21 (black on white)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
