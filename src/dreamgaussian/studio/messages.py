"""Messages from a worker to the server and from the server to the page: named values and, for frames, bytes.

One layout for the pipe and the WebSocket, little endian:

    uint32  length of the header, n
    uint32  length of the payload, m
    n bytes header, a JSON object, padded with spaces to a multiple of 4 so that the payload is aligned
    m bytes payload: .splat records, or a .glb file
"""

import json
import struct
from dataclasses import dataclass
from typing import Any

PREFIX = struct.Struct("<II")


@dataclass(frozen=True)
class Message:
    """A header, whose `kind` says what the message is about, and a payload such as splats or a mesh."""

    header: dict[str, Any]
    payload: bytes = b""

    @property
    def kind(self) -> str:
        """What the message is about."""
        return self.header["kind"]

    def pack(self) -> bytes:
        """The message as bytes."""
        header = json.dumps(self.header, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 4)
        return PREFIX.pack(len(header), len(self.payload)) + header + self.payload


def unpack(data: bytes) -> Message:
    """The inverse of `Message.pack`."""
    header, _ = PREFIX.unpack_from(data)
    end = PREFIX.size + header
    return Message(json.loads(data[PREFIX.size : end]), data[end:])
