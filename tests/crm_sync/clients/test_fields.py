"""Fields: who may set them, what they may hold, whose word counts."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.clients.fields import Field, FieldPolicy, default_policy, known, problem
from crm_sync.clients.marks import Load, Marks, from_list, listed, merge
from tests.crm_sync.clients.samples import POLICY
from tests.thorough import examples


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (Field.COUNTRY, "Germany", "two capital letters"),
        (Field.COUNTRY, "ÄÖ", "two capital letters"),
        (Field.EMAIL, "nobody", "no e-mail address"),
        (Field.EMAIL, "a b@c.d", "no e-mail address"),
        (Field.PHONE, "1234", "no telephone number"),
        (Field.BIRTH_DATE, "31.12.1990", "no date"),
        (Field.BIRTH_DATE, "1990-02-30", "no date"),
        (Field.CATEGORY, "vip", "none of retail"),
        (Field.RISK_CLASS, "", "none of low"),
        (Field.NAME, "x" * 501, "more than 500"),
        (Field.NAME, "a\0b", "control characters"),
        (Field.NAME, "a\ud800b", "control characters"),
    ],
)
def test_a_value_that_cannot_be_is_told_without_it(field, value, words):
    told = problem(field, value)
    assert words in told
    assert not value or value not in told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field.COUNTRY, "DE"),
        (Field.COUNTRY, ""),
        (Field.EMAIL, "a@b"),
        (Field.NAME, "a\u200db"),
        (Field.STATUS, "lead"),
    ],
)
def test_a_value_that_can_be_has_no_problem(field, value):
    assert problem(field, value) == ""


def test_only_fields_that_are_ours_are_taken_and_tidied():
    assert known({"name": " A\n B\u00a0C ", "favourite_colour": "red"}) == {Field.NAME: "A B C"}


def test_crm_and_platform_never_own_the_same_field():
    policy = default_policy()
    for field in Field:
        assert None in (policy.priority(field, "crm"), policy.priority(field, "platform"))
    assert policy.owned_by("platform") == {Field.LANGUAGE}


def test_a_higher_priority_counts_more_than_a_later_moment():
    crm = POLICY.marks([Field.NAME], "crm", 900, "z")
    kyc = POLICY.marks([Field.NAME], "kyc", 1, "a")
    assert merge(Marks(own=crm), kyc, POLICY, None).won == [Field.NAME]
    assert merge(Marks(own=kyc), crm, POLICY, None).won == []


def test_a_source_that_does_not_own_a_field_is_not_heard():
    assert POLICY.marks([Field.NAME, Field.LANGUAGE], "platform", 1, "e").keys() == {Field.LANGUAGE}
    assert FieldPolicy({}).marks(Field, "crm", 1, "e") == {}


STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from(["crm", "kyc", "platform"]),
        st.integers(1, 4),
        st.sampled_from("abcd"),
        st.sets(st.sampled_from(list(Field)), min_size=1),
        st.booleans(),
    ),
    max_size=6,
)


def settled(statements):
    """Return which mark each field has after statements, some of them files."""
    marks = Marks()
    for source, at, event, fields, is_load in statements:
        said = POLICY.marks(fields, source, at, event)
        load = Load(source, at, event) if is_load else None
        marks = merge(marks, said, POLICY, load).marks
    return marks


@given(STATEMENTS, st.randoms(use_true_random=False))
@examples(100)
def test_any_order_and_repetition_of_statements_leaves_the_same_marks(statements, random):
    other = [*statements, *random.choices(statements, k=3)] if statements else []
    random.shuffle(other)
    assert settled(other).all(POLICY) == settled(statements).all(POLICY)


@given(STATEMENTS)
@examples(50)
def test_each_field_has_the_greatest_mark_that_was_said(statements):
    every = [
        POLICY.marks(fields, source, at, event).items()
        for source, at, event, fields, _ in statements
    ]
    greatest = {}
    for field, mark in itertools.chain.from_iterable(every):
        greatest[field] = max(mark, greatest.get(field, mark))
    assert settled(statements).all(POLICY) == greatest


def test_a_list_of_fields_survives_the_database():
    fields = frozenset({Field.NAME, Field.IBAN})
    assert from_list(listed(fields)) == fields
    assert from_list("") == frozenset()
