"""The demonstrations of this project, in the order of the report. A new one is one more file."""

from analysis.report.demonstrations.demonstration import DEMONSTRATIONS
from analysis.report.demonstrations.flip import Flip
from analysis.report.demonstrations.gap import Gap
from analysis.report.demonstrations.workers import Workers

DEMONSTRATIONS.register(Gap())
DEMONSTRATIONS.register(Flip())
DEMONSTRATIONS.register(Workers())
