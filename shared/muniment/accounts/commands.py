"""From a request for `/accounts` to the command that the domain decides on."""

from typing import Final

from muniment.domain.accounts import (
    AccountCommand,
    CreateAccount,
    DeleteAccount,
    PatchAccount,
    PutAccount,
)
from muniment.domain.addresses import Kind
from muniment.web.bodies import read_body
from muniment.web.commands import (
    CommandReader,
    id_faults,
    read_behavior,
    read_conditions,
    read_last_modified,
)
from muniment.web.http import Request

# The envelope of an account is that of a record: any data, permissions `read` and `write`.
_LIKE: Final = Kind.RECORD


def read_account_command(request: Request, reader: CommandReader) -> AccountCommand:
    """What the request orders; with what is wrong about it, for the domain to judge."""
    match request.method:
        case "POST":
            return _create(request, reader)
        case "PUT":
            return _put(request, reader)
        case "PATCH":
            return _patch(request, reader)
        case _:
            return _delete(request)


def _create(request: Request, reader: CommandReader) -> CreateAccount:
    read = read_body(request.body, _LIKE, depth_max=reader.json_depth_max)
    preconditions, faults = read_conditions(request)
    username: str | None = None
    if read.body.data is not None and "id" in read.body.data:
        given = read.body.data["id"]
        username = given if isinstance(given, str) else ""
    return CreateAccount(
        username=username,
        body=read.body,
        requester=request.requester,
        preconditions=preconditions,
        faults=faults + read.faults,
    )


def _put(request: Request, reader: CommandReader) -> PutAccount:
    read = read_body(request.body, _LIKE, depth_max=reader.json_depth_max)
    preconditions, faults = read_conditions(request)
    username = request.target.id or ""
    return PutAccount(
        username=username,
        body=read.body,
        requester=request.requester,
        preconditions=preconditions,
        faults=faults + read.faults + id_faults(read.body, username),
    )


def _patch(request: Request, reader: CommandReader) -> PatchAccount:
    preconditions, faults = read_conditions(request)
    behavior, behavior_faults = read_behavior(request)
    username = request.target.id or ""
    change, body_faults = reader.read_change(request, _LIKE, username)
    return PatchAccount(
        username=username,
        change=change,
        behavior=behavior,
        requester=request.requester,
        preconditions=preconditions,
        faults=faults + behavior_faults + body_faults,
    )


def _delete(request: Request) -> DeleteAccount:
    preconditions, faults = read_conditions(request)
    last_modified, query_faults = read_last_modified(request)
    return DeleteAccount(
        username=request.target.id or "",
        last_modified=last_modified,
        requester=request.requester,
        preconditions=preconditions,
        faults=faults + query_faults,
    )
