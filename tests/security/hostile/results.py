"""results"""

import json
import os
import signal
import socket
import threading
from pathlib import Path

ANSWER, STATE = "0.answer.npy", "0.state.safetensors"


def say(**message):
    with socket.socket(fileno=os.dup(3)) as channel:
        channel.send(json.dumps(message).encode())


def hand_over(host, plant):
    """Leave what `plant` makes as the answer, announce it, and wait for the end. Outside, only leave it."""
    out = Path(host.out)
    (out / STATE).write_bytes(b"x")
    plant(out / ANSWER)
    if host.run is None:
        return
    say(event="predicting", index=0)
    say(event="predicted", index=0)
    say(event="checkpoint", index=0)
    signal.pause()


def symlink(host):
    """A symbolic link to the labels"""
    hand_over(host, lambda answer: answer.symlink_to(host.labels))


def magic_link(host):
    """A symbolic link into /proc: the reader's own descriptors and memory"""
    hand_over(host, lambda answer: answer.symlink_to("/proc/self/environ"))


def hardlink(host):
    """A file with two names"""

    def plant(answer):
        Path("twin").write_bytes(b"x")
        os.link("twin", answer)

    hand_over(host, plant)


def fifo(host):
    """A pipe, at which whoever opens it waits for ever"""
    hand_over(host, os.mkfifo)


def device_node(host):
    """A device: number 0, which any user may make"""
    hand_over(host, lambda answer: os.mknod(answer, 0o600 | 0o020000, 0))


def unix_socket(host):
    """A unix socket"""
    hand_over(host, lambda answer: socket.socket(socket.AF_UNIX).bind(str(answer)))


def folder(host):
    """A folder"""
    hand_over(host, os.mkdir)


def missing(host):
    """Nothing at all"""
    hand_over(host, lambda answer: None)


def too_large(host):
    """A file larger than any answer, most of it a hole"""
    hand_over(host, lambda answer: answer.write_bytes(b"") or os.truncate(answer, host.answer_bytes + 1))


def sparse(host):
    """A file of a terabyte, all of it a hole"""
    hand_over(host, lambda answer: answer.write_bytes(b"") or os.truncate(answer, 1 << 40))


def swapped(host):
    """An answer that turns into a link to the labels and back, while it is read"""

    def plant(answer):
        answer.write_bytes(b"mine")
        link = answer.with_name("link")
        link.symlink_to(host.labels)
        if host.run is None:
            Path(link).replace(answer)
            return
        threading.Thread(target=swap, args=(answer, host.labels), daemon=True).start()

    hand_over(host, plant)


def swap(answer, target):
    own, link = answer.with_name("own"), answer.with_name("link")
    while True:
        own.write_bytes(b"mine")
        Path(own).replace(answer)
        if not link.is_symlink():
            link.symlink_to(target)
        Path(link).replace(answer)


def rewritten(host):
    """An answer that goes on growing and shrinking while it is read"""

    def plant(answer):
        answer.write_bytes(b"x" * 100_000)
        if host.run is not None:
            threading.Thread(target=rewrite, args=(answer,), daemon=True).start()

    hand_over(host, plant)


def rewrite(answer):
    with answer.open("r+b", buffering=0) as file:
        while True:
            file.truncate(10)
            file.truncate(1 << 20)


def folder_swapped(host):
    """The output folder itself, replaced by a link to where the labels are"""

    def plant(answer):
        answer.parent.rename(answer.parent.with_name("moved"))
        answer.parent.symlink_to(Path(host.labels).parent)

    hand_over(host, plant)


def state_link(host):
    """The kept state as a link to the labels, beside an answer that is in order"""

    def plant(answer):
        answer.write_bytes(b"x")
        answer.with_name(STATE).unlink()
        answer.with_name(STATE).symlink_to(host.labels)

    hand_over(host, plant)
