"""The part of a process that serves administrators, put together here."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from muniment.accounts.durable import open_durable
from muniment.administration.api_keys import ApiKeys
from muniment.administration.guard import Guard
from muniment.administration.projects import Projects
from muniment.administration.store import BucketStore
from muniment.keys.side import Keys
from muniment.readmodel.connection import READ_MODEL
from muniment.runtime.settings import Settings
from muniment.web.carrying_out import Carrier
from muniment.web.errors import Errors
from muniment.web.http import Handler
from muniment.web.root import InGroups
from muniment.web.routes import Endpoint


@asynccontextmanager
async def open_administration(
    settings: Settings, *, keys: Keys, carrier: Carrier, in_groups: InGroups, errors: Errors
) -> AsyncGenerator[Mapping[Endpoint, Handler]]:
    """What answers administrators; there at once."""
    guard = Guard(settings, in_groups=in_groups, errors=errors)
    async with open_durable(settings, application="administration", schema=READ_MODEL) as durable:
        buckets = BucketStore(durable)
        api_keys = ApiKeys(keys, guard)
        projects = Projects(
            guard=guard, keys=keys, api_keys=api_keys, buckets=buckets, carrier=carrier
        )
        yield {**api_keys.handlers(), **projects.handlers()}
