"""The one place where what a user wrote is unpickled.

Unpickling runs code, so it happens in slot workers only. When it fails, the reason is mostly that the worker lacks a
module or has another version of it; the error says which and what to do about it.
"""

from __future__ import annotations

import pickle
import platform
from typing import Any

from millstream.common.errors import MillstreamError

__all__ = ["PayloadError", "load_payload"]


class PayloadError(MillstreamError):
    """A function, source, sink or type of the job cannot be loaded in this worker."""


def load_payload(payload: bytes) -> Any:
    """Unpickle what the client pickled.

    :raises PayloadError: it cannot be done here; the message says why and what to do. The cause is the exception.
    """
    try:
        return pickle.loads(payload)  # the job's own code, in the worker that runs it
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        raise PayloadError(
            f"the job needs the Python module {missing!r}, which this worker cannot import. Ship it with the job "
            f"(env.add_python_file(...) or `millstream run -pyfs ...`) or install it on every TaskManager"
        ) from error
    except ImportError as error:
        raise PayloadError(
            f"the job needs {error.name or 'a module'!r}, whose import fails in this worker: {error}. "
            "The TaskManagers need the same versions of packages as the client"
        ) from error
    except AttributeError as error:
        raise PayloadError(
            f"the job refers to something that this worker's modules do not have: {error}. Ship the current version "
            "of the module with the job (env.add_python_file(...) or `millstream run -pyfs ...`)"
        ) from error
    except Exception as error:
        raise PayloadError(
            f"a part of the job cannot be loaded in this worker (Python {platform.python_version()}): "
            f"{type(error).__qualname__}: {error}. The client must run the same minor version of Python, and what "
            "the functions hold must survive pickling"
        ) from error
