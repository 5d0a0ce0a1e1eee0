"""The rules that come with the package."""

from physscale.evaluate.abnormal.free_discs import FreeDiscs
from physscale.evaluate.abnormal.phyre import PhyreRules
from physscale.evaluate.abnormal.rules import RULES

for _rules in (FreeDiscs(), PhyreRules()):
    RULES.register(_rules)
