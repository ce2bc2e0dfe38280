"""signals"""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import termios
from pathlib import Path

import kernel


def kill(host):
    """Another process, killed"""
    os.kill(host.victims["kill"], signal.SIGKILL)


def kill_group(host):
    """A group of other processes, killed"""
    os.killpg(host.victims["kill_group"], signal.SIGKILL)


def stop(host):
    """Another process, stopped"""
    os.kill(host.victims["stop"], signal.SIGSTOP)


def kill_by_handle(host):
    """Another process, killed through a pidfd"""
    signal.pidfd_send_signal(os.pidfd_open(host.victims["kill_by_handle"]), signal.SIGKILL)


def kill_thread(host):
    """A thread of another process, killed: tgkill"""
    victim = host.victims["kill_thread"]
    kernel.call("tgkill", victim, victim, signal.SIGKILL)


def kill_by_queue(host):
    """Another process, sent a signal with a value: rt_sigqueueinfo"""
    information = ctypes.create_string_buffer(struct.pack("=iii", signal.SIGTERM, 0, -1), 128)
    kernel.call("rt_sigqueueinfo", host.victims["kill_by_queue"], int(signal.SIGTERM), information)


def kill_by_owner(host):
    """Another process, made the owner of a socket that then sends it a signal: F_SETOWN"""
    mine, other = socket.socketpair()
    fcntl.fcntl(mine, fcntl.F_SETOWN, host.victims["kill_by_owner"])
    fcntl.fcntl(mine, fcntl.F_SETFL, fcntl.fcntl(mine, fcntl.F_GETFL) | os.O_ASYNC)
    other.send(b"x")


def kill_by_limit(host):
    """The limits of another process, lowered: prlimit"""
    resource.prlimit(host.victims["kill_by_limit"], resource.RLIMIT_NOFILE, (3, 3))


def slow_down(host):
    """The priority of another process, lowered"""
    os.setpriority(os.PRIO_PROCESS, host.victims["slow_down"], 19)


def first_to_die(host):
    """Another process, made the first to be killed when memory runs out: /proc/PID/oom_score_adj"""
    Path(f"/proc/{host.victims['first_to_die']}/oom_score_adj").write_text("500")


def terminal_text(host):
    """Text and escape sequences on the terminal of whoever watches"""
    with Path(host.terminal).open("wb", buffering=0) as terminal:
        terminal.write(b"\x1b]0;" + host.token)


def terminal_keys(host):
    """Keys pressed on the terminal of whoever watches: TIOCSTI"""
    terminal = os.open(host.terminal, os.O_RDWR | os.O_NOCTTY)
    for key in host.token:
        fcntl.ioctl(terminal, termios.TIOCSTI, bytes([key]))
