"""The endpoints, and how a request to one is read: strictly, with the models of Qdrant's OpenAPI."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client.http import models
from qdrant_client.http.models import models as answers

from standin.translate import Refused

PARAMETERS: Final = {"wait": r"true|false", "ordering": r"weak|medium|strong", "timeout": r"\d+", "consistency": r"\w+"}


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint. body, answer: the models of Qdrant's OpenAPI."""

    method: str
    path: str
    op: str
    answer: type[BaseModel]
    body: Any = None


ROUTES: Final = (
    Route("GET", "/collections", "collections", answers.InlineResponse2006),
    Route("GET", "/aliases", "aliases", answers.InlineResponse20012),
    Route("POST", "/collections/aliases", "switch", answers.InlineResponse2001, models.ChangeAliasesOperation),
    Route("GET", "/collections/*/exists", "exists", answers.InlineResponse2009),
    Route("GET", "/collections/*", "info", answers.InlineResponse2007),
    Route("PUT", "/collections/*", "create", answers.InlineResponse2001, models.CreateCollection),
    Route("DELETE", "/collections/*", "drop", answers.InlineResponse2001),
    Route("PUT", "/collections/*/index", "index", answers.InlineResponse2008, models.CreateFieldIndex),
    Route("PUT", "/collections/*/points", "upsert", answers.InlineResponse2008, answers.PointInsertOperations),
    Route("POST", "/collections/*/points/payload", "set_payload", answers.InlineResponse2008, models.SetPayload),
    Route("POST", "/collections/*/points/delete", "delete", answers.InlineResponse2008, answers.PointsSelector),
    Route("POST", "/collections/*/points", "retrieve", answers.InlineResponse20017, models.PointRequest),
    Route("POST", "/collections/*/points/scroll", "scroll", answers.InlineResponse20019, models.ScrollRequest),
    Route("POST", "/collections/*/points/count", "count", answers.InlineResponse20020, models.CountRequest),
    Route("POST", "/collections/*/points/query", "query", answers.InlineResponse20022, models.QueryRequest),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was understood: it can be carried out now, later, or never."""

    route: Route
    collection: str
    body: Any
    waits: bool


def find(method: str, path: str) -> tuple[Route, str]:
    """The endpoint, and the collection that the path names."""
    for route in ROUTES:
        found = re.fullmatch(route.path.replace("*", "([^/]+)"), path)
        if found and route.method == method:
            return route, found[1] if found.groups() else ""
    raise Refused(404, f"no such endpoint: {method} {path}")


def understand(route: Route, collection: str, parameters: Mapping[str, str], body: bytes) -> Request:
    """Read a request. What Qdrant would pass over, such as a misspelt parameter, is refused."""
    for name, value in parameters.items():
        if name not in PARAMETERS or not re.fullmatch(PARAMETERS[name], value):
            raise Refused(400, f"Format error in query: {name}={value}")
    waits = parameters.get("wait") == "true"
    if route.body is None:
        if body:
            raise Refused(400, "a body where none belongs")
        return Request(route, collection, None, waits)
    try:
        return Request(route, collection, TypeAdapter(route.body).validate_json(body), waits)
    except ValidationError as error:
        raise Refused(400, f"Format error in JSON body: {error}") from None
