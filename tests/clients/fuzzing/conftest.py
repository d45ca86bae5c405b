"""What the fuzzing tests share."""

from tests.clients.fuzzing.serving import chance, fuzzed, fuzzed_server

__all__ = ["chance", "fuzzed", "fuzzed_server"]
