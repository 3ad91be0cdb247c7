"""Options of file systems."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.collection_kind import STRING_LIST
from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional, template
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind

__all__ = ["FileSystemOptions"]


class FileSystemOptions:
    """File systems"""

    DEFAULT_SCHEME: Final = optional(
        "fs.default-scheme",
        STRING,
        "File system of paths without a scheme, such as `hdfs://namenode:8020/`.",
    )
    ALLOWED_FALLBACK: Final = option(
        "fs.allowed-fallback-filesystems",
        STRING_LIST,
        [],
        "Schemes that may be served by a general driver where there is one of their own.",
    )
    OVERWRITE_FILES: Final = option(
        "fs.overwrite-files",
        BOOLEAN,
        False,
        "Whether file output replaces files that exist.",
        effect=Effect.RESERVED,
    )
    ALWAYS_CREATE_DIRECTORY: Final = option(
        "fs.output.always-create-directory",
        BOOLEAN,
        False,
        "Whether file output at parallelism 1 is a directory too.",
        effect=Effect.RESERVED,
    )
    LIMIT_TOTAL: Final = template(
        "fs.<scheme>.limit.total",
        IntegerKind(-1),
        -1,
        "Streams open at the same time; -1 or 0 sets no bound.",
    )
    LIMIT_INPUT: Final = template(
        "fs.<scheme>.limit.input",
        IntegerKind(-1),
        -1,
        "Input streams open at the same time; -1 or 0 sets no bound.",
    )
    LIMIT_OUTPUT: Final = template(
        "fs.<scheme>.limit.output",
        IntegerKind(-1),
        -1,
        "Output streams open at the same time; -1 or 0 sets no bound.",
    )
    LIMIT_TIMEOUT: Final = template(
        "fs.<scheme>.limit.timeout",
        DURATION,
        timedelta(0),
        "How long opening a stream waits for its turn; 0 waits for ever.",
    )
    LIMIT_STREAM_TIMEOUT: Final = template(
        "fs.<scheme>.limit.stream-timeout",
        DURATION,
        timedelta(0),
        "How long a stream may be open without moving a byte; 0 sets no bound.",
    )
    S3_ENDPOINT: Final = optional(
        "s3.endpoint",
        STRING,
        "Address of an object store that speaks S3's protocol; unset: Amazon's.",
    )
    S3_REGION: Final = optional(
        "s3.endpoint.region",
        STRING,
        "Region of the buckets; unset: what the environment says.",
    )
    S3_ACCESS_KEY: Final = optional(
        "s3.access-key",
        STRING,
        "Access key of S3; unset: the credentials that the environment has.",
    )
    S3_SECRET_KEY: Final = optional(
        "s3.secret-key",
        STRING,
        "Secret key of S3.",
    )
    S3_PATH_STYLE: Final = option(
        "s3.path.style.access",
        BOOLEAN,
        False,
        "Whether buckets are named in the path of requests rather than in the host, as many stores need it.",
    )
