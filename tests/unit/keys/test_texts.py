"""What a key looks like, and that what is kept of it is nobody's but ours."""

from muniment.domain.values import Principal
from muniment.keys.principals import project_of, project_principal, user_of, user_principal
from muniment.keys.texts import (
    KEY_PREFIX,
    RANDOM_BYTES,
    SHOWN_CHARS,
    TEXT_CHARS_MAX,
    KeyHasher,
    make_text,
    shown_prefix,
)


def test_a_key_is_256_random_bits_behind_a_known_prefix() -> None:
    """Two keys differ; a scanner finds them by how they begin."""
    text = make_text()

    assert text.startswith(KEY_PREFIX)
    assert len(text) == len(KEY_PREFIX) + -(-RANDOM_BYTES * 8 // 6)
    assert len(text) <= TEXT_CHARS_MAX
    assert make_text() != text


def test_what_lists_show_of_a_key_is_little() -> None:
    """The rest stays as hard to guess."""
    text = make_text()

    assert text.startswith(shown_prefix(text))
    assert len(shown_prefix(text)) == SHOWN_CHARS < len(text) - 32


def test_what_is_kept_depends_on_the_secret_key() -> None:
    """Who has the table alone can't try texts against it."""
    here, elsewhere = KeyHasher(b"one secret"), KeyHasher(b"another secret")

    assert here.hash("muni_a") == KeyHasher(b"one secret").hash("muni_a")
    assert here.hash("muni_a") != here.hash("muni_b")
    assert here.hash("muni_a") != elsewhere.hash("muni_a")
    assert len(here.hash("muni_a")) == 32


def test_principals_of_keys_say_whose_they_are() -> None:
    """A project is no user, and an account of that name is neither."""
    assert project_of(project_principal("p1")) == "p1"
    assert user_of(user_principal("u1")) == "u1"
    assert project_of(user_principal("u1")) is None
    assert user_of(Principal("account:user")) is None
