"""TLS of a client of the REST interface, from the same options as the server's."""

from __future__ import annotations

import ssl
from typing import Final

from millstream.common.config import Configuration, SecurityOptions
from millstream.common.errors import ConfigurationError

__all__ = ["client_tls"]

_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def client_tls(configuration: Configuration) -> ssl.SSLContext | None:
    """Return what makes a client speak HTTPS; ``None``: it speaks HTTP.

    Without ``security.ssl.rest.truststore`` the authorities of this machine are trusted.

    :raises ConfigurationError: a file is missing or not what it should be; the message names the key.
    """
    if not configuration.get(SecurityOptions.REST_ENABLED):
        return None
    truststore = configuration.get(SecurityOptions.REST_TRUSTSTORE)
    try:
        context = ssl.create_default_context(cafile=truststore)
    except OSError as error:
        raise ConfigurationError(
            f"{SecurityOptions.REST_TRUSTSTORE.key}: {truststore} is not a PEM file with certificates: {error}"
        ) from error
    version = configuration.get(SecurityOptions.PROTOCOL)
    if version not in _VERSIONS:
        raise ConfigurationError(f"{SecurityOptions.PROTOCOL.key} is {' or '.join(_VERSIONS)}, not {version!r}")
    context.minimum_version = _VERSIONS[version]
    context.check_hostname = configuration.get(SecurityOptions.VERIFY_HOSTNAME)
    if configuration.get(SecurityOptions.REST_AUTHENTICATION_ENABLED):
        _show_certificate(context, configuration)
    return context


def _show_certificate(context: ssl.SSLContext, configuration: Configuration) -> None:
    keystore = configuration.get(SecurityOptions.REST_KEYSTORE)
    if keystore is None:
        raise ConfigurationError(
            f"{SecurityOptions.REST_AUTHENTICATION_ENABLED.key} needs {SecurityOptions.REST_KEYSTORE.key}"
        )
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
