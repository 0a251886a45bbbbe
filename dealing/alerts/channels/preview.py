"""Slack messages as a page that looks like Slack: for documents, without a workspace.

The page holds everything it needs. It draws the blocks that we send, and no others; every text is
escaped once more, for HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from dealing.alerts.channels.block_kit import Block, SlackMessage
from exposure.errors import InvariantError

_MARKS: Final = {
    "\N{LARGE RED CIRCLE}": ("#e01e5a", ""),
    "\N{LARGE ORANGE CIRCLE}": ("#e8912d", ""),
    "\N{LARGE BLUE CIRCLE}": ("#1264a3", ""),
    "\N{WHITE HEAVY CHECK MARK}": ("#2e7d32", "\N{CHECK MARK}"),
    "\N{EYES}": ("#616061", "\N{BULLET}"),
    "\N{SLEEPING SYMBOL}": ("#9e9e9e", "z"),
}
"""Not every machine that makes pictures has such letters."""

_BOLD: Final = re.compile(r"\*([^*\n]+)\*")

_STYLE: Final = """
:root { color-scheme: light; }
body { margin: 0; padding: 24px; background: #fff; color: #1d1c1d; max-width: 760px;
  font: 15px/1.46 "Lato", "Helvetica Neue", "Noto Sans", "Noto Color Emoji", Arial, sans-serif; }
h1 { font-size: 15px; margin: 0 0 12px; padding-bottom: 12px; border-bottom: 1px solid #ddd; }
.message { display: flex; gap: 10px; padding: 8px 0 12px; }
.face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #0b3b60;
  color: #fff; font-weight: 700; text-align: center; line-height: 36px; }
.body { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.who { font-weight: 900; } .app { font-size: 10px; background: #ddd; border-radius: 2px;
  padding: 1px 3px; margin: 0 4px; vertical-align: 1px; } .at { color: #616061; font-size: 12px; }
.header { font-size: 18px; font-weight: 900; margin: 4px 0; }
.rich, .section { margin: 6px 0; white-space: pre-wrap; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 16px; margin: 8px 0; }
.context { color: #616061; font-size: 13px; margin: 6px 0; }
ul { margin: 6px 0; padding-left: 22px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0 0; }
.button { border: 1px solid #bbb; border-radius: 4px; padding: 3px 12px; font-weight: 700;
  font-size: 13px; background: #fff; }
.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
.danger { border-color: #e01e5a; color: #e01e5a; }
.mention { background: #f7ecd0; color: #1264a3; border-radius: 3px; padding: 0 2px; }
.link { color: #1264a3; }
.fields .section { margin: 0; }
.mark { display: inline-block; width: 15px; height: 15px; border-radius: 50%; color: #fff;
  font-size: 11px; line-height: 15px; text-align: center; vertical-align: 2px; }
.thread { border-left: 3px solid #ddd; margin: 8px 0 0; padding-left: 12px; }
.thread .face { width: 24px; height: 24px; line-height: 24px; font-size: 12px; }
.edited { color: #616061; font-size: 12px; }
"""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it stands in a channel, with its thread; ``at`` is a time in words."""

    message: SlackMessage
    at: str
    edited: bool = False
    replies: tuple[Shown, ...] = ()


def preview_page(channel: str, shown: Sequence[Shown]) -> str:
    """Return a page that shows messages of a channel."""
    messages = "".join(map(_message, shown))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{_text(channel)}</title><style>{_STYLE}</style></head>"
        f"<body><h1># {_text(channel)}</h1>{messages}</body></html>\n"
    )


def _message(shown: Shown) -> str:
    blocks = "".join(map(_block, shown.message.blocks))
    edited = '<span class="edited"> (edited)</span>' if shown.edited else ""
    replies = "".join(map(_message, shown.replies))
    thread = f'<div class="thread">{replies}</div>' if replies else ""
    who = '<span class="who">Plimsoll</span><span class="app">APP</span>'
    return (
        '<div class="message"><div class="face">P</div><div class="body">'
        f'{who}<span class="at">{_text(shown.at)}</span>{edited}{blocks}{thread}</div></div>'
    )


def _block(block: Block) -> str:
    match block["type"]:
        case "header":
            return f'<div class="header">{_object(block["text"])}</div>'
        case "section":
            return f'<div class="fields">{_each("section", block["fields"])}</div>'
        case "context":
            return _each("context", block["elements"])
        case "rich_text":
            return "".join(map(_rich, block["elements"]))
        case "actions":
            return f'<div class="actions">{"".join(map(_button, block["elements"]))}</div>'
        case kind:
            raise InvariantError(f"a block of type {kind} cannot be drawn: teach preview.py to")


def _each(name: str, objects: Sequence[Block]) -> str:
    return "".join(f'<div class="{name}">{_object(one)}</div>' for one in objects)


def _rich(element: Block) -> str:
    if element["type"] == "rich_text_list":
        items = "".join(f"<li>{_pieces(item['elements'])}</li>" for item in element["elements"])
        return f"<ul>{items}</ul>"
    return f'<div class="rich">{_pieces(element["elements"])}</div>'


def _pieces(elements: Sequence[Block]) -> str:
    return "".join(map(_piece, elements))


def _piece(element: Block) -> str:
    match element["type"]:
        case "user":
            return f'<span class="mention">@{_text(element["user_id"])}</span>'
        case "link":
            return f'<span class="link">{_text(element["text"])}</span>'
        case _:
            text = _text(element["text"])
            return f"<b>{text}</b>" if element.get("style", {}).get("bold") else text


def _button(element: Block) -> str:
    style = element.get("style", "")
    return f'<span class="button {_text(style)}">{_object(element["text"])}</span>'


def _object(text: Block) -> str:
    if text["type"] == "plain_text":
        return _text(text["text"])
    # its & < > are escaped as HTML escapes them, and nobody puts another one in
    safe = _text(html.unescape(text["text"]))
    return _BOLD.sub(r"<b>\1</b>", safe).replace("\n", "<br>")


def _text(text: Any) -> str:
    return "".join(_letter(letter) for letter in html.escape(str(text)))


def _letter(letter: str) -> str:
    drawn = _MARKS.get(letter)
    if drawn is None:
        return letter
    color, sign = drawn
    return f'<span class="mark" style="background:{color}">{sign}</span>'
