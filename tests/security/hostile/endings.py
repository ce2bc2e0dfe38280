"""endings"""

import atexit
import ctypes
import os
import signal
import sys
import threading
import time


def daemon(host, ignoring=()):
    """A process in a session of its own, its parent gone, with the suite's mark on its command line; returns once it
    runs."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        for number in ignoring:
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            script = "import signal\nwhile True: signal.pause()"
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", script, f"{host.key}-{host.name}"])
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)


POLITE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def daemon_after_a_good_end(host):
    """A daemon that stays when the training has ended well"""
    daemon(host)


def daemon_that_ignores_signals(host):
    """A daemon that ignores every polite signal, of a training that never ends"""
    daemon(host, POLITE)
    for number in POLITE:
        signal.signal(number, signal.SIG_IGN)
    while True:
        signal.pause()


def daemon_whose_keeper_is_killed(host):
    """A daemon, after all processes above it that can be reached are killed"""
    parent = os.getppid()
    daemon(host)
    if host.run is not None and parent > 1:
        os.kill(parent, signal.SIGKILL)
    signal.sigtimedwait([], 3.0)  # and then goes, where nothing holds it


def odd_name(host):
    """A process whose name is no text, for whoever reads it along with what the process used"""
    ctypes.CDLL(None).prctl(15, b"\xff\xfe\xfd", 0, 0, 0)
    while True:
        pass


def daemon_of_a_crash(host):
    """A daemon of a training that kills itself"""
    daemon(host)
    os.kill(os.getpid(), signal.SIGKILL)


def spin(host):
    """An endless loop"""
    while True:
        pass


def sleep(host):
    """Sleep without end, signals blocked"""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(1000)


def stopped(host):
    """Its own process, stopped"""
    os.kill(os.getpid(), signal.SIGSTOP)


def stall_in_validation(host):
    """An answer that never comes"""
    host.recommender.score = lambda history, users: spin(host)
    host.run._due_s = 0.0
    host.run.checkpoint(host.recommender)


def deaf(host):
    """A training that does not stop when it is told to"""
    while True:
        try:
            host.run._due_s = 0.0
            host.run.checkpoint(host.recommender)
        except BaseException:
            signal.pause()


def leave_with_0(host):
    """To leave early, as if all were well: os._exit(0)"""
    os._exit(0)


def leave_with_64(host):
    """To leave early, as the harness does on a broken contract: os._exit(64)"""
    os._exit(64)


def leave_after_an_answer(host):
    """To leave before fit returns, with a good answer handed over"""
    host.run._due_s = 0.0
    host.run.checkpoint(host.recommender)
    os._exit(0)


def segmentation_fault(host):
    """A crash in the middle of C code"""
    ctypes.string_at(0)


def closed_descriptors(host):
    """Every descriptor closed, the control socket among them"""
    os.closerange(0, 256)
    host.run.checkpoint(host.recommender)


def stall_at_exit(host):
    """A thread and a handler that keep the process from leaving"""
    threading.Thread(target=threading.Event().wait).start()
    atexit.register(threading.Event().wait)
