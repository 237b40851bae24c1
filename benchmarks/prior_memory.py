"""Memory of a guided step on a graphics card, computed from shapes: `python benchmarks/prior_memory.py`.

PyTorch's fake tensors run a step of stage 1 at full size without numbers, and every tensor's birth and death are
counted: the weights that are on the card, and at their highest the tensors of the step. Not measured: what the driver,
convolutions' scratch space and the allocator's gaps take besides, and the renderer.
"""

import argparse
import weakref

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dreamgaussian.guidance.distill import noised
from priors import camera, random_prior, with_encoder

PRIORS = ("stable-diffusion", "mvdream", "sdxl")


class Living(TorchDispatchMode):
    """Counts the bytes of tensors that are made and not yet dropped."""

    def __init__(self, networks: list[nn.Module]) -> None:
        super().__init__()
        self.bytes = self.most = 0
        self.seen = {weight.untyped_storage()._cdata for network in networks for weight in network.parameters()}

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        """Run one operation and count what it makes."""
        made = function(*arguments, **(options or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.seen:
                storage = tensor.untyped_storage()
                self.seen.add(storage._cdata)
                self.bytes += storage.nbytes()
                weakref.finalize(storage, self._dropped, storage._cdata, storage.nbytes())
        self.most = max(self.most, self.bytes)
        return made

    def _dropped(self, key: int, size: int) -> None:
        self.seen.discard(key)
        self.bytes -= size


def peak(name: str, encoder: str, *, offload: bool) -> tuple[int, int]:
    """Bytes of weights on the card, and of everything at its highest."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        prior = with_encoder(random_prior(name, torch.device("cpu")), encoder, torch.device("cpu"))
        networks = [prior.unet, prior.latents.vae]
        if offload:
            prior.latents.vae.enable_gradient_checkpointing()
        sizes = [weight.nbytes for weight in prior.unet.parameters()]
        weights = (max(sizes) if offload else sum(sizes)) + sum(w.nbytes for w in prior.latents.vae.parameters())
        with Living(networks) as living:
            step(prior)
        return weights, weights + living.most


def step(prior) -> None:
    """What stage 1 asks of a prior: encode, predict with guidance, and go back to the pixels."""
    spec = prior.spec
    cameras = [[camera(spec, 90 * view) for view in range(spec.views_per_sample)]]
    shape = (1, spec.views_per_sample, 3, spec.resolution, spec.resolution)
    x = prior.encode(torch.rand(shape).requires_grad_())
    t = torch.tensor([0.5])
    conditions = ("front view" if "front view" in spec.conditions else "conditional", "unconditional")
    gradient, _ = prior.predict_noise(noised(prior, x.detach(), torch.randn_like(x), t), t, cameras, conditions)
    x.backward(gradient)


def main() -> None:
    """Compute and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prior", action="append", choices=PRIORS, help="all where none is given")
    arguments = parser.parse_args()
    print("| prior | weights | a step at its highest | with --hub.offload: weights | a step |")
    print("|---|---:|---:|---:|---:|")
    for name in arguments.prior or PRIORS:
        figures = [f"{size / 1e9:.2f} GB" for offload in (False, True) for size in peak(name, "exact", offload=offload)]
        print(f"| `{name}` | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
