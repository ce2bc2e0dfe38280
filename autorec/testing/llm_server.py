"""A scripted OpenAI-compatible server on loopback: what it answers, and every way in which it goes wrong.

    with ScriptedServer(["hello", Fault(status=429, retry_after_s=0.1), "again"]) as server:
        client = open_client("openai/scripted", api_base=server.base)

A script is a function from the request (the JSON that the client sent) to an entry, or a list of entries and such
functions, one a request (the last one stays). An entry is the text of a reply, a `Said` or a `Fault`. The server
streams where it is asked to. Each answer ends its connection: a client that nobody closes leaves no open socket for the
garbage collector to complain of, in whatever test it next runs.
"""

import json
import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from autorec.testing.llm_script import Entry, Fault, Said, Script, completion, error, event, piece, stream

DRIP_S = 0.01


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
            entry = self._script[min(len(self.requests), len(self._script)) - 1]
            return entry(request) if callable(entry) else entry


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
        self._send(status, {"object": "list", "data": []} if status == 200 else error(Fault(status=status)))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        entry = self.server.scripted.answer(request, key)
        streamed = bool(request.get("stream"))
        if isinstance(entry, Fault):
            if streamed and (entry.in_stream or entry.no_choices):
                self._break_off(entry, request)
            else:
                self._fail(entry, request)
            return
        said = Said(text=entry) if isinstance(entry, str) else entry
        if streamed and said.streams:
            self._stream(stream(request, said))
        else:
            self._send(200, completion(request, said))

    def _fail(self, fault: Fault, request: Mapping[str, Any]) -> None:
        if fault.reset or fault.cut:
            self._reset()
        elif fault.stall or fault.drip or fault.trickle:
            self.server.scripted.closing.wait()
            self.close_connection = True
        elif fault.not_json:
            self._send_bytes(200, b'{"choices": [', {})
        elif fault.no_choices:
            self._send(200, {**completion(request, Said(text="", usage=fault.billed)), "choices": []})
        elif fault.ends:
            self._send(200, completion(request, Said(text=fault.after, finish=None)))
        else:
            told = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
            self._send_bytes(fault.status, json.dumps(error(fault)).encode(), {**told, **fault.headers})

    def _break_off(self, fault: Fault, request: Mapping[str, Any]) -> None:
        """A stream that begins well."""
        self._stream(self._events(fault, request), whole=not (fault.cut or fault.reset or fault.stall))
        if fault.reset:
            self._reset()
        elif fault.stall:
            self.server.scripted.closing.wait()
        self.close_connection = True

    def _events(self, fault: Fault, request: Mapping[str, Any]) -> Iterator[bytes]:
        if fault.after:
            yield piece(request, {"role": "assistant", "content": fault.after})
        if fault.early:
            yield event({**completion(request, Said(text="x")), "choices": []})
        if fault.no_choices and fault.billed:
            yield event({**completion(request, Said(text="")), "choices": []})
        if fault.not_json:
            yield b'data: {"choices": [\n\n'
        if fault.status != 200:
            yield event(error(fault))
        while (fault.drip or fault.trickle) and not self.server.scripted.closing.wait(DRIP_S):
            yield piece(request, {"content": "x"}) if fault.trickle else b": waiting\n\n"

    def _stream(self, events: Iterable[bytes], *, whole: bool = True) -> None:
        """Events in chunks (RFC 9112, 7.1), the last of which is empty where the answer is whole."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for each in events:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(each), each))
        if whole:
            self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        self._send_bytes(status, json.dumps(body).encode(), {})

    def _send_bytes(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        own = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        for name, value in {**own, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a test reads `requests` instead."""
