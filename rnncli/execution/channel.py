"""Messages to and from a child process: a mark, a kind, a length, and so many bytes.

The child runs a user's code, which may write anything into any file: the parent believes no length and no kind, takes
memory as bytes come, and waits no longer than a deadline.
"""

import select
import socket
import struct
import time
from typing import BinaryIO

REQUEST, VALUE, CANDIDATE, CONFIG, INTERNAL = b"?", b"v", b"f", b"c", b"i"  # kinds: a call, its value, and errors
_HEAD = struct.Struct("!4scQ")
_MARK = b"rnn\n"
_READ_BYTES = 2**20  # at a time


def write_message(file: BinaryIO, kind: bytes, data: bytes) -> None:
    """Write a message, in the child."""
    file.write(_HEAD.pack(_MARK, kind, len(data)) + data)
    file.flush()


def read_message(file: BinaryIO) -> bytes:
    """Return the bytes of the next message, in the child. Raises EOFError where the parent is gone."""
    head = file.read(_HEAD.size)
    if not head:
        raise EOFError
    return file.read(_HEAD.unpack(head)[2])


class Channel:
    """The parent's end. Its methods raise TimeoutError at a deadline, which is a time of `time.monotonic`, and EOFError
    where the child has ended: what it has started may hold its end of the socket open.
    """

    def __init__(self, connection: socket.socket, exited: int, most_bytes: int) -> None:
        """`exited`: a file that can be read when the child has ended. `most_bytes`: of a message."""
        self._connection, self._exited, self._most_bytes = connection, exited, most_bytes
        connection.setblocking(False)

    def send(self, data: bytes, deadline: float) -> None:
        """Send a request."""
        left = memoryview(_HEAD.pack(_MARK, REQUEST, len(data)) + data)
        while left:
            try:
                left = left[self._connection.send(left) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except ConnectionError:
                raise EOFError from None

    def receive(self, deadline: float) -> tuple[bytes, bytearray]:
        """Return the kind and the bytes of the next message. Raises ValueError for what is none."""
        mark, kind, length = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if mark != _MARK or length > self._most_bytes:
            raise ValueError("not a message")
        return kind, self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytearray:
        data = bytearray()
        while len(data) < count:
            try:
                read = self._connection.recv(min(_READ_BYTES, count - len(data)))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except ConnectionError:
                read = b""
            if not read:
                raise EOFError
            data += read
        return data

    def _wait(self, event: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        waiting = select.poll()
        waiting.register(self._connection, event)
        waiting.register(self._exited, select.POLLIN)
        if [file for file, _ in waiting.poll(1000 * left)] == [self._exited]:
            raise EOFError
