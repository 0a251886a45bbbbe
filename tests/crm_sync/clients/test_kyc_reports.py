"""Reports of identification on both databases, as a state machine against a plain model."""

import itertools

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from crm_sync.clients.accounts import Account, keep_accounts
from crm_sync.clients.fields import Field, RiskClass
from crm_sync.clients.kyc import DAY_US
from crm_sync.clients.kyc_reports import KycReports
from crm_sync.clients.loading import FileRow
from crm_sync.clients.marks import Load
from crm_sync.clients.personal import Erasure, request_erasure
from crm_sync.events import KycReported, KycState, Outcome
from exposure.errors import DomainError, InvariantError
from tests.crm_sync.clients.samples import KYC, NOW_US, reported
from tests.thorough import examples

S = KycState


def kyc(state, at=1, *, client="C1", level="standard", event=None, applicant=None, labels=()):
    return KycReported(
        provider="sumsub", applicant_id=applicant or f"A-{client}",
        event_id=event or f"{client}-{at}",
        client_id=client, level=level, state=state, occurred_at_us=at, labels=labels,
    )  # fmt: skip


class Desk:
    """Takes reports and remembers what the platform was told."""

    def __init__(self, room):
        self.room = room
        self.told = []
        self.reports = KycReports(KYC, self.tell)

    def tell(self, connection, logins, *, close_only):
        assert connection.in_transaction()
        self.told.append((tuple(logins), close_only))

    def take(self, *reports, now=NOW_US):
        with self.room.writing() as connection:
            return [self.reports.apply_kyc(connection, one, now) for one in reports]

    def refresh_due(self, now):
        with self.room.writing() as connection:
            return self.reports.refresh_due(connection, now)

    def client(self, client_id="C1", logins=("900",)):
        self.room.report(reported(client_id, name="Anna"))
        with self.room.writing() as connection:
            accounts = [Account(login=one, client_id=client_id, currency="EUR") for one in logins]
            keep_accounts(connection, accounts)


@pytest.fixture
def desk(room):
    desk = Desk(room)
    desk.client()
    return desk


def test_an_approval_opens_the_platform_and_a_retry_closes_it(desk):
    desk.take(kyc(S.IN_REVIEW, 1), kyc(S.APPROVED, NOW_US), kyc(S.RETRY, NOW_US + 1))
    assert desk.told == [(("900",), True), (("900",), False), (("900",), True)]
    row = desk.room.row()
    assert (row.kyc_state, row.kyc_level, row.told_close_only) == (S.RETRY, "", True)


def test_the_same_report_again_is_a_duplicate_and_tells_nobody(desk):
    report = kyc(S.APPROVED, NOW_US)
    assert desk.take(report, report) == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert desk.told == []


def test_an_older_report_is_stale_and_one_that_cannot_follow_is_passed_over(desk):
    assert desk.take(
        kyc(S.REJECTED_FINAL, 5), kyc(S.IN_REVIEW, 4), kyc(S.APPROVED, 6)
    ) == [Outcome.APPLIED, Outcome.STALE, Outcome.IGNORED]  # fmt: skip
    assert desk.room.row().kyc_state == S.REJECTED_FINAL


def test_a_green_for_another_level_does_not_open_the_platform(desk):
    desk.take(kyc(S.IN_REVIEW, 1), kyc(S.APPROVED, 2, level="basic", event="b"))
    assert (desk.room.row().kyc_state, desk.room.row().kyc_level) == (S.IN_REVIEW, "basic")
    assert desk.told == [(("900",), True)]


def test_reports_that_cannot_be_true_are_refused(desk):
    with pytest.raises(DomainError, match="there is no client C9"):
        desk.take(kyc(S.DRAFT, client="C9"))
    with pytest.raises(DomainError, match="says no state"):
        desk.take(kyc(S.NONE))
    desk.client("C2", ("901",))
    desk.take(kyc(S.DRAFT, applicant="same"))
    with pytest.raises(DomainError, match="applicant same of sumsub is another client than C2"):
        desk.take(kyc(S.DRAFT, client="C2", applicant="same"))
    with pytest.raises(InvariantError, match="ProfileReported"):
        desk.take(reported())


def test_an_identification_expires_and_after_its_grace_positions_may_only_be_closed(desk):
    desk.take(kyc(S.APPROVED, NOW_US))
    end = NOW_US + KYC.valid_us(RiskClass.MEDIUM)
    assert desk.refresh_due(end - 1) == 0
    assert desk.refresh_due(end) == 1
    assert (desk.room.row().kyc_state, desk.told) == (S.EXPIRED, [])
    assert desk.refresh_due(end + 30 * DAY_US - 1) == 0
    assert desk.refresh_due(end + 30 * DAY_US) == 1
    assert desk.told == [(("900",), True)]
    assert desk.refresh_due(end + 31 * DAY_US) == 0


def test_a_client_without_accounts_is_told_of_when_there_are_some(room):
    desk = Desk(room)
    desk.client(logins=())
    desk.take(kyc(S.DRAFT))
    assert desk.told == []
    desk.client(logins=("900",))
    with room.writing() as connection:
        desk.reports.refresh(connection, "C1", NOW_US)
    assert desk.told == [(("900",), True)]


