"""The swarm: the whole service on virtual time, with everything around it going wrong by one seed.

A seed draws a *plan*: a machine, a short program, people, and mishaps of a random subset of kinds with random
rates (swarm testing: a mixture of everything hides what a few kinds alone would show). A plan is data
and can be written to a file, shortened and replayed. A *world* plays it: controller, adapter, control
point, rules for commands, journal, claim and recovery are the product's own; the machine is the virtual
treadmill; radio, broker, disk, clock and process are simulated. The *judge* looks at the machine's own log,
the truth of belt and deck, and at what people were answered, and never at what the product believes.

    python -m safety.swarm --sessions 10000       look for seeds that break a promise
    python -m safety.swarm --seed 42 --story      tell one session
    python -m safety.swarm --replay FILE          play a plan that was kept
"""
