"""A scripted OpenAI-compatible server on loopback: what it answers, and every way in which it goes wrong.

    with ScriptedServer(["hello", Fault(status=429, retry_after_s=0.1), "again"]) as server:
        client = open_client("openai/scripted", api_base=server.base)

A script is a list, one entry a request (the last one stays), or a function from the request (the JSON that the
client sent) to an entry. An entry is the text of a reply, a `Said` or a `Fault`. Each answer ends its connection: a
client that nobody closes leaves no open socket for the garbage collector to complain of, in whatever test it next runs.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reply with particulars.

    `finish` is the finish reason, `cost` what the provider says it charged (dollars), `refusal` a refusal in words.
    """

    text: str
    finish: str = "stop"
    usage: bool = True
    cost: float | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong: an HTTP status with a message, or one of the ways below.

    `reset`: the connection breaks; `stall`: nothing comes until the server closes; `not_json`: a body that is no
    JSON; `no_choices`: an answer without any, with its usage where it is `billed`.
    """

    status: int = 200
    message: str = "scripted fault"
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None
    reset: bool = False
    stall: bool = False
    not_json: bool = False
    no_choices: bool = False
    billed: bool = False


Entry = str | Said | Fault
Script = Sequence[Entry] | Callable[[dict[str, Any]], Entry]


class ScriptedServer:
    """Serves a script in a thread of its own; `requests` holds what was asked, `keys` the keys that came along."""

    def __init__(self, script: Script, *, port: int = 0, models_status: int = 200) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.models_status = models_status
        self.closing = threading.Event()
        self._script = script
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.scripted = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base(self) -> str:
        """The value for `--api-base`."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, request: dict[str, Any], key: str) -> Entry:
        """The next entry of the script, one request at a time."""
        with self._lock:
            self.requests.append(request)
            self.keys.append(key)
            if callable(self._script):
                return self._script(request)
            return self._script[min(len(self.requests), len(self._script)) - 1]


class Parrot(ScriptedServer):
    """Repeats the key that it was sent, as servers in debug mode do: in every reply, and in a fault now and then."""

    def answer(self, request: dict[str, Any], key: str) -> Entry:
        """The next entry of the script, with the key in its text; before it, one fault of several kinds."""
        turn, told = len(self.requests), f"Authorization: Bearer {key}"
        if turn % 3 == 1:
            with self._lock:
                self.requests.append(request)
                self.keys.append(key)
            return Fault(status=(400, 500, 429)[turn // 3 % 3], message=f"cannot serve {told}")
        entry = super().answer(request, key)
        if isinstance(entry, str):
            said = entry.replace("hypothesis: ", f"hypothesis: {told} ", 1)
            return said.replace("```python\n", f"```python\n# {told}\n")
        return entry


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    scripted: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the script."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = self.server.scripted.models_status
        self._send(status, {"object": "list", "data": []} if status == 200 else _error(Fault(status=status)))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        entry = self.server.scripted.answer(request, key)
        if isinstance(entry, Fault):
            self._fail(entry, request)
        else:
            self._send(200, completion(request, Said(text=entry) if isinstance(entry, str) else entry))

    def _fail(self, fault: Fault, request: Mapping[str, Any]) -> None:
        if fault.reset:
            self._reset()
        elif fault.stall:
            self.server.scripted.closing.wait()
            self.close_connection = True
        elif fault.not_json:
            self._send_bytes(200, b'{"choices": [', {})
        elif fault.no_choices:
            self._send(200, {**completion(request, Said(text="", usage=fault.billed)), "choices": []})
        else:
            self._send(fault.status, _error(fault), retry_after_s=fault.retry_after_s)

    def _reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, body: Mapping[str, Any], *, retry_after_s: float | None = None) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self._send_bytes(status, json.dumps(body).encode(), headers)

    def _send_bytes(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        own = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        for name, value in {**own, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a test reads `requests` instead."""


def completion(request: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """The body of a chat completion, as OpenAI's API gives it."""
    asked = sum(len(str(message["content"])) for message in request["messages"])
    prompt, reply = -(-asked // CHARACTERS_PER_TOKEN), -(-len(said.text) // CHARACTERS_PER_TOKEN)
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}
    message = {"role": "assistant", "content": said.text, "refusal": said.refusal}
    if said.cost is not None:
        usage["cost"] = said.cost
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "scripted"),
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish}],
        **({"usage": usage} if said.usage else {}),
    }


def _error(fault: Fault) -> dict[str, Any]:
    return {"error": {"message": fault.message, "type": "scripted", "code": fault.code, "param": fault.param}}
