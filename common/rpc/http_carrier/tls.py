"""TLS of a client of the REST interface, from the same options as the server's."""

from __future__ import annotations

import ssl

from millstream.common.config import Configuration, SecurityOptions
from millstream.common.http.pem_files import load_own_certificate, set_lowest_version, wrong_truststore

__all__ = ["client_tls"]


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
        raise wrong_truststore(truststore, error) from error
    set_lowest_version(context, configuration)
    context.check_hostname = configuration.get(SecurityOptions.VERIFY_HOSTNAME)
    if configuration.get(SecurityOptions.REST_AUTHENTICATION_ENABLED):
        load_own_certificate(context, configuration, SecurityOptions.REST_AUTHENTICATION_ENABLED)
    return context
