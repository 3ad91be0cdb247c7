"""Requests to the REST interface that are not calls of the Dispatcher: a client of the packages kept there."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from millstream.client.remote.carriers import Carrier, configured_carrier, find_carrier
from millstream.client.remote.errors import ClusterUnreachableError
from millstream.common.config import ClientOptions, Configuration, RestOptions
from millstream.common.errors import ConfigurationError, MillstreamError
from millstream.common.rpc.http_carrier import HttpAnswer, HttpConnections, RestAddress, client_tls
from millstream.common.rpc.http_carrier.connections import AnswerLostError, NotConnectedError
from millstream.common.rpc.http_tunnel import error_text

__all__ = ["PackageRun", "RestRefusalError", "run_package"]

_JSON: Final = {"content-type": "application/json", "accept": "application/json"}


class RestRefusalError(MillstreamError):
    """The REST interface does not do what it was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class PackageRun:
    """How a package is to be started. What is empty or ``None`` is left to the package and the cluster.

    :ivar entry: which of its entries.
    :ivar arguments: of the program.
    :ivar configuration: settings of its jobs.
    """

    entry: str | None
    arguments: tuple[str, ...]
    parallelism: int | None
    savepoint: str | None
    allow_non_restored_state: bool
    claim_mode: str | None
    configuration: Mapping[str, str]

    def body(self) -> bytes:
        """Return the request's body, with Flink's names."""
        fields: dict[str, object] = {
            "entryClass": self.entry,
            "programArgsList": list(self.arguments),
            "parallelism": self.parallelism,
            "savepointPath": self.savepoint,
            "allowNonRestoredState": self.allow_non_restored_state or None,
            "claimMode": self.claim_mode,
            "flinkConfiguration": dict(self.configuration),
        }
        return json.dumps({name: value for name, value in fields.items() if value}).encode()


def run_package(configuration: Configuration, package: Path, run: PackageRun) -> str:
    """Upload a package, start it on the cluster, remove it, and return the id of the job that it has submitted.

    :raises RestRefusalError: it cannot be started, or its program has failed.
    :raises ClusterUnreachableError: nobody is at the address of the REST interface.
    """
    return asyncio.run(_run_package(configuration, package, run))


async def _run_package(configuration: Configuration, package: Path, run: PackageRun) -> str:
    if configured_carrier(configuration) is None and await find_carrier(configuration) is Carrier.RPC:
        raise ConfigurationError(
            f"At {RestAddress.of(configuration).host_and_port} is the master's RPC service; a package is taken by its "
            f"REST interface: name that with -m ({RestOptions.PORT.key})."
        )
    rest = _Rest(configuration)
    try:
        boundary = secrets.token_hex(16)
        content = await asyncio.to_thread(package.read_bytes)
        name = package.name.replace('"', "%22")
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="jarfile"; filename="{name}"\r\n'
        body = (
            f"{head}Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + f"\r\n--{boundary}--\r\n".encode()
        )
        form = {"content-type": f"multipart/form-data; boundary={boundary}", "accept": "application/json"}
        uploaded = await rest.ask("POST", "/v1/jars/upload", body, form)
        path = f"/v1/jars/{quote(Path(str(uploaded.get('filename', ''))).name)}"
        try:
            return str((await rest.ask("POST", f"{path}/run", run.body(), _JSON)).get("jobid", ""))
        finally:
            await rest.ask("DELETE", path, b"", _JSON)
    finally:
        rest.close()


class _Rest:
    def __init__(self, configuration: Configuration) -> None:
        self._address = RestAddress.of(configuration)
        self._token = configuration.get(RestOptions.AUTHENTICATION_TOKEN)
        self._timeout = configuration.get(ClientOptions.TIMEOUT).total_seconds()
        self._connections = HttpConnections(
            self._address,
            client_tls(configuration),
            configuration.get(RestOptions.CONNECTION_TIMEOUT).total_seconds(),
            configuration.get(RestOptions.CLIENT_MAX_CONTENT_LENGTH),
        )

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, object]:
        """Return the JSON object that is answered."""
        token = {"authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            answer = await self._connections.exchange(method, path, body, {**headers, **token}, self._timeout)
        except NotConnectedError as error:
            raise ClusterUnreachableError(self._address.host_and_port, str(error)) from error
        except TimeoutError as error:
            raise RestRefusalError(
                f"{self._address.url}{path}: {error} ({ClientOptions.TIMEOUT.key}); the program may be running on the "
                'cluster: "millstream list" shows it'
            ) from error
        except AnswerLostError as error:
            raise RestRefusalError(f"{self._address.url}{path}: {error}") from error
        return self._read(path, answer)

    def close(self) -> None:
        self._connections.close()

    def _read(self, path: str, answer: HttpAnswer) -> dict[str, object]:
        if answer.status in (401, 403, 407):
            raise RestRefusalError(
                f"{self._address.url}: access is refused ({RestOptions.AUTHENTICATION_TOKEN.key}): "
                f"{error_text(answer.body)}"
            )
        if answer.status == 400:  # what is asked for is wrong, or the program is: its error comes first
            raise RestRefusalError(error_text(answer.body).rstrip())
        if answer.status >= 300:
            raise RestRefusalError(f"{error_text(answer.body)} (status {answer.status} of {self._address.url}{path})")
        try:
            content = json.loads(answer.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise RestRefusalError(f"{self._address.url}{path}: the answer is no JSON object: is this Millstream?")
        return content
