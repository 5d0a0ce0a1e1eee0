"""What every kind of codec must do, built in or a plug-in: run by `unit/codec/test_every_codec.py`
and by the drill in `extend/`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from physscale.codec.protocol import RECIPE, Codec
from physscale.records.spec import from_plain, plain
from physscale.records.store import Store
from physscale.render.render import render
from physscale.run.codec import codec_of
from physscale.run.cost import encoding_flops, latent_shape
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.simulate.simulate import simulate
from tests.paths import ROOT
from tests.tiny import tiny_run

FRAMES = 9
"""1 + 4 n: fits a time factor of 1, 2 and 4."""

ENCODE_AGAIN = """
import sys
from pathlib import Path
import numpy as np
from physscale.codec.protocol import load_codec
folder = Path(sys.argv[1])
codec, videos = load_codec(folder), np.load(sys.argv[2])
latents = codec.encode(videos)
np.savez(sys.argv[3], latents=latents.numpy(), decoded=codec.decode(latents))
"""


@dataclass(frozen=True)
class Subject:
    """A codec, built through the public path, with the run it belongs to and some of its videos."""

    run: RunSpec
    codec: Codec
    folder: Path
    videos: np.ndarray


def subject_of(recipe: CodecRecipe, *, root: Path, size_px: int = 16) -> Subject:
    """Builds the recipe's codec among the results below `root`."""
    run = tiny_run()
    run = replace(
        run,
        codec=recipe,
        data=replace(run.data, frames=FRAMES),
        canvas=replace(run.canvas, size_px=size_px),
    )
    store = Store(root)
    codec = codec_of(run, store=store)
    videos = render(simulate(run.data, indices=np.arange(3)), canvas=run.canvas)
    return Subject(run, codec, store.codec(run.codec_fingerprint), videos)


def check_shapes(subject: Subject) -> None:
    """Latents have the shape that the spec says, and decode to the shape of the videos."""
    shape = latent_shape(subject.run)
    latents = subject.codec.encode(subject.videos)
    expected = (len(subject.videos), shape.frames, shape.channels, shape.height, shape.width)
    assert latents.shape == expected
    assert latents.dtype == torch.float32
    assert latents.device.type == "cpu"
    assert subject.codec.decode(latents).shape == subject.videos.shape
    spec = subject.run.codec.spec
    assert spec.video_frames(shape.frames) == subject.videos.shape[1]
    assert spec.video_frames(0) == 0
    assert torch.equal(subject.codec.on("cpu").encode(subject.videos), latents)


def check_batches(subject: Subject) -> None:
    """The other videos of a batch do not change a video's latents."""
    together = subject.codec.encode(subject.videos)
    for number, video in enumerate(subject.videos):
        assert torch.equal(subject.codec.encode(video[None])[0], together[number])


def check_stable(subject: Subject, *, bound: float) -> None:
    """Latents of decoded latents are the latents again, but for this share of their spread."""
    latents = subject.codec.encode(subject.videos)
    again = subject.codec.encode(subject.codec.decode(latents))
    assert float((again - latents).square().mean().sqrt() / latents.std()) <= bound


def check_torch_flops(subject: Subject) -> None:
    """The formula is what torch counts, attention as the products that it is made of."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        subject.codec.encode(subject.videos[:1])
    assert encoding_flops(subject.run) == counter.get_total_flops()


def check_spec(subject: Subject) -> None:
    """The recipe is in the folder, and comes back from its written form."""
    recipe = subject.run.codec
    assert from_plain(CodecRecipe, json.loads(json.dumps(plain(recipe)))) == recipe
    assert json.loads((subject.folder / RECIPE).read_bytes()) == plain(recipe)
    assert hash(recipe) == hash(from_plain(CodecRecipe, plain(recipe)))


def check_fresh_process(subject: Subject, *, root: Path, **environment: str) -> None:
    """Another process that knows the folder alone gives the same bits."""
    given, found = root / "videos.npy", root / "found.npz"
    np.save(given, subject.videos)
    command = [sys.executable, "-c", ENCODE_AGAIN, str(subject.folder), str(given), str(found)]
    paths = environment.pop("PYTHONPATH", "")
    subprocess.run(
        command, env={**os.environ, "PYTHONPATH": f"{ROOT}:{paths}", **environment}, check=True
    )
    latents = subject.codec.encode(subject.videos)
    with np.load(found) as again:
        assert np.array_equal(again["latents"], latents.numpy())
        assert np.array_equal(again["decoded"], subject.codec.decode(latents))
