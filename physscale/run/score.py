"""A trained model on its test splits: held-out loss, samples, floors and baselines, as score and
outcome rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from physscale.codec.protocol import Codec
from physscale.dataset.file import write_videos
from physscale.dataset.mp4 import write_mp4
from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import VideoMetric, metrics_of
from physscale.evaluate.motion import baselines
from physscale.evaluate.motion.track import Parsed
from physscale.evaluate.scores import RunColumns, score_table, scores
from physscale.model.backbone import Backbone
from physscale.records.scores import OUTCOMES, Source
from physscale.records.store import RunFolder
from physscale.records.tables import write_parquet, write_scores
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.conditioning import conditioning_of
from physscale.run.cost import cost
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.simulate import simulate

PICTURED_VIDEOS = 6
"""Videos per split that are kept as a moving picture, the truth above the sample."""

ENLARGED = 4
CONTROLS_PX = 44
"""White strip at the bottom, so that a player's controls do not hide the sample."""

FRAMES_PER_S = 8


@dataclass(frozen=True)
class Trained:
    """What is scored."""

    model: Backbone
    codec: Codec
    study: str


@dataclass(frozen=True)
class ScoredSplit:
    """A test split's videos, rendered once, and what all of its tables share."""

    run: RunSpec
    test_split: TestSplit
    truth: Videos
    pixels: np.ndarray
    columns: RunColumns
    metrics: tuple[VideoMetric, ...]

    @property
    def split(self) -> str:
        return self.test_split.data.split

    @property
    def frames(self) -> int:
        return self.run.given_frames

    @property
    def tracked(self) -> bool:
        """Whether its bodies are found by colour. For those that are not, `physscale evaluate`
        scores the frames."""
        return self.test_split.data.scenario.tracked

    def generated(
        self, frames: np.ndarray | None = None, *, predicted: Parsed | None = None
    ) -> Generated:
        """These frames, or tracks, with the truth."""
        return Generated(
            truth=self.truth,
            canvas=self.run.canvas,
            condition_frames=self.frames,
            frames=frames,
            predicted=predicted,
            run=self.run.fingerprint,
        )

    def score(self, generated: Generated, *, source: Source) -> pa.Table:
        """The rows of every metric that is defined on these videos."""
        return scores(
            generated,
            metrics=[
                metric
                for metric in self.metrics
                if metric.defined_on(generated, tracked=self.tracked)
            ],
            columns=self.columns,
            split=self.split,
            kind=self.test_split.kind,
            source=source,
        )

    @property
    def measurable(self) -> bool:
        """Whether any metric can be computed on this split."""
        return any(self.tracked or metric.needs == "frames" for metric in self.metrics)


def scored_split(
    run: RunSpec, split: TestSplit, *, columns: RunColumns, metrics: Iterable[VideoMetric]
) -> ScoredSplit:
    """The split's videos, drawn again from their description."""
    truth = simulate(split.data, indices=np.arange(split.data.videos))
    pixels = render(truth, canvas=run.canvas)
    return ScoredSplit(run, split, truth, pixels=pixels, columns=columns, metrics=tuple(metrics))


def run_columns(run: RunSpec, *, study: str) -> RunColumns:
    """The columns that all rows of a run share; `write_study_tables` adds the run's group."""
    price = cost(run)
    return RunColumns(
        study=study,
        run=run.fingerprint,
        group="",
        parameters=price.parameters,
        videos=run.data.videos,
        combinations=run.combinations,
        steps=run.train.steps,
        flops=price.flops,
        seed=run.seed,
    )


def score_run(run: RunSpec, *, trained: Trained, folder: RunFolder) -> None:
    """Write samples, videos, outcomes and scores of every test split. The two tables come last: if
    they are there, everything is."""
    columns, metrics = run_columns(run, study=trained.study), metrics_of("run")
    outcome_tables, score_tables = [], []
    for split in run.test_splits:
        case = scored_split(run, split, columns=columns, metrics=metrics)
        generated, losses = _model(case, trained=trained, folder=folder)
        outcome_tables.append(outcomes_of(case, generated))
        score_tables += [losses, *source_scores(case, generated, codec=trained.codec)]
    write_parquet(folder.outcomes, pa.concat_tables(outcome_tables))
    names = [metric.name for metric in metrics]
    write_scores(folder.scores, pa.concat_tables(score_tables), metrics=names)


