"""What stands in the stand-in's channel, as a page to look at."""

from datetime import UTC, datetime

from dealing.alerts.channels.block_kit import SlackMessage
from dealing.alerts.channels.preview import Shown, preview_page


def page_of(slack, channel="alerts"):
    """Return a page of a stand-in's channel: each message as it is now, with its thread."""
    return preview_page(channel, [_shown(slack, message) for message in slack.top()])


def _shown(slack, message):
    at = datetime.fromtimestamp(message.at_s, UTC)
    return Shown(
        message=SlackMessage(message.payload["text"], message.payload.get("blocks", [])),
        at=f"{at:%H:%M}",
        edited=len(message.versions) > 1,
        replies=tuple(_shown(slack, reply) for reply in slack.thread(message)),
    )
