"""The sandbox's end of the control socket: one JSON object a message (see `autorec/schemas/wire.py`)."""

import json
import select
import socket
from dataclasses import dataclass
from typing import Any

MESSAGE_BYTES = 4096
MAX_DESCRIPTORS = 4


@dataclass(frozen=True, slots=True)
class Control:
    """Statuses go out, one job and the answers to checkpoints come in."""

    channel: socket.socket

    def send(self, event: str, *, index: int = 0, descriptors: tuple[int, ...] = ()) -> None:
        message = json.dumps({"event": event, "index": index}).encode()
        if descriptors:
            socket.send_fds(self.channel, [message], list(descriptors))
        else:  # some filters refuse sendmsg
            self.channel.send(message)

    def has_job_within(self, seconds: float) -> bool:
        """Whether a job, or the end of the socket, comes within that time."""
        return bool(select.select([self.channel], [], [], seconds)[0])

    def receive_job(self) -> tuple[dict[str, Any], list[int]] | None:
        """The one job and its descriptors; None when the trusted side has hung up."""
        message, descriptors, _, _ = socket.recv_fds(self.channel, MESSAGE_BYTES, MAX_DESCRIPTORS)
        return (json.loads(message), descriptors) if message else None

    def wait_for_ack(self, index: int) -> bool:
        """Block until checkpoint `index` has been copied; True when the training is asked to stop.

        Raises ConnectionError when the trusted side has hung up.
        """
        while message := self.channel.recv(MESSAGE_BYTES):
            answer = json.loads(message)
            if answer["ack"] == index:
                return bool(answer["stop"])
        raise ConnectionError("the control socket was closed while a checkpoint waited to be copied")
