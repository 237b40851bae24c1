"""All settings of a run, the presets, and their way to and from run.json. No torch here."""

import copy
import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tyro.conf import Suppress, arg

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.fitting.densify.settings import DensitySettings
from dreamgaussian.fitting.settings import (
    DistillSettings,
    FitSettings,
    LearningRates,
    ReferenceSettings,
    SurfaceSettings,
)
from dreamgaussian.formats.settings import ExportSettings
from dreamgaussian.inputs.settings import SubjectSettings
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.priors.registry import prior_names, prior_record
from dreamgaussian.priors.settings import HubSettings, PriorFlag, PriorSettings
from dreamgaussian.texture.settings import BakeSettings, RefineSettings, RetextureSettings


@dataclass(frozen=True)
class RunConfig:
    """Everything that shapes a result, apart from the input itself."""

    seed: int = 0
    """Of all random numbers; a run repeats bit for bit on one machine's CPU with the same number of
    threads."""
    prior: Suppress[tuple[PriorSettings, ...]] = (PriorSettings(),)
    """The diffusion priors with their weights; the first frames the image and refines the texture."""
    via_image: str = "auto"
    """What makes an image of words alone, which the run goes on with: `library`, a lookup among the images that
    come with the package, recoloured; a network from the hub: `stable-diffusion`, `stable-diffusion-1.5`, `sdxl`,
    `sd3.5` or `flux-schnell`; `none`; auto: the library for `mini`, none for other priors."""
    prompt: str = ""
    """Words about the subject, for priors that understand them; `auto`: those of a caption model from the hub."""
    negative_prompt: str = ""
    """What it should not look like."""
    rasterizer: Literal["auto", "reference", "cpu", "cuda"] = "auto"
    """How Gaussians are drawn."""
    device: str = "auto"
    """Where the networks and tensors live: auto, cpu, or a torch device."""
    subject: SubjectSettings = field(default_factory=SubjectSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    mesh: MeshSettings = field(default_factory=MeshSettings)
    bake: BakeSettings = field(default_factory=BakeSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    hub: HubSettings = field(default_factory=HubSettings)
    export: ExportSettings = field(default_factory=ExportSettings)

    def __post_init__(self) -> None:
        if not self.prior:
            raise ConfigError("No prior was given. Leave --prior out for the embedded one, mini.")

    @property
    def goes_by_image(self) -> bool:
        """Whether no prior of the run knows words, so that words alone have to become an image first."""
        return all(self._substitute(prior) is not None for prior in self.prior)

    @property
    def text_to_image(self) -> str | None:
        """The model that makes an image of words alone; None where the priors go by the words themselves."""
        if self.via_image == "auto":
            return self._substitute(self.prior[0]) if self.goes_by_image else None
        return None if self.via_image == "none" else self.via_image

    @staticmethod
    def _substitute(prior: PriorSettings) -> str | None:
        """The text-to-image model that stands between words and this prior."""
        return prior_record(prior.name).text_to_image if prior.name in prior_names() else None


@dataclass(frozen=True)
class MeshConfig:
    """What shapes a textured mesh that is made of given Gaussians."""

    rasterizer: Literal["auto", "reference", "cpu", "cuda"] = "auto"
    """How Gaussians are drawn."""
    device: str = "auto"
    """Where the Gaussians live while they are drawn: auto, cpu, or a torch device."""
    axes: Annotated[Axes, arg(name="")] = field(default_factory=Axes)
    mesh: MeshSettings = field(default_factory=MeshSettings)
    bake: BakeSettings = field(default_factory=BakeSettings)


@dataclass(frozen=True)
class TextureConfig(RetextureSettings):
    """What shapes the texture of a given mesh, and what it is made from."""

    seed: int = 0
    """Of all random numbers."""
    prior: PriorFlag = field(default_factory=PriorSettings)
    """The diffusion prior that makes up what no image shows."""
    prompt: str = ""
    """Words about the subject; without an image, what it is to look like."""
    negative_prompt: str = ""
    """What it should not look like."""
    device: str = "auto"
    """Where the networks live: auto, cpu, or a torch device."""
    subject: SubjectSettings = field(default_factory=SubjectSettings)

    def run_config(self) -> RunConfig:
        """The settings of a run whose image, words and prior are these."""
        return RunConfig(
            seed=self.seed,
            prior=(self.prior,),
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            device=self.device,
            subject=self.subject,
            mesh=MeshSettings(faces=self.faces or MeshSettings.faces, texture_size=self.texture_size),
            bake=self.bake,
            refine=self.refine,
        )


def default() -> RunConfig:
    """Our own settings; docs/parity.md says how they differ from the published ones and why."""
    return RunConfig()


def paper() -> RunConfig:
    """What the paper describes (section 4.1 of arXiv 2309.16653 and the code's first commit)."""
    return replace(
        default(),
        fit=FitSettings(
            start="ball",
            learning_rates=LearningRates(final_share=1.0),
            distill=DistillSettings(
                weighting="sigma_squared",
                t_max=0.98,
                t_min=0.02,
                opacity_loss_weight=0.0,
                render_scales=(0.5, 1.0, 2.0),
            ),
            density=DensitySettings(
                start=0.2,
                end=1.0,
                every=100,
                gradient_threshold=0.5,
                clone_below=0.05,
                max_scale=0.05,
                silhouette_margin=None,
            ),
            surface=SurfaceSettings(normals=0.0),
        ),
        mesh=MeshSettings(density=1.0, displacement_width=0.0),
        refine=RefineSettings(steps=50, start_t=0.181, end_t=0.041),
    )


def code() -> RunConfig:
    """What the released code does (commit 69a3c70): as the paper, but for density control and a w(t) per prior."""
    fit = paper().fit
    density = replace(fit.density, gradient_threshold=0.01, clone_below=0.04, max_scale=0.4)
    return replace(paper(), fit=replace(fit, density=density, distill=replace(fit.distill, weighting=None)))


def quick() -> RunConfig:
    """A look in well under a minute: few steps, a coarse mesh, a small texture."""
    return replace(
        default(),
        fit=FitSettings(steps=120, initial_count=2_000, reference=ReferenceSettings(size=128)),
        mesh=MeshSettings(resolution=96, faces=8_000, texture_size=512),
    )


PresetName = Literal["default", "paper", "code", "quick"]
PRESETS: dict[str, Callable[[], RunConfig]] = {"default": default, "paper": paper, "code": code, "quick": quick}


def preset(name: str) -> RunConfig:
    """The preset called `name`. Raises ConfigError for an unknown one."""
    if name not in PRESETS:
        raise ConfigError(f"No preset is called {name!r}. There are: {', '.join(PRESETS)}.")
    return PRESETS[name]()


def to_json(config: RunConfig) -> dict[str, Any]:
    """The settings as plain values."""
    return dataclasses.asdict(config)


RENAMED = {
    "subject.picture_size": "subject.image_size",
    "fit.distill.opaque": "fit.distill.opacity_loss_weight",
    "fit.density.beside": "fit.density.silhouette_margin",
    "hub.painter_path": "hub.text_to_image_path",
    "hub.painter_lora": "hub.text_to_image_lora",
    "mesh.relief": "mesh.displacement_width",
}
"""Settings that had another name in an earlier release, and the names that they have now."""


def from_json(values: Mapping[str, Any]) -> RunConfig:
    """The inverse of `to_json`. Unknown names and wrong types are errors; missing names keep their defaults, and names
    of an earlier release (`RENAMED`) are understood.
    """
    return _build(RunConfig, _with_new_names(values), "")


def _with_new_names(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with their present names."""
    present: dict[str, Any] = copy.deepcopy(dict(values))
    for old, new in RENAMED.items():
        group, _, name = old.rpartition(".")
        settings = _group(present, group)
        if settings is not None and name in settings:
            new_group, _, new_name = new.rpartition(".")
            place = _group(present, new_group)
            if place is None:
                place = present.setdefault(new_group, {})
            place[new_name] = settings.pop(name)
    for old, new in (("prior_path", "path"), ("roundness", "roundness")):  # were one for all priors
        if old in present:
            value = present.pop(old)
            for prior in present.setdefault("prior", [{}]):
                prior[new] = value
    return present


def _group(values: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The settings of a stage such as `fit.density`, and all of them for ''; None where there are none."""
    group: Any = values
    for part in name.split(".") if name else ():
        group = group.get(part) if isinstance(group, dict) else None
    return group if isinstance(group, dict) else None


def read_run(path: Path) -> dict[str, Any]:
    """A run.json. Raises ConfigError where it cannot be read or holds no settings."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}). Pass the run.json of an earlier run.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}). Pass the run.json of an earlier run.") from error
    if not isinstance(record, dict) or not isinstance(record.get("config"), dict):
        raise ConfigError(f"{path} holds no settings under 'config'. Pass the run.json of an earlier run.")
    return record


def _build(kind: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        name = where.rstrip(".") or "config"
        raise ConfigError(f"The setting {name} is {values!r}, but should hold several settings.")
    hints = get_type_hints(kind)
    unknown = [name for name in values if name not in hints]
    if unknown:
        raise ConfigError(f"No setting is called {where + unknown[0]!r}. There are: {', '.join(hints)}.")
    return kind(**{name: _value(hints[name], value, where + name) for name, value in values.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """`value`, as JSON gave it, in the type of a field."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, where + ".")
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _value(next(each for each in arguments if each is not type(None)), value, where)
    if origin is Literal:
        if value in arguments:
            return value
    elif origin is tuple:
        if isinstance(value, list | tuple) and (arguments[-1] is ... or len(value) == len(arguments)):
            return tuple(_value(arguments[0], each, where) for each in value)
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif hint is Path and isinstance(value, str):
        return Path(value)
    elif isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"The setting {where} is {value!r}, but should be {_describe(hint)}.")


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    return getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint)
