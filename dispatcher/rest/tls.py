"""HTTPS for the REST server, from PEM files."""

from __future__ import annotations

import ssl

from millstream.common.config import Configuration, SecurityOptions
from millstream.common.errors import ConfigurationError
from millstream.common.http.pem_files import load_own_certificate, set_lowest_version, wrong_truststore

__all__ = ["server_tls"]


def server_tls(configuration: Configuration) -> ssl.SSLContext | None:
    """Return what makes the server speak HTTPS; ``None``: it speaks HTTP.

    :raises ConfigurationError: a file is missing or not what it should be; the message names the key.
    """
    if not configuration.get(SecurityOptions.REST_ENABLED):
        if configuration.get(SecurityOptions.REST_AUTHENTICATION_ENABLED):
            raise ConfigurationError(
                f"{SecurityOptions.REST_AUTHENTICATION_ENABLED.key} needs {SecurityOptions.REST_ENABLED.key}: true"
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    set_lowest_version(context, configuration)
    load_own_certificate(context, configuration, SecurityOptions.REST_ENABLED)
    if configuration.get(SecurityOptions.REST_AUTHENTICATION_ENABLED):
        truststore = configuration.get(SecurityOptions.REST_TRUSTSTORE)
        if truststore is None:
            raise ConfigurationError(
                f"{SecurityOptions.REST_AUTHENTICATION_ENABLED.key} needs {SecurityOptions.REST_TRUSTSTORE.key}"
            )
        try:
            context.load_verify_locations(truststore)
        except OSError as error:
            raise wrong_truststore(truststore, error) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
