"""How a member with a lasting name says good-bye to its consumer group.

aiokafka keeps such a member's place when it stops, as is right for one that comes back at once. An
instance that is stopped in good order may never come back, and until its session ends nobody else
is given its partitions. So the request is made here, in the first version that knows lasting names
(https://kafka.apache.org/protocol#The_Messages_LeaveGroup, version 3); aiokafka has up to 1.
"""

from typing import Any, ClassVar, Final, cast

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

from muniment.log.connection import Connection

_LEAVE_GROUP: Final = 13
_VERSION: Final = 3
_NO_ERROR: Final = 0
_UNKNOWN_MEMBER_ID: Final = 25
_FENCED_INSTANCE_ID: Final = 82
_TEXT: Final = String("utf-8")


class _LeaveGroupResponse(Response):  # type: ignore[misc] # aiokafka has no types
    # The base class calls these properties, and its own subclasses do the same.
    API_KEY = _LEAVE_GROUP  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    API_VERSION = _VERSION  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(("member_id", _TEXT), ("group_instance_id", _TEXT), ("error_code", Int16)),
        ),
    )


class _LeaveGroupRequest_v3(RequestStruct):  # type: ignore[misc] # noqa: N801 - aiokafka's way
    API_KEY: ClassVar[int] = _LEAVE_GROUP
    API_VERSION: ClassVar[int] = _VERSION
    RESPONSE_TYPE: ClassVar[type[Response]] = _LeaveGroupResponse
    SCHEMA: ClassVar[Schema] = Schema(
        ("group", _TEXT),
        ("members", Array(("member_id", _TEXT), ("group_instance_id", _TEXT))),
    )


class _LeaveGroupRequest(Request[_LeaveGroupRequest_v3]):  # type: ignore[misc]
    API_KEY: ClassVar[int] = _LEAVE_GROUP

    def __init__(self, group_id: str, member_id: str, group_instance_id: str) -> None:
        self._fields = (group_id, [(member_id, group_instance_id)])

    def build(self, request_struct_class: type[_LeaveGroupRequest_v3]) -> _LeaveGroupRequest_v3:
        return request_struct_class(*self._fields)


def member_id_of(consumer: object) -> str:
    """What the group calls a consumer of aiokafka; empty before it was told that it is a member."""
    coordinator = cast("Any", consumer)._coordinator  # noqa: SLF001 - nothing public tells it
    return "" if coordinator is None else str(coordinator.member_id)


async def leave_group(
    connection: Connection, *, group_id: str, member_id: str, group_instance_id: str
) -> None:
    """Have the group share out a member's partitions at once. Raises `KafkaError`.

    The member's consumer must have been stopped: it would join again. Where its `member_id` is
    empty, as when it was stopped while it joined, who has the name leaves. Nothing happens if
    nobody has it, or another member under the same name has taken the place.
    """
    client: Any = AIOKafkaClient(**connection.client_options())
    try:
        await client.bootstrap()
        node = await client.coordinator_lookup(CoordinationType.GROUP, group_id)
        request = _LeaveGroupRequest(group_id, member_id, group_instance_id)
        answer = await client.send(node, request, group=ConnectionGroup.COORDINATION)
        for code in (answer.error_code, *(code for _, _, code in answer.members)):
            if code not in {_NO_ERROR, _UNKNOWN_MEMBER_ID, _FENCED_INSTANCE_ID}:
                error: Any = for_code(code)
                raise error
    finally:
        await client.close()
