"""Debian's packages as archives of files, without installing them."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dreamgaussian.core.errors import ConfigError


def fetch(package: str, folder: Path, option: str) -> Path:
    """The package as a .deb file in `folder`, downloaded if it is not there; `option` takes one got by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if found:
        return found[-1]
    if shutil.which("apt-get") is None:
        raise ConfigError(
            f"The training objects come in Debian's package {package}, and there is no apt-get here. "
            f"Download the .deb from packages.debian.org and give it with {option}."
        )
    done = subprocess.run(["apt-get", "download", package], cwd=folder, capture_output=True, text=True, check=False)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ConfigError(f"apt-get could not download {package} ({reason[0]}). Run apt-get update and try again.")
    return found[-1]


def read_files(package: Path, suffix: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files of a .deb whose names end in `suffix`."""
    with tarfile.open(fileobj=io.BytesIO(_data_of(package))) as files:
        for member in files:
            path = PurePosixPath(member.name)
            if path.suffix == suffix and (content := files.extractfile(member)) is not None:
                yield path, content.read()


def _data_of(package: Path) -> bytes:
    """The data.tar.* of a .deb, which is an ar archive: 60-byte headers, contents padded to even lengths (deb(5))."""
    try:
        content = package.read_bytes()
    except OSError as error:
        raise ConfigError(f"The package {package} cannot be read ({error.strerror}).") from error
    start = len(b"!<arch>\n")
    while start < len(content):
        header = content[start : start + 60]
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return content[start + 60 : start + 60 + size]
        start += 60 + size + size % 2
    raise ConfigError(f"{package} is not a Debian package with files in it.")
