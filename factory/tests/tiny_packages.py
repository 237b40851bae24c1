"""Tiny packages of the kinds that the data factory reads."""

import io
import struct
import tarfile
import zlib
from pathlib import Path

from PIL import Image

MATERIAL = """material {name} {{ technique {{ pass {{
    texture_unit Overlay {{
        texture Overlay.png
    }}
    texture_unit {{
        texture {picture}
    }}
}} }} }}
"""


def write_deb(path: Path, files: dict[str, bytes]) -> Path:
    """A Debian package with files."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./usr/share/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    parts = (("debian-binary", b"2.0\n"), ("data.tar.xz", data.getvalue()))
    path.write_bytes(b"!<arch>\n" + b"".join(_ar_member(name, content) for name, content in parts))
    return path


def _ar_member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
    return header.encode() + content + b"\n" * (len(content) % 2)


def write_openclonk(path: Path) -> Path:
    """The game's package with an animal, a helmet that is left out, and a character who has other clothes."""
    overlay, base = Image.new("RGBA", (8, 8), (255, 255, 255, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    overlay.paste((255, 255, 255, 255), (0, 0, 8, 4))
    pictures = {"Overlay.png": _png(overlay), "skin.png": _png(base)}
    materials = "".join(MATERIAL.format(name=name, picture="skin.png") for name in ("Fur", "Clonk_Sage"))
    animal = {"Graphics.mesh": ogre_mesh("Fur"), "Scene.material": materials.encode(), **pictures}
    clonk = {name: ogre_mesh("Fur") for name in ("Graphics.mesh", "GraphicsAlchemist.mesh", "GraphicsFarmer.mesh")}
    animals = group({"ToadstoolCow.ocd": group(animal), "Helmet.ocd": group(animal)})
    return write_deb(path, {"Objects.ocd": packed(group({"Animals.ocd": animals, "Clonk.ocd": group(clonk)}))})


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def group(files: dict[str, bytes]) -> bytes:
    """A group file of the game; names in .ocd are groups in it."""
    head = bytearray(b"RedWolf Design GrpFolder".ljust(28, b"\0") + struct.pack("<3i", 1, 2, len(files)))
    head = head.ljust(204, b"\0")
    for i in range(0, 202, 3):
        head[i], head[i + 2] = head[i + 2], head[i]
    table, offset = b"", 0
    for name, content in files.items():
        numbers = struct.pack("<5i", 1, name.endswith(".ocd"), len(content), 0, offset)
        table += (name.encode().ljust(260, b"\0") + numbers).ljust(316, b"\0")
        offset += len(content)
    return bytes(byte ^ 237 for byte in head) + table + b"".join(files.values())


def packed(content: bytes) -> bytes:
    """gzip under the game's own magic bytes."""
    squeezed = zlib.compressobj(wbits=31)
    return b"\x1e\x8c" + (squeezed.compress(content) + squeezed.flush())[2:]


def ogre_mesh(material: str, *, shared: bool = False) -> bytes:
    """A tetrahedron as a binary Ogre mesh; its vertices' v are their heights."""
    corners = ((0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 1))
    elements = _chunk(0x5110, struct.pack("<5H", 0, 2, 1, 0, 0)) + _chunk(0x5110, struct.pack("<5H", 0, 1, 7, 12, 0))
    vertices = b"".join(struct.pack("<5f", *corner, 0.25, corner[1] / 2) for corner in corners)
    buffer = _chunk(0x5200, struct.pack("<2H", 0, 20) + _chunk(0x5210, vertices))
    geometry = _chunk(0x5000, struct.pack("<I", 4) + _chunk(0x5100, elements) + buffer)
    faces = struct.pack("<12H", 0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3)
    submesh = material.encode() + b"\n" + struct.pack("<?I?", shared, 12, False) + faces
    inside = geometry + _chunk(0x4000, submesh) if shared else _chunk(0x4000, submesh + geometry)
    return b"\x00\x10[MeshSerializer_v1.8]\n" + _chunk(0x3000, b"\0" + inside)


def _chunk(kind: int, content: bytes) -> bytes:
    return struct.pack("<HI", kind, len(content) + 6) + content
