"""Runs the command line: python -m training."""

import os
import sys

# Threads of the network that wait must sleep. OpenMP lets them spin, which on a machine with few
# cores takes the time from the processes that read and augment photos: measured on two cores, an
# image took 0.4-0.6 s with spinning threads and 0.2 s without. torch reads this once, when it is
# imported.
if sys.argv[1:2] in (["fit"], ["teach"], ["trial"], ["clicks"]):
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if __name__ == "__main__":
    from training.commands.cli import main  # after the setting above; and processes that a command
    # starts import this file again, without a need for all of the command line

    sys.exit(main())
