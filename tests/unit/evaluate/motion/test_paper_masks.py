"""Which pixels the official evaluation counts as the red and the blue ball."""

import numpy as np

from physscale.evaluate.motion.paper_masks import colour_masks


def test_a_mask_is_what_the_rule_says() -> None:
    """Strictly above and below 127, columns from the left, rows from the bottom; any other colour
    is nothing."""
    frame = np.full((1, 1, 6, 8, 3), 255, np.uint8)
    frame[0, 0, 1, 2] = frame[0, 0, 1, 4] = (128, 126, 126)
    frame[0, 0, 0, 0], frame[0, 0, 5, 5], frame[0, 0, 2, 2] = (
        (127, 0, 0),
        (255, 127, 0),
        (255, 0, 127),
    )
    frame[0, 0, 4, 6], frame[0, 0, 3, 3] = (0, 0, 200), (200, 0, 200)
    seen = colour_masks(frame, blue=np.array([[False, True]]))
    assert seen.count[0, 0].tolist() == [2, 1]
    assert seen.column[0, 0].tolist() == [3, 6]
    assert seen.row[0, 0].tolist() == [4, 1]


def test_masks_equal_numpys_own() -> None:
    pixels = np.random.default_rng(0).integers(100, 160, (2, 3, 16, 16, 3)).astype(np.uint8)
    red, green, blue = (pixels[..., channel].astype(int) for channel in range(3))
    masks = (red > 127) & (green < 127) & (blue < 127), (red < 127) & (green < 127) & (blue > 127)
    seen = colour_masks(pixels, blue=np.array([[False, True]] * 2))
    for body, mask in enumerate(masks):
        flipped = mask[:, :, ::-1]
        np.testing.assert_array_equal(seen.count[..., body], mask.sum((2, 3)))
        means = [[np.nonzero(frame)[0].mean() for frame in video] for video in flipped]
        np.testing.assert_allclose(seen.row[..., body], means)
