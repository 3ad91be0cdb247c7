"""Where a REST interface is, as its clients are told by the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.config import Configuration, RestOptions, SecurityOptions

__all__ = ["RestAddress"]


@dataclass(frozen=True, slots=True)
class RestAddress:
    """The address of a REST interface.

    :ivar tls: it speaks HTTPS.
    :ivar path: what stands before ``/v1``: empty, or ``/such/as/this``.
    """

    host: str
    port: int
    tls: bool
    path: str

    @classmethod
    def of(cls, configuration: Configuration) -> RestAddress:
        """Return the address that the configuration tells clients.

        ``rest.path`` is the whole path where it is set: then a proxy stands there. Else it is ``rest.url-prefix``.
        """
        path = configuration.get(RestOptions.PATH)
        if path is None:
            path = configuration.get(RestOptions.URL_PREFIX)
        stripped = path.strip("/")
        return cls(
            configuration.get(RestOptions.ADDRESS) or "localhost",
            configuration.get(RestOptions.PORT),
            configuration.get(SecurityOptions.REST_ENABLED),
            f"/{stripped}" if stripped else "",
        )

    @property
    def host_and_port(self) -> str:
        """``localhost:8081``, ``[::1]:8081``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """``http://localhost:8081``, with the path, without a slash at its end."""
        return f"{'https' if self.tls else 'http'}://{self.host_and_port}{self.path}"
