"""protocol"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path


def say(*messages):
    with socket.socket(fileno=os.dup(3)) as channel:
        for message in messages:
            channel.send(message if isinstance(message, bytes) else json.dumps(message).encode())


def spoofed_output(host):
    """Statuses and scores on standard output, for a reader that believes what is printed"""
    print(json.dumps({"event": "finished", "index": 0}))
    print('{"ndcg@10": 1.0, "outcome": "completed"}\nndcg@10=1.0', flush=True)
    os._exit(0)


def forged_statuses(host):
    """Statuses out of turn, unknown ones, broken ones, and a second output folder"""
    say({"event": "ready"}, {"event": "work"}, {"event": "started"}, {"event": "finished", "index": 3},
        {"event": "checkpoint", "index": 0}, {"event": "checkpoint", "index": 7}, {"event": "metric", "ndcg": 1.0},
        {"event": "predicting", "index": -1}, {"ack": 0, "stop": True}, b"\xff not json", b"[" * 4000)  # fmt: skip
    with socket.socket(fileno=os.dup(3)) as channel:
        socket.send_fds(channel, [b'{"event": "work"}'], [os.open(host.data, os.O_RDONLY)])
    host.run.checkpoint(host.recommender)


def only_finished(host):
    """The word that it has finished, and nothing else"""
    say({"event": "finished"})
    os._exit(0)


def early_predicted(host):
    """*Predicted* before there is an answer, to make a slow prediction look quick"""
    say({"event": "predicting", "index": 0}, {"event": "predicted", "index": 0})
    plain = host.recommender.score
    host.recommender.score = lambda *asked: time.sleep(0.5) or plain(*asked)
    host.run._due_s = 0.0
    host.run.checkpoint(host.recommender)


def late_answer(host):
    """A quick answer that is announced, and a slow and better one put in its place"""
    answer = Path(host.out, "0.answer.npy")
    Path(host.out, "0.state.safetensors").write_bytes(b"x")
    answer.write_bytes(b"quick")
    say({"event": "predicting", "index": 0}, {"event": "predicted", "index": 0})
    deadline = time.monotonic() + 0.4
    while time.monotonic() < deadline:
        pass
    answer.write_bytes(b"slow and better")
    say({"event": "checkpoint", "index": 0})
    signal.pause()


def flood(host):
    """Statuses without end"""
    message = json.dumps({"event": "started"}).encode()
    with socket.socket(fileno=os.dup(3)) as channel:
        while True:
            channel.send(message)


def descriptors_flood(host):
    """Statuses with descriptors without end, for a reader that keeps them open"""
    opened = os.open("/dev/null", os.O_RDONLY)
    with socket.socket(fileno=os.dup(3)) as channel:
        while True:
            with contextlib.suppress(OSError):  # so many are under way that the kernel refuses more for now
                socket.send_fds(channel, [b'{"event": "started"}'], [opened] * 4)


def frozen_clock(host):
    """Clocks that stand still, so that the time is never used up"""
    real, now = time.monotonic, time.monotonic()
    time.time = time.monotonic = time.perf_counter = lambda: now
    host.run._clock = lambda: now
    until = real() + 0.1
    while real() < until:
        host.run.checkpoint(host.recommender)
    print(f"seconds by its own clock: {time.monotonic() - now}", flush=True)
    while True:
        host.run.checkpoint(host.recommender)


def longer_training(host):
    """More training time, set in the harness"""
    host.run._training_s = 1e9
    print(f"seconds left by its own count: {host.run.seconds_left:.0f}", flush=True)
    while True:
        host.run.checkpoint(host.recommender)


def training_while_predicting(host):
    """Training while it claims to predict, which is not training time"""

    def score(history, users):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            pass

    host.recommender.score = score
    host.run._due_s = 0.0
    host.run.checkpoint(host.recommender)


def more_validations(host):
    """More validations than there are, by a patched harness, to learn from when it is stopped"""
    host.run._validations = 10**6
    while True:
        host.run._due_s = 0.0
        host.run.checkpoint(host.recommender)


def patched_harness(host):
    """The harness, patched to write perfect answers and to speak of a score"""
    for module in list(sys.modules.values()):
        if hasattr(module, "top_k"):
            module.top_k = lambda *_, **__: {"ndcg": 1.0}
    for thing in gc.get_objects():
        if type(thing).__name__ == "Validator":
            thing._question = lambda *_: [["perfect"]]
    host.run._due_s = 0.0
    host.run.checkpoint(host.recommender)


def score_in_the_answer(host):
    """The score, read from what the trusted side answers at a checkpoint"""
    heard = []
    for thing in gc.get_objects():
        if type(thing).__name__ == "Control":
            listen(thing, heard)
    host.run._due_s = 0.0
    host.run.checkpoint(host.recommender)
    return heard


def listen(control, heard):
    plain = type(control).wait_for_ack

    def overheard(self, index):
        heard.append(self.channel.recv(4096, socket.MSG_PEEK).decode())
        return plain(self, index)

    type(control).wait_for_ack = overheard
