"""Slack's rules about messages, written a second time: what it refuses, and whom a text would call.

Source: Slack's reference of blocks, elements and composition objects, and of formatting text.
"""

import re

MOST_BLOCKS = 50
_BROADCAST = re.compile(r"@(channel|here|everyone)\b", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>?")
_LABEL = re.compile(r"\*[A-Za-z ]+\*\n")
_FORMAT = re.compile(r"[*_~`]")
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
_URL = re.compile(r"https?://[^\s<>|\"]+")


def units(text):
    return len(text.encode("utf-16-le")) // 2


def problems(payload):
    """Return why Slack would refuse a message; it accepts one without."""
    blocks = payload.get("blocks", [])
    found = [] if payload.get("text") or blocks else ["no_text"]
    if units(payload.get("text") or "") > 4_000:
        found.append("the text is too long")
    if len(blocks) > MOST_BLOCKS:
        found.append(f"{len(blocks)} blocks")
    for block in blocks:
        found += _problems_of(block)
    return found


def _problems_of(block):
    match block["type"]:
        case "header":
            return _text(block["text"], 150, kinds=("plain_text",))
        case "section":
            fields = block.get("fields", [])
            found = [] if 1 <= len(fields) <= 10 or "text" in block else ["fields"]
            return found + [p for field in fields for p in _text(field, 2_000)]
        case "context":
            found = [] if 1 <= len(block["elements"]) <= 10 else ["context elements"]
            return found + [p for one in block["elements"] for p in _text(one, 3_000)]
        case "rich_text":
            return [p for element in block["elements"] for p in _rich(element)]
        case "actions":
            return _actions(block["elements"])
        case kind:
            return [f"unknown block {kind}"]


def _text(text, longest, kinds=("plain_text", "mrkdwn")):
    found = [] if text["type"] in kinds else [f"a {text['type']}"]
    if not 1 <= units(text["text"]) <= longest:
        found.append(f"a text of {units(text['text'])}, at most {longest}")
    return found


def _rich(element):
    if element["type"] == "rich_text_list":
        assert element["style"] in {"bullet", "ordered"}
        return [p for item in element["elements"] for p in _rich(item)]
    if element["type"] != "rich_text_section" or not element["elements"]:
        return [f"a {element['type']} with {len(element['elements'])} elements"]
    return [p for one in element["elements"] for p in _rich_element(one)]


def _rich_element(one):
    match one["type"]:
        case "text":
            return [] if 1 <= units(one["text"]) <= 3_000 else ["a rich text's length"]
        case "user":
            return [] if re.fullmatch(r"[UW][A-Z0-9]+", one["user_id"]) else ["a user's id"]
        case "link":
            return [] if _URL.fullmatch(one["url"]) and one["text"] else ["a link"]
        case kind:
            return [f"a rich {kind}"]


def _actions(elements):
    found = [] if 1 <= len(elements) <= 25 else [f"{len(elements)} actions"]
    ids = [element["action_id"] for element in elements]
    found += [] if len(set(ids)) == len(ids) else ["action_ids that are the same"]
    for element in elements:
        found += _text(element["text"], 75, kinds=("plain_text",))
        found += [] if len(element["action_id"]) <= 255 else ["an action_id"]
        found += [] if len(element.get("value", "x")) in range(1, 2_001) else ["a value"]
        found += [] if _URL.fullmatch(element.get("url", "http://x")) else ["a button's url"]
        found += [] if element.get("style", "primary") in {"primary", "danger"} else ["a style"]
        if "confirm" in element:
            longest = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
            for name, most in longest.items():
                found += _text(element["confirm"][name], most)
    return found


def calls(payload):
    """Return whatever in a message would call, link or format, beside our own labels.

    People who are called on purpose are elements of their own: see ``called``.
    """
    texts = [payload.get("text") or "", *_read_as_markup(payload.get("blocks", []))]
    found = []
    for text in texts:
        rest = _LABEL.sub("", text, count=1)
        for pattern in (_MARKUP, _BROADCAST, _FORMAT, _ENTITY, _URL):
            found += [match[0] for match in pattern.finditer(rest)]
        found += [line for line in rest.split("\n") if line.startswith("&gt;")]
    return found


def called(payload):
    """Return whom a message calls on purpose."""
    return [e["user_id"] for e in _elements(payload.get("blocks", [])) if e["type"] == "user"]


def shown(payload):
    """Return what people read of a message's blocks; texts that are escaped are read as shown."""
    return "\n".join(
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        for text in _texts(payload.get("blocks", []))
    )


def buttons(payload):
    """Return a message's buttons by their labels."""
    return {
        element["text"]["text"]: element
        for block in payload.get("blocks", [])
        if block["type"] == "actions"
        for element in block["elements"]
    }


def _elements(blocks):
    stack = [element for block in blocks for element in block.get("elements", [])]
    while stack:
        element = stack.pop()
        stack += element.get("elements", [])
        yield element


def _read_as_markup(blocks):
    for block in blocks:
        for text in (*block.get("fields", ()), *block.get("elements", ()), block.get("text", {})):
            if text.get("type") == "mrkdwn":
                yield text["text"]


def _texts(blocks):
    for block in blocks:
        yield from _texts_of(block)


def _texts_of(part):
    if isinstance(part.get("text"), str):
        yield part["text"]
    elif "text" in part:
        yield part["text"]["text"]
    for inner in (*part.get("fields", ()), *part.get("elements", ())):
        yield from _texts_of(inner)
