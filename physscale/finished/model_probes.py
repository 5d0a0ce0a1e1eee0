"""Probes of the model itself: does it prefer the law, and do its features hold position and
velocity?

The videos are simulated again from the run's description. The noise is that of the held-out loss,
the same for all models."""

from dataclasses import asdict, replace

import numpy as np
from torch import Tensor

from physscale.codec.protocol import Codec
from physscale.evaluate.mechanisms.features import fit_probe, layer_features, r_squared
from physscale.evaluate.mechanisms.twins import TWINS, preference, twins
from physscale.finished.probe_words import Record
from physscale.finished.runs import Finished
from physscale.flow.noise import Stream, torch_seed
from physscale.model.backbone import Backbone
from physscale.records.video import PLACE, VELOCITY, Videos
from physscale.render.render import render
from physscale.run.conditioning import conditioning_of
from physscale.run.cost import latent_shape
from physscale.run.inference import inference_of, parts_of
from physscale.run.inference_memory import videos_at_once
from physscale.run.spec import RunSpec
from physscale.scheduling.gpus import Device
from physscale.simulate.simulate import simulate

PROBED = 600
"""Fresh videos from the training distribution for the linear probes; half are for the fit."""

TARGETS = {
    "place": PLACE,
    "velocity": VELOCITY,
}


def twin_record(one: Finished, device: Device) -> Record:
    """Preference for the true video per test split and kind of twin, beside that of a model that
    predicts zero latents."""
    inference = inference_of(one.run, one.model(device=device))
    codec, given = one.codec(device=device), one.run.given_frames
    rows = []
    for split in one.run.test_splits:
        truth = simulate(split.data, indices=np.arange(split.data.videos))
        moment = given + (split.data.frames - given) // 3
        for kind in TWINS:
            pairs = twins(truth, kind=kind, moment=moment)
            if not len(pairs.valid):
                continue
            latents = [
                codec.encode(render(videos, canvas=one.run.canvas))
                for videos in (pairs.valid, pairs.invalid)
            ]
            indices = pairs.valid.index.tolist()
            conditioning = conditioning_of(
                one.run.model.conditioned_on, pairs.valid
            )  # twins part later: they share the first state
            losses = [
                inference.held_out(part, indices=indices, conditioning=conditioning)
                .as_trained.double()
                .numpy()
                for part in latents
            ]
            empty = [
                part[:, given:].square().flatten(1).mean(1).double().numpy() for part in latents
            ]
            found, blind = (preference(pair[0], invalid=pair[1]) for pair in (losses, empty))
            rows.append(
                {
                    "split": split.data.split,
                    "kind": split.kind,
                    "twin": kind,
                    **asdict(found),
                    "blind": asdict(blind.rate),
                }
            )
    return {"run": one.name, "twins": rows}


def feature_record(one: Finished, device: Device) -> Record:
    """R² of position and velocity in the probed frame (`ObjectiveSpec.probed_frame`) for every
    layer, on fresh videos from the training distribution and on every test split outside it."""
    model, codec = one.model(device=device), one.codec(device=device)
    fresh = one.run.model.build(model.shape)
    fresh.initialise(torch_seed(one.run.seed, stream=Stream.WEIGHTS))
    models = {"": model, "untrained ": fresh.eval().to(device)}
    parts, moment = _probed(one), _probed_moment(one.run)
    looked = {
        name: _layers(one, rows=rows, models=models, codec=codec) for name, rows in parts.items()
    }
    found = []
    for target, columns in TARGETS.items():
        true = {
            name: rows.state[:, moment, :, columns].reshape(len(rows), -1).astype(np.float64)
            for name, rows in parts.items()
        }
        shuffled = np.random.Generator(np.random.Philox(key=one.run.seed)).permutation(true["fit"])
        for layer, features in looked["fit"].items():
            probe, control = (
                fit_probe(features, targets=labels) for labels in (true["fit"], shuffled)
            )
            scores = {
                name: asdict(r_squared(probe.predict(looked[name][layer]), true=true[name]))
                for name in parts
                if name != "fit"
            }
            nothing = r_squared(control.predict(looked["probe"][layer]), true=true["probe"])
            found.append(
                {"target": target, "layer": layer, "r2": scores, "shuffled": asdict(nothing)}
            )
    return {"run": one.name, "probes": found}


def _probed_moment(run: RunSpec) -> int:
    """The video frame at the end of the probed latent frame."""
    shape = latent_shape(run)
    return round(run.objective.probed_frame(shape) * (run.data.frames - 1) / (shape.frames - 1))


def _probed(one: Finished) -> dict[str, Videos]:
    """Rows for the fit, rows for the test, and the test splits out of distribution."""
    beyond = max(split.data.videos for split in one.run.test_splits)
    fresh = simulate(
        replace(one.run.data, draw="held_out", split="probe"), indices=beyond + np.arange(PROBED)
    )
    parts = {
        "fit": fresh.take(slice(0, PROBED // 2)),
        "probe": fresh.take(slice(PROBED // 2, None)),
    }
    others = (split.data for split in one.run.test_splits if split.kind != "id")
    return parts | {data.split: simulate(data, indices=np.arange(data.videos)) for data in others}


def _layers(
    one: Finished, *, rows: Videos, models: dict[str, Backbone], codec: Codec
) -> dict[str, np.ndarray]:
    latents = codec.encode(render(rows, canvas=one.run.canvas))
    found = {
        "given latents": latents[:, : one.run.objective.condition_frames]
        .flatten(1)
        .double()
        .numpy()
    }
    for prefix, model in models.items():
        parts = [
            _part(one, model=model, rows=rows.take(part), latents=latents[part])
            for part in parts_of(len(rows), at_once=videos_at_once(one.run))
        ]
        found |= {
            prefix + name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }
    return found


def _part(
    one: Finished, *, model: Backbone, rows: Videos, latents: Tensor
) -> dict[str, np.ndarray]:
    """The features of a few rows, which pass through the model together."""
    device = next(model.parameters()).device
    conditioning = conditioning_of(one.run.model.conditioned_on, rows)
    return layer_features(
        model,
        latents.to(device),
        objective=one.run.objective.build(),
        indices=rows.index.tolist(),
        conditioning=None if conditioning is None else conditioning.to(device),
    )
