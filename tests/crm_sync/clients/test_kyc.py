"""Where identification stands: what reports say in the order of their own times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.clients.fields import RiskClass
from crm_sync.clients.kyc import DAY_US, STEPS, KycPolicy, KycStep, cases, reached, standing
from crm_sync.events import KycState
from tests.crm_sync.clients.samples import KYC
from tests.thorough import examples

S = KycState


def step(state, at, *, level="standard", applicant="A1", event=None, labels=()):
    return KycStep(state, at, "sumsub", applicant, level, event or f"e{at}", labels)


def stands(*steps, now=1_000, risk=RiskClass.MEDIUM, policy=KYC):
    return standing(steps, policy, risk, now)


def test_the_usual_way_leads_to_an_approval():
    way = [S.DRAFT, S.SUBMITTED, S.IN_REVIEW, S.APPROVED]
    now = stands(*(step(state, at) for at, state in enumerate(way, 1)))
    assert (now.state, now.since_us, now.level) == (S.APPROVED, 4, "standard")
    assert now.due_at_us == 4 + KYC.valid_us(RiskClass.MEDIUM)


def test_an_older_report_that_comes_late_changes_nothing():
    assert reached([step(S.APPROVED, 9), step(S.IN_REVIEW, 5)]).state is S.APPROVED


def test_a_green_for_a_lower_level_is_that_level_and_no_approval():
    now = stands(step(S.IN_REVIEW, 1), step(S.APPROVED, 2, level="basic", applicant="A2"))
    assert (now.state, now.level) == (S.IN_REVIEW, "basic")


def test_a_green_for_a_level_that_is_none_of_ours_counts_for_nothing():
    now = stands(step(S.APPROVED, 2, level="proof-of-address"))
    assert (now.state, now.level) == (S.NONE, "")


def test_a_higher_level_serves_the_required_one():
    assert stands(step(S.APPROVED, 2, level="enhanced")).level == "enhanced"
    assert stands(step(S.APPROVED, 2, level="enhanced")).state is S.APPROVED


@pytest.mark.parametrize("level", ["basic", "none of ours", "standard"])
@pytest.mark.parametrize("state", [S.ON_HOLD, S.SUSPENDED])
def test_a_hold_of_any_case_counts_whatever_its_level(level, state):
    hold = step(state, 5, level=level, applicant="A2")
    now = stands(step(S.APPROVED, 9), hold)
    assert (now.state, now.due_at_us) == (state, None)
    over = step(S.REOPENED if state is S.SUSPENDED else S.IN_REVIEW, 10, level=level,
                applicant="A2", event="x")  # fmt: skip
    assert stands(step(S.APPROVED, 9), hold, over).state is not state


def test_a_final_refusal_is_not_lifted_by_an_approval_but_by_opening_the_case_again():
    refused = [step(S.REJECTED_FINAL, 1), step(S.APPROVED, 2)]
    assert stands(*refused).state is S.REJECTED_FINAL
    assert stands(*refused, step(S.REOPENED, 3), step(S.APPROVED, 4)).state is S.APPROVED


def test_a_review_beside_an_approval_takes_nothing_away():
    assert stands(step(S.APPROVED, 1), step(S.IN_REVIEW, 2)).state is S.APPROVED


def test_an_approval_lasts_as_long_as_the_risk_allows_and_a_new_one_starts_anew():
    month = 30.4375 * DAY_US
    for risk, months in ((RiskClass.LOW, 36), (RiskClass.MEDIUM, 24), (RiskClass.HIGH, 12)):
        end = 7 + round(months * month)
        assert stands(step(S.APPROVED, 7), now=end - 1, risk=risk).state is S.APPROVED
        late = stands(step(S.APPROVED, 7), now=end, risk=risk)
        assert (late.state, late.since_us) == (S.EXPIRED, end)
    again = stands(step(S.APPROVED, 7), step(S.APPROVED, 9), now=end)
    assert again.state is S.APPROVED


def test_grace_ends_by_time_alone():
    end = KYC.valid_us(RiskClass.MEDIUM)
    now = stands(step(S.APPROVED, 0), now=end)
    assert now.due_at_us == end + KYC.grace_us
    assert stands(step(S.APPROVED, 0), now=end + KYC.grace_us).due_at_us is None


def test_labels_are_those_of_the_last_step_that_counted():
    steps = [step(S.RETRY, 1, labels=("BAD_PROOF",)), step(S.EXPIRED, 2, labels=("NO",))]
    assert reached(steps).labels == ("BAD_PROOF",)


STEPS_DRAWN = st.lists(
    st.builds(
        step,
        st.sampled_from(list(S)[1:]),
        st.integers(1, 5),
        level=st.sampled_from(["basic", "standard", "enhanced", "other"]),
        applicant=st.sampled_from(["A1", "A2"]),
        event=st.uuids(version=4).map(str),
    ),
    max_size=8,
)


@given(STEPS_DRAWN, st.randoms(use_true_random=False))
@examples(100)
def test_any_order_of_steps_leads_to_the_same_standing(steps, random):
    other = list(steps)
    random.shuffle(other)
    assert stands(*other) == stands(*steps)
    assert cases(other) == cases(steps)


@given(STEPS_DRAWN)
@examples(100)
def test_nobody_is_approved_without_an_approval_that_counts(steps):
    now = stands(*steps)
    counting = [one for one in steps if one.state is S.APPROVED and KYC.counts(one.level)]
    assert now.state is not S.APPROVED or counting
    approved = {one.level for one in steps if one.state is S.APPROVED}
    assert now.level == "" or now.level in approved


def test_every_state_but_the_end_ones_can_lead_to_an_approval():
    ends = {state for state in S if S.APPROVED not in STEPS[state]}
    assert ends == {S.REJECTED_FINAL, S.SUSPENDED}
    assert STEPS.keys() == set(S)


def test_a_policy_of_its_own_decides_what_is_required():
    policy = KycPolicy(levels=("a", "b"), required="a")
    assert stands(step(S.APPROVED, 1, level="b"), policy=policy).state is S.APPROVED
    assert [policy.counts(level) for level in ("a", "b", "c")] == [True, True, False]
