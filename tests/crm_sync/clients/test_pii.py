"""Encryption of personal data: what is sealed opens for its own client and field only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.clients.fields import PERSONAL, Field
from crm_sync.clients.pii import INDEX_BYTES, ClientKey, Keyring, WrappedKey
from exposure.errors import ConfigError, StorageError
from tests.crm_sync.clients.samples import keyring, never_random
from tests.thorough import examples


@given(st.text(max_size=60), st.sampled_from(PERSONAL))
@examples(25)
def test_what_was_sealed_comes_back(value, field):
    keys = keyring()
    key, kept = keys.new_key("C1")
    sealed = key.seal(field, value)
    assert keys.client_key("C1", kept).unseal(field, sealed) == value
    assert len(sealed) == len(value.encode()) + 28


def test_the_same_value_is_sealed_differently_each_time():
    key, _ = keyring().new_key("C1")
    assert key.seal(Field.NAME, "A") != key.seal(Field.NAME, "A")


def test_a_value_that_was_moved_or_changed_is_refused_without_it():
    keys = keyring()
    key, kept = keys.new_key("C1")
    sealed = key.seal(Field.NAME, "Zanzibarra")
    spoilt = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for opening, field, content in (
        (key, Field.EMAIL, sealed),
        (keys.new_key("C1")[0], Field.NAME, sealed),
        (key, Field.NAME, spoilt),
        (key, Field.NAME, b"short"),
        (key, Field.NAME, b""),
    ):
        with pytest.raises(StorageError, match="C1 cannot be decrypted"):
            opening.unseal(field, content)
    with pytest.raises(StorageError, match="the key of client C2 cannot be decrypted"):
        keys.client_key("C2", kept)


def test_a_value_is_bound_to_its_client_even_under_the_same_key():
    dek = b"d" * 32
    sealed = ClientKey("C1", dek, never_random()).seal(Field.NAME, "A")
    with pytest.raises(StorageError, match="C2 cannot be decrypted"):
        ClientKey("C2", dek, never_random()).unseal(Field.NAME, sealed)


def test_a_key_wrapped_anew_opens_what_the_old_one_sealed():
    key, kept = keyring(["old"]).new_key("C1")
    both = keyring(["old", "new"])
    again = both.rewrapped("C1", kept)
    assert again.kek_id == "new"
    only_new = keyring(["new"])
    assert only_new.client_key("C1", again).unseal(Field.IBAN, key.seal(Field.IBAN, "X")) == "X"
    with pytest.raises(StorageError, match="the key old, which was not given"):
        only_new.client_key("C1", kept)


def test_a_wrapped_key_is_not_the_key():
    drawn = []

    def random(size):
        drawn.append(never_random(str(len(drawn)))(size))
        return drawn[-1]

    _, kept = Keyring({"k": b"k" * 32}, "k", b"i" * 32, random).new_key("C1")
    assert isinstance(kept, WrappedKey)
    assert drawn[0] not in kept.wrapped_dek


def test_blind_indexes_find_the_same_value_in_other_clothes_by_field():
    keys = keyring()
    assert keys.blind(Field.EMAIL, "A@b.C") == keys.blind(Field.EMAIL, "a@B.c")
    assert keys.blind(Field.PHONE, "+49 1511") == keys.blind(Field.PHONE, "00491511")
    assert keys.blind(Field.IBAN, "DE 89") == keys.blind(Field.IBAN, "de89")
    assert keys.blind(Field.IBAN, "DE89") != keys.blind(Field.NATIONAL_ID, "DE89")
    assert len(keys.blind(Field.EMAIL, "a@b.c")) == INDEX_BYTES


def test_another_index_key_makes_another_index():
    other = Keyring({"k": b"k" * 32}, "k", b"j" * 32, never_random())
    assert other.blind(Field.EMAIL, "a@b.c") != keyring().blind(Field.EMAIL, "a@b.c")


def test_keys_that_cannot_be_are_told_together_and_without_them():
    with pytest.raises(ConfigError) as refusal:
        Keyring({"short": b"secret"}, "other", b"secret", never_random())
    assert len(refusal.value.problems) == 3
    assert "secret" not in str(refusal.value)
