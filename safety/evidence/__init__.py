"""What a release may claim: every proof is run again, now, and what it found is set against its bar.

Theory of operation
-------------------
Nothing is taken from a cache or from an earlier run. Each *section* starts one command of this
repository as a process, reads the figures that it prints as JSON (or the report of pytest), and holds
them against *bars*. A section whose command is not there, or that a size leaves out, says `not run` and
why: it claims nothing. `page` renders all of it as Markdown and as JSON, with the commit, the versions
and the risks that remain. The process ends with 1 when a figure is below its bar, and when a command
broke.

    python -m safety.evidence             what `make evidence` runs: twenty minutes or more on two cores
    python -m safety.evidence --quick     less of everything, in less than three minutes on two idle cores
    python -m safety.evidence --release   more of everything: hours
"""
