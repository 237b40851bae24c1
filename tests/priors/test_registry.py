import subprocess
import sys
from pathlib import Path

import pytest

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.registry import HUB_PRIORS, MINI, as_record, prior_names, prior_record
from runs.small_run import BallPrior

MODULE = """
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.priors.registry import PriorRecord

RECORD = PriorRecord(PriorSpec("theirs", resolution=32, background=1.0), open=lambda subject, device, *_: None)
NO_RECORD = 3
"""
ENTRY_POINTS = """[dreamgaussian.priors]
theirs = their_package:RECORD
broken = their_package:MISSING
wrong = their_package:NO_RECORD
mini = their_package:RECORD
"""


@pytest.fixture
def their_package(tmp_path: Path):
    """A package of somebody else's, as pip leaves one behind."""
    (tmp_path / "their_package.py").write_text(MODULE)
    about = tmp_path / "their_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("their_package", None)


@pytest.mark.usefixtures("their_package")
def test_another_packages_prior_is_one_of_the_names():
    assert prior_names() == ("mini", *HUB_PRIORS, "theirs", "broken", "wrong")
    assert prior_record("theirs").spec.resolution == 32


@pytest.mark.usefixtures("their_package")
def test_another_package_takes_no_name_of_ours():
    assert prior_record("mini") is MINI


@pytest.mark.usefixtures("their_package")
@pytest.mark.parametrize(("name", "reason"), [("broken", "their_package:MISSING: "), ("wrong", "is no PriorRecord")])
def test_a_prior_that_cannot_be_loaded_is_named(name, reason):
    with pytest.raises(ConfigError, match=rf"The prior {name} cannot be loaded \(.*{reason}"):
        prior_record(name)


def test_the_command_line_lists_it(their_package):
    program = f"import sys; sys.path.insert(0, {str(their_package)!r}); from dreamgaussian.cli.main import run; "
    program += "run(['prior', 'list']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["mini", *HUB_PRIORS, "theirs", "broken", "wrong"]


def test_the_record_of_a_prior_that_is_ready_gives_it_whatever_the_subject():
    prior = BallPrior()
    record = as_record(prior)
    assert record.open(*[None] * 4) is prior
    assert (record.spec, record.suggested) == (prior.spec, prior.suggested)
    assert as_record(record) is record
