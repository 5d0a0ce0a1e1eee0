"""The misbehaving scenario for the command line: named in `PHYSSCALE_PLUGINS`."""

from physscale.simulate.spec import SCENARIOS
from tests.misbehaving import Misbehaving

SCENARIOS.register(Misbehaving)
