"""Options of encryption and authentication."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING

__all__ = ["SecurityOptions"]


class SecurityOptions:
    """Security"""

    INTERNAL_ENABLED: Final = option(
        "security.ssl.internal.enabled",
        BOOLEAN,
        False,
        "Whether RPC, data exchange and blob transfer are encrypted and both sides show certificates.",
        effect=Effect.RESERVED,
    )
    INTERNAL_KEYSTORE: Final = optional(
        "security.ssl.internal.keystore",
        STRING,
        "File with this cluster's key and certificate.",
        effect=Effect.RESERVED,
    )
    INTERNAL_KEYSTORE_PASSWORD: Final = optional(
        "security.ssl.internal.keystore-password", STRING, "Password of this file.", effect=Effect.RESERVED
    )
    INTERNAL_KEY_PASSWORD: Final = optional(
        "security.ssl.internal.key-password", STRING, "Password of the key in it.", effect=Effect.RESERVED
    )
    INTERNAL_TRUSTSTORE: Final = optional(
        "security.ssl.internal.truststore", STRING, "File with the certificates to trust.", effect=Effect.RESERVED
    )
    INTERNAL_TRUSTSTORE_PASSWORD: Final = optional(
        "security.ssl.internal.truststore-password", STRING, "Password of this file.", effect=Effect.RESERVED
    )
    INTERNAL_CERT_FINGERPRINT: Final = optional(
        "security.ssl.internal.cert.fingerprint",
        STRING,
        "Fingerprint that the other side's certificate must have.",
        effect=Effect.RESERVED,
    )
    REST_ENABLED: Final = option(
        "security.ssl.rest.enabled",
        BOOLEAN,
        False,
        "Whether the REST interface speaks HTTPS.",
    )
    REST_AUTHENTICATION_ENABLED: Final = option(
        "security.ssl.rest.authentication-enabled",
        BOOLEAN,
        False,
        "Whether clients of the REST interface show certificates.",
    )
    REST_KEYSTORE: Final = optional(
        "security.ssl.rest.keystore",
        STRING,
        "PEM file with the REST interface's private key and its certificate, with those that lead to the authority.",
    )
    REST_KEYSTORE_PASSWORD: Final = optional(
        "security.ssl.rest.keystore-password", STRING, "Password of the key in it, if it has one."
    )
    REST_KEY_PASSWORD: Final = optional(
        "security.ssl.rest.key-password", STRING, "The same; goes before `security.ssl.rest.keystore-password`."
    )
    REST_TRUSTSTORE: Final = optional(
        "security.ssl.rest.truststore",
        STRING,
        "PEM file with the certificates of the authorities that REST clients trust, and that the server trusts where "
        "clients must show a certificate.",
    )
    REST_TRUSTSTORE_PASSWORD: Final = optional(
        "security.ssl.rest.truststore-password", STRING, "Password of this file.", effect=Effect.RESERVED
    )
    PROTOCOL: Final = option(
        "security.ssl.protocol", STRING, "TLSv1.2", "Least version of the protocol: `TLSv1.2` or `TLSv1.3`."
    )
    ALGORITHMS: Final = option(
        "security.ssl.algorithms",
        STRING,
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "Cipher suites, parted by commas.",
        effect=Effect.RESERVED,
    )
    VERIFY_HOSTNAME: Final = option(
        "security.ssl.verify-hostname",
        BOOLEAN,
        True,
        "Whether a certificate must name the host that shows it.",
    )
