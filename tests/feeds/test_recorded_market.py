"""Real quotes come back as they were, in order, and what is missing is said."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import DataError, StorageError
from exposure.model.ids import Currency
from exposure.model.quotes import QuoteColumns
from feeds.ports import Market
from feeds.recorded_market import RecordedMarket
from feeds.samples import CRYPTO_SAMPLE, sample_directory

SECOND = 1_000_000_000
NOON = 1_399_550_400_000  # 2014-05-08 12:00 UTC, ms


def record(folder: Path, name: str, *rows: str, header: str = "ts_ms_utc,bid,ask") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress("\n".join([header, *rows, ""]).encode()))


def rest_of(market: RecordedMarket, step: int = 60 * SECOND) -> Iterator[QuoteColumns]:
    while not market.exhausted:
        yield market.step(step).client


def of_symbol(quotes: QuoteColumns, market: RecordedMarket, symbol: str) -> QuoteColumns:
    ours = quotes.symbol == [one.symbol for one in market.instruments].index(symbol)
    return QuoteColumns(*(column[ours] for column in quotes))


@pytest.fixture
def sample() -> RecordedMarket:
    return RecordedMarket(sample_directory())


def test_the_shipped_sample_is_small_and_a_market(sample):
    files = [path for path in sample_directory().parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000
    market: Market = sample
    assert market.label == "recorded fx_2014-05-08"
    assert not market.exhausted


def test_oanda_quotes_the_clients_and_fxcm_is_the_provider(sample):
    step = sample.step(10 * 60 * SECOND)
    client = of_symbol(step.client, sample, "EURUSD")
    provider = of_symbol(step.provider, sample, "EURUSD")
    assert (client.ask > client.bid).all()
    crossed = provider.bid > provider.ask
    assert crossed.any()
    assert (provider.bid == provider.ask).any()


def test_the_order_of_providers_is_a_choice():
    swapped = RecordedMarket(sample_directory(), providers=["fxcm", "oanda"])
    client = of_symbol(swapped.step(600 * SECOND).client, swapped, "EURUSD")
    assert (client.bid >= client.ask).any()


def test_every_symbol_has_a_price_after_the_first_step(sample):
    step = sample.step(1)
    every = set(range(len(sample.instruments)))
    assert set(step.client.symbol.tolist()) == set(step.provider.symbol.tolist()) == every


def test_all_quotes_come_once_in_order_and_then_it_is_exhausted(sample):
    parts = list(rest_of(sample))
    euro = [of_symbol(part, sample, "EURUSD") for part in parts]
    assert sum(len(part.bid) for part in euro) in range(30_100, 30_142)
    times = np.concatenate([part.ts_event for part in parts])
    assert (np.diff(times) >= 0).all()
    assert len(sample.step(SECOND).client.bid) == 0


def test_the_press_conference_moves_the_euro(sample):
    euro = np.concatenate([of_symbol(part, sample, "EURUSD").bid for part in rest_of(sample)])
    assert euro.max() > 1.3990
    assert euro[-1] < 1.3910


@pytest.fixture(scope="module")
def twins() -> tuple[RecordedMarket, RecordedMarket, bytes]:
    market, other = RecordedMarket(sample_directory()), RecordedMarket(sample_directory())
    return market, other, market.save()


@settings(deadline=None)
@given(durations=st.lists(st.integers(1, 400 * SECOND), min_size=1, max_size=8))
def test_a_saved_recording_goes_on_exactly(twins, durations):
    market, other, start = twins
    market.load(start)
    for duration in durations:
        before = market.now
        other.load(market.save())
        step, again = market.step(duration), other.step(duration)
        assert step.now == again.now == before + duration
        columns = [*step.client, *step.provider], [*again.client, *again.provider]
        assert all(np.array_equal(one, same) for one, same in zip(*columns, strict=True))
        assert (step.client.ts_event <= step.now).all()


def test_missing_conversion_rates_come_from_the_reference_rates_and_stand_still(sample):
    assert sample.conversion_only == {"GBPUSD", "AUDUSD", "USDCHF"}
    assert sample.cannot_trade == []
    quotes = QuoteColumns(*(np.concatenate(c) for c in zip(*rest_of(sample), strict=True)))
    pound = of_symbol(quotes, sample, "GBPUSD")
    assert (pound.bid.tolist(), pound.ask.tolist()) == ([1.69476], [1.69476])
    assert [note for note in sample.notes if note.startswith("GBPUSD stands at 1.69476")]


def test_without_reference_rates_it_says_who_cannot_trade(tmp_path):
    record(tmp_path, "oanda_eurusd_20200102.csv.gz", f"{1_577_966_400_000},1.12,1.1201")
    market = RecordedMarket(tmp_path)
    assert market.cannot_trade == ["GBP", "AUD", "CHF"]
    assert any("accounts in CHF cannot trade" in note for note in market.notes)
    assert RecordedMarket(tmp_path, account_currencies=[Currency("EUR")]).cannot_trade == []


def test_a_symbol_that_one_provider_quoted_is_hedged_inside_the_markup(sample):
    step = sample.step(60 * SECOND)
    client, provider = (
        of_symbol(quotes, sample, "XAUUSD") for quotes in (step.client, step.provider)
    )
    assert provider.bid == pytest.approx(client.bid + 0.08)
    assert (provider.bid <= provider.ask).all()


def test_venue_frames_of_two_markets_are_a_client_feed_and_a_provider():
    market = RecordedMarket(sample_directory(CRYPTO_SAMPLE), providers=["usdm", "spot"])
    assert {"BTCUSDT", "BTCUSD_PERP", "EURUSD"} <= {one.symbol for one in market.instruments}
    step = market.step(SECOND)
    future = of_symbol(step.client, market, "BTCUSDT")
    spot = of_symbol(step.provider, market, "BTCUSDT")
    assert 5 < (np.median(spot.bid) - np.median(future.bid)) < 50
    assert any("1.27 s ahead" in note for note in market.notes)


def test_the_market_starts_when_every_symbol_has_a_price(tmp_path):
    record(tmp_path, "a_eurusd_20140508.csv.gz", f"{NOON},1.1,1.2", f"{NOON + 5},1.3,1.4")
    record(tmp_path, "a_usdjpy_20140508.csv.gz", f"{NOON + 9},100,101", f"{NOON + 10},102,103")
    market = RecordedMarket(tmp_path)
    assert market.now == (NOON + 9) * 1_000_000 - 1
    euro = of_symbol(market.step(SECOND).client, market, "EURUSD")
    assert (euro.bid.tolist(), euro.ts_event.tolist()) == ([1.3], [(NOON + 5) * 1_000_000])


def test_it_can_start_later_but_not_after_its_end(tmp_path):
    rows = [f"{NOON + second * 1000},{1 + second},{2 + second}" for second in range(10)]
    record(tmp_path, "a_eurusd_20140508.csv.gz", *rows)
    market = RecordedMarket(tmp_path, start_at=(NOON + 5500) * 1_000_000)
    assert of_symbol(market.step(SECOND).client, market, "EURUSD").bid.tolist() == [6.0, 7.0]
    with pytest.raises(DataError, match="no quotes after its start"):
        RecordedMarket(tmp_path, start_at=(NOON + 60_000) * 1_000_000)


def test_gaps_just_pass(tmp_path):
    record(tmp_path, "a_eurusd_20140508.csv.gz", f"{NOON},1,2", f"{NOON + 3_600_000},3,4")
    market = RecordedMarket(tmp_path)
    counts = [len(quotes.bid) for quotes in rest_of(market, 600 * SECOND)]
    assert (counts[0], counts[1:-1], counts[-1]) == (4, [0] * (len(counts) - 2), 1)


def test_a_late_quote_keeps_its_place_and_its_time(tmp_path):
    record(tmp_path, "a_eurusd_20140508.csv.gz", *(f"{NOON + ms},1,2" for ms in (0, 9, 4, 10)))
    market = RecordedMarket(tmp_path)
    euro = of_symbol(market.step(SECOND).client, market, "EURUSD")
    assert (euro.ts_event // 1_000_000 - NOON).tolist() == [0, 9, 4, 10]


def test_times_keep_their_fractions_of_a_millisecond(tmp_path):
    record(tmp_path, "a_xauusd_20140508.csv.gz", f"{NOON}.447,1,2")
    market = RecordedMarket(tmp_path)
    gold = of_symbol(market.step(SECOND).client, market, "XAUUSD")
    assert gold.ts_event.tolist() == [NOON * 1_000_000 + 447_000]


def test_impossible_prices_pass_and_unreadable_lines_are_counted(tmp_path):
    rows = ["1,2", "-1,2", "NaN,2", "text,2", ",2", "3"]
    record(tmp_path, "a_eurusd_20140508.csv.gz", *(f"{NOON},{row}" for row in rows), "x,1,2", "")
    market = RecordedMarket(tmp_path)
    euro = of_symbol(market.step(SECOND).client, market, "EURUSD")
    assert euro.bid.tolist()[:2] == [1.0, -1.0]
    assert np.isnan(euro.bid[2])
    assert len(euro.bid) == 3
    assert "a_eurusd_20140508.csv.gz: lines left out: 4 unreadable" in market.notes


def test_days_of_one_provider_follow_each_other_and_sizes_are_ignored(tmp_path):
    header = "ts_ms_utc,bid,ask,bid_size,ask_size"
    next_day = NOON + 86_400_000
    record(tmp_path, "a_eurusd_20140509_12.csv.gz", f"{next_day},3,4,1,1", header=header)
    record(tmp_path, "a_eurusd_20140508.csv.gz", f"{NOON},1,2,1,1", header=header)
    market = RecordedMarket(tmp_path)
    euro = of_symbol(market.step(2 * 86_400 * SECOND).client, market, "EURUSD")
    assert euro.bid.tolist() == [1.0, 3.0]


def test_a_file_that_is_cut_off_is_read_up_to_there(tmp_path):
    name = "oanda_eurusd_20140508.csv.gz"
    whole = (sample_directory() / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    market = RecordedMarket(tmp_path)
    assert any("was read up to where its compressed data end too early" in n for n in market.notes)
    assert sum(len(quotes.bid) for quotes in rest_of(market)) > 10_000


def test_unknown_symbols_third_providers_and_other_files_are_left_out_with_a_note(tmp_path):
    for provider in ("a", "b", "c"):
        record(tmp_path, f"{provider}_eurusd_20140508.csv.gz", f"{NOON},1,2")
    record(tmp_path, "a_abcdef_20140508.csv.gz", f"{NOON},1,2")
    record(tmp_path, "quotes.csv.gz", f"{NOON},1,2")
    (tmp_path / "README.md").write_text("hello")
    notes = "\n".join(RecordedMarket(tmp_path).notes)
    assert "ABCDEF is left out: no contract terms are known" in notes
    assert "EURUSD of c is left out: a quotes the clients and b is the" in notes
    assert "quotes.csv.gz is left out: its name is not PROVIDER_SYMBOL_DATE.csv.gz" in notes
    assert "README" not in notes


def test_the_label_has_the_date_of_the_recording(tmp_path):
    record(tmp_path / "mine", "a_eurusd_20140508.csv.gz", f"{NOON},1,2")
    assert RecordedMarket(tmp_path / "mine").label == "recorded mine 2014-05-08"


def test_a_missing_or_empty_or_foreign_directory_is_one_clear_sentence(tmp_path):
    with pytest.raises(DataError, match="is no directory of recorded quotes: expected are files"):
        RecordedMarket(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no recorded quotes: expected are files named"):
        RecordedMarket(tmp_path)
    record(tmp_path, "a_abcdef_20140508.csv.gz", f"{NOON},1,2")
    with pytest.raises(DataError, match="no contract terms are known for ABCDEF"):
        RecordedMarket(tmp_path)


def test_a_missing_column_names_file_and_column(tmp_path):
    record(tmp_path, "a_eurusd_20140508.csv.gz", f"{NOON},1", header="ts_ms_utc,bid")
    with pytest.raises(DataError, match=r"a_eurusd_20140508\.csv\.gz has no column ask"):
        RecordedMarket(tmp_path)


def test_a_state_of_another_recording_or_no_state_at_all_is_refused(sample):
    other = RecordedMarket(sample_directory(CRYPTO_SAMPLE))
    with pytest.raises(StorageError, match="other quotes than recorded fx_2014-05-08"):
        sample.load(other.save())
    with pytest.raises(StorageError, match="cannot be read"):
        sample.load(b"garbage")
