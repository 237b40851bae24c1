"""What a worker tells the server and the server tells the page: a few named values and some bytes.

One layout for the pipe and the WebSocket, little endian: the header's length and the payload's (uint32 each), the
header as JSON, padded with spaces so that the payload is aligned to 4 bytes, the payload.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any

PREFIX = struct.Struct("<II")


@dataclass(frozen=True)
class Message:
    """A header, whose `kind` says what it is about, and a payload such as splats or a mesh."""

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
