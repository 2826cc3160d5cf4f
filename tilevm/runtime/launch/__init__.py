"""The prepared launch: a program of guards for each way in which a kernel is called, run by native code.

What stands between a caller and a kernel is the same for every call: that values are what the code was specialised
for, that nothing outside changed that decides the code, how many programs to run. For each such way :mod:`.plan` writes
that down once, as rows of a small register machine (:mod:`.rows`). The machine itself is native (:mod:`.machine`), is
made once a process, and takes Python's arguments as the interpreter holds them (:mod:`.objects`). Where a row does not
hold, the call goes on to Python, which knows everything: so a program may refuse what it could have taken, and never
the other way round.
"""
