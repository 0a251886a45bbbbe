"""A case as Slack shows it: what is at stake, what to do, whose it is, and what can be pressed.

Only an open case has buttons, and a button's value is its token and nothing else. Texts from
outside stand in ``plain_text`` and ``rich_text``, which Slack shows literally.

Source: Slack's reference of blocks; the limits below are its own or smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from dealing.alerts.channels.slack_text import LONGEST_FALLBACK, escaped, is_link, is_user_id
from dealing.alerts.channels.words import (
    LONGEST_NAME,
    LONGEST_SENTENCE,
    entry_lines,
    facts,
    heading,
    member_line,
    members,
    news,
    numbers,
    one_line,
    said,
    shortened,
    standing,
    summary,
)
from dealing.alerts.model import Action, Case, CaseState, EntryKind, Fact
from dealing.alerts.ports import Button, CaseMessage

LONGEST_HEADER: Final = 150
LONGEST_LABEL: Final = 75
LONGEST_VALUE: Final = 2_000
LONGEST_CONTEXT: Final = 1_500
LONGEST_PART: Final = 2_800
MOST_BUTTONS: Final = 10
MOST_MENTIONS: Final = 10
MOST_PARTS: Final = 5

_CALLING: Final = frozenset({EntryKind.OPENED, EntryKind.REPEATED, EntryKind.ESCALATED})
"""When people are called to a case again; other news is no reason to disturb them."""

OPEN_ACTION: Final = "open"
PRESS_ACTION: Final = "press"

_STYLES: Final = {
    Action.ACKNOWLEDGE: "primary",
    Action.MOVE_TO_A: "danger",
    Action.HEDGE: "danger",
    Action.APPROVE: "danger",
}
_ASKS_AGAIN: Final = {
    Action.MOVE_TO_A: "Above the desk's limit a second person has to agree.",
    Action.HEDGE: "It goes to the provider at once.",
    Action.APPROVE: "It is done then.",
}
"""What is asked about once more, and what to know about it."""

Block = dict[str, Any]


class SlackMessage(msgspec.Struct, frozen=True):
    """What Slack is given: blocks, and a line for notifications."""

    text: str
    blocks: list[Block]


def case_message(
    message: CaseMessage, slack_ids: Mapping[str, str], *, is_first: bool
) -> SlackMessage:
    """Return a case as a message.

    Args:
        message: The case and what is new.
        slack_ids: What Slack calls people of the desk, to call them to the case.
        is_first: Whether the channel sees the case for the first time, so that there is no thread
            yet for what has happened until now.
    """
    case = message.case
    is_over = case.state is CaseState.RESOLVED
    blocks = [
        _header(heading(case)),
        *_sentence(case.headline, bold=not is_over),
        _fields(numbers(case, message.now_us)),
        *([] if is_over else _details(case)),
        _context(standing(case, message.now_us)),
        *(_happened(message) if is_first else ()),
        *(_calls(message.mentions, slack_ids) if is_first else ()),
        *(_actions(message) if _is_to_be_pressed(case) else _link(message)),
    ]
    return SlackMessage(_fallback(summary(case)), blocks)


def news_message(message: CaseMessage, slack_ids: Mapping[str, str]) -> SlackMessage | None:
    """Return what is new for the thread of a case, None if it is nothing."""
    lines = entry_lines(news(message), message.now_us)
    blocks = [*_lines(lines), *_calls_again(message, slack_ids)]
    if not blocks:
        return None
    words = lines[-1] if lines else "somebody is called"
    return SlackMessage(_fallback(f"{message.case.name}: {words}"), blocks)


def follow_up(message: CaseMessage, slack_ids: Mapping[str, str]) -> SlackMessage:
    """Return a short message about a case for a channel that cannot change what it has shown."""
    case = message.case
    lines = entry_lines(news(message), message.now_us)
    title = _rich(_text(heading(case), LONGEST_HEADER, bold=True))
    state = _context((numbers(case, message.now_us)[0].text, *standing(case, message.now_us)))
    called = _calls_again(message, slack_ids)
    blocks = [title, *_lines(lines), state, *called, *_link(message)]
    return SlackMessage(_fallback(summary(case)), blocks)


def said_message(text: str) -> SlackMessage:
    """Return something that is no case, its lines kept."""
    shown = said(text) or "(nothing)"
    parts = _parts(shown)[:MOST_PARTS]
    return SlackMessage(_fallback(shown), [_rich(_text(part, LONGEST_PART)) for part in parts])


def facts_message(title: str, shown: Sequence[Fact], notes: Sequence[str]) -> SlackMessage:
    """Return figures that somebody asked for, with notes below such as their age."""
    cut = [Fact(one_line(f.name, LONGEST_NAME), one_line(f.text, 300)) for f in shown[:25]]
    blocks = [_header(title), *_facts(cut), *([_context(notes)] if any(notes) else [])]
    return SlackMessage(_fallback(title), blocks)


def list_message(title: str, lines: Sequence[str], notes: Sequence[str]) -> SlackMessage:
    """Return lines that somebody asked for."""
    blocks = [_header(title), *_lines(lines[:25]), *([_context(notes)] if any(notes) else [])]
    return SlackMessage(_fallback(title), blocks)


def sentence_message(sentence: str) -> SlackMessage:
    """Return one sentence."""
    shown = one_line(sentence, LONGEST_SENTENCE) or "(nothing)"
    return SlackMessage(_fallback(shown), [_rich(_text(shown, LONGEST_SENTENCE))])


def _fallback(text: str) -> str:
    return escaped(text, LONGEST_FALLBACK) or "Plimsoll"


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(one_line(text, LONGEST_HEADER) or "Plimsoll")}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _rich(*elements: Block) -> Block:
    section = {"type": "rich_text_section", "elements": list(elements)}
    return {"type": "rich_text", "elements": [section]}


def _text(text: str, limit: int, *, bold: bool = False) -> Block:
    element: Block = {"type": "text", "text": shortened(text, limit)}
    return {**element, "style": {"bold": True}} if bold else element


def _sentence(text: str, *, label: str = "", bold: bool = False) -> list[Block]:
    shown = one_line(text, LONGEST_SENTENCE)
    if not shown:
        return []
    before = [_text(label, LONGEST_NAME, bold=True)] if label else []
    return [_rich(*before, _text(shown, LONGEST_SENTENCE, bold=bold))]


def _fields(figures: Sequence[Fact]) -> Block:
    """Return figures of our own, side by side."""
    fields = [
        {"type": "mrkdwn", "text": f"*{f.name}*\n{escaped(f.text, 200)}", "verbatim": True}
        for f in figures
    ]
    return {"type": "section", "fields": fields}


def _details(case: Case) -> list[Block]:
    """Return what somebody who works on a case needs besides."""
    advice = _sentence(case.advice, label="What to do: ")
    return [*_facts(facts(case)), *_members(case), *advice]


def _facts(shown: Sequence[Fact]) -> list[Block]:
    elements: list[Block] = []
    for place, fact in enumerate(shown):
        begin = "\n" if place else ""
        elements.append(_text(f"{begin}{fact.name}: ", LONGEST_NAME + 3, bold=True))
        elements.append(_text(fact.text or "-", LONGEST_PART))
    return [_rich(*elements)] if elements else []


def _members(case: Case) -> list[Block]:
    largest, more = members(case)
    if not largest:
        return []
    items = [
        _item(one_line(m.subject, LONGEST_NAME) or "(no name)", f": {member_line(case, m)}")
        for m in largest
    ]
    if more > 0:
        items.append(_item("", f"and {more:,} more"))
    return [{"type": "rich_text", "elements": [_bullets(items)]}]


def _item(name: str, words: str) -> Block:
    named = [_text(name, LONGEST_NAME, bold=True)] if name else []
    return {"type": "rich_text_section", "elements": [*named, _text(words, LONGEST_SENTENCE)]}


def _bullets(items: list[Block]) -> Block:
    return {"type": "rich_text_list", "style": "bullet", "elements": items}


def _lines(lines: Sequence[str]) -> list[Block]:
    shown = [one_line(line, LONGEST_SENTENCE) for line in lines]
    text = "\n".join(line for line in shown if line)
    return [_rich(_text(part, LONGEST_PART)) for part in _parts(text)[:MOST_PARTS]]


def _parts(text: str) -> list[str]:
    """Return a text cut into pieces that one element takes, at ends of lines where it can be."""
    parts = [""]
    for line in text.splitlines():
        cut = shortened(line, LONGEST_PART)
        joined = f"{parts[-1]}\n{cut}" if parts[-1] else cut
        if shortened(joined, LONGEST_PART) == joined:
            parts[-1] = joined
        else:
            parts.append(cut)
    return [part for part in parts if part.strip()]


def _context(sentences: Sequence[str]) -> Block:
    shown = one_line(" \N{MIDDLE DOT} ".join(s for s in sentences if s), LONGEST_CONTEXT)
    return {"type": "context", "elements": [_plain(shown or "-")]}


def _happened(message: CaseMessage) -> list[Block]:
    lines = entry_lines(news(message), message.now_us)
    return [_context((line,)) for line in lines]


def _calls(mentions: Sequence[str], slack_ids: Mapping[str, str]) -> list[Block]:
    if not mentions:
        return []
    called = [_call(name, slack_ids.get(name, "")) for name in mentions[:MOST_MENTIONS]]
    spaced = [part for element in called for part in (_text(" ", 1), element)]
    return [_rich(_text("Called:", LONGEST_NAME), *spaced)]


def _calls_again(message: CaseMessage, slack_ids: Mapping[str, str]) -> list[Block]:
    if any(entry.kind in _CALLING for entry in message.new_entries):
        return _calls(message.mentions, slack_ids)
    return []


def _call(name: str, slack_id: str) -> Block:
    if is_user_id(slack_id):
        return {"type": "user", "user_id": slack_id}
    return _text(one_line(name, LONGEST_NAME) or "(no name)", LONGEST_NAME)


def _is_to_be_pressed(case: Case) -> bool:
    """Whether something is left to be done: a second vote also after somebody took the case."""
    return case.state is CaseState.OPEN or bool(case.votes)


def _actions(message: CaseMessage) -> list[Block]:
    pressed = [
        _button(k, button, message.case.name)
        for k, button in enumerate(message.buttons[:MOST_BUTTONS])
    ]
    if is_link(message.link):
        opening = {"type": "button", "action_id": OPEN_ACTION, "url": message.link}
        pressed.append({**opening, "text": _plain("Open on the desk")})
    return [{"type": "actions", "elements": pressed}] if pressed else []


def _button(place: int, button: Button, name: str) -> Block:
    label = one_line(button.label, LONGEST_LABEL) or button.offer.action.value
    shown: Block = {
        "type": "button",
        "action_id": f"{PRESS_ACTION}:{place}",
        "text": _plain(label),
        "value": button.token,
    }
    style = _STYLES.get(button.offer.action)
    if style is not None:
        shown["style"] = style
    if button.offer.action in _ASKS_AGAIN:
        shown["confirm"] = _asked_again(label, name, _ASKS_AGAIN[button.offer.action])
    return shown


def _asked_again(label: str, name: str, to_know: str) -> Block:
    words = f"{label}, because of {name}? {to_know}"
    return {
        "title": _plain("Are you sure?"),
        "text": _plain(words),
        "confirm": _plain("Do it"),
        "deny": _plain("Cancel"),
    }


def _link(message: CaseMessage) -> list[Block]:
    if not is_link(message.link):
        return []
    words = f"Open {message.case.name} on the desk"
    return [_rich({"type": "link", "url": message.link, "text": words})]
