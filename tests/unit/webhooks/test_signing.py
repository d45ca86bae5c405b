"""Signatures: the vectors of the specification's own tests, and the reference library."""

from base64 import b64decode
from datetime import UTC, datetime

from standardwebhooks import Webhook

from muniment.webhooks.signing import Secret, secret_for


def test_the_published_vector_is_reproduced() -> None:
    secret = Secret(b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))

    signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_library_signs_the_same() -> None:
    secret = secret_for(b"master", "atlas", "tides")
    at = datetime(2026, 11, 21, 8, tzinfo=UTC)
    body = '{"type":"record.created","data":{"name":"Ærø ☃"}}'

    signature = secret.sign("evt_1", str(int(at.timestamp())), body.encode())

    assert signature == Webhook(str(secret)).sign("evt_1", at, body)


def test_each_collection_has_a_secret_of_its_own() -> None:
    """Whoever can verify one endpoint's messages must not be able to forge another's."""
    secrets = {
        str(secret_for(master, bucket, collection))
        for master in (b"one", b"two")
        for bucket, collection in [("a", "b"), ("a", "c"), ("ab", "c"), ("a", "bc")]
    }

    assert len(secrets) == 8


def test_a_secret_does_not_show_itself() -> None:
    """It may end up in a log line or a traceback."""
    secret = secret_for(b"master", "atlas", "tides")

    assert str(secret)[6:] not in repr(secret)
