"""The description of the interface."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from openapi_spec_validator import validate

from millstream.common.config import Configuration
from tests.unit.dispatcher.rest.fake_cluster import fake_cluster


def description(**settings: str) -> Any:
    configuration = Configuration.from_map({key.replace("_", "."): value for key, value in settings.items()})

    async def read() -> Any:
        async with fake_cluster(configuration) as cluster:
            headers = {"authorization": "Bearer hush"}
            answer, again = [
                await cluster.http.get(path, headers=headers) for path in ("/openapi.json", "/v1/openapi.json")
            ]
            assert answer.content == again.content
            return answer.json()

    return asyncio.run(read())


def test_it_is_valid_and_describes_each_route_once() -> None:
    found = description()
    validate(found)
    assert all(path.startswith("/v1/") for path in found["paths"])
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][A-Za-z]+", name) for name in names)
    assert all(operation["description"] for operation in operations)
    assert "getClusterOverview" in names


def test_answers_are_described_by_their_models() -> None:
    found = description()
    for template, path in found["paths"].items():
        for operation in path.values():
            for status in ("200", "202"):
                content = operation["responses"].get(status, {}).get("content", {})
                if "application/json" in content:
                    assert content["application/json"]["schema"].get("type") != "string", template


def test_errors_are_described_as_they_are_answered() -> None:
    found = description()
    for path in found["paths"].values():
        for operation in path.values():
            assert "422" not in operation["responses"]
            for status in ("400", "404", "500", "503"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}
    assert "security" not in found


def test_a_token_is_described_where_it_is_wanted() -> None:
    found = description(rest_authentication_token="hush")
    validate(found)
    assert set(found["components"]["securitySchemes"]) == {"bearer", "basic"}
    assert found["security"] == [{"bearer": []}, {"basic": []}]
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    assert all("401" in operation["responses"] for operation in operations)
