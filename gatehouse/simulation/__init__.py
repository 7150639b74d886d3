"""A whole venue in one process, in its own time, out of one number: the seed.

The daemons' real assembly, shells, cores and stores run on a loop that jumps from one deadline to
the next. Hardware, network, central's processes and people are simulated; whatever happens is drawn
from the seed, so that what goes wrong once goes wrong again.
"""