def outcomes_of(case: ScoredSplit, generated: Generated) -> pa.Table:
    """The model's outcomes; none where bodies cannot be tracked."""
    return generated.outcomes if case.tracked else OUTCOMES.empty_table()


def source_scores(case: ScoredSplit, model: Generated, *, codec: Codec) -> Iterator[pa.Table]:
    """The scores of the model, the floors and the baselines on one split."""
    if not case.measurable:
        return
    yield case.score(model, source="model")
    yield from _floors(case, codec=codec)
    if case.tracked:
        yield from _baselines(case)


def _model(case: ScoredSplit, *, trained: Trained, folder: RunFolder) -> tuple[Generated, pa.Table]:
    """The model's videos, and its losses as scores."""
    run, indices = case.run, case.truth.index.tolist()
    latents = trained.codec.encode(case.pixels).to(next(trained.model.parameters()).device)
    conditioning = conditioning_of(run.model.conditioned_on, case.truth)
    objective = run.objective.build()
    errors = objective.held_out(trained.model, latents, indices=indices, conditioning=conditioning)
    losses = {
        "loss": errors.from_given.double().cpu().numpy(),
        "loss_grid": errors.as_trained.double().cpu().numpy(),
    }
    drawn = objective.sample(
        trained.model,
        given=latents[:, : case.run.objective.condition_frames],
        frames=latents.shape[1],
        indices=indices,
        seed=run.seed,
        conditioning=conditioning,
    )
    pixels = trained.codec.decode(drawn)
    write_videos(folder.samples(case.split), case.truth.with_pixels(pixels))
    write_mp4(
        folder.video(case.split),
        beside(case.pixels[:PICTURED_VIDEOS], pixels[:PICTURED_VIDEOS]),
        frames_per_s=FRAMES_PER_S,
    )
    return case.generated(pixels), score_table(
        losses,
        columns=case.columns,
        split=case.split,
        kind=case.test_split.kind,
        source="model",
    )


def _floors(case: ScoredSplit, *, codec: Codec) -> Iterator[pa.Table]:
    """Scores of the true frames, and of the true frames after the codec: no model can be better."""
    recoded = codec.decode(codec.encode(case.pixels))
    floors: dict[Source, np.ndarray] = {"truth": case.pixels, "codec": recoded}
    for source, pixels in floors.items():
        yield case.score(case.generated(pixels), source=source)


def _baselines(case: ScoredSplit) -> Iterator[pa.Table]:
    """Scores of tracks that need no model, to compare errors out of distribution with."""
    possible = case.run.data.scenario.baselines
    speeds = possible.trained_speed_m_s
    tracks: dict[Source, Parsed] = {}
    if speeds is not None:
        tracks["clamp"] = baselines.clamp(
            case.truth, speed_m_s=speeds, condition_frames=case.frames
        )
        tracks["mean_speed"] = baselines.mean_speed(
            case.truth, speed_m_s=speeds, condition_frames=case.frames
        )
    tracks["extrapolate"] = baselines.extrapolate(
        case.truth,
        case.pixels,
        condition_frames=case.frames,
        order=possible.polynomial_order,
    )
    training = simulate(case.run.data, indices=np.arange(case.run.data.videos))
    tracks["nearest"] = baselines.nearest(case.truth, training=training)
    for source, parsed in tracks.items():
        yield case.score(case.generated(predicted=parsed), source=source)


def beside(truth: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """u8[B, T, H, W, 3] twice to one picture sequence u8[T, H', W', 3]: truth above, sample below,
    enlarged, with thin grey lines."""
    above, below = (
        np.concatenate([_framed(video) for video in row], axis=2) for row in (truth, samples)
    )
    strip = np.full_like(above[:, :CONTROLS_PX], 255)
    return np.concatenate([above, below, strip], axis=1)


def _framed(video: np.ndarray) -> np.ndarray:
    large = video.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    large[:, -2:] = large[:, :, -2:] = 200
    return large
