"""A VAE for pictures, named by the SHA-256 of its weights, as the codec of a whole run: as it is,
and inflated and trained."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch

from physscale.cli.main import main
from physscale.codec.inflate import inflate
from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_codec import VaeCodec
from physscale.model.dit_spec import DiTSpec
from physscale.records.errors import UserError
from physscale.records.metrics import read_metrics
from physscale.records.store import Store, sha256_of
from physscale.render.canvas import Canvas
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.run.weights import VARIABLE, check_weights, keep_weights
from physscale.study.spec import Study
from tests.tiny import tiny_run

diffusers = pytest.importorskip(
    "diffusers", reason="diffusers writes the checkpoint: pip install diffusers"
)

LAYOUT = VaeSpec(widths=(8, 16), blocks=1, groups=4, latent_channels=4)
TRAINED = replace(LAYOUT, time_factor=2, levels_back=2)
TRAINING = VaeTraining(
    steps=3,
    batch=2,
    frames=3,
    perceptual_weight=0.1,
    adversary_weight=0.05,
    adversary_from=1,
    learning_rate=1e-4,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What diffusers writes of a small random VAE in the layout of Stable Diffusion 1.5."""
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=LAYOUT.widths,
        layers_per_block=LAYOUT.blocks,
        latent_channels=LAYOUT.latent_channels,
        norm_num_groups=LAYOUT.groups,
        sample_size=32,
    )
    path = tmp_path_factory.mktemp("sd") / "vae"
    vae.save_pretrained(path)
    return path


def weights_of(folder: Path) -> Path:
    return folder / "diffusion_pytorch_model.safetensors"


def run_with(folder: Path, *, spec: VaeSpec, training: VaeTraining | None) -> RunSpec:
    run = tiny_run(steps=4)
    recipe = CodecRecipe(
        spec=spec, corpus=run.codec.corpus, training=training, weights=sha256_of(weights_of(folder))
    )
    frames = [
        replace(data, frames=9) for data in (run.data, *(split.data for split in run.test_splits))
    ]
    test_splits = tuple(
        replace(split, data=data) for split, data in zip(run.test_splits, frames[1:], strict=True)
    )
    model = DiTSpec(width=8, depth=2, heads=1, patch=4)
    return replace(
        run,
        canvas=Canvas(size_px=32),
        codec=recipe,
        model=model,
        data=frames[0],
        test_splits=test_splits,
    )


