"""`python -m physscale.tracking FOLDER TRACKER`: follows a study's folder until standard input
ends."""

import sys
from pathlib import Path

from physscale.records.store import Store
from physscale.tracking.follow import follow
from physscale.tracking.trackers import TRACKERS

if __name__ == "__main__":
    follow(Store(Path(sys.argv[1])), tracker=TRACKERS.named(sys.argv[2]).open())
