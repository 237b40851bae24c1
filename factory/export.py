"""From training states to what ships: float16 weights, and a card that says where they come from."""

import csv
from collections import defaultdict
from pathlib import Path

from dreamgaussian.priors.mini.denoiser import Denoiser
from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.weights import save_weights
from factory import pairs, repaint
from factory.loop import training_folder
from factory.manifest import Entry, data_folder, read_manifest
from factory.settings import WeightsExportSettings
from factory.stages import load_average

CARD = """# mini: the embedded prior's weights

Two networks in float16: a lifter (a picture to a small volume) and a denoiser (a diffusion U-Net that sees the volume's
view). What they are, how they were trained and what they can do: `docs/embedded-prior.md`. Made by `dreamgaussian prior
export` after {lifter} steps of the lifter and {denoiser} steps of the denoiser.

The weights are under the project's MIT licence. They were trained on renders of {objects} objects: things of
Debian's packages sweethome3d-furniture and openclonk-data, objects of public repositories, Fluent emoji of the npm
package @lobehub/fluent-emoji-3d made into solids, and what `factory/shapes.py` and `factory/figures/` draw; never on
the benchmark's objects or near-duplicates of them, nor on the emoji kept for examples.

## Training log

{log}

## Credits

{credits}
"""
LOG_ROWS = 24
"""Of each stage's curve, at most."""


def export_weights(settings: WeightsExportSettings = WeightsExportSettings()) -> Path:
    """Write the moving averages of both stages, and the card beside them. Without a trained denoiser a fresh one is
    written, which follows the lifted view.
    """
    folder = training_folder(settings.training)
    lifter, denoiser = Lifter(), Denoiser()
    steps = {"lifter": load_average(lifter, folder / "lifter.pt")}
    trained = (folder / "denoiser.pt").exists()
    steps["denoiser"] = load_average(denoiser, folder / "denoiser.pt") if trained else 0
    settings.output.parent.mkdir(parents=True, exist_ok=True)
    save_weights(settings.output, lifter, denoiser, {f"{name}_steps": str(step) for name, step in steps.items()})
    entries = [entry for entry in read_manifest(data_folder(settings.data)) if entry.split == "train"]
    log = "\n\n".join(_log(name, folder / f"{name}.csv") for name in steps if (folder / f"{name}.csv").exists())
    card = CARD.format(**steps, objects=len(entries), credits=_credits(entries), log=log or "None was kept.")
    settings.output.with_suffix(".md").write_text(card)
    return settings.output


def _log(name: str, curve: Path) -> str:
    """A stage's curve as a table of means over equally many rows; the validation figure is the last one of each."""
    with curve.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row[0].isdigit()]
    length = -(-len(rows) // LOG_ROWS)
    lines = [f"| {name}: steps up to | loss | PSNR on validation objects, dB |", "| --- | --- | --- |"]
    for start in range(0, len(rows), length):
        part = rows[start : start + length]
        loss = sum(float(row[1]) for row in part) / len(part)
        seen = [row[4] for row in part if len(row) > 4 and row[4]]
        lines.append(f"| {part[-1][0]} | {loss:.4f} | {seen[-1] if seen else ''} |")
    return "\n".join(lines)


def _credits(entries: list[Entry]) -> str:
    """Creators with their objects, library by library; what is made of objects is credited with these."""
    objects: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in entries:
        if entry.library in (pairs.LIBRARY, repaint.LIBRARY):
            continue
        objects[entry.library, entry.licence][entry.creator].add(entry.name)
    lines: list[str] = []
    for (library, licence), creators in sorted(objects.items()):
        lines += [f"### {library} ({licence})", ""]
        lines += [f"- {creator}: {', '.join(sorted(names))}" for creator, names in sorted(creators.items())]
        lines.append("")
    return "\n".join(lines).strip()
