"""Mapping files: other people's columns, signs, units and times, and what is wrong with a file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.reconcile.schema import Side
from dealing.reconcile.asked import ReconcileAsked
from dealing.reconcile.command import run_reconcile
from dealing.reconcile.files import read_side
from dealing.reconcile.mapping import load_mapping
from exposure.errors import ConfigError
from exposure.model.money import Currency, Money
from tests.thorough import examples

EXAMPLES = Path(__file__).parents[3] / "docs" / "reconcile"
SHORT = """\
columns: {ref: r, client_id: c, kind: k, amount_minor: a, currency: w, at_us: t}
"""


@pytest.fixture
def read(tmp_path):
    """Read a text through a mapping, one of the examples or a text."""

    def read_text(side, mapping, text):
        file, statement = tmp_path / "mapping.yaml", tmp_path / "statement.csv"
        if isinstance(mapping, str):
            file.write_text(mapping)
            mapping = file
        statement.write_text(text)
        notes = []
        rows = read_side(side, statement, notes, load_mapping(mapping, side))
        return rows, notes

    return read_text


def us(*moment):
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)


def test_a_card_providers_report(read):
    rows, notes = read(
        Side.PROVIDER,
        EXAMPLES / "card-provider.yaml",
        "Record ID,Merchant reference,Shopper reference,Type,Gross amount,Currency,Commission,"
        "Booking date\n"
        "1,P1,c1,Settled,1250.5,EUR,12.51,2026-07-01 12:00:00\n"
        "2,P2,c1,Refunded,100,JPY,0,2026-01-01 12:00:00\n"
        "3,,,Fee,3.00,EUR,,2026-01-01 12:00:00\n"
        "4,P4,c2,Payout,7.250,KWD,,2026-01-01 12:00:00\n",
    )
    assert rows.refused == []
    columns = ("ref", "kind", "amount_minor", "fee_minor", "at_us", "provider")
    assert rows.frame.select(columns).rows() == [
        ("P1", "deposit", 125_050, 1_251, us(2026, 7, 1, 10), "acquirer"),
        ("P2", "refund", -100, 0, us(2026, 1, 1, 11), "acquirer"),
        ("P4", "withdrawal", -7_250, None, us(2026, 1, 1, 11), "acquirer"),
    ]
    assert notes == ["statement.csv: 1 rows are no payments by the mapping: left out"]


def test_a_banks_statement(read):
    rows, _ = read(
        Side.PROVIDER,
        EXAMPLES / "bank-statement.yaml",
        "Verwendungszweck,Kundennummer,Buchungsart,Betrag,Buchungstag\n"
        'P1,c1,Gutschrift,"1.234,56",31.03.2026 00:00\n'
        'P2,c1,Überweisung,"-7,00",31.12.2026 00:00\n',
    )
    assert rows.frame.select("kind", "amount_minor", "currency", "at_us").rows() == [
        ("deposit", 123_456, "EUR", us(2026, 3, 30, 22)),
        ("withdrawal", -700, "EUR", us(2026, 12, 30, 23)),
    ]


def test_a_platforms_deals(read):
    rows, _ = read(
        Side.PLATFORM,
        EXAMPLES / "platform-deals.yaml",
        "Deal,Login,Time,Action,Profit,Currency,Comment\n"
        "11,7001,2026.07.01 12:00:00,2,-55.10,USD,CRM1\n"
        "12,7001,2026.07.01 12:00:00,0,3.10,USD,\n",
    )
    assert rows.frame.select("id", "login", "kind", "amount_minor", "ref", "at_us").rows() == [
        ("11", "7001", "balance", -5_510, "CRM1", us(2026, 7, 1, 9))
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,c,deposit,1.005,USD,2026-01-01", "amount_minor is '1.005', not a whole number"),
        ("a,c,deposit,1.5,JPY,2026-01-01", "amount_minor is '1.5', not a whole number"),
        ("a,c,deposit,1e3,USD,2026-01-01", "amount_minor is '1e3', not a whole number"),
        ("a,c,deposit,1,USD,01.01.2026", "at_us is '01.01.2026', not a whole number"),
        ("a,c,gift,1,USD,2026-01-01", "kind is 'gift', not one of"),
        ("a,c,deposit,,USD,2026-01-01", "amount_minor is empty"),
        ("a,c,deposit,1,,2026-01-01", "currency is empty"),
    ],
)
def test_what_cannot_be_understood_is_set_aside_with_its_own_text(read, row, reason):
    mapping = f'{SHORT}amounts: {{unit: major}}\ntimes: {{format: "%Y-%m-%d"}}\n'
    good = "b,c,deposit,1,USD,2026-01-01"
    rows, _ = read(Side.PROVIDER, mapping, f"r,c,k,a,w,t\n{row}\n{good}\n")
    assert rows.frame["ref"].to_list() == ["b"]
    ((name, line, said),) = rows.refused
    assert (name, line) == ("statement.csv", 2)
    assert reason in said


@pytest.mark.parametrize(
    ("sign", "amounts"),
    [("client", [5, -5]), ("reversed", [-5, 5]), ("by_kind", [5, -5])],
)
def test_signs(read, sign, amounts):
    text = "r,c,k,a,w,t\na,c,deposit,5,USD,7\nb,c,withdrawal,-5,USD,7\n"
    rows, _ = read(Side.PROVIDER, f"{SHORT}amounts: {{sign: {sign}}}\n", text)
    assert rows.frame["amount_minor"].to_list() == amounts


def test_epochs_clock_changes_and_offsets(read):
    def at(form, text, zone="UTC"):
        mapping = f'{SHORT}times: {{format: "{form}", zone: "{zone}"}}\n'
        rows, _ = read(Side.PROVIDER, mapping, f"r,c,k,a,w,t\na,c,deposit,5,USD,{text}\n")
        return rows.frame["at_us"].to_list()

    assert at("epoch_s", "7") == [7_000_000]
    assert at("epoch_ms", "7") == [7_000]
    assert at("%Y-%m-%dT%H:%M:%S%z", "2026-01-01T02:00:00+0200") == [us(2026, 1, 1)]
    twice, never = "2026-10-25 02:30", "2026-03-29 02:30"
    assert at("%Y-%m-%d %H:%M", twice, "Europe/Berlin") == [us(2026, 10, 25, 0, 30)]
    assert at("%Y-%m-%d %H:%M", never, "Europe/Berlin") == []


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("amounts: {unit: major}\n", r"mapping\.yaml: columns: is missing"),
        ("columns: {ref: r}\n", "mapping.yaml: column amount_minor is missing"),
        (f"{SHORT}constants: {{colour: red}}\n", "the provider has no column colour"),
        (f"{SHORT}constants: {{ref: a}}\n", "ref is a column and a constant"),
        (f"{SHORT}zebra: {{}}\n", r"line 2: zebra: there is no such key"),
        (f"{SHORT}amounts: {{unit: cents}}\n", r"line 2: amounts\.unit: must be 'minor' or"),
        (f"{SHORT}kinds: {{x: gift}}\n", "kinds: 'gift' is not one of deposit, .*, skip"),
        (f"{SHORT}statuses: {{x: gone}}\n", "statuses: 'gone' is not one of pending, done"),
        (f"{SHORT}times: {{zone: Mars/Base}}\n", r"times\.zone: there is no time zone Mars/Base"),
        (f"{SHORT}times: {{format: iso}}\n", r"times\.format: must be epoch_us, epoch_ms"),
    ],
)
def test_a_wrong_mapping_says_what_and_where(read, mapping, said):
    with pytest.raises(ConfigError, match=said):
        read(Side.PROVIDER, mapping, "")


@examples(30)
@given(
    st.lists(
        st.tuples(st.sampled_from(["USD", "JPY", "KWD"]), st.integers(-(10**12), 10**12)),
        min_size=1,
    )
)
def test_amounts_in_whole_units_are_exact(tmp_path_factory, rows):
    directory = tmp_path_factory.mktemp("mapped")
    (directory / "m.yaml").write_text(f"{SHORT}amounts: {{unit: major}}\n")
    lines = [
        f"a,c,deposit,{Money(minor, Currency(code)).amount:f},{code},7" for code, minor in rows
    ]
    (directory / "s.csv").write_text("\n".join(["r,c,k,a,w,t", *lines]) + "\n")
    mapping = load_mapping(directory / "m.yaml", Side.PROVIDER)
    found = read_side(Side.PROVIDER, directory / "s.csv", [], mapping)
    assert found.frame["amount_minor"].to_list() == [minor for _, minor in rows]


def test_the_command_reads_through_mappings(tmp_path, capsys):
    (tmp_path / "p.csv").write_text("r,c,k,a,w,t\na,c1,Paid,100,USD,1000\n")
    (tmp_path / "p.yaml").write_text(f"{SHORT}kinds: {{paid: deposit}}\n")
    (tmp_path / "l.csv").write_text(
        "ref,client_id,login,kind,amount_minor,currency,at_us\na,c1,,deposit,100,USD,1000\n"
    )
    (tmp_path / "d.csv").write_text("ref,login,kind,amount_minor,currency,at_us\n")
    asked = ReconcileAsked(
        provider=tmp_path / "p.csv",
        provider_mapping=tmp_path / "p.yaml",
        ledger=tmp_path / "l.csv",
        platform=tmp_path / "d.csv",
    )
    assert run_reconcile(asked, lambda: 10**15) == 0
    assert "agree" in capsys.readouterr().out
