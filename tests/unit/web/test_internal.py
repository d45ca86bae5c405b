"""Heartbeats of services that work by themselves."""

from muniment.runtime.settings import Settings
from muniment.web.internal import Vitals, internal_door, stands_by


async def ill() -> bool:
    return False


async def told(vitals: Vitals) -> dict[str, bool]:
    return {name: await check() for name, check in vitals.checks.items()}


async def test_what_nobody_tells_of_is_not_well() -> None:
    """A service that has not come so far yet, or fell out of its work, is not ready."""
    assert await told(Vitals("kafka", "projector")) == {"kafka": False, "projector": False}


async def test_probes_count_as_long_as_the_work_lasts() -> None:
    vitals = Vitals("kafka", "projector")

    async with vitals.told_by(kafka=stands_by, projector=ill):
        outer = await told(vitals)
        async with vitals.told_by(projector=stands_by):
            inner = await told(vitals)

    assert outer == {"kafka": True, "projector": False}
    assert inner == {"kafka": True, "projector": True}
    assert await told(vitals) == {"kafka": False, "projector": False}


def test_without_a_port_there_is_no_door() -> None:
    """The default: several services of one machine would ask for the same one."""
    assert internal_door(Settings(), service="projector", checks={}) == {}


def test_with_a_port_there_is_one() -> None:
    door = internal_door(Settings(internal_port=9100), service="projector", checks={})

    assert list(door) == ["internal"]
