"""The drill of `docs/extend/video_vae.md`: a codec from outside the package does what every codec
does, and carries a study from its plan to its scores."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS
from physscale.records.spec import from_plain
from physscale.records.store import sha256_of
from physscale.run.cost import encoding_flops
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.run.weights import VARIABLE
from tests import codec_checks
from tests.codec_checks import Subject, subject_of
from tests.paths import ROOT
from tests.tiny import tiny_run

diffusers = pytest.importorskip(
    "diffusers", reason="diffusers writes the folder: pip install diffusers"
)

EXTEND = ROOT / "docs" / "extend"
SIZE_PX = 16
WEIGHTS = "diffusion_pytorch_model.safetensors"

SIZES: dict[str, dict[str, Any]] = {
    "AutoencoderKLWan": {
        "base_dim": 4,
        "z_dim": 4,
        "dim_mult": [1, 2, 2],
        "num_res_blocks": 1,
        "temperal_downsample": [True, True],
    },
    "AutoencoderKLCogVideoX": {
        "down_block_types": ("CogVideoXDownBlock3D",) * 3,
        "up_block_types": ("CogVideoXUpBlock3D",) * 3,
        "block_out_channels": (4, 4, 8),
        "latent_channels": 4,
        "layers_per_block": 1,
        "norm_num_groups": 2,
    },
    "AutoencoderKLLTXVideo": {
        "latent_channels": 4,
        "block_out_channels": (8, 8),
        "down_block_types": ("LTXVideoDownBlock3D",) * 2,
        "decoder_block_out_channels": (8, 8),
        "layers_per_block": (1, 1, 1),
        "decoder_layers_per_block": (1, 1, 1),
        "spatio_temporal_scaling": (True, False),
        "decoder_spatio_temporal_scaling": (True, False),
        "decoder_inject_noise": (False, False, False),
        "downsample_type": ("conv", "conv"),
        "upsample_residual": (False, False),
        "upsample_factor": (1, 1),
        "patch_size": 2,
    },
}
EXPERIMENT = """
from dataclasses import replace
from pathlib import Path
from physscale.model.dit_spec import DiTSpec
from physscale.records.store import sha256_of
from physscale.run.spec import CodecRecipe
from physscale.study.spec import Study
from tests.tiny import tiny_run
from video_vae import DiffusersVideoSpec

folder = Path({folder!r})
run = tiny_run(steps=4)
weights = sha256_of(folder / "diffusion_pytorch_model.safetensors")
recipe = CodecRecipe(spec=DiffusersVideoSpec.of(folder), corpus=run.codec.corpus, weights=weights)
splits = tuple(
    replace(split, data=replace(split.data, frames=17)) for split in run.test_splits
)
run = replace(
    run,
    codec=recipe,
    model=DiTSpec(width=8, depth=1, heads=1, patch=2),
    data=replace(run.data, frames=17),
    test_splits=splits,
)
study = Study(name="pretrained", question="Does it run?", groups={{"all": [run]}})
"""


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    """The page's module, as the environment variable would import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXTEND)
        return importlib.import_module("video_vae")


def folder_of(kind: str, *, root: Path) -> Path:
    """What diffusers writes of a small random VAE of this class."""
    torch.manual_seed(0)
    getattr(diffusers, kind)(**SIZES[kind]).save_pretrained(root / kind)
    return root / kind


@pytest.fixture(scope="module", params=list(SIZES))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(request.param, root=tmp_path_factory.mktemp("diffusers"))


