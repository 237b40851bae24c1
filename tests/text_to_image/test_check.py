import imageio.v3 as iio
import torch

from dreamgaussian.text_to_image.check_model import check_text_to_image
from priors.tiny_checkpoints import write_flow


def test_the_check_compares_the_files_and_paints(tmp_path):
    folder, image = write_flow(tmp_path / "sd3.5"), tmp_path / "check.png"
    lines = list(check_text_to_image("sd3.5", torch.device("cpu"), image, path=str(folder)))
    assert lines[0].startswith("sd3.5: licence of the weights: Stability AI Community")
    assert any(line.startswith("with --hub.offload ") for line in lines)
    assert lines[-1].startswith("It should show a red apple, one whole object")
    assert iio.imread(image).shape == (32, 32, 3)
