"""What the data factory and the training loop can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

Stage = Literal["lifter", "denoiser"]


def cache_folder() -> Path:
    """Where packages, renders and training states live, outside any repository; `DREAMGAUSSIAN_CACHE` moves it."""
    import os

    import platformdirs

    return Path(os.environ.get("DREAMGAUSSIAN_CACHE") or platformdirs.user_cache_dir("dreamgaussian"))


@dataclass(frozen=True)
class DataSettings:
    """The data factory of the embedded prior."""

    package: Path | None = None
    """Debian's sweethome3d-furniture .deb; without it, `apt-get download` fetches it."""
    emoji: Path | None = None
    """The npm package @lobehub/fluent-emoji-3d as .tgz; without it, `npm pack` fetches it."""
    openclonk: Path | None = None
    """Debian's openclonk-data .deb; without it, `apt-get download` fetches it."""
    objects: Path | None = None
    """A folder of further objects with an index.json (`train/collection.py` says what is in it); none without it."""
    groups: int = 14
    """Input views drawn for each object, each with its own normalisation."""
    targets: int = 8
    """Views round the object that go with each input view."""
    resolution: int = 64
    """Side of the pictures, in pixels."""
    supersampling: int = 2
    """Rays along a pixel's side."""
    workers: int = 2
    """Processes."""
    seed: int = 0
    """Of the cameras, the lights and the proportions."""
    folder: Path | None = None
    """Where the pictures go; `prior/data` in the cache folder where nothing is said."""


@dataclass(frozen=True)
class TrainSettings:
    """One slice of training; the next one takes up where it ended."""

    stage: Stage = "lifter"
    """The lifter first; the denoiser is trained on the finished lifter's views."""
    init: Path | None = None
    """Shipped weights (.safetensors) to start from where there is no state yet; the optimiser starts afresh."""
    minutes: float = 9.0
    """Wall-clock time of this slice."""
    decay_minutes: float = 0.0
    """Of this slice, at its end, over which the learning rate falls to nothing: for the last slice."""
    total_steps: int | None = None
    """Step at which training ends; without it, the time alone ends it."""
    batch_size: int = 16
    """Input views a step."""
    learning_rate: float = 3e-4
    """After the warm-up."""
    checkpoint_minutes: float = 4.0
    """Between two states on disk, each with a look at validation objects."""
    device: str = "cpu"
    """Where to train."""
    compiled: bool = True
    """On any other device than the processor, compile the network: a minute first, then faster."""
    seed: int = 0
    """Of the weights and the batches."""
    data: Path | None = None
    """The data factory's folder; `prior/data` in the cache folder where nothing is said."""
    folder: Path | None = None
    """Where states and logs go; `prior/training` in the cache folder where nothing is said."""


@dataclass(frozen=True)
class WeightsExportSettings:
    """Trained states to the float16 weights and the card that ship."""

    data: Path | None = None
    """The data factory's folder, for the credits; `prior/data` in the cache folder where nothing is said."""
    training: Path | None = None
    """Where the states are; `prior/training` in the cache folder where nothing is said."""
    output: Path = Path("mini.safetensors")
    """The weights; the card lies beside them as .md."""


@dataclass(frozen=True)
class PackSettings:
    """The training views to files that can travel to another machine."""

    data: Path | None = None
    """The data factory's folder; `prior/data` in the cache folder where nothing is said."""
    output: Path = Path("prior-views")
    """Folder for the shards, of at most 20 MiB each."""
    groups: int = 8
    """Input views of each object that are taken along, with their targets."""
    quality: int = 85
    """Of the colours' lossy WebP, up to 100."""


@dataclass(frozen=True)
class UnpackSettings:
    """Shards back to a folder that training reads."""

    shards: Positional[Path]
    """Folder with the shards."""
    data: Path | None = None
    """Where the views go; `prior/data` in the cache folder where nothing is said."""
    workers: int = 2
    """Processes."""


@dataclass(frozen=True)
class SprintSettings:
    """Both stages within minutes, on a machine that is lent for as long."""

    shards: Positional[Path]
    """Folder with the shards."""
    output: Path
    """Folder for the averages, the curves and the sheets."""
    lifter_minutes: float = 4.5
    """Of the lifter's training, without the unpacking, half a minute on 16 cores."""
    denoiser_minutes: float = 2.0
    """Of the denoiser's training."""
    decay_share: float = 0.5
    """Of each stage's time, at its end, over which the learning rate falls to nothing."""
    init: Path | None = None
    """Weights (.safetensors) to start from; the shipped ones where nothing is said."""
    batch_size: int = 256
    """Of the lifter; halved until the device's memory holds it. The denoiser's is a quarter of it."""
    learning_rate: float = 1e-3
    """After the warm-up."""
    checkpoint_minutes: float = 1.0
    """Between two states on disk, each with a look at validation objects."""
    device: str = "cuda"
    """Where to train."""
    compiled: bool = False
    """Compile the networks: a minute each first, then faster."""


@dataclass(frozen=True)
class LibrarySettings:
    """The picture library of text input."""

    package: Path | None = None
    """Debian's sweethome3d-furniture .deb; without it, `apt-get download` fetches it."""
    emoji: Path | None = None
    """The .tgz of npm's @lobehub/fluent-emoji-3d; without it, `npm pack` fetches it."""
    openclonk: Path | None = None
    """Debian's openclonk-data .deb; without it, `apt-get download` fetches it."""
    data: Path | None = None
    """The data factory's folder, whose manifest says what is held out; `prior/data` in the cache folder otherwise."""
    output: Path = Path("library.zip")
    """The archive; its card lies beside it as .md."""


@dataclass(frozen=True)
class ScoreSettings:
    """The lifted views of held-out objects in figures."""

    state: Path | None = None
    """A training state of the lifter, whose average is scored; weights where nothing is said."""
    weights: Path | None = None
    """The shipped ones where nothing is said."""
    every: int = 1
    """Take every so many-th object."""
    data: Path | None = None
    """The data factory's folder; `prior/data` in the cache folder where nothing is said."""


@dataclass(frozen=True)
class ReportSettings:
    """Figures and pictures of held-out objects."""

    split: Literal["benchmark", "validation", "train"] = "benchmark"
    """Whose objects."""
    every: int = 1
    """Take every so many-th object."""
    steps: int = 20
    """Of sampling."""
    guidance: float = 2.0
    """Scale of the guided samples."""
    seed: int = 0
    """Of the noise."""
    output: Path = Path("prior-report.webp")
    """Picture of all views: for each object the truth, the lifted views and the samples."""
    weights: Path | None = None
    """The shipped ones where nothing is said."""
    data: Path | None = None
    """The data factory's folder; `prior/data` in the cache folder where nothing is said."""
