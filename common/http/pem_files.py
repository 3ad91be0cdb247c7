"""What both ends of an HTTPS connection read from ``security.ssl.*``: the version, their own key and certificate."""

from __future__ import annotations

import ssl
from typing import Final

from millstream.common.config import Configuration, SecurityOptions
from millstream.common.config.option import ConfigOption
from millstream.common.errors import ConfigurationError

__all__ = ["load_own_certificate", "set_lowest_version", "wrong_truststore"]

_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def set_lowest_version(context: ssl.SSLContext, configuration: Configuration) -> None:
    """Take no version of TLS before ``security.ssl.protocol``.

    :raises ConfigurationError: there is no such version.
    """
    version = configuration.get(SecurityOptions.PROTOCOL)
    if version not in _VERSIONS:
        raise ConfigurationError(f"{SecurityOptions.PROTOCOL.key} is {' or '.join(_VERSIONS)}, not {version!r}")
    context.minimum_version = _VERSIONS[version]


def load_own_certificate(context: ssl.SSLContext, configuration: Configuration, needed_by: ConfigOption[bool]) -> None:
    """Load key and certificate from ``security.ssl.rest.keystore``.

    :param needed_by: the option that cannot do without.
    :raises ConfigurationError: the file is not named, missing, not what it should be, or has another password.
    """
    keystore = configuration.get(SecurityOptions.REST_KEYSTORE)
    if keystore is None:
        raise ConfigurationError(f"{needed_by.key} needs {SecurityOptions.REST_KEYSTORE.key}")
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


def wrong_truststore(truststore: str | None, error: OSError) -> ConfigurationError:
    """The error that says so of the file of trusted certificates."""
    return ConfigurationError(
        f"{SecurityOptions.REST_TRUSTSTORE.key}: {truststore} is not a PEM file with certificates: {error}"
    )
