"""The exhaustive check of the product's own `step()` and `permit()` against a treadmill and bad luck.

Theory of operation
-------------------
`abstraction` maps a session to a representative, so that a search can meet the same session twice;
`core` folds events into representatives with the product's functions and remembers the results; `world` is
the treadmill, the air, the people and the bad luck around it, and judges every command and every state
by what the belt really does; `search` visits every state that at most so many acts of bad luck can
lead to; `story` turns the way to a breach into a text and a test; `variants` breaks the product on
purpose, to show that the search would notice.
"""
