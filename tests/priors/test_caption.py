from dataclasses import replace

import pytest
import torch

from dreamgaussian.config import quick
from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.caption import in_words, open_captioner
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.runs.opening import open_run

CPU = torch.device("cpu")
TEXT = {"vocab_size": 40, "hidden_size": 32, "encoder_hidden_size": 32, "intermediate_size": 32}
LAYERS = {"num_hidden_layers": 1, "num_attention_heads": 2}
TOKENS = {"bos_token_id": 38, "sep_token_id": 3, "eos_token_id": 2, "max_position_embeddings": 32}
VISION = {"hidden_size": 32, "intermediate_size": 32, "image_size": 32, "patch_size": 16, **LAYERS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """BLIP, narrow, as transformers writes it; its vocabulary is w4, w5..."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    folder = tmp_path_factory.mktemp("blip")
    torch.manual_seed(0)
    config = BlipConfig(text_config={**TEXT, **LAYERS, **TOKENS}, vision_config=VISION, image_text_hidden_size=16)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[A]", "[B]", "[SEP]", *(f"w{i}" for i in range(4, 38))]))
    return folder


def test_word_pieces_become_words():
    vocabulary = ["[CLS]", "a", "tea", "##pot", "[SEP]"]
    assert in_words([9, 0, 1, 2, 3, 4], vocabulary) == "a teapot"


def test_an_image_gets_words_and_always_the_same(folder):
    caption = open_captioner(CPU, HubSettings(captioner_path=str(folder)))
    image = torch.rand(48, 48, 4, generator=torch.Generator().manual_seed(0))
    words = caption(image).split()
    assert 3 <= len(words) <= 20
    assert all(word.startswith("w") for word in words)
    assert caption(image).split() == words


def test_the_words_of_a_run_are_the_captions(folder, tmp_path):
    from PIL import Image

    Image.new("RGBA", (64, 64)).save(tmp_path / "red.png")
    image = Image.open(tmp_path / "red.png")
    image.paste((200, 30, 20, 255), (16, 16, 48, 48))
    image.save(tmp_path / "red.png")
    config = replace(quick(), prompt="auto", device="cpu", hub=HubSettings(captioner_path=str(folder)))
    run = open_run(tmp_path / "red.png", config)
    assert run.subject.prompt == run.config.prompt != "auto"


def test_no_model_is_one_line_before_the_image_is_looked_at(tmp_path):
    config = replace(quick(), prompt="auto", device="cpu", hub=HubSettings(captioner_path="nowhere"))
    with pytest.raises(WeightsUnavailable, match=r"^--hub\.captioner-path nowhere is neither"):
        open_run(tmp_path / "none.png", config)


def test_another_kind_of_model_is_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_text((folder / name).read_text())
    tensors = load_file(folder / "model.safetensors")
    save_file({name: t for name, t in tensors.items() if "vision" in name}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsUnavailable, match=r"The captioner of .* does not fit: it lacks text_decoder"):
        open_captioner(CPU, HubSettings(captioner_path=str(tmp_path)))
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(WeightsUnavailable, match="cut short or corrupt"):
        open_captioner(CPU, HubSettings(captioner_path=str(tmp_path)))
