"""Publish once in a process of its own, and print its peak resident memory in MB.

`FOLDER prepare COUNT` writes what was published before, and the upload, to a folder; `FOLDER trustpress` and
`FOLDER python-tuf` go on from there. Each holds its store in memory, as many bytes for the one as for the other.
"""

import pickle
import sys
from pathlib import Path


def prepare(folder: Path, count: int) -> None:
    from benchmarks.developer import Developer
    from benchmarks.python_tuf_side import WithPythonTuf
    from benchmarks.trustpress_side import WithTrustpress

    developer = Developer(count)
    (folder / "trustpress").write_bytes(pickle.dumps(WithTrustpress.begin(developer).state))
    (folder / "python-tuf").write_bytes(pickle.dumps(WithPythonTuf.begin(developer).state))
    (folder / "upload").write_bytes(developer.next_upload())


def publish(folder: Path, name: str) -> float:
    with (folder / name).open("rb") as file:
        state = pickle.load(file)  # noqa: S301, this program wrote it
    upload = (folder / "upload").read_bytes()
    if name == "trustpress":
        from benchmarks.trustpress_side import WithTrustpress

        WithTrustpress.resume(*state).publish("targets", upload)
    else:
        from benchmarks.python_tuf_side import WithPythonTuf

        WithPythonTuf.resume(*state).publish("targets", upload)
    return peak_resident()


def peak_resident() -> float:
    """From /proc: getrusage would report the peak of the process that started this one, where that was higher."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    folder, name, *count = sys.argv[1:]
    if name == "prepare":
        prepare(Path(folder), int(count[0]))
    else:
        print(publish(Path(folder), name))
