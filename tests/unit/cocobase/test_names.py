"""Names of collections (CocoBase contract, section 4)."""

import pytest

from muniment.cocobase.names import fitting, name_fault

GOOD = ["users", "user_sessions", "data", "A", "a" * 63, "a1_"]
ODD = ["user data", "my-collection", "1st", "_a", "naïve", "a" * 64, "a.b", "a'b", "a" * 255]
UNADDRESSABLE = ["", " ", "a/b", "a?b", "a#b", "a%b", "a&b", "a\nb", "a\x7fb", "a" * 256]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_breaks_no_rule(name: str) -> None:
    assert name_fault(name, "strict") is None
    assert name_fault(name, "lenient") is None


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_for_projects_that_move(name: str) -> None:
    """The setting `lenient` takes what the hosted service took."""
    fault = name_fault(name, "strict")

    assert fault is not None
    assert f'"{fitting(name)}"' in fault
    assert name_fault(name, "lenient") is None


@pytest.mark.parametrize("name", UNADDRESSABLE)
def test_what_no_client_can_address_is_no_name(name: str) -> None:
    assert name_fault(name, "strict") is not None
    assert name_fault(name, "lenient") is not None


@pytest.mark.parametrize("name", [*ODD, *UNADDRESSABLE])
def test_the_name_that_is_told_instead_would_do(name: str) -> None:
    assert name_fault(fitting(name), "strict") is None


def test_a_name_is_told_that_is_alike() -> None:
    assert fitting("user data") == "user_data"
    assert fitting("my-collection") == "my_collection"
