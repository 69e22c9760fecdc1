"""OpenAPI documents as operations: what a model is offered, and what hostile ones come to."""

import json
import logging
from typing import Any

import pytest
import yaml

from dialogue.services.document import MOST_OPERATIONS, ApiDocument, parse_document
from dialogue.services.request import request_of
from dialogue.services.schema import ServiceDocumentError
from dialogue.tools import ToolArgumentsError

URL = "https://shop.example/api/openapi.json"


def document(paths: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "Shop"}, "paths": paths, **others}


def parsed(raw: dict[str, Any], url: str = URL) -> ApiDocument:
    return parse_document(json.dumps(raw).encode(), service="shop", url=url)


PETS = document(
    {
        "/pets/{pet_id}": {
            "parameters": [{"$ref": "#/components/parameters/pet"}],
            "get": {"operationId": "getPet", "summary": "One pet.", "description": "With price."},
            "head": {},
            "put": {
                "operationId": "change pet!",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/vnd.shop+json": {
                            "schema": {"$ref": "#/components/schemas/Pet"}
                        }
                    },
                },
            },
            "trace": {"operationId": "trace"},
        },
        "/pets": {
            "get": {
                "operationId": "findPets",
                "parameters": [
                    {"name": "tags", "in": "query", "schema": {"type": "array"}},
                    {"name": "csv", "in": "query", "explode": False, "schema": {"type": "array"}},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                    {"name": "X-Shop", "in": "header", "required": True, "schema": {}},
                    {"name": "session", "in": "cookie", "schema": {}},
                ],
            }
        },
    },
    components={
        "parameters": {
            "pet": {
                "name": "pet_id",
                "in": "path",
                "required": True,
                "description": "its number",
                "schema": {"type": "integer"},
            }
        },
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": {"type": "integer", "readOnly": True},
                    "name": {"type": "string", "nullable": True},
                    "parents": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
                },
            }
        },
    },
)


def test_operations_become_tools_that_say_what_they_take() -> None:
    read = parsed(PETS)
    assert read.title == "Shop"
    assert read.address == "https://shop.example/api/"
    by_name = {operation.name: operation for operation in read.operations}
    assert list(by_name) == [
        "shop_getPet",
        "shop_head_pets_pet_id",
        "shop_change_pet",
        "shop_findPets",
    ]
    assert by_name["shop_getPet"].description == "One pet. With price"
    assert [operation.read_only for operation in read.operations] == [True, True, False, True]
    assert by_name["shop_getPet"].schema["properties"] == {
        "pet_id": {"type": "integer", "description": "its number"}
    }
    body: Any = by_name["shop_change_pet"].schema["properties"]
    assert body["body"] == {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": ["string", "null"]},
            "parents": {"type": "array", "items": {}},
        },
    }
    assert by_name["shop_change_pet"].schema["required"] == ["pet_id", "body"]
    assert set(_properties(by_name["shop_findPets"].schema)) == {"tags", "csv", "X-Shop"}


def test_yaml_is_read_as_json_is() -> None:
    read = parse_document(yaml.safe_dump(PETS, sort_keys=False).encode(), service="shop", url=URL)
    assert read == parsed(PETS)


def test_arguments_become_a_request_that_stays_inside_its_path() -> None:
    by_name = {operation.name: operation for operation in parsed(PETS).operations}
    request = request_of(by_name["shop_getPet"], {"pet_id": 7})
    assert (request.method, request.path) == ("GET", "pets/7")
    request = request_of(by_name["shop_change_pet"], {"pet_id": 7, "body": {"name": "Å"}})
    assert request.body is not None
    assert json.loads(request.body) == {"name": "Å"}
    found = request_of(
        by_name["shop_findPets"], {"tags": ["a", "b&c"], "csv": ["x", "y"], "X-Shop": "main"}
    )
    assert found.query == (("tags", "a"), ("tags", "b&c"), ("csv", "x,y"))
    assert found.headers == {"X-Shop": "main"}
    named = parsed(
        document(
            {
                "/files/{name}": {
                    "get": {
                        "parameters": [{"name": "name", "in": "path", "schema": {"type": "string"}}]
                    }
                }
            }
        )
    ).operations[0]
    assert request_of(named, {"name": "../admin?x#y"}).path == "files/..%2Fadmin%3Fx%23y"


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("shop_getPet", {}, "'pet_id' is missing"),
        ("shop_getPet", {"pet_id": "seven"}, "of type integer"),
        ("shop_getPet", {"pet_id": True}, "of type integer"),
        ("shop_getPet", {"pet_id": 1, "admin": 1}, "'admin' is no argument"),
        ("shop_findPets", {"X-Shop": "a\r\nAuthorization: b"}, "no header has"),
    ],
)
def test_arguments_that_do_not_fit_are_said_to_the_model(
    tool: str, arguments: dict[str, Any], expected: str
) -> None:
    operation = next(each for each in parsed(PETS).operations if each.name == tool)
    with pytest.raises(ToolArgumentsError, match=expected):
        request_of(operation, arguments)


