"""Mutation testing of the pure core: small defects by the thousand, judged by the tests of the domain.

Theory of operation
-------------------
`operators` lists what can be done to a piece of code, `plan` finds every place of a file and makes the
mutant's code, `run` judges. Judging must be cheap, or nobody does it: pytest collects the tests once,
each test is run once while the lines that it executes are written down, and every mutant of a function
is then a forked child that gets the function's other code and runs the tests that cover the line, the
quickest first, until one fails. What exists only while a module is imported (constants, tables,
decorators) cannot be exchanged in place: it is put into the import of a fresh child, which collects anew.

A mutant that no test kills is a defect that nobody would notice, or it is no defect at all. The second kind
is listed in `accepted.toml`, each with the reason why its behaviour is the same or no worse.

Not mutated: text for people (sentences, names of cues), annotations, docstrings, `__repr__`.
"""
