"""One contract for every store of alerts, and what only a database can promise."""

import threading

import msgspec
import pytest
from sqlalchemy import text

from crm_sync.database import database_at
from crm_sync.schema import METADATA
from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import (
    Action,
    CaseState,
    EntryKind,
    Fact,
    Member,
    Mute,
    Offer,
    Outcome,
    Severity,
)
from dealing.alerts.ports import CasesAsked, Nonce, NotTold, Told
from dealing.storage.alert_store import NONCES_FOR_US, SqlAlertStore
from exposure.errors import InvariantError, StorageError
from tests.dealing.alerts.kept_cases import (
    START,
    S,
    case,
    change,
    critical,
    keep,
    line,
    resolved,
)


@pytest.fixture(scope="module")
def kept_postgres(postgres, postgres_template, tmp_path_factory):
    address = postgres.new_database(postgres_template)
    database = database_at(address, tmp_path_factory.mktemp("pg") / "none", lambda: "run-1")
    yield database
    database.close()


@pytest.fixture
def postgres_database(kept_postgres):
    """One PostgreSQL, emptied after each test; a copy for each would take longer than the tests."""
    yield kept_postgres
    ours = ", ".join(name for name in METADATA.tables if name.startswith("alert_"))
    with kept_postgres.writing() as connection:
        connection.execute(text(f"TRUNCATE {ours}"))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request):
    if request.param == "memory":
        return MemoryAlertStore()
    return SqlAlertStore(request.getfixturevalue(f"{request.param}_database"))


def full_case():
    member = Member(
        subject="1001", severity=Severity.CRITICAL, value=0.1 + 0.2, at_stake_usd=-1e-9,
        headline="„Ω“ \x00 <b>&", first_us=START, last_us=2**62, active=True, client_id="C1",
    )  # fmt: skip
    return case(
        members=(member,),
        facts=(Fact("House net", "-12.4 M USD"),),
        offers=(Offer(action=Action.MOVE_TO_A, client_id="C1"),),
        toggles_us=(1, 2),
        owner="dana",
        snoozed_until_us=START + 5,
        inhibited_by=7,
        outcome=Outcome.USEFUL,
        outcome_usd=-0.1,
        worst_usd=1e300,
    )


def names(deliveries):
    return [one.case.number for one in deliveries]


def waiting(store, now_us=START, channel="slack", limit=100):
    return store.waiting(channel, now_us, limit)


def told(number=1, version=1, ref="ts-1", at_us=START, entries=0, channel="slack"):
    return Told(
        channel=channel, number=number, version=version, ref=ref, at_us=at_us, entries=entries
    )


# Cases and timelines ------------------------------------------------------------------------------


def test_an_empty_store_begins_with_nothing(store):
    kept = store.begin()
    assert (list(kept.cases), kept.last_number, list(kept.mutes), kept.cursors) == ([], 0, [], {})
    assert store.case(1) is None
    assert store.entries(1) == []


def test_what_is_kept_comes_back_as_it_was(store):
    entry = line(text="weiß warum: „Ω“", kind=EntryKind.NOTED, actor="dana", via="slack")
    store.keep([change(full_case(), entry)], {}, [()])
    assert store.case(1) == full_case()
    assert store.entries(1) == [entry]


def test_a_process_begins_with_what_is_not_resolved_and_where_it_stopped_reading(store):
    keep(store, case(3), case(1), resolved(9), cursors={"deals": "17", "crossings": "a"})
    keep(store, case(1, version=2), cursors={"deals": "18"})
    kept = store.begin()
    assert [(one.number, one.version) for one in kept.cases] == [(1, 2), (3, 1)]
    assert kept.last_number == 9
    assert kept.cursors == {"deals": "18", "crossings": "a"}


def test_cursors_are_kept_without_any_change(store):
    store.keep([], {"deals": "5"}, [])
    assert store.begin().cursors == {"deals": "5"}


