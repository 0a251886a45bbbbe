"""Files of clients from the command line: loaded once, bad rows told, nothing else lost."""

import io

import pytest
from rich.console import Console
from sqlalchemy import func, select

from crm_sync.clients.tables import CLIENT, TRADING_ACCOUNT
from crm_sync.messages.tables import OUTBOX
from dealing.back_office.importing import run_import
from dealing.back_office.rooms import open_rooms
from dealing.back_office.secrets import of_simulation
from dealing.clients_cli import ImportAsked
from dealing.settings import load_settings
from exposure.errors import ConfigError, DataError

CLIENTS = """external_id,name,email,country,kyc_state
C1,Ada Lovelace,ada@example.com,GB,approved
C2,Grace Hopper,grace@example.com,US,in_review
C3,Nobody,not an address,US,approved
C4,Alan Turing,alan@example.com,GB,approved
"""
ACCOUNTS = """login,client_id,currency,leverage
1001,C1,USD,30
1002,C2,EUR,30
1003,C9,USD,30
"""


@pytest.fixture
def rooms(database, tmp_path):
    secrets = of_simulation(tmp_path / "secrets.json")
    return open_rooms(database, load_settings().sync, secrets, lambda: 1_700_000_000_000_000)


@pytest.fixture
def files(tmp_path):
    clients, accounts = tmp_path / "clients.csv", tmp_path / "accounts.csv"
    clients.write_text(CLIENTS)
    accounts.write_text(ACCOUNTS)
    return clients, accounts


def told(rooms, **asked):
    said = io.StringIO()
    console = Console(file=said, soft_wrap=True, highlight=False, markup=False)
    code = run_import(rooms, ImportAsked(**asked), console)
    return code, said.getvalue()


def counted(rooms, table):
    with rooms.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_good_rows_are_loaded_and_bad_ones_told_with_their_line(rooms, files):
    clients, accounts = files
    code, said = told(rooms, clients=clients, accounts=accounts)
    assert code == 1
    assert "3 clients: 3 new" in said
    assert "clients.csv line 4: email is no e-mail address" in said
    assert "accounts.csv line 4: client_id names a client that is not known" in said
    assert "not an address" not in said
    assert (counted(rooms, CLIENT), counted(rooms, TRADING_ACCOUNT)) == (3, 2)


def test_a_file_that_comes_again_changes_nothing(rooms, files):
    clients, accounts = files
    told(rooms, clients=clients, accounts=accounts)
    _, said = told(rooms, clients=clients, accounts=accounts)
    assert "3 clients: 0 new, 0 changed, 3 unchanged" in said
    assert counted(rooms, OUTBOX) == 1


def test_who_is_not_identified_may_only_close(rooms, files):
    clients, accounts = files
    told(rooms, clients=clients, accounts=accounts)
    with rooms.database.reading() as connection:
        closed = connection.execute(select(CLIENT.c.client_id).where(CLIENT.c.told_close_only))
        assert [row.client_id for row in closed] == ["C2"]
        assert connection.scalars(select(OUTBOX.c.target)).all() == ["platform"]


def test_a_dry_run_says_what_would_be_and_writes_nothing(rooms, files):
    code, said = told(rooms, clients=files[0], dry_run=True)
    assert code == 1
    assert "3 clients: 3 would be new" in said
    assert (counted(rooms, CLIENT), counted(rooms, OUTBOX)) == (0, 0)


def test_unusual_names_of_columns_need_a_mapping(rooms, tmp_path):
    file, mapping = tmp_path / "odd.csv", tmp_path / "mapping.json"
    file.write_text("Kundennummer;Wohnsitz\nC7;DE\n")
    with pytest.raises(DataError, match="external_id"):
        told(rooms, clients=file)
    mapping.write_text('{"Kundennummer": "external_id", "Wohnsitz": "country"}')
    assert told(rooms, clients=file, clients_mapping=mapping)[0] == 0
    assert counted(rooms, CLIENT) == 1


def test_no_file_is_a_sentence(rooms):
    with pytest.raises(ConfigError, match="name a file: --clients FILE"):
        told(rooms)
