"""Measure what imports inside functions save a process that does not come there.

Prints for each the milliseconds that a start of Python takes with the imported module more than
without, the fastest of several starts each.
"""

import subprocess
import sys
import time

from failure_insights_tests.imports import late_imports

STARTS = 7


def start_ms(*imported: str) -> float:
    """Return the fastest of several starts of Python that import these modules, in ms."""
    command = [sys.executable, "-c", "; ".join(f"import {module}" for module in imported)]
    times = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run(command, check=True)
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def main() -> None:
    for importer, imported in sorted(late_imports()):
        saved = start_ms(importer, imported) - start_ms(importer)
        print(f"{saved:5.0f} ms  {importer} -> {imported}", flush=True)


if __name__ == "__main__":
    main()