def test_a_case_that_changes_twice_at_once_is_as_it_was_at_last(store):
    keep(store, case(version=1), case(version=2, headline="worse"))
    assert store.case(1).headline == "worse"
    assert [entry.text for entry in store.entries(1)] == ["version 1", "version 2"]


def test_a_figure_that_is_no_number_is_refused_and_nothing_is_kept(store):
    for bad in (case(at_stake_usd=float("nan")), case(worst_usd=float("inf"))):
        with pytest.raises(InvariantError, match="case A-1 has a figure that is no number"):
            keep(store, case(2), bad, cursors={"deals": "1"})
    assert store.begin().last_number == 0
    assert store.begin().cursors == {}


def test_changes_and_channels_have_to_be_as_many(store):
    with pytest.raises(ValueError, match="zip"):
        store.keep([change(case())], {}, [])
    assert store.case(1) is None


def test_cases_are_listed_the_last_changed_first(store):
    keep(store, case(1), case(2, last_us=START + 3 * S), case(3, last_us=START + 2 * S))
    assert [one.number for one in store.cases(CasesAsked())] == [2, 3, 1]
    noted = line(1, at_us=START + 9 * S, kind=EntryKind.NOTED)
    store.keep([change(case(1), noted, tell=False)], {}, [()])
    assert [one.number for one in store.cases(CasesAsked(limit=2))] == [1, 2]
    store.keep([change(case(1, due_us=5), tell=False)], {}, [()])
    assert store.cases(CasesAsked(limit=1))[0].due_us == 5


def test_cases_are_found_by_what_is_asked(store):
    keep(
        store,
        critical(1),
        case(2, state=CaseState.SNOOZED),
        resolved(3, opened_us=START - 9, last_us=START - 5, resolved_us=START + 5 * S),
        case(4, rule="kyc_expiry", severity=Severity.INFO),
    )

    def found(**asked):
        return sorted(one.number for one in store.cases(CasesAsked(**asked)))

    assert found(states=(CaseState.OPEN, CaseState.SNOOZED)) == [1, 2, 4]
    assert found(rule="kyc_expiry") == [4]
    assert found(severity=Severity.CRITICAL) == [1]
    assert found(since_us=START + S) == [3]
    assert found(states=(CaseState.OPEN,), rule="margin_call") == []


def test_a_search_takes_text_as_it_is_and_small_letters_for_large_ones(store):
    member = Member(
        subject="1001", severity=Severity.INFO, value=1.0, at_stake_usd=1.0, headline="",
        first_us=1, last_us=1, client_id="CLIENT-7",
    )  # fmt: skip
    keep(store, case(17, headline="STRASSE 100% Ärger"), case(2, title="x_y", members=(member,)))

    def found(search):
        return [one.number for one in store.cases(CasesAsked(search=search))]

    assert found("straße") == found("ÄRGER") == found("100%") == found("a-17") == [17]
    assert found("x_y") == found("client-7") == found("1001") == [2]
    assert found("0%9") == found("xzy") == found("x" * 5_000) == found("zzz") == []
    assert found("100\x00%") == [17]


def test_timelines_keep_their_order_and_are_read_on_from_a_line(store):
    lines = [line(1, at_us=START, text=str(n)) for n in range(5)]
    store.keep([change(case(1), *lines[:3]), change(case(2), line(2))], {}, [(), ()])
    store.keep([change(case(1), *lines[3:])], {}, [()])
    assert store.entries(1) == lines
    assert store.entries(1, 3) == lines[3:]
    assert store.entries(1, 9) == []


def test_lines_of_all_timelines_are_read_oldest_first(store):
    for number, at in ((1, 3), (2, 1), (3, 2)):
        store.keep([change(case(number), line(number, at_us=START + at))], {}, [()])
    assert [one.number for one in store.entries_since(START + 2, 10)] == [3, 1]
    assert [one.number for one in store.entries_since(0, 2)] == [2, 3]


def test_text_that_no_database_takes_is_kept_as_far_as_it_goes(store):
    store.keep(
        [change(case(headline="a\x00b"), line(text="x\x00y\ud83d", actor="d\x00"))], {}, [()]
    )
    assert store.case(1).headline == "a\x00b"
    (entry,) = store.entries(1)
    assert (entry.text, entry.actor) == ("xy?", "d")


