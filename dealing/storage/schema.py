"""Every table of the database together: who compares a database with METADATA takes it here."""

from __future__ import annotations

from crm_sync.clients import tables as _clients
from crm_sync.messages import tables as _messages
from crm_sync.money import tables as _money
from crm_sync.reconcile import tables as _reconcile
from crm_sync.schema import METADATA
from dealing.alerts import tables as _alerts
from dealing.storage import tables as _desk

__all__ = ["GATHERED", "METADATA"]

GATHERED = (_alerts, _clients, _messages, _money, _reconcile, _desk)
"""Importing them declares their tables."""
