"""A whole venue in one process, in its own time, out of one number: the seed.

The daemons' real assembly, shells, cores and stores run on a loop that jumps from one deadline to
the next. Hardware, network, central's processes and people are simulated; whatever happens is drawn
from the seed, so that what goes wrong once goes wrong again.

    planned/     what the seed stands for, drawn beforehand, and how it is made small
    machines/    time, processes, cards, lines, and what stands beside gates, kiosks and the hub
    centrals/    central as the doors know it: light, or by its own code
    goings_on/   what happens: people, faults, fire, whoever sets a lane
    books/       what journals say, held against the promises
    truth        what really happened, which no device knows
    venue        all of it built, run, put right and held against every promise
"""