# Mutes --------------------------------------------------------------------------------------------


def test_a_mute_holds_until_it_expires_and_can_be_ended(store):
    mute = Mute(
        mute_id="m1", rule="kyc_expiry", subject="", actor="dana", reason="holiday\x00",
        since_us=START, until_us=START + 10,
    )  # fmt: skip
    store.set_mute(mute)
    kept = msgspec.structs.replace(mute, reason="holiday")
    assert store.mutes(START + 9) == [kept]
    assert list(store.begin().mutes) == [kept]
    assert store.mutes(START + 10) == []
    store.set_mute(msgspec.structs.replace(kept, until_us=START + 5))
    assert store.mutes(START + 5) == []
    assert len(store.begin().mutes) == 1


# Deliveries ---------------------------------------------------------------------------------------


def test_channels_wait_for_what_they_are_to_be_told_each_for_itself(store):
    keep(store, case(), channels=("slack", "mail"))
    (one,) = waiting(store)
    assert (one.channel, one.case, one.wanted_version, one.sent_version, one.ref) == (
        "slack", case(), 1, 0, "",
    )  # fmt: skip
    assert one.first_wanted_us == START
    store.told([told()])
    assert (store.waiting_count("slack"), store.waiting_count("mail")) == (0, 1)
    assert names(waiting(store, channel="mail")) == [1]
    assert waiting(store, channel="none") == []


def test_a_change_that_is_not_told_wants_nothing(store):
    store.keep([change(case(), tell=False)], {}, [("slack",)])
    assert store.waiting_count("slack") == 0
    assert store.waiting_since("slack") is None


def test_the_most_severe_is_told_first_then_the_longest_waiting(store):
    keep(
        store,
        case(1, severity=Severity.INFO),
        case(2, last_us=START + 5),
        case(3),
        critical(4, last_us=START + 9),
        critical(5, last_us=START + 7),
    )
    assert names(waiting(store)) == [5, 4, 3, 2, 1]
    assert names(waiting(store, limit=2)) == [5, 4]
    assert store.waiting_since("slack") == START
    keep(store, critical(1, version=2))
    assert names(waiting(store)) == [1, 5, 4, 3, 2]


def test_many_versions_are_one_delivery_of_the_newest(store):
    for version in (1, 2, 3):
        keep(store, case(version=version, last_us=START + version))
    (one,) = waiting(store)
    assert (one.wanted_version, one.case.version) == (3, 3)
    assert one.first_wanted_us == START + 1
    assert store.waiting_count("slack") == 1
    keep(store, case(version=1))
    assert [one.wanted_version for one in waiting(store)] == [3]


def test_a_newer_version_stays_wanted_when_an_older_one_was_told(store):
    keep(store, case(version=1))
    keep(store, case(version=2))
    store.told([told(version=1, at_us=START + 7, entries=1)])
    (one,) = waiting(store)
    assert (one.sent_version, one.wanted_version, one.ref, one.entries_told) == (1, 2, "ts-1", 1)
    assert one.first_wanted_us == START + 7
    store.told([told(version=2, entries=2)])
    assert waiting(store) == []
    store.told([told(version=1)])
    assert waiting(store) == []


def test_what_was_told_and_changes_waits_anew(store):
    keep(store, case(version=1))
    store.told([told(entries=1)])
    keep(store, case(version=2, last_us=START + 9))
    (one,) = waiting(store)
    assert (one.first_wanted_us, one.sent_version, one.ref) == (START + 9, 1, "ts-1")
    assert store.waiting_since("slack") == START + 9


