"""Where a prior's files come from: a folder, a hub id, or the first of several ids that has them.

Only files of data are fetched, never code.
"""

import fnmatch
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from pathlib import Path, PurePosixPath
from typing import TypeVar

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.manifest import Component, Manifest

logger = logging.getLogger(__name__)

_STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")
_ENDINGS = (".fp16.safetensors", ".safetensors", ".fp16.bin", ".bin")
"""In the order of preference: small before large, safetensors before pickles (which are read as tensors only)."""


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
class Located:
    """A source that has all that a prior needs."""

    source: Source
    weights: Mapping[str, tuple[str, ...]]
    """File of tensors, or the parts of one, by component."""
    configs: Mapping[str, str]
    """Config file by component."""
    files: tuple[str, ...]
    sizes: Mapping[str, int]
    """Bytes of each of these files."""
    option: str
    """The flag that names another place."""

    def paths(self) -> dict[str, Path]:
        """All files on this machine, by their names. Raises WeightsUnavailable."""
        try:
            return {file: self.source.fetch(file) for file in self.sizes}
        except Exception as error:
            raise WeightsUnavailable(
                f"The download from {self.source.name} did not end well ({_reason(error)}). Run it again (it goes on "
                f"where it stopped), or give another id or a folder with {self.option}."
            ) from error


def locate(manifest: Manifest, path: str | None = None, endpoint: str | None = None) -> Located:
    """The first source that has the prior's files: `path` (a folder or a hub id) alone where it is given, otherwise
    the manifest's ids in their order, those already downloaded first.

    Raises WeightsUnavailable, which names everything that was tried.
    """
    if path is not None and Path(path).expanduser().is_dir():
        return _located(Folder(Path(path).expanduser()), manifest)
    if path is not None and (path.count("/") != 1 or path[0] in "./~"):
        raise WeightsUnavailable(
            f"{manifest.option} {path} is neither a folder, nor a file of weights, nor a hub id. Give the folder of a "
            "checkpoint in the diffusers layout (it holds "
            f"{', '.join(component.folders[0] or 'config.json' for component in manifest.components.values())})."
        )
    return _first(
        [HubRepository(name, endpoint) for name in ((path,) if path else manifest.ids)],
        lambda source: _obtainable(source, manifest),
        f"weights of {manifest.prior}",
        manifest.option,
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


def tokenizer_files(manifest: Manifest, endpoint: str | None = None) -> dict[str, Path]:
    """The small files of the tokenizers alone, from the first of the manifest's ids that has them.

    Raises WeightsUnavailable, which names everything that was tried.
    """
    names = [file for file in manifest.files if file.startswith("tokenizer")]

    def fetch(source: Source) -> dict[str, Path]:
        if lacking := [name for name in names if name not in source.sizes()]:
            raise WeightsUnavailable(f"{source.name} lacks {', '.join(lacking)}.")
        return {name: source.fetch(name) for name in names}

    sources = [HubRepository(id_, endpoint) for id_ in manifest.ids]
    return _first(sources, fetch, f"tokenizer's files of {manifest.prior}", manifest.option)


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


def _obtainable(source: Source, manifest: Manifest) -> Located:
    """A gated repository lists its files and gives none, so the smallest is fetched before the source is chosen."""
    located = _located(source, manifest)
    source.fetch(min(located.sizes, key=located.sizes.__getitem__))
    return located


def _located(source: Source, manifest: Manifest) -> Located:
    sizes = source.sizes()
    weights = {name: _weights_files(component, sizes) for name, component in manifest.components.items()}
    missing = [f"{manifest.components[name].folders[0] or '.'}/" for name, parts in weights.items() if not parts]
    missing += [file for file in manifest.files if file not in sizes]
    if missing:
        raise WeightsUnavailable(f"{source.name} is no checkpoint of {manifest.prior}: it lacks {', '.join(missing)}.")
    configs = {name: PurePosixPath(parts[0]).with_name("config.json").as_posix() for name, parts in weights.items()}
    configs = {name: file for name, file in configs.items() if file in sizes}
    needed = dict.fromkeys((*chain(*weights.values()), *configs.values(), *manifest.files))
    return Located(source, weights, configs, manifest.files, {file: sizes[file] for file in needed}, manifest.option)


def _weights_files(component: Component, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The file, or all parts of one that was cut; none where there is neither."""
    for end, folder, stem in product(_ENDINGS, component.folders, _STEMS):
        whole = PurePosixPath(folder, stem + end)
        if whole.as_posix() in sizes:
            return (whole.as_posix(),)
        parts = sorted(fnmatch.filter(sizes, PurePosixPath(folder, f"{stem}-?????-of-?????{end}").as_posix()))
        if parts and int(parts[0].removesuffix(end)[-5:]) == len(parts):
            return tuple(parts)
    return ()


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
