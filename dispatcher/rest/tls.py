"""HTTPS for the REST server, from PEM files."""

from __future__ import annotations

import ssl
from typing import Final

from millstream.common.config import Configuration, SecurityOptions
from millstream.common.errors import ConfigurationError

__all__ = ["server_tls"]

_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


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
    version = configuration.get(SecurityOptions.PROTOCOL)
    if version not in _VERSIONS:
        raise ConfigurationError(f"{SecurityOptions.PROTOCOL.key} is {' or '.join(_VERSIONS)}, not {version!r}")
    context.minimum_version = _VERSIONS[version]
    keystore = configuration.get(SecurityOptions.REST_KEYSTORE)
    if keystore is None:
        raise ConfigurationError(f"{SecurityOptions.REST_ENABLED.key} needs {SecurityOptions.REST_KEYSTORE.key}")
    password = configuration.get(SecurityOptions.REST_KEY_PASSWORD)
    if password is None:
        password = configuration.get(SecurityOptions.REST_KEYSTORE_PASSWORD)
    try:
        # Without a password OpenSSL would ask on the terminal.
        context.load_cert_chain(keystore, password=password if password is not None else "")
    except (OSError, ValueError) as error:  # a wrong password is either
        raise ConfigurationError(
            f"{SecurityOptions.REST_KEYSTORE.key}: {keystore} is no PEM file with a private key and its certificate, "
            f"or {SecurityOptions.REST_KEY_PASSWORD.key} is not the password of the key: {error}"
        ) from error
    if configuration.get(SecurityOptions.REST_AUTHENTICATION_ENABLED):
        truststore = configuration.get(SecurityOptions.REST_TRUSTSTORE)
        if truststore is None:
            raise ConfigurationError(
                f"{SecurityOptions.REST_AUTHENTICATION_ENABLED.key} needs {SecurityOptions.REST_TRUSTSTORE.key}"
            )
        try:
            context.load_verify_locations(truststore)
        except OSError as error:
            raise ConfigurationError(
                f"{SecurityOptions.REST_TRUSTSTORE.key}: {truststore} is not a PEM file with certificates: {error}"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
