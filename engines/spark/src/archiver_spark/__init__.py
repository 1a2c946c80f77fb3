"""Runs what ``archiver-analyze … --emit spark`` prints: ``session`` as its SQL needs it, ``tables`` of archives and of their
Parquet, ``output`` of the answer, ``main`` the command. ``clusters`` are those of a model that ``archiver-analyze train`` wrote.
"""
