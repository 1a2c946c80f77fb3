"""What an engine must know of archives: their sealed segments (``manifest``), and queries that were emitted (``query``)."""
