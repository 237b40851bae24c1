"""How good the lifter's views of held-out objects are, set by set and kind by kind: a look while it is trained."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.image import on_white, psnr
from dreamgaussian.evaluate.metrics import iou
from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.weights import load_weights, shipped_weights
from factory.dataset import Views
from factory.holdout import VALIDATION_PACKS
from factory.manifest import Entry, data_folder
from factory.settings import ScoreSettings
from factory.stages import lift_views, load_average

SPLITS = ("benchmark", "validation")


@dataclass(frozen=True)
class GroupScore:
    """Means over the targets of one input view."""

    sets: tuple[str, ...]
    """Names of the sets that the group is in."""
    psnr: float
    """Of the lifted views on white, in dB."""
    iou: float
    """Of their silhouettes."""


def score(settings: ScoreSettings) -> Iterator[GroupScore]:
    """Every group of every so many-th held-out object."""
    lifter = _lifter(settings)
    for split in SPLITS:
        views = Views(data_folder(settings.data), split)
        for index in range(0, len(views.entries), settings.every):
            for group in range(len(views.views[index])):
                batch = views.group(index, group)
                ours, truth = lift_views(lifter, batch)[0].float(), batch.targets[0]
                yield GroupScore(_sets(views.entries[index], group), *_compare(ours, truth))


def table(scores: list[GroupScore]) -> str:
    """A row for each set, in Markdown."""
    sets: dict[str, list[GroupScore]] = defaultdict(list)
    for one in scores:
        for name in one.sets:
            sets[name].append(one)
    rows = [
        f"| {name} | {len(group)} | {fmean(one.psnr for one in group):.2f} | {fmean(one.iou for one in group):.3f} |"
        for name, group in sorted(sets.items(), key=lambda item: ":" in item[0])
    ]
    return "\n".join(["| input views of | number | PSNR, dB | IoU |", "| --- | --- | --- | --- |", *rows])


def _lifter(settings: ScoreSettings) -> Lifter:
    if settings.state is not None:
        lifter = Lifter()
        load_average(lifter, settings.state)
    else:
        lifter, _ = load_weights(settings.weights or shipped_weights())
    return lifter.eval().requires_grad_(False)


def _compare(ours: Float[Tensor, "k 4 s s"], truth: Float[Tensor, "k 4 s s"]) -> tuple[float, float]:
    white = (on_white(each.movedim(1, -1)) for each in (ours, truth))
    return psnr(*white), fmean(iou(one, other) for one, other in zip(ours[:, 3], truth[:, 3], strict=True))


def _sets(entry: Entry, group: int) -> tuple[str, ...]:
    if entry.split == "benchmark":
        return ("benchmark",)
    if entry.library not in VALIDATION_PACKS:
        return ("validation, single objects",)
    view = "from the front" if group else "three-quarter"
    return ("validation, packs", f"validation, packs: {view}", f"validation, packs: {entry.category}")
