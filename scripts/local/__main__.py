"""`scripts/run`: the whole of Trustpress on this machine."""

import os
import signal
import subprocess
import sys
import time
from types import FrameType

import click

from local.processes import ProgramFailed
from local.stack import running_stack
from local.tour import Tour, console

# No cache here keeps a timestamp for more than five seconds.
_OVERLAP_SECONDS = 15
_STDOUT = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="Stop after the round trip; the exit code says how it went.")
def main(once: bool) -> None:
    """Deploy Trustpress to a cloud on loopback, publish a file and fetch it back; then stay up to be tried."""
    is_stopping = False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_stopping
        if not is_stopping:
            os.write(_STDOUT, b"\nStopping ...\n")  # print may not be called within a print that this signal interrupts
        is_stopping = True
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        starting = console.status("Starting a cloud on loopback, building and deploying template.yaml to it ...")
        with starting, running_stack(overlap_seconds=_OVERLAP_SECONDS) as stack:
            console.print(f"Deployed template.yaml to {stack.cloud.endpoint}, as `sam deploy` does to AWS.")
            tour = Tour(stack)
            tour.run()
            if not once:
                tour.show_what_to_try()
                # A signal right before a wait without end would not end it, and what is raised while memory is tidied up is lost.
                while not is_stopping:
                    time.sleep(1)
                interrupt(signal.SIGINT, None)
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left behind.")
    except (ProgramFailed, subprocess.CalledProcessError) as error:
        console.print(f"[red]{error}[/red]")
        sys.exit(1)


if __name__ == "__main__":
    main()
