import json

import pytest
import torch

from dreamgaussian.priors.checkpoint import DiffusersFolder
from dreamgaussian.priors.clip import clip_pixels, embed_images, embed_prompts
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.published import published
from priors.tiny_checkpoints import IMAGE, write_multiview, write_stable_diffusion

CPU = torch.device("cpu")


def test_the_padding_is_that_of_the_special_tokens_map(tmp_path):
    """Stable Diffusion 2 pads with "!" and says so there; its tokenizer_config.json says <|endoftext|>."""
    from transformers import CLIPTextModel

    folder = write_stable_diffusion(tmp_path / "sd")
    path = folder / "tokenizer/special_tokens_map.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token": "!"}))
    vocabulary = json.loads((folder / "tokenizer/vocab.json").read_text())
    tokens = ["<|startoftext|>", "a</w>", "<|endoftext|>", *["!"] * 74]
    ids = torch.tensor([[vocabulary[token] for token in tokens]])
    with torch.no_grad():
        expected = CLIPTextModel.from_pretrained(folder / "text_encoder")(ids).last_hidden_state[0]
    checkpoint = DiffusersFolder.fetched(locate(published("stable-diffusion"), str(folder)))
    torch.testing.assert_close(embed_prompts(checkpoint, ["a"], CPU)["a"].tokens, expected)


def test_long_prompts_are_cut(tmp_path):
    checkpoint = DiffusersFolder.fetched(
        locate(published("stable-diffusion"), str(write_stable_diffusion(tmp_path / "sd")))
    )
    assert embed_prompts(checkpoint, ["word " * 100], CPU)["word " * 100].tokens.shape == (77, 32)


def test_penultimate_tokens_are_those_before_the_last_layer(tmp_path):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    folder = write_multiview(tmp_path / "imagedream", image_tokens=3)
    checkpoint = DiffusersFolder.fetched(locate(published("imagedream"), str(folder)))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    tokens = embed_images(checkpoint, images, CPU, output="penultimate", antialias=True)
    config = {key: value for key, value in IMAGE.items() if key != "model_type"}
    shorter = CLIPVisionModel(CLIPVisionConfig(**{**config, "num_hidden_layers": 1})).eval()
    state = {name.removeprefix("vision_model."): tensor for name, tensor in checkpoint.tensors("image_encoder").items()}
    own = {name.removeprefix("vision_model."): name for name in shorter.state_dict()}
    shorter.load_state_dict({own[name]: tensor for name, tensor in state.items() if name in own})
    with torch.no_grad():
        expected = shorter(clip_pixels(images, antialias=True)).last_hidden_state
    assert tokens.shape == (2, 17, 32)
    torch.testing.assert_close(tokens, expected)


def test_clip_sees_normalised_colours():
    """(0.5 - 0.48145466) / 0.26862954 and so on: clip/clip.py of github.com/openai/CLIP."""
    for antialias in (True, False):
        pixels = clip_pixels(torch.full((1, 3, 32, 32), 0.5), antialias=antialias)
        assert pixels.shape == (1, 3, 224, 224)
        assert pixels.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0.069037, 0.161393, 0.332838], abs=1e-4)


def test_zero123s_clip_image_keeps_its_corners():
    """resize(..., align_corners=True) in FrozenCLIPImageEmbedder of github.com/cvlab-columbia/zero123."""
    image = torch.rand(3, 256, 256, generator=torch.Generator().manual_seed(0))
    pixels = clip_pixels(image[None], antialias=False)[0]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        torch.testing.assert_close(pixels[:, *corner] * std + mean, image[:, *corner], atol=1e-4, rtol=0)
