"""Whether a change of the code changes results: SHA-256 of what fixed jobs write, with seed 0 on one thread.

    python benchmarks/fingerprints.py --output before.json
    python benchmarks/fingerprints.py --against before.json --jobs quick

Each job is a child process of the command line, of the package that this Python imports (PYTHONPATH chooses another
checkout's). A run's settings, `config` in its run.json, are hashed apart from its files: where a setting was only
renamed, they alone differ.

Fingerprints are comparable on one machine with the same packages. One thread is part of their definition: on two, a
quick run of hamburger.png gave other Gaussians, since what the embedded prior starts from already differs in its bits
(the mesh of given Gaussians was the same).
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
IMAGES = ("hamburger.png", "robot.webp", "teapot.webp")
PRESETS = ("quick", "default")
SOURCE = "image-quick-hamburger"
"""The job whose Gaussians and mesh are the inputs of the jobs that start from a file."""

Fingerprint = dict[str, str]
"""SHA-256 by file name, and that of the settings under `settings`."""


def main() -> int:
    """Run the jobs, write and compare; the exit code is 1 where a job failed or a fingerprint differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the fingerprints go, as JSON")
    parser.add_argument("--against", type=Path, metavar="FILE", help="fingerprints to compare with")
    parser.add_argument(
        "--jobs",
        nargs="+",
        default=[""],
        metavar="WORD",
        help="run only the jobs whose names have one of these in them",
    )
    arguments = parser.parse_args()
    names = [name for name in commands(Path()) if any(word in name for word in arguments.jobs)]
    if not names:
        parser.error(f"no job is called like {' or '.join(arguments.jobs)}; there are {', '.join(commands(Path()))}")
    if arguments.output is None and arguments.against is None:
        parser.error("give --output, --against or both")
    known = None if arguments.against is None else json.loads(arguments.against.read_text(encoding="utf-8"))
    package = importlib.util.find_spec("dreamgaussian")
    print(f"Code: {package and package.origin}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(names, Path(folder))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    changes = [] if known is None else list(differences(known, found))
    failed = not all(found.values())
    if known is not None:
        print("\n".join(changes or [f"{'The others' if failed else 'All'} are the same."]))
    return 1 if changes or failed else 0


def commands(folder: Path) -> dict[str, list[str]]:
    """The arguments of each job, which writes into its folder inside `folder`; SOURCE comes before what needs it."""
    jobs = {
        f"image-{preset}-{Path(image).stem}": ["image", str(EXAMPLES / image), "--preset", preset, "--seed", "0"]
        for preset in PRESETS
        for image in IMAGES
    }
    jobs["text-quick-red-armchair"] = ["text", "a red armchair", "--preset", "quick", "--seed", "0"]
    for name, arguments in jobs.items():
        arguments += ["-o", str(folder / name)]
    jobs["mesh-quick-hamburger"] = [
        *("mesh", str(folder / "scene.ply")),
        *("-o", str(folder / "mesh-quick-hamburger" / "mesh.glb")),
    ]
    jobs["texture-quick-hamburger"] = [
        *("texture", str(folder / "scene.glb"), "--image", str(EXAMPLES / "hamburger.png"), "--seed", "0"),
        *("-o", str(folder / "texture-quick-hamburger" / "mesh.glb")),
    ]
    return jobs


def measure(names: list[str], folder: Path) -> dict[str, Fingerprint]:
    """The fingerprints of some jobs, whose seconds are printed; that of a job that failed is empty."""
    jobs = commands(folder)
    needs_source = any(str(folder / "scene.") in argument for name in names for argument in jobs[name])
    found: dict[str, Fingerprint] = {}
    for name in [SOURCE] * (needs_source and SOURCE not in names) + names:
        (folder / name).mkdir()
        before = os.times()
        child = subprocess.run(
            [sys.executable, "-m", "dreamgaussian", *jobs[name]],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            capture_output=True,
            text=True,
            check=False,
        )
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        failed = "" if child.returncode == 0 else f"  FAILED with code {child.returncode}: {child.stderr.strip()}"
        print(f"{name:26} {cpu:6.1f} s CPU {after.elapsed - before.elapsed:6.1f} s{failed}", flush=True)
        found[name] = {} if failed else fingerprint(folder / name)
        if name == SOURCE and not failed:
            shutil.copy(folder / SOURCE / "gaussians.ply", folder / "scene.ply")
            shutil.copy(folder / SOURCE / "mesh.glb", folder / "scene.glb")
    return {name: found[name] for name in names}


def fingerprint(folder: Path) -> Fingerprint:
    """Of the results in a job's folder, as far as they are there."""
    paths = [folder / name for name in ("gaussians.ply", "mesh.glb")]
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.exists()}
    record = folder / "run.json"
    if record.exists():
        settings = json.loads(record.read_text(encoding="utf-8")).get("config")
        hashes["settings"] = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return hashes


def differences(known: dict[str, Fingerprint], found: dict[str, Fingerprint]) -> Iterator[str]:
    """A line for each file that differs, for the jobs that were run."""
    for job, hashes in found.items():
        before = known.get(job, {})
        for name in sorted(before.keys() | hashes.keys()):
            if name not in hashes:
                yield f"{job}: {name} is missing"
            elif name not in before:
                yield f"{job}: {name} is not among the known fingerprints"
            elif before[name] != hashes[name]:
                yield f"{job}: {name} {'differ' if name == 'settings' else 'differs'}"


if __name__ == "__main__":
    sys.exit(main())
