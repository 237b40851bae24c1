"""How close views and shapes are to the truth."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.image import on_white, psnr
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.evaluate.networks import LiteFeatures, StLpips
from dreamgaussian.evaluate.surface_points import sample_surface

F_SCORE_DISTANCE = 0.05
"""World units: 3.4 % of the object's length in the input view, 1.46."""
SURFACE_POINTS = 20_000
"""On the mesh; as many as on the true surface."""


@dataclass(frozen=True)
class ViewScores:
    """Means over views."""

    psnr: float
    """dB, on white, over the whole image; the mean over views."""
    ssim: float
    """Wang et al. 2004 with a Gaussian window, on white."""
    st_lpips: float
    """Shift-tolerant LPIPS with AlexNet, on white; 0 is best."""
    features: float
    """Cosine similarity of EfficientNet-Lite0's features, on white; 1 is best."""
    iou: float
    """Intersection over union of the silhouettes, where alpha exceeds a half."""


@dataclass(frozen=True)
class ShapeScores:
    """A surface compared with the true one."""

    chamfer: float
    """World units: mean of the two mean distances to the nearest point of the other surface."""
    f_score: float
    """Harmonic mean of the shares of either surface's points within `F_SCORE_DISTANCE` of the other's."""


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks behind the scores, loaded once for all objects."""

    st_lpips: StLpips
    lite: LiteFeatures

    @classmethod
    def load(cls) -> "Networks":
        """Raises WeightsUnavailable where the networks' packages are not installed."""
        return cls(StLpips(), LiteFeatures())

    def reference_similarity(self, around: Float[Tensor, "n s s 4"], input_view: Float[Tensor, "s s 4"]) -> float:
        """Mean cosine similarity of views all round to the input image, on white.

        This is the protocol of the paper's CLIP similarity with EfficientNet-Lite0 in place of CLIP. The arguments are
        premultiplied.
        """
        views, reference = (self.lite.features(on_white(images)) for images in (around, input_view[None]))
        return float((views @ reference.T).mean())


class ViewJudge:
    """Compares views with the true ones, whose features are computed once."""

    def __init__(self, networks: Networks, truth: Float[Tensor, "n s s 4"]) -> None:
        self._networks = networks
        self._truth = truth
        self._layers = networks.st_lpips.features(on_white(truth))
        self._features = networks.lite.features(on_white(truth))

    def score(self, ours: Float[Tensor, "n r r 4"]) -> ViewScores:
        """Scores of premultiplied RGBA views, which are averaged down to the true views' size."""
        ours = shrink(ours, self._truth.shape[1])
        a, b = on_white(ours), on_white(self._truth)
        layers = self._networks.st_lpips.features(a)
        silhouettes = zip(ours[..., 3], self._truth[..., 3], strict=True)
        return ViewScores(
            psnr=psnr(a, b),
            ssim=float(np.mean([ssim(one, other) for one, other in zip(a, b, strict=True)])),
            st_lpips=float(self._networks.st_lpips.distances(layers, self._layers).mean()),
            features=float((self._networks.lite.features(a) * self._features).sum(dim=1).mean()),
            iou=float(np.mean([iou(one, other) for one, other in silhouettes])),
        )


def ssim(ours: Float[Tensor, "h w c"], truth: Float[Tensor, "h w c"]) -> float:
    """Structural similarity with the original paper's Gaussian window (sigma 1.5)."""
    from skimage.metrics import structural_similarity

    value = structural_similarity(
        ours.numpy(),
        truth.numpy(),
        data_range=1.0,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)  # pyright: ignore


def iou(ours: Float[Tensor, "h w"], truth: Float[Tensor, "h w"]) -> float:
    """Intersection over union of two silhouettes; 1 where both are empty."""
    a, b = ours > 0.5, truth > 0.5
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


def score_shape(mesh: Mesh, truth: Float[np.ndarray, "m 3"]) -> ShapeScores:
    """Compare the mesh's surface with points on the true one. The same mesh gives the same scores."""
    vertices, faces = mesh.vertices.numpy(force=True), mesh.faces.numpy(force=True)
    points, _, _ = sample_surface(vertices, faces, SURFACE_POINTS, np.random.default_rng(0))
    return compare_points(points, truth)


def compare_points(ours: Float[np.ndarray, "n 3"], truth: Float[np.ndarray, "m 3"]) -> ShapeScores:
    """Chamfer distance and F-score of two sets of points."""
    from scipy.spatial import KDTree

    to_truth, to_ours = KDTree(truth).query(ours)[0], KDTree(ours).query(truth)[0]
    precision, recall = (float((distances < F_SCORE_DISTANCE).mean()) for distances in (to_truth, to_ours))
    f_score = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return ShapeScores(float(to_truth.mean() + to_ours.mean()) / 2, f_score)


def shrink(views: Float[Tensor, "n s s 4"], size: int) -> Float[Tensor, "n r r 4"]:
    """Premultiplied views averaged down to `size` pixels a side."""
    return torch.nn.functional.interpolate(views.permute(0, 3, 1, 2), (size, size), mode="area").permute(0, 2, 3, 1)