def test_what_the_first_file_said_counts_until_a_provider_says_otherwise(room):
    desk = Desk(room)
    rows = [FileRow("C1", {Field.NAME: "Anna"}, S.APPROVED)]
    room.loader.load(rows, Load("crm", NOW_US, "f"))
    assert (room.row().kyc_state, room.row().kyc_level) == (S.APPROVED, "standard")
    desk.take(kyc(S.IN_REVIEW, NOW_US - 1))
    assert room.row().kyc_state == S.APPROVED
    desk.take(kyc(S.ON_HOLD, NOW_US + 1))
    assert room.row().kyc_state == S.ON_HOLD


def test_each_change_is_in_the_audit_log_with_what_was_and_what_is(desk):
    desk.take(kyc(S.APPROVED, NOW_US, labels=("OK",)))
    told = desk.room.audit()[-1]
    assert (told.action, told.entity, told.actor) == ("kyc.changed", "client C1", "sumsub")
    assert msgspec.json.decode(told.detail)["kyc_state"] == ["none", "approved"]


def test_an_erased_client_takes_no_more_reports(desk):
    with desk.room.writing() as connection:
        request_erasure(connection, Erasure("C1", 0, "dpo", "asked for"), NOW_US)
    assert desk.take(kyc(S.APPROVED, NOW_US)) == [Outcome.IGNORED]


# A plain model --------------------------------------------------------------------------------

REFUSES = {
    S.APPROVED: {S.SUBMITTED, S.IN_REVIEW},
    S.REJECTED_FINAL: set(S) - {S.DRAFT, S.REOPENED, S.SUSPENDED},
    S.SUSPENDED: set(S) - {S.DRAFT, S.REOPENED},
    S.EXPIRED: {S.EXPIRED},
    S.REOPENED: {S.REOPENED, S.EXPIRED},
}
"""What cannot follow; elsewhere everything but an end of what never began."""
UNBEGUN = {S.DRAFT, S.SUBMITTED, S.IN_REVIEW, S.RETRY, S.ON_HOLD}


def follow(reports):
    """Return the state that reports lead to, and since when it counts."""
    state, since = S.NONE, 0
    for one in sorted(
        reports, key=lambda r: (r.occurred_at_us, list(S).index(r.state), r.event_id)
    ):
        ends_nothing = state in UNBEGUN and one.state in {S.EXPIRED, S.REOPENED}
        if one.state in REFUSES.get(state, set()) or ends_nothing:
            continue
        if one.state is not state or state is S.APPROVED:
            since = one.occurred_at_us
        state = one.state
    return state, since


def model(reports, now):
    """Return a client's state as the rules say it in words."""
    by_case = {}
    for one in reports:
        by_case.setdefault((one.applicant_id, one.level), []).append(one)
    ends = [follow(mine)[0] for mine in by_case.values()]
    for hold in (S.ON_HOLD, S.SUSPENDED):
        if hold in ends:
            return hold
    state, since = follow([one for one in reports if one.level in {"standard", "enhanced"}])
    if state is S.APPROVED and now >= since + KYC.valid_us(RiskClass.MEDIUM):
        return S.EXPIRED
    return state


class KycMachine(RuleBasedStateMachine):
    """Reports in any order, again and late, while time goes on."""

    desk = None
    numbers = itertools.count()

    def __init__(self):
        super().__init__()
        self.name = f"M{next(self.numbers)}"
        self.desk.client(self.name, (f"9{self.name}",))
        self.desk.told.clear()
        self.now = NOW_US
        self.reports = []

    @rule(
        state=st.sampled_from(list(S)[1:]),
        back_days=st.integers(0, 3),
        level=st.sampled_from(["basic", "standard", "standard", "enhanced", "other"]),
        applicant=st.sampled_from("ab"),
    )
    def report(self, state, back_days, level, applicant):
        one = kyc(
            state, self.now - back_days * DAY_US, client=self.name, level=level,
            event=f"{self.name}-{len(self.reports)}", applicant=f"{self.name}{applicant}",
        )  # fmt: skip
        outcome = self.desk.take(one, now=self.now)
        self.reports.append(one)
        assert outcome != [Outcome.DUPLICATE]

    @rule(data=st.data())
    def again(self, data):
        if self.reports:
            one = data.draw(st.sampled_from(self.reports))
            before = self.desk.room.row(self.name)
            assert self.desk.take(one, now=self.now) == [Outcome.DUPLICATE]
            assert self.desk.room.row(self.name) == before

    @rule(days=st.sampled_from([1, 40, 800]))
    def time_goes_on(self, days):
        self.now += days * DAY_US
        self.desk.refresh_due(self.now)

    @invariant()
    def the_database_stands_where_the_model_does(self):
        row = self.desk.room.row(self.name)
        assert row.kyc_state == model(self.reports, self.now)

    @invariant()
    def the_platform_was_told_what_is_so(self):
        row = self.desk.room.row(self.name)
        mine = [closed for logins, closed in self.desk.told if logins == (f"9{self.name}",)]
        assert row.told_close_only is (mine[-1] if mine else False)
        assert all(one is not other for one, other in itertools.pairwise(mine))
        if self.reports and row.kyc_state not in {S.APPROVED, S.EXPIRED}:
            assert row.told_close_only


def test_any_course_of_reports_leads_where_the_model_says(room):
    class Machine(KycMachine):
        desk = Desk(room)

    run_state_machine_as_test(Machine, settings=examples(12, stateful_step_count=12))