def test_a_failure_is_tried_again_when_its_time_comes_or_when_there_is_news(store):
    keep(store, case())
    later = NotTold(channel="slack", number=1, error="away " * 500, next_try_us=START + 9)
    store.not_told([later])
    assert waiting(store, START + 8) == []
    assert (store.waiting_count("slack"), store.waiting_since("slack")) == (1, START)
    store.not_told([later])
    (one,) = waiting(store, START + 9)
    assert (one.tries, one.next_try_us, one.last_error) == (2, START + 9, ("away " * 500)[:500])
    keep(store, case(version=1))
    assert waiting(store, START + 8) == []
    keep(store, case(version=2))
    (one,) = waiting(store, START)
    assert (one.tries, one.first_wanted_us) == (2, START)
    store.told([told(version=2)])
    keep(store, case(version=3))
    (one,) = waiting(store)
    assert (one.tries, one.next_try_us, one.last_error) == (0, 0, "")


def test_what_is_noted_about_nothing_changes_nothing(store):
    store.told([])
    store.not_told([])
    store.told([told(number=5)])
    store.not_told([NotTold(channel="slack", number=5, error="x", next_try_us=1)])
    assert store.waiting_count("slack") == 0


def test_the_case_behind_a_message_is_found(store):
    keep(store, case(1), case(2), channels=("slack", "mail"))
    store.told([told(1, ref="ts-1"), told(2, ref="ts-2")])
    assert store.find_ref("slack", "ts-2") == 2
    assert store.find_ref("mail", "ts-2") is None
    assert store.find_ref("slack", "ts-9") is None
    assert store.find_ref("mail", "") is None


def test_a_storm_is_kept_at_once_and_all_of_it_waits(store):
    many = [case(number) for number in range(1, 10_001)]
    keep(store, *many, cursors={"deals": "10000"})
    assert store.waiting_count("slack") == 10_000
    assert names(waiting(store, limit=3)) == [1, 2, 3]
    store.told([told(number, ref="") for number in range(1, 10_001)])
    assert store.waiting_count("slack") == 0
    assert len(store.begin().cases) == 10_000


# Buttons ------------------------------------------------------------------------------------------


OFFER = Offer(
    action=Action.HEDGE, symbol="XAUUSD", within_usd=2.5e6, command="alert-1", asked_by="anna"
)


def nonce(token="a" * 64, **changes):
    fields = {
        "token_hash": token, "number": 1, "offer": OFFER,
        "channel": "slack", "issued_us": START, "expires_us": START + 900 * S, **changes,
    }  # fmt: skip
    return Nonce(**fields)


def test_a_button_is_used_once_and_returned_as_it_was_before(store):
    store.issue([nonce()])
    assert store.redeem("a" * 64, "dana\x00", START + 1) == nonce()
    used = nonce(used_us=START + 1, used_by="dana")
    assert store.redeem("a" * 64, "eve", START + 2) == used
    assert store.nonce("a" * 64) == used


def test_a_button_that_nobody_knows_is_none(store):
    assert store.redeem("b" * 64, "dana", START) is None
    assert store.nonce("b" * 64) is None


def test_a_button_that_has_expired_is_returned_unchanged(store):
    store.issue([nonce()])
    assert store.redeem("a" * 64, "dana", START + 900 * S) == nonce()
    assert store.nonce("a" * 64) == nonce()
    assert store.redeem("a" * 64, "dana", START + 900 * S - 1).used_us is None
    assert store.nonce("a" * 64).used_by == "dana"


def test_looking_at_a_button_does_not_use_it(store):
    store.issue([nonce()])
    assert store.nonce("a" * 64) == store.nonce("a" * 64) == nonce()


def test_new_buttons_end_those_of_the_same_case_and_channel(store):
    store.issue([nonce("a"), nonce("b"), nonce("c", channel="mail"), nonce("d", number=2)])
    store.redeem("b", "dana", START + 1)
    store.issue([nonce("e", issued_us=START + 5), nonce("f", issued_us=START + 5)])
    assert store.nonce("a").expires_us == START + 5
    assert store.nonce("b").expires_us == START + 900 * S
    untouched = [store.nonce(token).expires_us for token in ("c", "d", "e", "f")]
    assert untouched == [START + 900 * S] * 4
    assert store.redeem("a", "dana", START + 5).used_us is None
    assert store.nonce("a").used_us is None
    store.issue([])


