"""Where a prior's files come from: a folder, a hub id, or the first of several ids that has them.

Only files of data are fetched: tensors in the safetensors format, configs and vocabularies; neither code nor pickles.
"""

import fnmatch
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path, PurePosixPath
from typing import TypeVar

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.published import Published

logger = logging.getLogger(__name__)

_STEMS = ("diffusion_pytorch_model", "model")
"""Names of the file of tensors by diffusers and by transformers."""


@dataclass(frozen=True)
class Folder:
    """A checkpoint on this machine."""

    root: Path

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self.root)

    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, down to one level of folders."""
        found = [path for pattern in ("*", "*/*") for path in self.root.glob(pattern) if path.is_file()]
        return {path.relative_to(self.root).as_posix(): path.stat().st_size for path in found}

    def fetch(self, file: str) -> Path:
        """The file itself."""
        return self.root / file


@dataclass(frozen=True)
class HubRepository:
    """A repository on the Hugging Face hub, or on a mirror of it (HF_ENDPOINT)."""

    name: str
    endpoint: str | None = None

    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, as the hub lists them."""
        from huggingface_hub import HfApi, constants

        patience = constants.HF_HUB_ETAG_TIMEOUT
        listing = HfApi(endpoint=self.endpoint).model_info(self.name, files_metadata=True, timeout=patience)
        return {file.rfilename: file.size or 0 for file in listing.siblings or ()}

    def fetch(self, file: str) -> Path:
        """The file in the hub's cache; downloaded, with a progress bar, where it isn't there."""
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(self.name, file, endpoint=self.endpoint))

    def cached(self) -> Folder | None:
        """What was downloaded before, or None."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            return Folder(Path(snapshot_download(self.name, local_files_only=True)))
        except (LocalEntryNotFoundError, HFValidationError):
            return None


Source = Folder | HubRepository
T = TypeVar("T")


@dataclass(frozen=True)
class Weights:
    """The files of a network's tensors."""

    folder: str
    files: tuple[str, ...]
    """One, or all parts of one that was cut and then their index."""
    variant: str | None = None
    """ "fp16" where the file's name says that it is in half precision."""


@dataclass(frozen=True)
class Located:
    """A source that has all that a prior needs."""

    source: Source
    published: Published
    weights: Mapping[str, Weights]
    """By component."""
    sizes: Mapping[str, int]
    """Bytes of each file that is needed."""

    def fetch(self) -> Path:
        """The folder of all these files on this machine. Raises WeightsUnavailable."""
        try:
            paths = {file: self.source.fetch(file) for file in self.sizes}
        except Exception as error:
            raise WeightsUnavailable(
                f"The download from {self.source.name} did not end well ({_reason(error)}). Run it again (it goes on "
                f"where it stopped), or give another id or a folder with {self.published.option}."
            ) from error
        return next(path.parents[file.count("/")] for file, path in paths.items())


def locate(published: Published, path: str | None = None, endpoint: str | None = None) -> Located:
    """The first source that has the prior's files.

    Args:
        published: Which files are needed, and the ids that are tried in their order, those already downloaded first.
        path: A folder or a hub id, which alone is looked at where it is given.
        endpoint: Address of the hub; None: the public one, or that of HF_ENDPOINT.

    Raises:
        WeightsUnavailable: No source has them; the message names everything that was tried.
    """
    if path is not None and Path(path).expanduser().is_dir():
        return _located(Folder(Path(path).expanduser()), published)
    if path is not None and (path.count("/") != 1 or path[0] in "./~"):
        raise WeightsUnavailable(
            f"{published.option} {path} is neither a folder, nor a file of weights, nor a hub id. Give the folder of a "
            "checkpoint in the diffusers layout (it holds "
            f"{', '.join(folders[0] or 'config.json' for folders in published.folders.values())})."
        )
    return _first(
        [HubRepository(name, endpoint) for name in ((path,) if path else published.ids)],
        lambda source: _obtainable(source, published),
        f"files of {published.name}",
        published.option,
    )


@cache
def recognise(place: str, endpoint: str | None = None) -> str:
    """The name of the prior whose files a folder or a hub id holds. Raises WeightsUnavailable where it is none."""
    folder = Path(place).expanduser()
    if folder.is_dir():
        return _recognised(Folder(folder))
    if folder.exists() or place.count("/") != 1 or place[0] in "./~":
        raise WeightsUnavailable(
            f"--prior {place} is neither a folder nor a hub id. A single file goes with the name of its prior: --prior "
            "stable-diffusion --prior-path FILE."
        )
    return _first([HubRepository(place, endpoint)], _recognised, f"files of {place}", "--prior")


