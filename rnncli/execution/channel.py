"""Messages to and from a child process: a mark, a kind, a length, and so many bytes.

The child runs a user's code, which may write anything into any file: the parent believes no length and no kind, takes
memory as bytes come, and waits no longer than a deadline.
"""

import socket
import struct
import time
from typing import BinaryIO

VALUE, CANDIDATE, CONFIG, INTERNAL = b"v", b"f", b"c", b"i"  # kinds of replies: what a call returned, and three errors
_REQUEST = b"?"
_HEAD = struct.Struct("!4scQ")
_MARK = b"rnn\n"
_READ_BYTES = 2**20  # at a time


def message(kind: bytes, data: bytes) -> bytes:
    """Return the bytes of a message."""
    return _HEAD.pack(_MARK, kind, len(data)) + data


def read_request(file: BinaryIO) -> bytes:
    """Return the bytes of the next request, in the child. Raises EOFError where the parent is gone."""
    head = file.read(_HEAD.size)
    if not head:
        raise EOFError
    return file.read(_HEAD.unpack(head)[2])


def exchange(connection: socket.socket, request: bytes, deadline: float, most_bytes: int) -> tuple[bytes, bytearray]:
    """Send a request, in the parent, and return the kind and the bytes of the reply.

    Raises TimeoutError at the deadline, a time of `time.monotonic`; EOFError or ConnectionError where the child is
    gone; and ValueError for what is no reply of up to `most_bytes`.
    """
    _set_timeout(connection, deadline)
    connection.sendall(message(_REQUEST, request))
    mark, kind, length = _HEAD.unpack(_received(connection, _HEAD.size, deadline))
    if mark != _MARK or length > most_bytes:
        raise ValueError("no reply")
    return kind, _received(connection, length, deadline)


def _received(connection: socket.socket, count: int, deadline: float) -> bytearray:
    data = bytearray()
    while len(data) < count:
        _set_timeout(connection, deadline)
        read = connection.recv(min(_READ_BYTES, count - len(data)))
        if not read:
            raise EOFError
        data += read
    return data


def _set_timeout(connection: socket.socket, deadline: float) -> None:
    connection.settimeout(max(deadline - time.monotonic(), 1e-3))  # 0 would not wait at all
