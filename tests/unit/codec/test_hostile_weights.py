"""Weights of strangers: no code in them is run, a header that lies is refused in one line, and
little memory is taken for it."""

import pickle
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from physscale.codec.inflate import inflate
from physscale.codec.kinds import VaeSpec
from physscale.codec.pca import fit_pca, load_pca
from physscale.codec.vae import VideoVae
from physscale.codec.vae_codec import load_vae, normalised
from physscale.evaluate.frames.perceptual import lpips
from physscale.records.errors import UserError
from tests.hostile_weights import lying_headers, pickles

VAE = VaeSpec(widths=(8, 8), blocks=1, latent_channels=2, groups=4, levels_back=1, time_factor=1)
STILLS = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
MEGABYTES = 100


def pca(file: Path) -> object:
    return load_pca(file.parent)


def vae(file: Path) -> object:
    file.replace(file.with_name("vae.safetensors"))
    return load_vae(VideoVae(VAE), file.parent)


READERS: dict[str, Callable[[Path], object]] = {
    "pca": pca,
    "vae": vae,
    "picture vae": lambda file: inflate(file, spec=VAE),
    "lpips": lpips,
}


def whole(kind: str, folder: Path) -> bytes:
    if kind == "pca":
        fit_pca(STILLS, components=4).save(folder)
        return (folder / "codec.safetensors").read_bytes()
    torch.manual_seed(0)
    normalised(VideoVae(VAE), stills=STILLS).save(folder)
    return (folder / "vae.safetensors").read_bytes()


def found_wrong(kind: str, *, folder: Path, seed: int, times: int) -> list[str]:
    """What is no refusal in one line; megabytes beyond the allowed."""
    before, wrong = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    lies = list(lying_headers(whole(kind, folder), seed=seed, times=times))
    file = folder / "codec.safetensors"
    for number, lie in enumerate(lies):
        file.write_bytes(lie)
        try:
            READERS[kind](file)
        except UserError as refused:
            if "\n" in str(refused) or len(str(refused)) > 500:
                wrong.append(f"{number}: {refused}")
        except Exception as error:  # what a user would see as a traceback
            wrong.append(f"{number}: {type(error).__name__}: {error}"[:200])
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return wrong + ([f"{more} MB"] if more > MEGABYTES else [])


@pytest.mark.parametrize("kind", ["pca", "vae", "picture vae"])
def test_a_header_that_lies_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    assert found_wrong(kind, folder=tmp_path, seed=0, times=100) == []


@pytest.mark.parametrize("kind", list(READERS))
def test_no_code_in_a_file_of_weights_is_run(kind: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for what, content in pickles(canary).items():
        (tmp_path / "in").mkdir(exist_ok=True)
        file = tmp_path / "in" / "codec.safetensors"
        file.write_bytes(content)
        with pytest.raises(UserError) as refused:
            READERS[kind](file)
        assert "\n" not in str(refused.value), what
        assert not canary.exists(), what
    pickle.loads(pickles(canary)["a pickle"])  # noqa: S301 - our own
    assert canary.exists(), "the code would have been seen"


def test_components_of_other_sizes_or_types_are_refused(tmp_path: Path) -> None:
    fit_pca(STILLS, components=4).save(tmp_path)
    file = tmp_path / "codec.safetensors"
    good = safetensors.torch.load_file(file)
    for name, wrong in {
        "frame": torch.tensor([16, -16]),
        "mean": good["mean"][:-1].clone(),
        "scale": torch.ones(2, dtype=torch.float64),
        "components": good["components"].bfloat16(),
    }.items():
        safetensors.torch.save_file(good | {name: wrong}, file)
        with pytest.raises(UserError, match="do not fit together"):
            load_pca(tmp_path)
