"""`GET /v1/__events__`, and below it the JSON Schema of each type of message.

For everybody: who writes a receiver has no account here, and it tells of no data.
"""

from typing import Final

import orjson

from muniment.domain.values import JsonObject
from muniment.domain.webhooks.spec import Format
from muniment.web.endpoints import Endpoint
from muniment.web.errors import error
from muniment.web.http import PREFIX, Handler, Request, Response
from muniment.webhooks.catalogue.schemas import DIALECT, TYPES, description_of, schema_of
from muniment.webhooks.catalogue.ways import ways_of

SCHEMA_TYPE: Final = "application/schema+json"
CACHED_S: Final = 300


def catalogue_handlers() -> dict[Endpoint, Handler]:
    """What answers for the catalogue."""
    return {Endpoint.EVENT_TYPES: tell_types, Endpoint.EVENT_TYPE: tell_type}


async def tell_types(request: Request) -> Response:
    """All types, each with the address of its schema."""
    return _cached({"data": [_entry(type_, request.base_url) for type_ in TYPES]})


async def tell_type(request: Request) -> Response:
    """The schema of one type, with examples; 404 for what is none."""
    type_ = request.target.id or ""
    if type_ not in TYPES:
        message = f"There are no events of this type; {PREFIX}/__events__ lists those there are."
        return error(404, 111, message)
    url = _url(type_, request.base_url)
    response = _cached({"$schema": DIALECT, "$id": url, **schema_of(type_)})
    response.headers["Content-Type"] = SCHEMA_TYPE
    return response


def _entry(type_: str, base_url: str) -> JsonObject:
    url = _url(type_, base_url)
    return {
        "type": type_,
        "description": description_of(type_),
        "schema": url,
        "schemas": {
            str(format_): {
                way.name: f"{url}#/$defs/{way.part}"
                for way in ways_of(type_)
                if way.format is format_
            }
            for format_ in Format
        },
    }


def _url(type_: str, base_url: str) -> str:
    return f"{base_url}{PREFIX}/__events__/{type_}"


def _cached(body: JsonObject) -> Response:
    headers = {"Cache-Control": f"public, max-age={CACHED_S}"}
    return Response(headers=headers, body=orjson.dumps(body))
