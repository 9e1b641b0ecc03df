"""What reading, publishing and ingesting cost, beside the least that they can cost and beside other ways to do the same.

`settings` says how much is measured, `groups` what (as data: streams, files, cases, ratios), `run` measures it in rounds, `summary`
makes figures of the samples, `report` and `plot` show them.
"""
