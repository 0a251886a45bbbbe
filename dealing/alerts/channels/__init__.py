"""Channels that people read: Slack, e-mail, webhooks and what apprise knows, behind one port."""
