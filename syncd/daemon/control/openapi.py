"""The published description of the API (OpenAPI 3.1), made from the table of operations: it can't differ from what is served."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from http import HTTPStatus
from inspect import getdoc
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from syncd import __version__
from syncd.daemon.control.problems import PROBLEM
from syncd.daemon.control.requests import RequestReader
from syncd.operations.operation import Operation

_Wanted = tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]
"""A type whose schema is wanted: its name here, whether it is read or written, the type."""
_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"
_REFERENCE: Final = "#/components/schemas/{model}"
_REFUSALS: Final = {
    HTTPStatus.BAD_REQUEST: "It can't be done as asked.",
    HTTPStatus.FORBIDDEN: "The account has none of the roles.",
    HTTPStatus.NOT_FOUND: "There is no such document or job.",
    HTTPStatus.CONFLICT: "The install does not allow it as it is: a person has to look.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 1 MiB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is said to be something else than JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The body is not a request of this operation; `faults` says where.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Something that is needed is not there, or busy: try again.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The daemon failed unexpectedly.",
}
_SCHEMAS: Final[Mapping[str, Any]] = {
    "Problem": {
        "type": "object",
        "description": "What went wrong. exit: what the command line ends with; faults: where a body is wrong.",
        "required": ["error", "message", "exit"],
        "properties": {
            "error": {"type": "string"},
            "message": {"type": "string"},
            "exit": {"type": "integer"},
            "faults": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
        },
    },
    "Reply": {
        "type": "object",
        "description": "An answer. payload: what `--json` prints; notes: what a person has to know besides.",
        "required": ["exit", "notes", "payload"],
        "properties": {
            "exit": {"type": "integer"},
            "notes": {"type": "array", "items": {"type": "string"}},
            "payload": {"type": "object"},
        },
    },
    "Job": {
        "type": "object",
        "description": "Long work; GET /v1/jobs/{job}/watch follows it. plan: what it will do, when it was just begun.",
        "required": ["job"],
        "properties": {"job": {"type": "string"}, "plan": {"type": "object"}},
    },
    "Jobs": {
        "type": "object",
        "required": ["jobs"],
        "properties": {"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}},
    },
    "Health": {
        "type": "object",
        "required": ["status", "version"],
        "properties": {"status": {"const": "ok"}, "version": {"type": "string"}},
    },
}


def described(operations: Sequence[Operation[Any]], readers: Mapping[str, RequestReader[Any]]) -> dict[str, Any]:
    """The document. readers: what reads the requests of each operation, by its name."""
    asked: list[_Wanted] = [(operation.name, "validation", readers[operation.name].adapter) for operation in operations]
    given: list[_Wanted] = [
        (_named(operation, kind), "serialization", TypeAdapter(type_))
        for operation in operations
        for kind, type_ in _kinds(operation).items()
    ]
    schemas, found = TypeAdapter.json_schemas([*asked, *given], ref_template=_REFERENCE)
    by_name = {name: schema for (name, _), schema in schemas.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "syncd control",
            "version": __version__,
            "description": "What can be asked of a running syncd over its Unix socket, which also says who asks.",
        },
        "paths": {
            **{
                f"/v1/{operation.name}": {"post": _operation(operation, by_name, needed=readers[operation.name].needed)}
                for operation in operations
            },
            **_fixed(),
        },
        "components": {"schemas": {**_SCHEMAS, **found.get("$defs", {})}},
    }


def _kinds(operation: Operation[Any]) -> dict[str, Any]:
    """The types that it gives, by how."""
    every = {each.name: getattr(operation.gives, each.name) for each in fields(operation.gives)}
    return {kind: type_ for kind, type_ in every.items() if type_ is not None}


def _named(operation: Operation[Any], kind: str) -> str:
    return f"{operation.name} {kind}"


def _operation(operation: Operation[Any], schemas: Mapping[str, Mapping[str, Any]], *, needed: bool) -> dict[str, Any]:
    given = {kind: schemas[_named(operation, kind)] for kind in _kinds(operation)}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"{getdoc(operation.request) or ''}\n\nRoles, one of: {', '.join(sorted(operation.roles))}.".strip(),
        "x-roles": sorted(operation.roles),
        "requestBody": {"required": needed, "content": {_JSON: {"schema": schemas[operation.name]}}},
        "responses": {**_answered(given), **_refused(*_REFUSALS)},
    }


def _answered(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How it answers when all is well: at once, with a list, or by beginning long work. OpenAPI has no word for lines: `x-`."""
    found: dict[str, Any] = {}
    if "reply" in given:
        found["200"] = {"description": "The reply.", "headers": _HEADERS, "content": {_JSON: {"schema": _reply(given["reply"])}}}
    if "item" in given:
        lines = {"schema": {"type": "string"}, "x-item-schema": given["item"]}
        found["200"] = {
            "description": "Lines of JSON: {key}, the list's name; {item} for each; at last a Reply, or a Problem.",
            "headers": _HEADERS,
            "content": {_LINES: lines},
        }
    if "done" in given:
        job = {"allOf": [_ref("Job"), {"properties": {"plan": given.get("plan", {"type": "object"})}}]}
        found["202"] = {
            "description": "Long work that was begun; GET /v1/jobs/{job}/watch ends with its reply.",
            "headers": _HEADERS,
            "content": {_JSON: {"schema": job, "x-done-schema": _reply(given["done"])}},
        }
    return found


def _reply(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"allOf": [_ref("Reply"), {"properties": {"payload": payload}}]}


def _fixed() -> dict[str, Any]:
    """The paths that are there whatever is in the table."""
    job = {"name": "job", "in": "path", "required": True, "schema": {"type": "string"}}
    absent = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR)
    lines = {_LINES: {"schema": {"type": "string"}}}
    return {
        "/v1/jobs": {"get": _get("jobs", "Every job that is known, oldest first.", _json("Jobs"), absent)},
        "/v1/jobs/{job}": {"get": {**_get("job", "One job.", _json("Job"), absent), "parameters": [job]}},
        "/v1/jobs/{job}/watch": {
            "get": {**_get("watch", "Its progress, a line a step; at last its reply.", lines, absent), "parameters": [job]}
        },
        "/v1/health": {"get": _get("health", "Whether the daemon answers at all.", _json("Health"), ())},
        "/v1/openapi.json": {"get": _get("openapi", "This document.", {_JSON: {"schema": {"type": "object"}}}, ())},
    }


def _get(name: str, summary: str, content: Mapping[str, Any], refusals: Sequence[HTTPStatus]) -> dict[str, Any]:
    done = {"description": summary, "headers": _HEADERS, "content": content}
    return {"operationId": f"get-{name}", "summary": summary, "responses": {"200": done, **_refused(*refusals)}}


def _refused(*refusals: HTTPStatus) -> dict[str, Any]:
    return {
        str(int(status)): {
            "description": _REFUSALS[status],
            "headers": _HEADERS,
            "content": {PROBLEM: {"schema": _ref("Problem")}},
        }
        for status in refusals
    }


def _json(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": _ref(name)}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_HEADERS: Final = {"Syncd-Version": {"description": "The version of the daemon.", "schema": {"type": "string"}}}
