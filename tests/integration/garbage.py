"""garbage - sends what no peer would to the sockets named on stdin and to argv[1].

Every connection gets seeded random bytes, a huge length, half a message, nothing at
all; an answer is not asked for. Exit status 0 if every socket still takes connections
at the end.
"""
import errno
import os
import random
import socket
import struct
import sys

seed = int(os.environ.get("HV_SEED") or random.SystemRandom().getrandbits(32))
print(f"HV_SEED={seed}")
rng = random.Random(seed)


def connect(address):
    if address.startswith("tcp://"):
        host, port = address[len("tcp://"):].rsplit(":", 1)
        return socket.create_connection((host, int(port)), timeout=5)
    try:
        return connect_local(address, socket.SOCK_SEQPACKET)
    except OSError as failure:
        if failure.errno != errno.EPROTOTYPE:
            raise
    return connect_local(address, socket.SOCK_STREAM)


def connect_local(address, kind):
    """Blocks while the backlog is full: garbage comes faster than it is refused."""
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 10, 0))
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def packets():
    yield b""
    for size in (1, 15, 16, 24, 72, 100, 1000, 4096):
        yield rng.randbytes(size)
    # nng over a stream: its greeting, then a message of 2^62 bytes
    greeting = b"\0SP\0\0\x30\0\0"
    yield greeting
    yield greeting + (1 << 62).to_bytes(8, "big") + rng.randbytes(64)
    yield greeting + b"\1" + (1 << 62).to_bytes(8, "big") + rng.randbytes(64)
    for size in (5, 64, 3000):
        body = rng.randbytes(size)
        yield greeting + size.to_bytes(8, "big") + body
        yield greeting + b"\1" + size.to_bytes(8, "big") + body
    # a right head with the wrong rest: "TARN", version 1, types 0..31
    for kind in range(32):
        head = b"TARN" + (1).to_bytes(2, "little") + kind.to_bytes(2, "little")
        yield head + (64).to_bytes(4, "little") + bytes(4) + rng.randbytes(48)
        yield head + (0xFFFFFFFF).to_bytes(4, "little") + bytes(4)


def send_all(address):
    count = 0
    for packet in packets():
        sock = connect(address)
        try:
            sock.send(packet)
            if rng.random() < 0.3:
                sock.send(rng.randbytes(32))
        except OSError:
            pass  # hung up on us: as it should
        sock.close()
        count += 1
    connect(address).close()
    print(f"{address}: {count} packets, still there")


for name in [line.strip() for line in sys.stdin] + sys.argv[1:]:
    send_all(name)