@pytest.mark.parametrize(
    ("spec", "training"),
    [(LAYOUT, None), (TRAINED, TRAINING)],
    ids=["as it is", "inflated and trained"],
)
def test_a_whole_run(
    folder: Path,
    spec: VaeSpec,
    training: VaeTraining | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, store = run_with(folder, spec=spec, training=training), Store(tmp_path / "study")
    monkeypatch.setenv(VARIABLE, str(folder))
    keep_weights([run], store=store)
    monkeypatch.delenv(VARIABLE)  # a worker elsewhere knows the results only
    execute(run, store=store, context=PlainContext())
    rows = pq.read_table(store.run(run.fingerprint).scores).to_pylist()
    floors = {
        row["split"]: row["value"]
        for row in rows
        if row["source"] == "codec" and row["metric"] == "velocity_error"
    }
    assert set(floors) == {split.data.split for split in run.test_splits}, (
        "the floor of every split is reported"
    )
    codec = codec_of(run, store=store)
    assert isinstance(codec, VaeCodec)
    first = inflate(weights_of(folder), spec=spec).state_dict()
    moved = {
        name
        for name, tensor in codec.vae.state_dict().items()
        if not torch.equal(tensor, first[name])
    }
    if training is None:
        assert not moved
        return
    assert moved
    drift = max(float((codec.vae.state_dict()[name] - first[name]).abs().max()) for name in moved)
    assert drift <= 1.1 * training.steps * training.learning_rate, (
        "it begins at the weights, and Adam goes no farther than that in three steps"
    )
    last = read_metrics(store.run(run.fingerprint).codec_fit)[-1]
    assert last["step"] == training.steps
    assert last["perceptual"] > 0
    assert last["adversary"] != 0


def test_weights_are_part_of_what_a_run_is_and_their_place_is_not(folder: Path) -> None:
    run = run_with(folder, spec=TRAINED, training=TRAINING)
    assert run.fingerprint != replace(run, codec=replace(run.codec, weights=None)).fingerprint
    assert str(folder) not in str(run)


@pytest.fixture
def named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunSpec:
    """A study `pictures` of one run, as an experiment would say it."""
    run = run_with(folder, spec=LAYOUT, training=None)
    study = Study(name="pictures", question="?", groups={"all": [run]})
    monkeypatch.setattr("physscale.cli.options.load_study", lambda name: study)
    return run


def tell(
    command: str, *more: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([command, "pictures", "--results", str(results), *more])
    printed: Any = capsys.readouterr()
    return int(str(ended.value.code)), printed.out + printed.err


def test_a_plan_says_which_weights_a_run_stops_without_them(
    named: RunSpec,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    digits = (named.codec.weights or "")[:12]
    code, said = tell("plan", results=tmp_path, capsys=capsys)
    assert (code, f"note: weights {digits}: to run this, set {VARIABLE}" in said) == (0, True)
    code, said = tell("run", "--backend", "plain", results=tmp_path, capsys=capsys)
    assert (
        code,
        said.splitlines()[-1].startswith(f"physscale: weights {digits}: set {VARIABLE}"),
    ) == (2, True)
    assert not (tmp_path / "pictures").exists(), "nothing was begun"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert tell("plan", results=tmp_path, capsys=capsys)[0] == 2
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    tensors = safetensors.torch.load_file(weights_of(other))
    safetensors.torch.save_file(
        {name: tensor + 1 for name, tensor in tensors.items()}, weights_of(other)
    )
    monkeypatch.setenv(VARIABLE, str(other))
    code, said = tell("plan", results=tmp_path, capsys=capsys)
    assert (
        code,
        "has no file with this SHA-256" in said,
        sha256_of(weights_of(other))[:12] in said,
    ) == (2, True, True)
    monkeypatch.setenv(VARIABLE, f"{other}:{weights_of(folder)}")
    code, said = tell("plan", results=tmp_path, capsys=capsys)
    assert (code, f"note: weights {digits}: {weights_of(folder)}" in said) == (0, True)


def test_another_layout_than_the_files_is_seen_before_anything_is_spent(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(weights_of(folder)))
    store = Store(tmp_path)
    with pytest.raises(UserError, match=r"config\.json says VaeSpec\(widths=\(8, 16\)"):
        check_weights(
            [run_with(folder, spec=replace(LAYOUT, groups=8), training=None)], store=store
        )
    alone = tmp_path / "alone.safetensors"
    shutil.copyfile(weights_of(folder), alone)
    monkeypatch.setenv(VARIABLE, str(alone))
    with pytest.raises(UserError, match="of another shape than widths="):
        check_weights(
            [run_with(folder, spec=replace(LAYOUT, latent_channels=8), training=None)], store=store
        )
    check_weights([run_with(folder, spec=TRAINED, training=TRAINING)], store=store)


def test_a_changed_copy_is_copied_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, store = run_with(folder, spec=LAYOUT, training=None), Store(tmp_path)
    monkeypatch.setenv(VARIABLE, str(folder))
    keep_weights([run], store=store)
    kept = store.weights(run.codec.weights or "")
    with kept.open("ab") as file:
        file.write(b"x")
    codec_of(run, store=store)
    assert sha256_of(kept) == run.codec.weights


def test_recipes_that_make_no_sense(folder: Path) -> None:
    run = tiny_run()
    good = sha256_of(weights_of(folder))
    with pytest.raises(UserError, match="PcaSpec takes neither"):
        replace(run.codec, weights=good)
    with pytest.raises(UserError, match="weights to begin with, or both"):
        CodecRecipe(spec=LAYOUT, corpus=run.codec.corpus)
    with pytest.raises(UserError, match="must be a file's SHA-256"):
        CodecRecipe(spec=LAYOUT, corpus=run.codec.corpus, weights="sd15")
    with pytest.raises(UserError, match="weights of pictures know no time"):
        CodecRecipe(spec=TRAINED, corpus=run.codec.corpus, weights=good)
    with pytest.raises(UserError, match="must be st_lpips, or the SHA-256"):
        VaeTraining(perceptual="vgg")
