"""network"""

import ctypes
import mmap
import os
import platform
import socket
import struct

import kernel


def tcp(host):
    """A TCP connection to a port of the machine"""
    with socket.create_connection(("127.0.0.1", host.tcp_port), timeout=2) as connection:
        connection.sendall(host.token)


def tcp_fast_open(host):
    """A TCP connection that is never asked for: data that rides on its first packet (MSG_FASTOPEN)"""
    with socket.socket() as connection:
        connection.sendto(host.token, 0x20000000, ("127.0.0.1", host.tcp_port))


def udp(host):
    """A datagram to a port of the machine"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(host.token, ("127.0.0.1", host.udp_port))


def dns(host):
    """A DNS question whose name is the loot, to a resolver"""
    label = host.token
    header = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0)
    question = bytes([len(label)]) + label + b"\x07example\x03org\0" + struct.pack(">2H", 16, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", host.udp_port))
        sender.send(header + question)


def raw(host):
    """A packet built by hand, through a raw socket"""
    datagram = struct.pack(">4H", 9, host.udp_port, 8 + len(host.token), 0) + host.token
    loopback = socket.inet_aton("127.0.0.1")
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0, loopback, loopback)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        sender.sendto(header + datagram, ("127.0.0.1", 0))


def netlink(host):
    """The list of the machine's listening ports, asked of the kernel over netlink"""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diagnosis:
        diagnosis.settimeout(2)
        request = struct.pack("=BBBxI48x", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
        diagnosis.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0) + request)
        ports = []
        while True:
            answer = diagnosis.recv(1 << 16)
            while len(answer) >= 16:
                length, kind = struct.unpack_from("=IH", answer)
                if kind in (2, 3):
                    return "ports " + " ".join(map(str, ports))
                ports.append(struct.unpack_from(">H", answer, 20)[0])
                answer = answer[(length + 3) & ~3 :]


def vsock(host):
    """A socket to the hypervisor, which no network namespace holds"""
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    return "BREACH: an AF_VSOCK socket"


def io_uring(host):
    """A datagram through io_uring, which no filter of system calls sees"""
    ring = Ring()
    sender = ring.do(45, socket.AF_INET, off=socket.SOCK_DGRAM)
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", host.udp_port, socket.inet_aton("127.0.0.1"))
    ring.do(16, sender, off=len(address), buffer=address)
    ring.do(26, sender, length=len(host.token), buffer=host.token)


class Ring:
    """The least of io_uring: one operation at a time, each waited for."""

    def __init__(self):
        parameters = ctypes.create_string_buffer(120)
        self.ring = kernel.call("io_uring_setup", 4, parameters)
        sq_entries, cq_entries = struct.unpack_from("=2I", parameters)
        self.sq_tail, array = struct.unpack_from("=4xI16xI", parameters, 40)
        self.cq_head, self.cqes = struct.unpack_from("=I16xI", parameters, 80)
        size = max(array + 4 * sq_entries, self.cqes + 16 * cq_entries)
        self.rings = mmap.mmap(self.ring, size)
        self.entries = mmap.mmap(self.ring, 64 * sq_entries, offset=0x10000000)
        self.array = array
        self.done = 0

    def do(self, operation, descriptor, *, off=0, length=0, buffer=b""):
        held = ctypes.create_string_buffer(buffer, max(1, len(buffer)))
        address = ctypes.addressof(held) if buffer else 0
        entry = struct.pack("=BBHiQQIIQ24x", operation, 0, 0, descriptor, off, address, length, 0, 1)
        self.entries[:64] = entry
        struct.pack_into("=I", self.rings, self.array + 4 * (self.done % 4), 0)
        struct.pack_into("=I", self.rings, self.sq_tail, self.done + 1)
        kernel.call("io_uring_enter", self.ring, 1, 1, 1, None, 0)
        place = self.cqes + 16 * (self.done % 8)
        (result,) = struct.unpack_from("=8xi", self.rings, place)
        self.done += 1
        struct.pack_into("=I", self.rings, self.cq_head, self.done)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result


def other_tables(host):
    """A datagram through the kernel's other tables of system calls: x32, and i386 by int 0x80"""
    if platform.machine() != "x86_64":
        return "no other table on this machine"
    return kernel.in_child(lambda: by_x32(host)) + "; " + kernel.in_child(lambda: by_i386(host))


def by_x32(host):
    sender = kernel.by_number(0x40000000 | 41, socket.AF_INET, socket.SOCK_DGRAM, 0)
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", host.udp_port, socket.inet_aton("127.0.0.1"))
    kernel.by_number(0x40000000 | 42, sender, address, len(address))
    os.write(sender, host.token)


def by_i386(host):
    code = bytes.fromhex("53 89f8 89f3 4189d2 89ca 4489d1 cd80 4863c0 5b c3")
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", host.udp_port, socket.inet_aton("127.0.0.1"))
    low = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, 7)  # MAP_32BIT
    low[: len(code)], low[256 : 256 + len(address)] = code, address
    low[512 : 512 + len(host.token)] = host.token
    base = ctypes.addressof(ctypes.c_char.from_buffer(low))
    trap = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 4)(base)
    sender = trap(359, socket.AF_INET, socket.SOCK_DGRAM, 0)
    return [sender, trap(362, sender, base + 256, len(address)), trap(4, sender, base + 512, len(host.token))]


def abstract_socket(host):
    """A unix socket that has a name but no file"""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + host.abstract)
        connection.sendall(host.token)


def path_socket(host):
    """A unix socket that is a file, as those of services are"""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(host.socket_file)
        connection.sendall(host.token)


def path_datagram(host):
    """A datagram to a unix socket that is a file, from a pair of sockets that was never connected to it"""
    mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    mine.sendto(host.token, host.datagram_file)
