"""``plimsoll reconcile``: files in, a table, JSON, CSV and an exit code out."""

import gzip

import orjson
import polars as pl
import pytest

from crm_sync.reconcile.planting import planted
from crm_sync.reconcile.schema import DAY_US
from dealing import cli
from dealing.reconcile.asked import ReconcileAsked
from dealing.reconcile.command import run_reconcile
from exposure.errors import ConfigError
from tests.dealing.test_command_line import asked, plimsoll

PROVIDER = "ref,client_id,kind,amount_minor,currency,at_us\n"
LEDGER = "ref,client_id,login,kind,amount_minor,currency,at_us\n"
PLATFORM = "ref,login,kind,amount_minor,currency,at_us\n"
LATER = 1_000 * DAY_US


@pytest.fixture
def files(tmp_path):
    """Write three files, one agreeing payment in each, and whatever rows a test adds."""

    def write(provider="", ledger="", platform="", **headers):
        texts = {
            "provider": headers.get("provider_header", PROVIDER) + "a,c1,deposit,100,USD,1000\n",
            "ledger": LEDGER + "a,c1,l1,deposit,100,USD,1000\n",
            "platform": PLATFORM + "a,l1,balance,100,USD,1000\n",
        }
        more = {"provider": provider, "ledger": ledger, "platform": platform}
        paths = {name: tmp_path / f"{name}.csv" for name in texts}
        for name, path in paths.items():
            path.write_text(texts[name] + more[name])
        return paths

    return write


def run(paths, **more):
    return run_reconcile(ReconcileAsked(**paths, **more), lambda: LATER)


def test_what_agrees_ends_with_0(files, capsys):
    assert run(files()) == 0
    assert capsys.readouterr().out == "Provider, ledger and platform agree.\n"


def test_breaks_end_with_1_and_are_counted_by_class(files, capsys):
    paths = files(provider="b,c1,deposit,250,USD,1000\nc,c1,deposit,50,NOK,1000\n")
    assert run(paths) == 1
    shown = capsys.readouterr().out
    (row,) = [line.split() for line in shown.splitlines() if "MISSING_LEDGER" in line]
    assert row == ["MISSING_LEDGER", "2", "2.50", "1", "1,000.0", "d"]
    assert "2 open breaks." in shown


def test_what_is_late_is_told_and_no_break(files, capsys):
    late = f"b,c1,deposit,250,USD,{LATER - DAY_US}\n"
    assert run(files(provider=late)) == 0
    assert "1 more is late and inside the grace." in capsys.readouterr().out
    assert run(files(provider=late), as_of="1972-10-05") == 1


def test_json_has_both_sides_and_the_fix(files, capsys):
    paths = files(platform="a,l1,balance,100,USD,1001\n")
    assert run(paths, json_out="-", scope="psp", rates=("EUR=1.1",)) == 1
    told = orjson.loads(capsys.readouterr().out)
    assert (told["scope"], told["as_of_us"], told["open_breaks"]) == ("psp", LATER, 1)
    assert told["rows"] == {"ledger": 1, "platform": 2, "provider": 1}
    (one,) = told["breaks"]
    assert (one["break_class"], one["age"], one["ledger"]) == ("DUPLICATE_PLATFORM", "30+", None)
    assert one["platform"]["amount_minor"] == 100
    assert one["fix"]["orders"] == [
        {"login": "l1", "kind": "balance", "amount_minor": -100, "currency": "USD"}
    ]


def test_csv_is_a_table_in_which_nothing_is_a_formula(files, tmp_path, capsys):
    paths = files(provider="=cmd(),c1,deposit,250,USD,1000\n")
    assert run(paths, csv_out=str(tmp_path / "out.csv")) == 1
    told = pl.read_csv(tmp_path / "out.csv")
    assert told.select("class", "ref", "amount_minor", "provider_amount_minor").rows() == [
        ("MISSING_LEDGER", "'=cmd()", 250, 250)
    ]
    assert "1 open break." in capsys.readouterr().out


def test_a_missing_column_is_one_sentence_with_file_and_column(files):
    paths = files(provider_header=PROVIDER.replace("amount_minor", "amount"))
    with pytest.raises(ConfigError, match=r"provider\.csv has no column amount_minor: its first"):
        run(paths)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b,c1,deposit,2.5,USD,1000", "amount_minor is '2.5', not a whole number"),
        ("b,c1,deposit,,USD,1000", "amount_minor is empty"),
        ("b,c1,deposit,1000000000000001,USD,1000", "amount_minor is '1000000000000001'"),
        ("b,c1,gift,250,USD,1000", "kind is 'gift', not one of deposit, withdrawal"),
        ("b,c1,deposit,250,,1000", "currency is empty"),
        ("b,c1,deposit,250,USD,-1", "at_us is '-1', not a whole number"),
        ("b,c1,deposit,250,USD", "the line has 5 fields, the header has 6"),
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside_and_nothing_else_is_lost(
    files, capsys, row, reason
):
    paths = files(provider=f"{row}\nd,c1,deposit,7,USD,1000\n")
    assert run(paths, json_out="-") == 1
    said = capsys.readouterr()
    assert f"note: set aside: provider.csv line 3: {reason}" in said.err
    told = orjson.loads(said.out)
    assert [one["ref"] for one in told["breaks"]] == ["d"]
    assert [(one["file_name"], one["line"]) for one in told["set_aside"]] == [("provider.csv", 3)]


