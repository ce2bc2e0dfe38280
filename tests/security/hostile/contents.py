"""contents"""

import io
import json
import os
import pickle
import socket
from pathlib import Path

import numpy as np

ROWS, K, N_ITEMS = 1, 2, 3


def hand_over(host, content, state=b"x"):
    """Leave `content` as the next answer and wait until it was copied. Outside, only leave it."""
    index = host.names.index(host.name)
    Path(host.out, f"{index}.answer.npy").write_bytes(content)
    Path(host.out, f"{index}.state.safetensors").write_bytes(state)
    if host.run is None:
        return ""
    with socket.socket(fileno=os.dup(3)) as channel:
        for event in ("predicting", "predicted", "checkpoint"):
            channel.send(json.dumps({"event": event, "index": index}).encode())
        return channel.recv(4096).decode()


def npy(array, **how):
    buffer = io.BytesIO()
    np.save(buffer, array, **how)
    return buffer.getvalue()


def mark(host):
    return f"{host.mark}-{host.name}"


class Payload:
    """Unpickled, it leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def honest(host):
    """Not an attack: an answer that is in order, so that the others are refused for what they are"""
    return hand_over(host, npy(np.array([[0, 2]], dtype=np.int32)))


def objects(host):
    """Python objects in the array: code that runs when they are unpickled"""
    return hand_over(host, npy(np.array([[Payload(mark(host))]], dtype=object), allow_pickle=True))


def pickled(host):
    """A pickle under the name of an array"""
    return hand_over(host, pickle.dumps(Payload(mark(host))))


def pickled_state(host):
    """A pickle under the name of a kept state"""
    return hand_over(host, npy(np.array([[0, 2]], dtype=np.int32)), state=pickle.dumps(Payload(mark(host))))


def evaluated_header(host):
    """A header with an expression, for a reader that evaluates it"""
    call = f"__import__('os').mkdir('{mark(host)}')"
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({call} or 1, 2), }}"
    text = header.ljust(117).encode() + b"\n"
    return hand_over(host, b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8))


def lying_shape(host):
    """A header that claims a terabyte, for a reader that allocates before it looks"""
    return hand_over(host, npy(np.zeros((1, 2), np.int32)).replace(b"(1, 2)", b"(1, 1099511627776)"))


def lying_length(host):
    """A header that claims to be longer than the file"""
    content = bytearray(npy(np.zeros((1, 2), np.int32)))
    content[8:10] = b"\xff\xff"
    return hand_over(host, bytes(content))


def partial(host):
    """An array whose last bytes are missing"""
    return hand_over(host, npy(np.array([[0, 2]], dtype=np.int32))[:-3])


def trailing(host):
    """An array with more bytes than it says"""
    return hand_over(host, npy(np.array([[0, 2]], dtype=np.int32)) + b"more")


def nan(host):
    """Not-a-numbers, which no comparison ranks below anything"""
    return hand_over(host, npy(np.full((1, 2), np.nan, dtype=np.float32)))


def infinite(host):
    """Infinities, which rank above everything"""
    return hand_over(host, npy(np.full((1, 2), np.inf, dtype=np.float32)))


def duplicates(host):
    """One item twice in a list: each hit counts twice"""
    return hand_over(host, npy(np.array([[2, 2]], dtype=np.int32)))


def out_of_range(host):
    """Items that do not exist"""
    return hand_over(host, npy(np.array([[0, 3]], dtype=np.int32)))


def negative(host):
    """Negative items, which index arrays from their end"""
    return hand_over(host, npy(np.array([[0, -2]], dtype=np.int32)))


def gap(host):
    """An item after the end of a list"""
    return hand_over(host, npy(np.array([[-1, 0]], dtype=np.int32)))


def too_long(host):
    """A longer list than was asked for"""
    return hand_over(host, npy(np.array([[0, 1, 2]], dtype=np.int32)))


def more_rows(host):
    """More users than were asked for"""
    return hand_over(host, npy(np.array([[0, 2], [0, 2]], dtype=np.int32)))


def wide(host):
    """64-bit numbers, which wrap around to other items when they are cut"""
    return hand_over(host, npy(np.array([[0, (1 << 32) + 2]], dtype=np.int64)))


def fortran(host):
    """Another order of memory than it seems"""
    return hand_over(host, npy(np.array([[0, 1]], dtype=np.int32)).replace(b"False", b"True "))


def empty(host):
    """No bytes"""
    return hand_over(host, b"")
