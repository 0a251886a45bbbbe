"""A broker's files of clients and accounts: read row by row, checked, and loaded.

Columns are found by name; a mapping file helps where names are unusual. Rows that cannot be are set
aside and the others are loaded; loading a file again changes nothing.

Source: rows are read by the standard library, not as a frame: each one is encrypted by itself, and
each bad one is told with its line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from crm_sync.clients.accounts import Account, AccountStatus, client_ids_of, keep_accounts
from crm_sync.clients.csv_lines import Columns, CsvFile, CsvRow, SetAside
from crm_sync.clients.fields import Field, problem, problem_of_id
from crm_sync.clients.loading import ClientLoader, FileRow, Loaded, Progress
from crm_sync.clients.marks import Load
from crm_sync.database import Database
from crm_sync.events import KycState
from exposure.errors import DataError

MOST_LEVERAGE: Final = 10_000
ACCOUNTS_AT_ONCE: Final = 5_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

CLIENT_COLUMNS: Final = Columns(
    synonyms={
        "external_id": (
            "id",
            "client",
            "client id",
            "crm id",
            "customer id",
            "user id",
            "contact id",
        ),
        "name": ("full name", "client name", "customer name"),
        "email": ("e-mail", "email address", "mail"),
        "phone": ("phone number", "telephone", "mobile", "mobile phone"),
        "birth_date": ("date of birth", "dob", "birthday"),
        "address": ("street address", "postal address"),
        "national_id": ("id number", "passport number", "tax id", "tin"),
        "iban": ("bank account",),
        "country": ("country code", "residence", "country of residence"),
        "language": ("locale", "lang"),
        "category": ("client category", "mifid category"),
        "status": ("client status",),
        "partner": ("ib", "ib id", "affiliate", "introducer"),
        "risk_class": ("risk", "aml risk", "risk level"),
        "kyc_state": ("kyc", "kyc status", "verification status"),
    },
    required=("external_id",),
)

ACCOUNT_COLUMNS: Final = Columns(
    synonyms={
        "login": ("account", "account number", "account id"),
        "client_id": ("external id", "client", "crm id", "customer id", "user id"),
        "currency": ("ccy", "account currency"),
        "server": ("platform", "trading server"),
        "account_group": ("group",),
        "leverage": (),
        "book": ("routing",),
        "status": ("account status",),
        "opened_at": ("opened", "registration date", "created", "created at"),
    },
    required=("login", "client_id", "currency"),
)

_KYC_WORDS: Final = {
    "": KycState.NONE,
    "verified": KycState.APPROVED,
    "pending": KycState.IN_REVIEW,
}
_LOWER: Final = (Field.CATEGORY, Field.STATUS, Field.RISK_CLASS)


class Wrong(NamedTuple):
    """Why a row cannot be, and because of which of our columns."""

    column: str
    reason: str


class Source(NamedTuple):
    """A file, and what it calls our columns where that is not obvious."""

    path: Path
    mapping: Mapping[str, str] | None = None


def load_of(path: Path, source: str, occurred_at_us: int) -> Load:
    """Return what identifies a file: who made it, when, and the hash of its content.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as e:
        raise DataError(f"{path.name} cannot be read: {e.strerror}") from e
    return Load(source, occurred_at_us, digest[:32])


