"""Backstride broken on purpose: defects written by hand, each of which the tests must notice.

Theory of operation
-------------------
Mutation testing makes small defects without knowing what is dangerous. These are the other kind: for
each hazard the mistake that would open it, as somebody in a hurry might make it. `*.toml` lists them as
textual replacements. Each anchor must occur exactly once: a variant that lost its meaning is noticed.

A variant never touches the working tree: the sources are copied, the copy is broken, and pytest runs the
repository's tests against the copy. `imported` makes sure that it is really the copy that they import.

Where one guard backs up another, breaking one of them changes nothing that could be seen from outside. Such a
variant breaks both, and its reason says so.
"""
