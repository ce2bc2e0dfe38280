"""What an SDK's exception means: worth another try, or an error that says what to set.

Both SDKs raise the openai exception classes (litellm subclasses them), so one reading serves both. Importing this
module imports the SDK. The SDK's exception holds the request and with it the key: raise what is read `from None`.
"""

import math
import re
import socket
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from openai import APIConnectionError, APITimeoutError, OpenAIError

from autorec.domain.errors import ModelError
from autorec.llm.client import NoAnswer, RequestRefused
from autorec.llm.endpoint import Endpoint
from autorec.llm.retries import TransientError


def _transport_faults() -> tuple[type[Exception], ...]:
    """What the HTTP library under the SDK raises: the SDK wraps it for a request, and not while a stream is read.

    Which library it is (httpx, or httpx2 from openai 3 on) is the SDK's own affair: it has imported it.
    """
    found = (getattr(sys.modules.get(name), "HTTPError", None) for name in ("httpx", "httpx2"))
    return tuple(each for each in found if each is not None)


TRANSPORT_FAULTS = _transport_faults()
SDK_FAULTS: tuple[type[Exception], ...] = (OpenAIError, ValueError, *TRANSPORT_FAULTS)
"""All that a call raises; ValueError is a body that is no JSON or of another shape."""

TRANSIENT_STATUS = frozenset({408, 409, 429})
KEY_REFUSED = frozenset({401, 403})
NO_CREDIT = 402
NOT_THERE = 404
REFUSING = frozenset({400, 422})
"""With these a server complains about a parameter."""
FILTERED = frozenset({"content_filter", "content_policy_violation", "ContentPolicyViolationError"})
"""Codes, and litellm's class, of a refusal that is about the words of one prompt (a person's hypothesis, say)."""

_TOO_LARGE = re.compile(r"too large|too long|maximum context|context[_ ]length", re.IGNORECASE)


def read_fault(error: Exception, endpoint: Endpoint) -> TransientError | ModelError:
    """Tell a passing fault from one that no retry mends.

    Lasting are a refused key (401, 403), an empty account (402, insufficient_quota) and a wrong name or address (404).
    Any other status from 400 to 499 is about one request, as far as a single answer can tell: too long, or a
    parameter that the model does not take. One that a content filter refuses says nothing about the next, however
    often it happens.
    """
    said = endpoint.redact(_said(error))
    if isinstance(error, APITimeoutError) or _is_silence(error):
        return TransientError("no answer in time")
    if isinstance(error, (APIConnectionError, *TRANSPORT_FAULTS)):
        return TransientError(f"the connection to {endpoint.address} failed: {said}", dead=_nobody_listens(error))
    code = getattr(error, "code", None)
    status = _status(error, code)
    if code != "insufficient_quota" and status < 400:
        return TransientError(f"an answer that cannot be read ({type(error).__name__}: {said})")
    if status == NO_CREDIT or code == "insufficient_quota":
        return ModelError(
            f"{endpoint.model}: the account has no credit left: {said}",
            fix=f"Top up the account of {endpoint.key_name}, or name another --llm.",
        )
    if status in TRANSIENT_STATUS or status >= 500:
        return TransientError(f"status {status}: {said}", retry_after_s=_retry_after_s(error))
    if code in FILTERED or type(error).__name__ in FILTERED:
        return NoAnswer(f"{endpoint.model}: a content filter refused this request: {said}")
    return _refusal(status, code, said, endpoint)


def refused_parameter(error: Exception, sent: Iterable[str]) -> str | None:
    """Which of the parameters sent a refusal complains about, if any: it names it, or speaks of it first.

    That a value is too large says that the parameter is known, and is no reason to send none.
    """
    names, param, text = list(sent), getattr(error, "param", None), str(error)
    if getattr(error, "status_code", None) not in REFUSING or _TOO_LARGE.search(text):
        return None
    if param in names:
        return str(param)
    spoken = {found.start(): name for name in names if (found := re.search(rf"\b{name}\b", text))}
    return spoken[min(spoken)] if spoken else None


def _refusal(status: int, code: object, said: str, endpoint: Endpoint) -> ModelError:
    where = f"{endpoint.model} at {endpoint.address}"
    if status in KEY_REFUSED:
        return ModelError(
            f"{where} refused the key in {endpoint.key_name} (status {status}): {said}",
            fix=f"Set {endpoint.key_name} to a key that may use this model.",
        )
    if status == NOT_THERE:
        return ModelError(
            f"{where} is not there (status 404): {said}",
            fix="Check the model's name (--llm provider/model) and --api-base (it usually ends in /v1).",
        )
    cause = f"status {status}, {code}" if code else f"status {status}"
    return RequestRefused(
        f"{where} refused the request ({cause}): {said}",
        cause=cause,
        fix="Check --llm and --api-base, and whether the model has room for llm_max_tokens.",
    )


def _status(error: Exception, code: object) -> int:
    """The HTTP status; of an error in the middle of a stream, the code that it gives where that is one; else 0."""
    status = getattr(error, "status_code", None)
    said = status if isinstance(status, int) else code
    return int(said) if isinstance(said, int | str) and str(said).isdecimal() else 0


def _said(error: Exception) -> str:
    """The provider's own sentence where its answer holds one, else all that the SDK says."""
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) and message.strip() else str(error)


def _nobody_listens(error: Exception) -> bool:
    return any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_silence(error: Exception) -> bool:
    """Whether the HTTP library waited in vain; its classes of that kind are named so."""
    return isinstance(error, TRANSPORT_FAULTS) and "Timeout" in type(error).__name__


def _retry_after_s(error: Exception) -> float:
    """Retry-After, in seconds or as a date (RFC 9110, 10.2.3); 0 where there is none that can be read."""
    said = (getattr(getattr(error, "response", None), "headers", None) or {}).get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        seconds = _seconds_until(said)
    return 0.0 if math.isnan(seconds) else max(0.0, seconds)


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
