"""What the other sides of the benchmark share: one command a line on standard input, one answer a line on standard output, both JSON.

Each answer tells the seconds that the command took.
"""

import json
import os
import re
import sys
import time

THREADS = len(os.sched_getaffinity(0))


def peak_memory():
    """What this process needed at most until now, as Linux counts it."""
    with open("/proc/self/status") as status:
        return {"bytes": 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status.read())[1])}


def serve(commands):
    commands = {**commands, "peak_memory": peak_memory}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        command = commands[request.pop("command")]
        start = time.perf_counter()
        result = command(**request)
        result["seconds"] = time.perf_counter() - start
        print(json.dumps(result), flush=True)
