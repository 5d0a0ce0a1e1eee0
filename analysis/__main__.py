"""`python -m analysis`: laws, verdicts, figures and reports from the results of a study or from any
table of runs."""

import sys

from analysis.commands.app import main

sys.exit(main(sys.argv[1:]))
