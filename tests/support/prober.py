"""Run as a process of its own, whom nobody's load slows down: asks a URL as the kubelet does. Arguments: URL, seconds.

Each probe is a connection of its own. Prints a JSON list of status (0: no answer) and seconds, for each.
"""

import http.client
import json
import sys
import time
from urllib.parse import urlsplit

TIMEOUT = 10
PERIOD = 0.05


def probe(url: str) -> tuple[int, float]:
    parts = urlsplit(url)
    began = time.perf_counter()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("GET", parts.path)
        status = connection.getresponse().status
    except OSError:
        status = 0
    finally:
        connection.close()
    return status, time.perf_counter() - began


def main() -> None:
    probes, ends = [], time.monotonic() + float(sys.argv[2])
    while time.monotonic() < ends:
        probes.append(probe(sys.argv[1]))
        time.sleep(PERIOD)
    print(json.dumps(probes))


if __name__ == "__main__":
    main()