def _recognised(source: Source) -> str:
    """By the folders that only one kind has, and by the width of the words that the UNet is told."""
    files = source.sizes()
    folders = {file.split("/")[0] for file in files if "/" in file}
    if folders & {"clip_camera_projection", "cc_projection"}:
        return "stable-zero123" if "stable" in source.name.rsplit("/")[-1].lower() else "zero123-xl"
    if {"text_encoder_2", "unet"} <= folders:
        return "sdxl"
    if "unet/config.json" in files:
        config = json.loads(source.fetch("unet/config.json").read_text(encoding="utf-8"))
        if "camera_dim" in config:
            return "imagedream" if "image_encoder" in folders else "mvdream"
        names = {768: "stable-diffusion-1.5", 1024: "stable-diffusion"}
        if config.get("in_channels") == 4 and config.get("cross_attention_dim") in names:
            return names[config["cross_attention_dim"]]
    raise WeightsUnavailable(
        f"{source.name} holds no prior that is known (its folders: {', '.join(sorted(folders)) or 'none'}). Say which "
        "it is: --prior stable-diffusion --prior-path FOLDER."
    )


def _first(repositories: list[HubRepository], attempt: Callable[[Source], T], what: str, option: str) -> T:
    """What the attempt gives for the first repository for which it succeeds, those in the cache before all others."""
    for repository in repositories:
        if folder := repository.cached():
            try:
                return attempt(folder)
            except WeightsUnavailable:
                logger.debug("%s is only partly in the cache.", repository.name)
    reasons: list[str] = []
    for repository in repositories:
        try:
            return attempt(repository)
        except Exception as error:  # A client of the network may raise anything; the next mirror is tried.
            reasons.append(f"{repository.name} ({_reason(error)})")
    raise WeightsUnavailable(
        f"The {what} are not to be had. Tried {', '.join(reasons)}. Download the checkpoint by other means and give "
        f"its folder with {option}, or give another hub id there."
    )


def _obtainable(source: Source, published: Published) -> Located:
    """A gated repository lists its files and gives none, so the smallest is fetched before the source is chosen."""
    located = _located(source, published)
    source.fetch(min(located.sizes, key=located.sizes.__getitem__))
    return located


def _located(source: Source, published: Published) -> Located:
    sizes = source.sizes()
    found = {name: _weights(folders, sizes) for name, folders in published.folders.items()}
    weights = {name: files for name, files in found.items() if files}
    missing = [f"{published.folders[name][0] or '.'}/" for name in found if name not in weights]
    missing += [file for file in published.files if file not in sizes]
    if missing:
        pickled = any(file.endswith(".bin") for file in sizes)
        why = " (its .bin files are pickles, which could run any code, and are not read)" if pickled else ""
        raise WeightsUnavailable(
            f"{source.name} is no checkpoint of {published.name}: it lacks {', '.join(missing)}{why}."
        )
    needed = [file for parts in weights.values() for file in parts.files]
    needed += [config for parts in weights.values() if (config := _within(parts.folder, "config.json")) in sizes]
    needed += published.files
    return Located(source, published, weights, {file: sizes[file] for file in dict.fromkeys(needed)})


def _weights(folders: tuple[str, ...], sizes: Mapping[str, int]) -> Weights | None:
    """A network's file or all parts of one that was cut, half precision before full; None where there is neither."""
    for folder, stem in product(folders, _STEMS):
        if (file := _within(folder, f"{stem}.fp16.safetensors")) in sizes:
            return Weights(folder, (file,), "fp16")
    for folder, stem in product(folders, _STEMS):
        index = _within(folder, f"{stem}.safetensors.index.json")
        parts = sorted(fnmatch.filter(sizes, _within(folder, f"{stem}-?????-of-?????.safetensors")))
        if index in sizes and parts and int(parts[0].removesuffix(".safetensors")[-5:]) == len(parts):
            return Weights(folder, (*parts, index))
        if (file := _within(folder, f"{stem}.safetensors")) in sizes:
            return Weights(folder, (file,))
    return None


def _within(folder: str, file: str) -> str:
    return PurePosixPath(folder, file).as_posix()


def _reason(error: Exception) -> str:
    """A few words for what a hub's client raises."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    match error:
        case WeightsUnavailable():
            return str(error).removesuffix(".")
        case GatedRepoError():
            return "gated: accept its terms on its page and log in with `hf auth login`"
        case RepositoryNotFoundError():
            return "no such repository: it was deleted, renamed or made private"
        case OfflineModeIsEnabled():
            return "HF_HUB_OFFLINE is set"
        case HFValidationError():
            return "not a valid id"
        case HfHubHTTPError(response=response):
            return f"the hub answered {response.status_code}"
        case _ if isinstance(error, OSError) or any(word in type(error).__name__ for word in ("Connect", "Timeout")):
            return f"no connection: {type(error).__name__}"
        case _:
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no more is known'}"
