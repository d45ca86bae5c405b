"""What a flush and a forgotten user concern besides the log: accounts and keys."""

from http import HTTPStatus

from muniment.accounts.side import Accounts
from muniment.command.side import CommandSide
from muniment.domain.values import Principal
from muniment.keys.side import Keys
from muniment.web.forwarding import FORWARDED
from muniment.web.http import Handler, Request, Response


def flush_with(commands: CommandSide, accounts: Accounts | None, keys: Keys) -> Handler:
    """Answers `POST /__flush__`: of all instances the first one does what is beside the log."""

    async def flush(request: Request) -> Response:
        response = await commands.flush(request)
        if FORWARDED in request.headers:
            return response
        await keys.store.delete_all()
        keys.forget()
        if accounts is not None:
            await accounts.delete_all()
        return response

    return flush


def forget_with(commands: CommandSide, accounts: Accounts | None, keys: Keys) -> Handler:
    """Answers `DELETE /__user_data__/{principal}`."""

    async def forget(request: Request) -> Response:
        response = await commands.forget(request)
        if response.status != HTTPStatus.OK or FORWARDED in request.headers:
            return response
        principal = Principal(request.target.id or "")
        await keys.store.forget(principal)
        keys.forget()
        if accounts is not None:
            # Last: whoever forgets themselves can log in until all else is done.
            await accounts.forget(principal)
        return response

    return forget
