"""`muniment webhooks rekey`: every secret text is sealed with the first of the sealing keys.

The work of who has the deployment's settings: webhooks are found in its database, and the owner of
each bucket is told, by a signed request, to seal anew what is in them.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
import asyncpg
import orjson

from muniment.cli.database import at_database
from muniment.domain.addresses import Address, webhook
from muniment.domain.values import Uid
from muniment.domain.webhooks.sealing import Sealer, Unopenable
from muniment.domain.webhooks.stored import sealed_texts
from muniment.readmodel.connection import open_connection, postgres_of
from muniment.readmodel.sql import Statements
from muniment.runtime.errors import UserError
from muniment.runtime.sealing import sealer_of
from muniment.runtime.settings import Settings
from muniment.web.webhook_orders import PATH, InternalKey, WebhookRekey, write_order

SQL: Final = Statements(__package__, "rekeying.sql")

TIMEOUT_S: Final = 60.0


class NotAllSealed(UserError):
    """Some secret texts are still sealed with another key; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A webhook that has a text under another key."""

    address: Address
    uid: Uid
    owner_url: str | None
    is_readable: bool
    """Whether the keys of the settings open all of it."""


def seal_all_anew(settings: Settings) -> None:
    """Do it, and print for how many. Raises a `UserError` where some are left."""
    asyncio.run(_seal_all_anew(settings))


async def _seal_all_anew(settings: Settings) -> None:
    async with at_database(settings) as found_settings:
        found = await _find(found_settings)
        left = await _order(found, InternalKey.of(settings))
    print(f"Sealed anew: {len(found) - len(left)} webhooks.")
    if left:
        raise NotAllSealed("Still sealed with another key: " + "; ".join(left))


async def _find(settings: Settings) -> list[_Found]:
    sealer = sealer_of(settings)
    async with open_connection(postgres_of(settings), application="rekey") as connection:
        rows = await connection.fetch(SQL.living_webhooks)
    found = (_found(row, sealer) for row in rows)
    return [each for each in found if each is not None]


def _found(row: asyncpg.Record, sealer: Sealer) -> _Found | None:
    address = webhook(row["bucket_id"], row["id"])
    others = [
        text for text in sealed_texts(orjson.loads(row["data"])) if not sealer.is_current(text)
    ]
    if not others:
        return None
    return _Found(
        address=address,
        uid=Uid(str(row["uid"])),
        owner_url=row["url"],
        is_readable=all(_opens(sealer, text, address.uri) for text in others),
    )


def _opens(sealer: Sealer, text: str, uri: str) -> bool:
    try:
        sealer.unseal(text, uri)
    except Unopenable:
        return False
    return True


async def _order(found: list[_Found], key: InternalKey) -> list[str]:
    """Have them sealed; answer those that were not, and why."""
    left: list[str] = []
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for each in found:
            failure = await _order_one(each, key, session)
            if not each.is_readable:
                failure = "no key of the settings opens it"
            if failure is not None:
                left.append(f"{each.address.uri} ({failure})")
    return left


async def _order_one(found: _Found, key: InternalKey, session: aiohttp.ClientSession) -> str | None:
    """What kept it from being done."""
    if found.owner_url is None:
        return "nobody owns its partition"
    body, headers = write_order(WebhookRekey(address=found.address, uid=found.uid), key)
    try:
        async with session.post(f"{found.owner_url}{PATH}", data=body, headers=headers) as answer:
            if answer.status == HTTPStatus.OK:
                return None
            if answer.status == HTTPStatus.NOT_FOUND:
                return "the command service has another MUNIMENT_SECRET_KEY"
            return f"the command service answered {answer.status}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"the command service does not answer: {error!r}"
