"""A checkpoint's files made into networks, by diffusers and transformers: strictly, and as data only.

The libraries know the layouts and how tensors were called over the years. Here every tensor must be there, known and of
the right shape, and what is wrong is told in one line. Nothing but .safetensors files is opened, and no code of a
checkpoint is run.
"""

import gc
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.hub import Located, locate
from dreamgaussian.priors.offload import RESIDENT, offloaded
from dreamgaussian.priors.published import Published
from dreamgaussian.priors.tensor_files import Shapes, read_json, read_shapes, read_tensors

if TYPE_CHECKING:
    from dreamgaussian.priors.lora import Lora

_PART = re.compile(r"[\w.-]+\.safetensors")
"""Name of a part of a file of tensors."""
_SINGLE_FILE_SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
"""Of every Stable Diffusion 1, 2 and XL. A single file doesn't tell what its network predicts: noise is taken for
granted."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint(ABC):
    """The networks and settings of a checkpoint on this machine, whatever its layout."""

    name: str
    """The folder, file or hub id, for messages."""
    published: Published
    loras: "tuple[Lora, ...]" = ()
    """Low-rank changes, added to the weights when they are loaded."""
    offload: bool = False
    """The weights of large networks wait in the CPU's memory and come to the device layer by layer."""

    @property
    def option(self) -> str:
        """The flag that names another one, for messages."""
        return self.published.option

    @abstractmethod
    def config(self, component: str) -> dict[str, Any]:
        """The component's config, as diffusers or transformers write it. Raises WeightsUnavailable."""

    @abstractmethod
    def scheduler_config(self) -> dict[str, Any]:
        """What the noise schedule is built from. Raises WeightsUnavailable."""

    @abstractmethod
    def tokenizer(self, name: str) -> Path:
        """Folder of the files of "tokenizer" or "tokenizer_2"."""

    @abstractmethod
    def tensors(self, component: str) -> dict[str, Tensor]:
        """The component's tensors by their published names. Raises WeightsUnavailable."""

    @abstractmethod
    def _read(self, component: str, kind: Any, dtype: torch.dtype) -> tuple[nn.Module, str]:
        """The network on the CPU as its library reads it, and in words what doesn't fit."""

    def load(self, component: str, kind: Any, *, dtype: torch.dtype, device: torch.device) -> Any:
        """A network of diffusers or transformers, frozen and with channels last.

        Args:
            component: Its name in `Published.folders`.
            kind: Its class.
            dtype: The number format of its weights.
            device: Where it runs.

        Raises:
            WeightsUnavailable: The files don't make up this network.
        """
        self.config(component)  # A missing or broken one is told by its name.
        if self.offload:
            gc.collect()  # accelerate's hooks refer to their network in circles: those before go only now.
        try:
            with _without_reports():
                network, differences = self._read(component, kind, dtype)
        except WeightsUnavailable:
            raise
        except Exception as error:  # The libraries raise anything for what they cannot load.
            network, differences = nn.Module(), str(error).strip().split("\n")[0].split(". ")[0].rstrip(".")
        self._require_none(component, differences)
        return self._finish(component, network, device)

    def adopt(
        self,
        component: str,
        network: nn.Module,
        tensors: Mapping[str, Tensor],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> Any:
        """As `load`, for a network of our own, built on the meta device, and its tensors by its own names."""
        shapes = ({name: tuple(t.shape) for name, t in state.items()} for state in (network.state_dict(), tensors))
        self._require_none(component, shape_differences(*shapes))
        network.load_state_dict({name: tensor.to(dtype) for name, tensor in tensors.items()}, assign=True)
        return self._finish(component, network, device)

    def _require_none(self, component: str, differences: str) -> None:
        if differences:
            raise WeightsUnavailable(
                f"The {component} of {self.name} does not fit: {differences}. Give the right checkpoint with "
                f"{self.option}."
            )

    def _finish(self, component: str, network: Any, device: torch.device) -> nn.Module:
        for lora in self.loras:
            lora.add_to(component, network)
        network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        if not self.offload:
            return network.to(device)
        if component == "vae":  # Its gradient needs its weights; what it remembers for it is made anew, block by block.
            network.enable_gradient_checkpointing()
        return network.to(device) if component in RESIDENT else offloaded(network, device)


@dataclass(frozen=True, kw_only=True)
class DiffusersFolder(Checkpoint):
    """A folder for each network, with a config and a file of tensors: the layout of diffusers."""

    root: Path
    located: Located

    @classmethod
    def fetched(cls, located: Located) -> "DiffusersFolder":
        """Downloads what is not on this machine. Raises WeightsUnavailable."""
        return cls(name=located.source.name, published=located.published, root=located.fetch(), located=located)

    def config(self, component: str) -> dict[str, Any]:
        """The component's config.json."""
        path = self._folder(component) / "config.json"
        if not path.is_file():
            raise WeightsUnavailable(
                f"{self.name} has no config.json for its {component}. Give another checkpoint with {self.option}."
            )
        return read_json(path, self.option)

    def scheduler_config(self) -> dict[str, Any]:
        """scheduler_config.json."""
        return read_json(self.root / "scheduler/scheduler_config.json", self.option)

    def tokenizer(self, name: str) -> Path:
        """The folder of that name."""
        return self.root / name

    def shapes(self, component: str) -> Shapes:
        """Shape of each of the component's tensors; only heads of files are read. Raises WeightsUnavailable."""
        shapes: Shapes = {}
        for path in self._files(component):
            shapes |= read_shapes(path, self.option)
        return shapes

    def tensors(self, component: str) -> dict[str, Tensor]:
        """All parts of its file together."""
        tensors: dict[str, Tensor] = {}
        for path in self._files(component):
            tensors |= read_tensors(path, self.option)
        return tensors

    def _read(self, component: str, kind: Any, dtype: torch.dtype) -> tuple[nn.Module, str]:
        from transformers import PreTrainedModel

        self.shapes(component)  # A file that is cut short or corrupt is told as such.
        self._check_references(component)
        network, info = kind.from_pretrained(
            str(self._folder(component)),
            use_safetensors=True,
            variant=self.located.weights[component].variant,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # They are in the info.
            **{"dtype" if issubclass(kind, PreTrainedModel) else "torch_dtype": dtype},
        )
        return network, _differences(info["missing_keys"], info["unexpected_keys"], info["mismatched_keys"])

    def _check_references(self, component: str) -> None:
        """Raises WeightsUnavailable where a library would follow the folder's files to others than were looked at."""
        folder = self._folder(component)
        if (folder / "adapter_config.json").exists():
            raise WeightsUnavailable(f"{folder} holds an adapter (adapter_config.json), which is not read. Delete it.")
        for path in folder.glob("*.index*.json"):
            parts = read_json(path, self.option).get("weight_map", {})
            if strange := [part for part in parts.values() if not _PART.fullmatch(str(part))]:
                raise WeightsUnavailable(
                    f"{path} points at {strange[0]}, which is no .safetensors file beside it. Give another checkpoint "
                    f"with {self.option}."
                )

    def _folder(self, component: str) -> Path:
        return self.root / self.located.weights[component].folder

    def _files(self, component: str) -> list[Path]:
        return [self.root / file for file in self.located.weights[component].files if not file.endswith(".json")]


@dataclass(frozen=True, kw_only=True)
class SingleFile(Checkpoint):
    """One file with all networks, as communities share them; the configs are the published ones."""

    path: Path
    tokenizers: Path
    """Folder that holds tokenizer/, and SDXL's tokenizer_2/."""

    @classmethod
    def opened(cls, path: Path, published: Published) -> "SingleFile":
        """The file; its tokenizers come from folders beside it, or from the hub. Raises WeightsUnavailable."""
        if not published.configs:
            raise WeightsUnavailable(
                f"{path} is a single file, from which {published.name} cannot be read. Give a folder in the diffusers "
                f"layout with {published.option}."
            )
        read_shapes(path, published.option)  # A broken file is told before the hub is asked.
        needed = tuple(file for file in published.files if file.startswith("tokenizer"))
        tokenizers = path.parent
        if not all((tokenizers / file).is_file() for file in needed if file.endswith("vocab.json")):
            tokenizers = locate(replace(published, folders={}, files=needed)).fetch()
        return cls(name=str(path), published=published, path=path, tokenizers=tokenizers)

    def config(self, component: str) -> dict[str, Any]:
        """Of the published checkpoint."""
        return read_json(self._config_file(component), self.option)

    def scheduler_config(self) -> dict[str, Any]:
        """Of the published checkpoint."""
        return dict(_SINGLE_FILE_SCHEDULE)

    def tokenizer(self, name: str) -> Path:
        """The folder of that name."""
        return self.tokenizers / name

    def tensors(self, component: str) -> dict[str, Tensor]:
        """The UNet's: of all networks it alone is read by us (`multiview_unet`)."""
        prefix = {"unet": "model.diffusion_model."}[component]
        found = read_tensors(self.path, self.option)
        return {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}

    def _read(self, component: str, kind: Any, dtype: torch.dtype) -> tuple[nn.Module, str]:
        from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
        from transformers import PreTrainedModel

        config = str(self._config_file(component))
        options: dict[str, Any] = {"config": config, "torch_dtype": dtype, "local_files_only": True}
        if issubclass(kind, PreTrainedModel):
            tensors = read_tensors(self.path, self.option)
            network: Any = create_diffusers_clip_model_from_ldm(kind, tensors, **options)
        else:
            try:
                network = kind.from_single_file(str(self.path), **options)
            except NotImplementedError:  # What was not in the file is on the meta device, from where nothing moves.
                return nn.Module(), "the file lacks some of its tensors"
        missing = [name for name, tensor in network.state_dict().items() if tensor.is_meta]
        return network, _differences(missing, (), ())

    def _config_file(self, component: str) -> Path:
        return Path(str(files("dreamgaussian.priors"))) / "configs" / f"{self.published.configs[component]}.json"


def shape_differences(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str:
    """The first difference in words, and how many there are; empty where there is none."""
    common = expected.keys() & found.keys()
    return _differences(
        [name for name in expected if name not in found],
        [name for name in found if name not in expected],
        [(name, found[name], expected[name]) for name in sorted(common) if found[name] != expected[name]],
    )


def _differences(missing: Collection[str], unknown: Collection[str], misshapen: Iterable[tuple[str, Any, Any]]) -> str:
    """As `shape_differences`; `misshapen` are names, shapes found and shapes expected."""
    words = [f"it lacks {name}" for name in sorted(missing)]
    words += [f"it has {name}, which is not known" for name in sorted(unknown)]
    words += [f"{name} is {list(found)} and should be {list(expected)}" for name, found, expected in sorted(misshapen)]
    more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
    return words[0] + more if words else ""


@contextmanager
def _without_reports() -> Generator[None]:
    """Without the libraries' progress bars and reports: what doesn't fit is told by our own errors."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    logs = (diffusers_logging, transformers_logging)
    before = [(log, log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    for log in logs:
        log.set_verbosity(log.CRITICAL)
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, level, with_bar in before:
            log.set_verbosity(level)
            if with_bar:
                log.enable_progress_bar()
