"""What training the codecs of a study costs, each once: by the workers of the longest run that
needs it, before that run; or beforehand by `physscale encode`, on one device. By formula, without
torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from physscale.records.store import Store
from physscale.run.cost import codec_training_flops
from physscale.run.device_memory import codec_memory
from physscale.run.spec import RunSpec
from physscale.study.progress import gigabytes, span
from physscale.study.speed import Pace

__all__ = ["CodecCost", "codec_cost"]


@dataclass(frozen=True, kw_only=True)
class CodecCost:
    """Of all codecs that are still to be trained. The memory is that of the largest, on each
    device; `alone_` is by one worker each."""

    count: int
    flops: float
    seconds: float
    memory_bytes: int
    alone_s: float
    alone_bytes: int

    @property
    def notes(self) -> list[str]:
        """Of `physscale plan`, in words; nothing where no codec is to be trained."""
        if not self.count or (self.seconds, self.memory_bytes) == (self.alone_s, self.alone_bytes):
            return self.alone_notes
        shared = f"{span(self.seconds)} and {gigabytes(self.memory_bytes)}"
        return [
            f"{self._work}, about {shared} on each of their run's devices; by `physscale encode`, "
            f"{self._alone}"
        ]

    @property
    def alone_notes(self) -> list[str]:
        """The same of `physscale encode`."""
        return [f"{self._work}, about {self._alone}"] if self.count else []

    @property
    def _work(self) -> str:
        return f"codecs: {self.count} to train, {self.flops:.1e} FLOPs"

    @property
    def _alone(self) -> str:
        return f"{span(self.alone_s)} and {gigabytes(self.alone_bytes)} on one device"


def codec_cost(runs: Iterable[RunSpec], *, store: Store, pace: Pace) -> CodecCost:
    """Of the codecs of these runs, the longest run first, that the store does not hold."""
    first: dict[str, RunSpec] = {}
    for run in runs:
        if run.codec.training is not None and not store.codec(run.codec_fingerprint).exists():
            first.setdefault(run.codec_fingerprint, run)
    trained = list(first.values())
    return CodecCost(
        count=len(trained),
        flops=sum(codec_training_flops(run) for run in trained),
        seconds=sum(pace.codec_s(run, workers=run.workers) for run in trained),
        memory_bytes=max((codec_memory(run, workers=run.workers) for run in trained), default=0),
        alone_s=sum(pace.codec_s(run, workers=1) for run in trained),
        alone_bytes=max((codec_memory(run, workers=1) for run in trained), default=0),
    )