def test_buttons_of_a_message_that_has_none_any_more_end(store):
    store.issue([nonce("a"), nonce("b", channel="mail"), nonce("c", number=2)])
    store.end_buttons(1, "slack", START + 5)
    ends = [store.nonce(token).expires_us for token in "abc"]
    assert ends == [START + 5, START + 900 * S, START + 900 * S]


def test_an_ended_button_does_not_end_later_than_it_did(store):
    store.issue([nonce("a")])
    store.issue([nonce("b", issued_us=START + 5)])
    store.issue([nonce("c", issued_us=START + 9)])
    assert store.nonce("a").expires_us == START + 5


def test_two_presses_at_the_same_moment_are_one(store):
    for turn in range(5):
        store.issue([nonce(f"t{turn}")])
        together, seen = threading.Barrier(4), []

        def press(who, token=f"t{turn}", together=together, seen=seen):
            together.wait()
            seen.append((who, store.redeem(token, who, START + 1)))

        threads = [threading.Thread(target=press, args=(f"p{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = [who for who, was in seen if was.used_us is None]
        assert {was.used_by for who, was in seen if who != winner} == {winner}
        assert store.nonce(f"t{turn}").used_by == winner


# A database ---------------------------------------------------------------------------------------


def change_documents(database, statement):
    with database.writing() as connection:
        connection.execute(text(statement))


def test_another_process_sees_what_was_kept(database):
    keep(SqlAlertStore(database), full_case())
    assert SqlAlertStore(database).case(1) == full_case()


def test_buttons_that_ended_long_ago_are_forgotten(database):
    store = SqlAlertStore(database)
    store.issue([nonce("a"), nonce("b", number=2)])
    end = START + 900 * S + NONCES_FOR_US
    store.issue([nonce("c", number=3, issued_us=end, expires_us=end + 1)])
    assert store.nonce("a") is not None
    store.issue([nonce("d", number=3, issued_us=end + 1, expires_us=end + 2)])
    assert (store.nonce("a"), store.nonce("b")) == (None, None)


def test_a_document_without_a_later_field_reads_and_one_with_it_too(database):
    store = SqlAlertStore(database)
    keep(store, full_case())
    older = msgspec.json.decode(msgspec.json.encode(full_case()))
    for name in ("outcome_usd", "flapping", "members"):
        del older[name]
    older["invented_later"] = {"by": "a newer version"}
    with database.writing() as connection:
        document = msgspec.json.encode(older).decode()
        connection.execute(text("UPDATE alert_cases SET document = :d"), {"d": document})
    defaults = {"outcome_usd": 0.0, "flapping": False, "members": ()}
    assert store.case(1) == msgspec.structs.replace(full_case(), **defaults)


def test_what_cannot_be_read_says_so(database):
    store = SqlAlertStore(database)
    keep(store, case())
    change_documents(database, "UPDATE alert_entries SET kind = 'sung'")
    with pytest.raises(StorageError, match="what is kept about alerts cannot be read"):
        store.entries(1)
    change_documents(database, "UPDATE alert_cases SET document = '{}'")
    for look in (store.begin, lambda: store.case(1), lambda: store.waiting("slack", START, 1)):
        with pytest.raises(StorageError, match="a case in the database cannot be read"):
            look()


def test_keeping_and_telling_at_the_same_time_never_wait_for_each_other_in_a_circle(database):
    store = SqlAlertStore(database)
    numbers = range(1, 201)
    keep(store, *map(case, numbers))
    together, failures = threading.Barrier(2), []

    def again(work):
        together.wait()
        try:
            for version in range(2, 8):
                work(version)
        except StorageError as e:
            failures.append(e)

    def more(version):
        keep(store, *(case(number, version=version) for number in numbers))

    def note(version):
        store.told([told(number, version=version) for number in reversed(numbers)])

    threads = [threading.Thread(target=again, args=(work,)) for work in (more, note)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store.told([told(number, version=7) for number in numbers])
    assert store.waiting_count("slack") == 0