def test_a_path_of_dots_is_refused() -> None:
    raw = document({"/a/{x}": {"get": {"parameters": [{"name": "x", "in": "path", "schema": {}}]}}})
    for dots in (".", "..", ""):
        with pytest.raises(ToolArgumentsError, match="cannot be"):
            request_of(parsed(raw).operations[0], {"x": dots})


@pytest.mark.parametrize(
    ("servers", "address"),
    [
        ([{"url": "/v2"}], "https://shop.example/v2/"),
        ([{"url": "v2/"}], "https://shop.example/api/v2/"),
        ([{"url": "https://shop.example/other"}], "https://shop.example/other/"),
        ([{"url": "https://evil.example/"}], "https://shop.example/api/"),
        ([{"url": "http://shop.example/"}], "https://shop.example/api/"),
        ([{"url": "https://{region}.example"}], "https://shop.example/api/"),
        ("nonsense", "https://shop.example/api/"),
    ],
)
def test_requests_go_to_where_the_document_came_from(servers: Any, address: str) -> None:
    assert parsed(document({}, servers=servers)).address == address


def _nested(depth: int) -> bytes:
    return b'{"openapi": ' + b"[" * depth + b"]" * depth + b"}"


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "something else"),
        (b"\xff\xfe\x00", "neither JSON nor YAML"),
        (b'{"openapi": ', "neither JSON nor YAML"),
        (b"[1, 2]", "something else"),
        (b'{"swagger": "2.0", "paths": {}}', "Swagger 2.0"),
        (b'{"openapi": "4.0.0", "paths": {}}', "OpenAPI 4.0.0"),
        (b'{"paths": {}}', "no OpenAPI version"),
        (b'{"openapi": "3.0.0", "paths": []}', "has no paths"),
        (_nested(200_000), "nested too deeply"),
        (b"- " * 5_000, "nested too deeply|neither"),
        (LAUGHS.encode(), "aliases"),
        (b" " * 5_000_000, "more than 4 MB"),
    ],
)
def test_a_document_that_cannot_be_used_is_one_sentence(data: bytes, expected: str) -> None:
    with pytest.raises(ServiceDocumentError, match=expected) as error:
        parse_document(data, service="shop", url=URL)
    assert "\n" not in str(error.value)


def _bomb() -> dict[str, Any]:
    schemas: dict[str, Any] = {
        f"s{n}": {"properties": {c: {"$ref": f"#/components/schemas/s{n + 1}"} for c in "abcdefgh"}}
        for n in range(12)
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/s0"}}}}
    return document({"/x": {"post": {"requestBody": body}}}, components={"schemas": schemas})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (document({"/x": {"get": "nonsense"}}), "expected an object"),
        (document({"/x/{id}": {"get": {}}}), "'id' of its path is not described"),
        (document({"x": {"get": {}}}), "slash"),
        (document({"/x": {"get": {"parameters": {"a": 1}}}}), "no list"),
        (document({"/x": {"get": {"parameters": [{"$ref": "#/a"}]}}}), "leads nowhere"),
        (
            document({"/x": {"get": {"parameters": [{"$ref": "http://evil.example/p"}]}}}),
            "out of the document",
        ),
        (
            document(
                {"/x": {"get": {"parameters": [{"$ref": "#/components/a"}]}}},
                components={"a": {"$ref": "#/components/a"}},
            ),
            "in a circle",
        ),
        (
            document(
                {
                    "/x": {
                        "get": {
                            "parameters": [
                                {"name": "Authorization", "in": "header", "required": True,
                                 "schema": {}}
                            ]
                        }
                    }
                }
            ),
            "wants the header",
        ),
        (
            document({"/x": {"post": {"requestBody": {"content": {"text/csv": {}}}}}}),
            "not JSON",
        ),
        (_bomb(), "too large or too deep"),
    ],
)  # fmt: skip
def test_an_operation_that_cannot_be_used_is_left_out_and_said(
    raw: dict[str, Any], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw["paths"]["/fine"] = {"get": {"operationId": "fine"}}
    with caplog.at_level(logging.WARNING):
        read = parsed(raw)
    assert [operation.name for operation in read.operations] == ["shop_fine"]
    assert expected in caplog.text


def test_more_operations_than_a_model_can_read_are_an_error() -> None:
    raw = document({f"/x{n}": {"get": {}} for n in range(MOST_OPERATIONS + 1)})
    with pytest.raises(ServiceDocumentError, match="65 operations"):
        parsed(raw)


def _properties(schema: Any) -> Any:
    return schema["properties"]
