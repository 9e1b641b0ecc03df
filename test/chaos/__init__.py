"""The fault suite: streams whose content is known, read while something breaks; each answer is exact, an error, or wrong.

    place.py     a server or a cluster with streams of which every message is known, behind proxies
    model.py     what a stream may have held while it was read, and what an answer has to be then
    readers.py   the questions: every function that reads, with bounds and filters by chance
    faults/      what breaks, one file for each layer
    run.py       rounds of faults and questions by a seed, and the table of what came of them
    record.py    what is kept of a wrong answer

`make chaos SECONDS=3600 SEED=7` runs rounds for an hour; test_chaos.py is the short form of it.
"""
