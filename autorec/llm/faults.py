"""What an SDK's exception means: worth another try, or an error that says what to set.

Both SDKs raise the openai exception classes (litellm subclasses them), so one reading serves both. Importing this
module imports the SDK. The SDK's exception holds the request and with it the key: raise what is read `from None`.
"""

import socket
from collections.abc import Iterable, Iterator

from openai import APIConnectionError, APITimeoutError, OpenAIError

from autorec.domain.errors import ModelError
from autorec.llm.client import NoAnswer
from autorec.llm.endpoint import Endpoint
from autorec.llm.retries import TransientError

SDK_FAULTS = (OpenAIError, ValueError)
"""All that a call raises; ValueError is a body that is no JSON or of another shape."""

TRANSIENT_STATUS = frozenset({408, 409, 429})
KEY_REFUSED = frozenset({401, 403})
ABOUT_THIS_REQUEST = frozenset({"context_length_exceeded", "content_filter", "content_policy_violation"})


def read_fault(error: Exception, endpoint: Endpoint) -> TransientError | ModelError:
    """Tell a passing fault from one that no retry mends."""
    said = endpoint.redact(str(error))
    if isinstance(error, APITimeoutError):
        return TransientError("no answer in time")
    if isinstance(error, APIConnectionError):
        return TransientError(f"the connection to {endpoint.address} failed: {said}", dead=_nobody_listens(error))
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or status < 400:
        return TransientError(f"an answer that cannot be read ({type(error).__name__}: {said})")
    code = getattr(error, "code", None)
    if code == "insufficient_quota":
        return ModelError(
            f"{endpoint.model}: the account has no credit left: {said}", fix="Top it up, or name another --llm."
        )
    if code in ABOUT_THIS_REQUEST:
        return NoAnswer(f"{endpoint.model} would not answer this request ({code}): {said}")
    if status in TRANSIENT_STATUS or status >= 500:
        return TransientError(f"status {status}: {said}", retry_after_s=_retry_after_s(error))
    return _lasting(status, said, endpoint)


def refused_parameter(error: Exception, sent: Iterable[str]) -> str | None:
    """Which of the parameters sent a status 400 complains about, if any."""
    if getattr(error, "status_code", None) != 400:
        return None
    param, text = getattr(error, "param", None), str(error)
    return next((name for name in sent if name == param or name in text), None)


def _lasting(status: int, said: str, endpoint: Endpoint) -> ModelError:
    where = f"{endpoint.model} at {endpoint.address}"
    if status in KEY_REFUSED:
        return ModelError(
            f"{where} refused the key in {endpoint.key_name} (status {status}): {said}",
            fix=f"Set {endpoint.key_name} to a key that may use this model.",
        )
    if status == 404:
        return ModelError(
            f"{where} is not there (status 404): {said}",
            fix="Check the model's name (--llm provider/model) and --api-base (it usually ends in /v1).",
        )
    return ModelError(f"{where} refused the request (status {status}): {said}", fix="Check --llm and --api-base.")


def _nobody_listens(error: Exception) -> bool:
    return any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _retry_after_s(error: Exception) -> float:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0.0)))
    except ValueError:
        return 0.0
