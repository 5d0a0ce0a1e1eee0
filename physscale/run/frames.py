"""What a run's samples are worth as frames, and how many are abnormal, beside what the true frames give: rows for the table of scores.

The first videos of a split stand for all of them, so that a run of a minute is not held up; every row says how many it counts.
"""

import pyarrow as pa

from physscale.evaluate.abnormal.verdict import abnormal_rates, family_of, judge
from physscale.evaluate.pixels import WINDOW, psnr, ssim
from physscale.evaluate.scores import Kind, RunFacts, Source, score_table
from physscale.records.errors import UserError
from physscale.records.video import Videos

SSIM_VIDEOS = 12
JUDGED_VIDEOS = 32


def frame_scores(samples: Videos, *, truth: Videos, facts: RunFacts, split: str, kind: Kind, condition_frames: int) -> list[pa.Table]:
    """SSIM and PSNR of the frames after the given ones, and the rates of abnormal videos of the model and of the truth.

    A scenario for which the judge has no rules has no rates.
    """
    assert samples.pixels is not None, "samples have frames"
    assert truth.pixels is not None, "rendered for the judge"
    made, right = samples.pixels[:, condition_frames:], truth.pixels[:, condition_frames:]
    values = {"psnr_db": psnr(made, truth=right)}
    if made.shape[2] >= WINDOW:
        values["ssim"] = ssim(made[:SSIM_VIDEOS], truth=right[:SSIM_VIDEOS])
    tables = [score_table(values, facts=facts, split=split, kind=kind, source="model")]
    if not _has_rules(truth):
        return tables
    sources: dict[Source, Videos] = {"model": samples, "truth": truth}
    for source, videos in sources.items():
        verdicts = judge(videos.take(slice(0, JUDGED_VIDEOS)))
        tables.append(abnormal_rates(verdicts, facts=facts, split=split, kind=kind, source=source))
    return tables


def _has_rules(videos: Videos) -> bool:
    try:
        family_of(videos)
    except UserError:
        return False
    return True
