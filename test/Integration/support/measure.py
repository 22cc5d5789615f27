"""Runs one command and reports its exit code, wall time, CPU time and peak resident memory.

A small process of its own: on Linux the peak of a child includes that of the process which
started it, so starting the command from a test runner would count the test runner's memory.

    python measure.py REPORT.json CORES command…        (CORES 0: all)
"""

import json
import os
import sys
import time


def main(report, cores, command):
    if int(cores):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(error, file=sys.stderr)
            os._exit(127)
    status, usage = os.wait4(pid, 0)[1:]
    result = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }
    with open(report, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
