"""The tables of this room.

Personal data is encrypted in ``client_pii`` with keys of ``client_key``, a table of its own so that
its copies can be kept apart: without a key, no copy of the data can be read. Names to search for
stand in ``client_search`` in words that can be deleted. Who is searched by prefix is compared byte
by byte on both engines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from crm_sync.clients.fields import Category, ClientStatus, Holding, RiskClass
from crm_sync.events import KycState
from crm_sync.schema import METADATA, big_column, key_column, text_column

BYTEWISE: Final = String().with_variant(String(collation="C"), "postgresql")
"""Text in the order of its bytes, which SQLite has anyway and a range of a prefix needs."""


def _one_of(column: str, choices: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


CLIENT: Final = Table(
    "client",
    METADATA,
    key_column(BYTEWISE, "client_id"),
    Column("external_id", BYTEWISE, nullable=False, unique=True),
    text_column("status"),
    text_column("category"),
    text_column("risk_class"),
    text_column("country"),
    text_column("language"),
    text_column("partner"),
    text_column("kyc_state"),
    text_column("kyc_level"),
    big_column("kyc_since_us"),
    Column("kyc_due_at_us", BigInteger),
    text_column("kyc_base_state"),
    big_column("kyc_base_at_us"),
    Column("told_close_only", Boolean, nullable=False),
    text_column("holding"),
    Column("erase_at_us", BigInteger),
    Column("row_hash", LargeBinary),
    text_column("loaded_source"),
    big_column("loaded_at_us"),
    text_column("loaded_event"),
    text_column("loaded_fields"),
    big_column("created_at_us"),
    big_column("updated_at_us"),
    big_column("version"),
    Index(None, "kyc_due_at_us"),
    Index(None, "erase_at_us"),
    _one_of("status", ClientStatus),
    _one_of("category", Category),
    _one_of("risk_class", RiskClass),
    _one_of("kyc_state", KycState),
    _one_of("kyc_base_state", KycState),
    _one_of("holding", Holding),
    CheckConstraint("version >= 1", name="version_counts"),
)
"""A client and nothing that names a person.

``kyc_base_*`` is what the first file said, ``kyc_due_at_us`` when time alone changes the standing,
``told_close_only`` what the platform was told last, ``row_hash`` a keyed hash of the last file row,
``loaded_*`` which fields that file set and when.
"""

CLIENT_KEY: Final = Table(
    "client_key",
    METADATA,
    key_column(BYTEWISE, "client_id"),
    text_column("kek_id"),
    Column("wrapped_dek", LargeBinary, nullable=False),
    Index(None, "kek_id"),
)
"""The key of one client's personal data, itself encrypted by the key ``kek_id``."""

CLIENT_PII: Final = Table(
    "client_pii",
    METADATA,
    key_column(BYTEWISE, "client_id"),
    Column("name_ct", LargeBinary),
    Column("email_ct", LargeBinary),
    Column("phone_ct", LargeBinary),
    Column("birth_date_ct", LargeBinary),
    Column("address_ct", LargeBinary),
    Column("national_id_ct", LargeBinary),
    Column("iban_ct", LargeBinary),
    Column("email_bi", LargeBinary),
    Column("phone_bi", LargeBinary),
    Column("national_id_bi", LargeBinary),
    Column("iban_bi", LargeBinary),
    Index(None, "email_bi"),
    Index(None, "phone_bi"),
    Index(None, "national_id_bi"),
    Index(None, "iban_bi"),
)
"""``_ct`` is encrypted, ``_bi`` a keyed hash that finds exactly the same value."""

CLIENT_SEARCH: Final = Table(
    "client_search",
    METADATA,
    key_column(BYTEWISE, "word"),
    key_column(BYTEWISE, "client_id"),
    Index(None, "client_id", "word"),
    sqlite_with_rowid=False,
)
"""The words of a name and the masked e-mail address, to be found by their beginnings."""

FIELD_SOURCE: Final = Table(
    "field_source",
    METADATA,
    key_column(BYTEWISE, "client_id"),
    key_column(String, "field"),
    Column("priority", Integer, nullable=False),
    big_column("occurred_at_us"),
    text_column("event_id"),
    text_column("source"),
    sqlite_with_rowid=False,
)
"""Who said the value that a field has, where it was not the last file."""

TRADING_ACCOUNT: Final = Table(
    "trading_account",
    METADATA,
    key_column(BYTEWISE, "login"),
    Column("client_id", BYTEWISE, nullable=False),
    text_column("server"),
    text_column("account_group"),
    text_column("currency"),
    Column("leverage", Integer, nullable=False),
    text_column("book"),
    text_column("status"),
    big_column("opened_at_us"),
    Index(None, "client_id"),
    CheckConstraint("leverage >= 1", name="leverage_counts"),
)

KYC_STEP: Final = Table(
    "kyc_step",
    METADATA,
    key_column(String, "provider"),
    key_column(String, "event_id"),
    Column("client_id", BYTEWISE, nullable=False),
    text_column("applicant_id"),
    text_column("level"),
    text_column("state"),
    text_column("labels"),
    big_column("occurred_at_us"),
    Index(None, "client_id"),
    _one_of("state", KycState),
)
"""All that providers reported; the state of a case is computed from its steps in time order."""

KYC_CASE: Final = Table(
    "kyc_case",
    METADATA,
    key_column(String, "provider"),
    key_column(String, "applicant_id"),
    key_column(String, "level"),
    Column("client_id", BYTEWISE, nullable=False),
    text_column("state"),
    text_column("labels"),
    big_column("since_us"),
    Index(None, "client_id"),
    _one_of("state", KycState),
)
"""How far one applicant is at one level."""
