import pytest
import torch
from safetensors.torch import save_file

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.lora import parse
from dreamgaussian.priors.registry import HUB_PRIORS, open_prior
from dreamgaussian.priors.settings import HubSettings, PriorSettings
from priors.tiny_checkpoints import write_multiview, write_stable_diffusion

CPU = torch.device("cpu")
QUERY = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
LDM_QUERY = "middle_block.1.transformer_blocks.0.attn1.to_q"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


def opened(folder, *loras):
    return open_prior("stable-diffusion", Subject(prompt="a horse"), CPU, str(folder), hub=HubSettings(lora=loras))


def query(prior) -> torch.Tensor:
    return prior.unet.get_submodule(QUERY).weight.float()


def rank_two(rows: int, columns: int) -> dict[str, torch.Tensor]:
    """up down is 3 at [0, 1] and 8 at [1, 0], and zero elsewhere."""
    down, up = torch.zeros(2, columns), torch.zeros(rows, 2)
    down[0, 1], down[1, 0] = 1.0, 2.0
    up[0, 0], up[1, 1] = 3.0, 4.0
    return {"down": down, "up": up}


LAYOUTS = {
    "kohya": ("lora_unet_" + QUERY.replace(".", "_"), "lora_down.weight", "lora_up.weight"),
    "single file": ("lora_unet_" + LDM_QUERY.replace(".", "_"), "lora_down.weight", "lora_up.weight"),
    "diffusers": (f"unet.{QUERY}", "lora.down.weight", "lora.up.weight"),
    "peft": (f"unet.{QUERY}", "lora_A.weight", "lora_B.weight"),
    "peft, as it saves": (f"base_model.model.unet.{QUERY}", "lora_A.default.weight", "lora_B.default.weight"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_changes_the_weight_by_up_times_down(folder, tmp_path, layout):
    layer, down, up = LAYOUTS[layout]
    before = query(opened(folder))
    parts = rank_two(*before.shape)
    save_file({f"{layer}.{down}": parts["down"], f"{layer}.{up}": parts["up"]}, tmp_path / "a.safetensors")
    after = query(opened(folder, str(tmp_path / "a.safetensors")))
    expected = torch.zeros_like(before)
    expected[0, 1], expected[1, 0] = 3.0, 8.0
    torch.testing.assert_close(after - before, expected, atol=0.02, rtol=0)  # bfloat16 next to 8


def test_the_change_is_scaled_by_alpha_over_rank_and_by_the_user(folder, tmp_path):
    """Alpha 1 of rank 2 halves it, the user's 0.5 halves it again: 3 becomes 0.75."""
    layer, down, up = LAYOUTS["kohya"]
    parts = rank_two(*query(opened(folder)).shape)
    tensors = {f"{layer}.{down}": parts["down"], f"{layer}.{up}": parts["up"], f"{layer}.alpha": torch.tensor(1.0)}
    save_file(tensors, tmp_path / "a.safetensors")
    change = query(opened(folder, f"{tmp_path}/a.safetensors:0.5")) - query(opened(folder))
    assert change[0, 1] == pytest.approx(0.75, abs=0.01)


def test_several_add_up(folder, tmp_path):
    layer, down, up = LAYOUTS["peft"]
    parts = rank_two(*query(opened(folder)).shape)
    save_file({f"{layer}.{down}": parts["down"], f"{layer}.{up}": parts["up"]}, tmp_path / "a.safetensors")
    file = str(tmp_path / "a.safetensors")
    change = query(opened(folder, file, f"{file}:-1")) - query(opened(folder))
    assert change.abs().max() < 0.05


def test_convolutions_are_changed_pixel_by_pixel(folder, tmp_path):
    """The middle of a 3x3 kernel is its fifth number."""
    prior = opened(folder)
    weight = prior.unet.get_submodule("conv_in").weight
    down, up = torch.zeros(1, *weight.shape[1:]), torch.zeros(weight.shape[0], 1, 1, 1)
    down[0, 2, 1, 1], up[3] = 1.0, 2.0
    tensors = {"lora_unet_conv_in.lora_down.weight": down, "lora_unet_conv_in.lora_up.weight": up}
    save_file(tensors, tmp_path / "a.safetensors")
    after = opened(folder, str(tmp_path / "a.safetensors")).unet.get_submodule("conv_in").weight
    change = (after - weight).float()
    assert change[3, 2, 1, 1] == pytest.approx(2.0, abs=0.02)
    assert change.abs().sum() == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize(
    "prefix", ["lora_te_text_model_encoder_layers_0_", "text_encoder.text_model.encoder.layers.0."]
)
def test_words_are_changed_too(folder, tmp_path, prefix):
    width = opened(folder).embeddings["front view"].tokens.shape[-1]
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"{prefix}self_attn_v_proj.lora_down.weight": torch.randn(2, width, generator=generator),
        f"{prefix}self_attn_v_proj.lora_up.weight": torch.randn(width, 2, generator=generator),
    }
    save_file(tensors, tmp_path / "a.safetensors")
    before, after = opened(folder), opened(folder, str(tmp_path / "a.safetensors"))
    assert not torch.equal(before.embeddings["front view"].tokens, after.embeddings["front view"].tokens)


def test_one_for_another_model_is_refused_in_a_line(folder, tmp_path):
    layer, down, up = LAYOUTS["kohya"]
    file = tmp_path / "a.safetensors"

    def refused(tensors) -> str:
        save_file(tensors, file)
        with pytest.raises(WeightsUnavailable) as error:
            opened(folder, str(file))
        assert "\n" not in str(error.value)
        return str(error.value)

    wide = rank_two(64, 9)
    assert "is [64, 2] times [2, 9], for a weight of" in refused(
        {f"{layer}.{down}": wide["down"], f"{layer}.{up}": wide["up"]}
    )
    assert "has no up" in refused({f"{layer}.{down}": wide["down"]})
    assert "it changes unet.nothing, which" in refused(
        {"lora_unet_nothing.lora_down.weight": wide["down"], "lora_unet_nothing.lora_up.weight": wide["up"]}
    )
    assert "it changes the text_encoder_2, which" in refused({"lora_te2_x.lora_down.weight": wide["down"]})
    assert "which is no part of a LoRA" in refused({f"{layer}.hada_w1_a": wide["down"]})
    file.write_bytes(b"short")
    with pytest.raises(WeightsUnavailable, match="cut short or corrupt"):
        opened(folder, str(file))


def test_mvdream_takes_them_by_its_own_names(tmp_path):
    folder = write_multiview(tmp_path / "mvdream")
    before = open_prior("mvdream", Subject(prompt="a"), CPU, str(folder))
    weight = before.unet.unet.get_submodule(QUERY).weight.float()
    parts = rank_two(*weight.shape)
    layer, down, up = LAYOUTS["single file"]
    save_file({f"{layer}.{down}": parts["down"], f"{layer}.{up}": parts["up"]}, tmp_path / "a.safetensors")
    settings = HubSettings(lora=(str(tmp_path / "a.safetensors"),))
    after = open_prior("mvdream", Subject(prompt="a"), CPU, str(folder), hub=settings)
    assert (after.unet.unet.get_submodule(QUERY).weight.float() - weight)[1, 0] == pytest.approx(8, abs=0.05)


def test_a_missing_file_is_told_before_anything_is_downloaded():
    with pytest.raises(ConfigError, match=r"--lora nowhere\.safetensors: there is no"):
        HUB_PRIORS["sdxl"].fetch(PriorSettings("sdxl", path="no/such-id"), HubSettings(lora=("nowhere.safetensors",)))


def test_a_file_and_its_scale(tmp_path):
    file = tmp_path / "a.safetensors"
    file.touch()
    assert parse(str(file)) == (file, 1.0)
    assert parse(f"{file}:0.75") == (file, 0.75)
    for wrong in (f"{file}:much", "nowhere.safetensors", str(tmp_path)):
        with pytest.raises(ConfigError, match=r"Give FILE or FILE:SCALE\."):
            parse(wrong)


def test_it_is_what_peft_makes_of_it(folder, tmp_path):
    """diffusers' own loader, which hands the layers to peft, on a file without alphas."""
    plain = opened(folder)
    generator = torch.Generator().manual_seed(0)
    layers = {
        name: layer
        for name, layer in plain.unet.named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
    }
    tensors = {}
    for name, layer in layers.items():
        out, *rest = layer.weight.shape
        tensors[f"unet.{name}.lora_A.weight"] = 0.1 * torch.randn(2, *rest, generator=generator)
        tensors[f"unet.{name}.lora_B.weight"] = 0.1 * torch.randn(out, 2, *[1 for _ in rest[1:]], generator=generator)
    save_file(tensors, tmp_path / "a.safetensors")
    ours = opened(folder, f"{tmp_path}/a.safetensors:0.5").unet
    plain.unet.load_lora_adapter(tensors, prefix="unet", adapter_name="a")
    plain.unet.fuse_lora(0.5)
    plain.unet.unload_lora()
    for name in layers:
        expected = plain.unet.get_submodule(name).weight
        torch.testing.assert_close(ours.get_submodule(name).weight, expected, atol=1e-3, rtol=0.01)


def test_alphas_may_differ_from_layer_to_layer(folder, tmp_path):
    """Where diffusers' loader leaves attention's out: 25 of this UNet's 82 layers are scaled wrongly there."""
    before, key = opened(folder), QUERY.replace("to_q", "to_k")
    tensors = {}
    for layer, alpha in ((QUERY, 1.0), (key, 4.0)):
        parts, name = rank_two(*query(before).shape), "lora_unet_" + layer.replace(".", "_")
        tensors |= {f"{name}.lora_down.weight": parts["down"], f"{name}.lora_up.weight": parts["up"]}
        tensors[f"{name}.alpha"] = torch.tensor(alpha)
    save_file(tensors, tmp_path / "a.safetensors")
    after = opened(folder, str(tmp_path / "a.safetensors"))
    for layer, expected in ((QUERY, 4.0), (key, 16.0)):
        change = after.unet.get_submodule(layer).weight - before.unet.get_submodule(layer).weight
        assert float(change[1, 0]) == pytest.approx(expected, abs=0.1)