@pytest.fixture(scope="module")
def subject(plugin: ModuleType, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    recipe = recipe_of(folder, plugin=plugin)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        recipe.spec.check_weights(folder / WEIGHTS)
        return subject_of(recipe, root=tmp_path_factory.mktemp("study"), size_px=SIZE_PX)


def recipe_of(folder: Path, *, plugin: ModuleType) -> CodecRecipe:
    return CodecRecipe(
        spec=plugin.DiffusersVideoSpec.of(folder),
        corpus=tiny_run().codec.corpus,
        weights=sha256_of(folder / WEIGHTS),
    )


def test_it_does_what_every_codec_does(subject: Subject, tmp_path: Path) -> None:
    codec_checks.check_shapes(subject)
    codec_checks.check_batches(subject)
    codec_checks.check_torch_flops(subject)
    codec_checks.check_spec(subject)


def test_latents_are_normalised_and_decode_as_diffusers_decodes(
    subject: Subject, folder: Path
) -> None:
    pixels = torch.from_numpy(subject.videos).movedim(-1, 1) / 127.5 - 1
    model = getattr(diffusers, folder.name).from_pretrained(folder).eval()
    with torch.no_grad():
        raw = model.encode(pixels).latent_dist.mean.transpose(1, 2)
        drawn = model.decode(raw.transpose(1, 2)).sample.movedim(1, -1)
    codec: Any = subject.codec
    latents = codec.encode(subject.videos)
    expected = (raw - codec.shift.view(1, 1, -1, 1, 1)) / codec.scale.view(1, 1, -1, 1, 1)
    torch.testing.assert_close(latents, expected, rtol=1e-3, atol=1e-3)
    decoded = torch.from_numpy(codec.decode(latents)).float()
    assert ((drawn + 1) * 127.5).clamp(0, 255).sub(decoded).abs().max() < 1


def test_what_does_not_fit_is_one_line(plugin: ModuleType, tmp_path: Path) -> None:
    folder = folder_of("AutoencoderKLWan", root=tmp_path)
    recipe = recipe_of(folder, plugin=plugin)
    with pytest.raises(UserError, match=r"takes 1 \+ 4 n frames \(time factor 4\), got 16"):
        recipe.spec.latents(frames=16, size_px=16)
    with pytest.raises(UserError, match="18 px must be a multiple of its factor 4"):
        recipe.spec.latents(frames=9, size_px=18)
    with pytest.raises(UserError, match="give the SHA-256 of its safetensors file as weights"):
        replace(recipe, weights=None)
    with pytest.raises(UserError, match="known are AutoencoderKLWan"):
        plugin.DiffusersVideoSpec(json.dumps({"_class_name": "AutoencoderOobleck"}))
    with pytest.raises(UserError, match=r"not a config\.json of diffusers"):
        plugin.DiffusersVideoSpec.of(tmp_path)
    wider = json.dumps(recipe.spec.values | {"base_dim": 8}, sort_keys=True)
    with pytest.raises(UserError, match="AutoencoderKLWan says"):
        plugin.DiffusersVideoSpec(wider).check_weights(folder / WEIGHTS)
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"has shape \[.*\], but AutoencoderKLWan .* has \["):
        plugin.DiffusersVideoSpec(wider).check_weights(folder / WEIGHTS)


def test_a_config_that_promises_other_latents_than_the_model_gives_is_one_line(
    plugin: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "cog"
    sizes = SIZES["AutoencoderKLCogVideoX"] | {"temporal_compression_ratio": 8}
    diffusers.AutoencoderKLCogVideoX(**sizes).save_pretrained(folder)
    with pytest.raises(UserError, match=r"says LatentShape\(frames=2, .* gives .*frames=3"):
        plugin.DiffusersVideoSpec.of(folder).check_weights(folder / WEIGHTS)


def test_a_study_with_it_goes_from_plan_to_scores(plugin: ModuleType, tmp_path: Path) -> None:
    folder = folder_of("AutoencoderKLWan", root=tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    experiment = tmp_path / "experiments" / "pretrained.py"
    experiment.write_text(EXPERIMENT.format(folder=str(folder)))
    environment = {
        "PYTHONPATH": f"{tmp_path}:{EXTEND}:{ROOT}",
        PLUGINS: "video_vae",
        VARIABLE: str(folder),
    }
    planned = command("plan", "pretrained", at=tmp_path, environment=environment)
    assert f"weights {sha256_of(folder / WEIGHTS)[:12]}: {folder / WEIGHTS}" in planned
    command("run", "pretrained", "--backend", "plain", at=tmp_path, environment=environment)
    results = tmp_path / "results" / "pretrained"
    rows = pq.read_table(results / "scores.parquet").to_pylist()
    found = {(row["source"], row["split"]) for row in rows if row["metric"] == "velocity_error"}
    assert {(source, split) for source in ("model", "codec") for split in ("id", "speed_high")} <= (
        found
    )
    written = json.loads(next(results.glob("runs/*/run.json")).read_bytes())["spec"]
    run = from_plain(RunSpec, written)
    assert isinstance(run.codec.spec, plugin.DiffusersVideoSpec)
    assert encoding_flops(run) > 0
    store_codec = next(results.glob("codecs/*/codec.json")).parent
    subject = replace(subject_of(run.codec, root=results), folder=store_codec)
    paths = {name: environment[name] for name in ("PYTHONPATH", PLUGINS)}
    codec_checks.check_fresh_process(subject, root=tmp_path, **paths)


def command(*words: str, at: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "physscale", *words],
        cwd=at,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