def import_clients(
    loader: ClientLoader,
    source: Source,
    load: Load,
    aside: SetAside,
    *,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> Loaded:
    """Load a file of clients.

    Args:
        loader: Where to.
        source: The file.
        load: What ``load_of`` returned for it.
        aside: Takes the rows that cannot be.
        progress: Called with the number of rows so far.
        dry_run: Say what would be done, and write nothing.

    Raises:
        DataError: The file cannot be read, or lacks a column.
        StorageError: The database cannot be used.
    """
    rows = client_rows(source, aside)
    return loader.foresee(rows) if dry_run else loader.load(rows, load, progress)


def import_accounts(
    database: Database,
    source: Source,
    aside: SetAside,
    *,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> Loaded:
    """Load a file of trading accounts, whose clients are known already; as ``import_clients``."""
    file = CsvFile(source.path, ACCOUNT_COLUMNS, source.mapping)
    good = _good_accounts(file, aside)
    total = Loaded()
    while part := list(islice(good, ACCOUNTS_AT_ONCE)):
        session = database.reading if dry_run else database.writing
        with session() as connection:
            ids = client_ids_of(connection, sorted({account.client_id for _, account in part}))
            for row, account in part:
                if account.client_id not in ids:
                    file.refuse(aside, row, "client_id", "names a client that is not known")
            found = [
                msgspec.structs.replace(account, client_id=ids[account.client_id])
                for _, account in part
                if account.client_id in ids
            ]
            written = 0 if dry_run else keep_accounts(connection, found)
        changed = len(found) if dry_run else written
        total += Loaded(rows=len(part), changed=changed, unchanged=len(found) - changed)
        if progress is not None:
            progress(total.rows)
    return total


def client_rows(source: Source, aside: SetAside) -> Iterator[FileRow]:
    """Yield the clients of a file, each once, and set aside what cannot be."""
    file = CsvFile(source.path, CLIENT_COLUMNS, source.mapping)
    seen: set[str] = set()
    for row in file.rows(aside):
        made = _client(row, seen)
        if isinstance(made, Wrong):
            file.refuse(aside, row, *made)
        else:
            seen.add(made.external_id)
            yield made


def _client(row: CsvRow, seen: set[str]) -> FileRow | Wrong:
    said = dict(row.values)
    external_id = said.pop("external_id")
    wrong = problem_of_id(external_id)
    if wrong or external_id in seen:
        return Wrong("external_id", wrong or "stands in an earlier line already")
    kyc_state = _kyc_state(said.pop("kyc_state", ""))
    if kyc_state is None:
        return Wrong("kyc_state", f"is none of {', '.join(KycState)}")
    values = {Field(name): _usual(Field(name), value) for name, value in said.items() if value}
    for field, value in values.items():
        wrong = problem(field, value)
        if wrong:
            return Wrong(field, wrong)
    return FileRow(external_id, values, kyc_state)


def _usual(field: Field, value: str) -> str:
    if field is Field.COUNTRY:
        return value.upper()
    return value.casefold().replace(" ", "_") if field in _LOWER else value


def _kyc_state(text: str) -> KycState | None:
    word = text.casefold().replace(" ", "_")
    if word in _KYC_WORDS:
        return _KYC_WORDS[word]
    return KycState(word) if word in set(KycState) else None


def _good_accounts(file: CsvFile, aside: SetAside) -> Iterator[tuple[CsvRow, Account]]:
    seen: set[str] = set()
    for row in file.rows(aside):
        made = _account(row.values, seen)
        if isinstance(made, Wrong):
            file.refuse(aside, row, *made)
        else:
            seen.add(made.login)
            yield row, made


def _account(said: Mapping[str, str], seen: set[str]) -> Account | Wrong:
    for column, check in _ACCOUNT_CHECKS.items():
        wrong = check(said.get(column, ""))
        if wrong:
            return Wrong(column, wrong)
    if said["login"] in seen:
        return Wrong("login", "stands in an earlier line already")
    return Account(
        login=said["login"],
        client_id=said["client_id"],
        currency=said["currency"].upper(),
        leverage=_leverage(said.get("leverage", "")) or 1,
        status=_status(said.get("status", "")) or AccountStatus.OPEN,
        opened_at_us=_time_us(said.get("opened_at", "")) or 0,
        **{name: said.get(name, "") for name in ("server", "account_group", "book")},
    )


def _problem_of_text(text: str) -> str:
    return problem(Field.PARTNER, text)


def _problem_of_leverage(text: str) -> str:
    return "" if _leverage(text) else f"is no whole number from 1 to {MOST_LEVERAGE:,}"


def _problem_of_status(text: str) -> str:
    return "" if _status(text) else f"is none of {', '.join(AccountStatus)}"


def _problem_of_time(text: str) -> str:
    return "is no time like 2026-01-31T12:00:00Z" if _time_us(text) is None else ""


_ACCOUNT_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "login": problem_of_id,
    "client_id": problem_of_id,
    "currency": problem_of_id,
    "server": _problem_of_text,
    "account_group": _problem_of_text,
    "book": _problem_of_text,
    "leverage": _problem_of_leverage,
    "status": _problem_of_status,
    "opened_at": _problem_of_time,
}


def _status(text: str) -> AccountStatus | None:
    word = text.casefold() or AccountStatus.OPEN
    return AccountStatus(word) if word in set(AccountStatus) else None


def _leverage(text: str) -> int | None:
    digits = text.removeprefix("1:").removesuffix(":1") or "1"
    whole = int(digits) if digits.isascii() and digits.isdigit() else 0
    return whole if 1 <= whole <= MOST_LEVERAGE else None


def _time_us(text: str) -> int | None:
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