def test_rows_that_are_set_aside_are_no_agreement(files, capsys):
    assert run(files(provider="b,c1,gift,1,USD,1\n" * 7)) == 1
    assert "... and 2 rows more: --json has them all" in capsys.readouterr().err


def test_words_are_read_as_people_write_them(files):
    paths = files(
        provider="b,c1, Deposit ,+250.0,usd,1000\n", ledger="b,c1,,DEPOSIT,250,Usd,1000\n"
    )
    assert run(paths) == 0


def test_a_conversion_without_what_the_platform_has_to_book_is_set_aside(files, capsys):
    paths = files()
    header = LEDGER.rstrip() + ",credit_currency,credit_minor,rate\n"
    paths["ledger"].write_text(
        header + "a,c1,l1,deposit,100,USD,1000,,,\nb,c1,,deposit,100,EUR,1000,USD,,1.1\n"
    )
    assert run(paths) == 1
    assert "line 3: credit_currency is another than currency" in capsys.readouterr().err


def test_parquet_and_gzip_are_the_same_as_csv(files, tmp_path, capsys):
    paths = files(provider="b,c1,deposit,250,USD,1000\n")
    run(paths, json_out="-")
    expected = orjson.loads(capsys.readouterr().out)
    packed = tmp_path / "provider.csv.gz"
    packed.write_bytes(gzip.compress(paths["provider"].read_bytes()))
    stored = tmp_path / "platform.parquet"
    table = pl.read_csv(paths["platform"]).with_columns(pl.col("at_us").cast(pl.Datetime("us")))
    table.write_parquet(stored)
    run(paths | {"provider": packed, "platform": stored}, json_out="-")
    assert orjson.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"as_of": "soon"}, "--as-of: 'soon' is no time like"),
        ({"rates": ("EUR",)}, "--rate: 'EUR' is no rate like EUR=1.08"),
        ({"rates": ("EUR=-1",)}, "--rate: 'EUR=-1' is no rate"),
        ({"rates": ("EUR=nan",)}, "--rate: 'EUR=nan' is no rate"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(files, more, said):
    with pytest.raises(ConfigError, match=said):
        run(files(), **more)


def test_a_file_that_is_not_there_is_wrong_usage(files, tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv cannot be read: No such file"):
        run(files() | {"ledger": tmp_path / "none.csv"})
    with pytest.raises(ConfigError, match=r"a\.txt is neither a \.csv"):
        run(files() | {"ledger": tmp_path / "a.txt"})


def test_planted_faults_go_through_files_unchanged(tmp_path, capsys):
    book = planted(400, 3, 7)
    paths = {}
    for name, frame in book.frames._asdict().items():
        paths[name] = tmp_path / f"{name}.csv"
        frame.write_csv(paths[name])
    as_of = "2024-10-04"
    assert book.terms.as_of_us == 20_000 * DAY_US
    assert run(paths, json_out="-", as_of=as_of) == 1
    told = orjson.loads(capsys.readouterr().out)
    counts = {one["break_class"]: one["count"] for one in told["classes"]}
    assert counts == {word.value: 3 for word in book.faults}
    assert told["set_aside"] == []


def test_every_option_is_passed_on():
    name, (told,), _ = asked(
        *("reconcile", "--provider", "p.csv", "--ledger", "l.csv", "--platform", "d.csv"),
        *("--as-of", "2026-01-01", "--scope", "psp", "--rate", "EUR=1.1", "--rate", "JPY=0.01"),
        *("--json", "-", "--csv", "out.csv"),
    )
    assert name == "reconcile"
    assert (str(told.provider), str(told.ledger), str(told.platform)) == ("p.csv", "l.csv", "d.csv")
    assert (told.as_of, told.scope, told.rates) == ("2026-01-01", "psp", ("EUR=1.1", "JPY=0.01"))
    assert (told.json_out, told.csv_out) == ("-", "out.csv")


def test_a_file_that_is_not_named_is_wrong_usage(capsys):
    assert cli.answer(["reconcile", "--provider", "p.csv"], None) == cli.MISUSED
    assert "Missing option '--ledger'" in capsys.readouterr().err


def test_the_program_itself_reconciles(files):
    paths = files(provider="b,c1,deposit,250,USD,1000\n")
    options = [word for name, path in paths.items() for word in (f"--{name}", path)]
    done = plimsoll("reconcile", *options)
    assert (done.returncode, done.stderr) == (1, "")
    assert "MISSING_LEDGER" in done.stdout
    paths["platform"].write_text("ref\n")
    wrong = plimsoll("reconcile", *options)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("plimsoll: platform.csv has no column login and no column kind")
