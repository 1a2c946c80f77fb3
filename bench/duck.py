"""What DuckDB answers to the last one of some statements.

Run with the Python of the venv:  duck.py < statements
Prints a JSON object for each row, then one with how long it took and for how much CPU, without the start of Python.
"""

import json
import sys
import time

import duckdb


def main(statements):
    began, cpu_began = time.perf_counter(), time.process_time()
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.execute("SET TimeZone = 'UTC'")
    for statement in connection.extract_statements(statements):
        result = connection.execute(statement)
    names, rows = [column[0] for column in result.description], result.fetchall()
    took = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu_began}
    for row in rows:
        print(json.dumps(dict(zip(names, row, strict=True)), default=str))
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.stdin.read())
