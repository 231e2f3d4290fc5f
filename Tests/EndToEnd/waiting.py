"""Waiting for what will become true. It must never wait without an end, nor hide what it waited for."""

import time


def eventually(condition, seconds=20, what="the condition", every=0.05):
    """The first true value of `condition`, or a failure that names what never happened."""
    end, problem = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
            problem = value
        except Exception as error:  # the node may be starting
            problem = error
        time.sleep(every)
    raise AssertionError(f"{what} did not come true within {seconds} s (last: {problem!r})")
