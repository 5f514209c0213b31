"""The online key that root is to list next: asked for by a put, shown by the publisher."""

import time
from collections.abc import Collection

from trustpress.core import layout
from trustpress.core.keys import PublicKey
from trustpress_uploader.errors import NoOnlineKey, NotPossible
from trustpress_uploader.home.folder import is_private
from trustpress_uploader.reading.online_keys import fetch_online_keys
from trustpress_uploader.staging.uploads import Staging
from trustpress_uploader.terminal.progress import ShowWaiting

_PAUSE = 0.1


def ask_for_online_key(url: str, staging: Staging, listed: Collection[str], seconds: float, show_waiting: ShowWaiting) -> PublicKey:
    """The key that is shown for this repository after those that root lists, or the first where it lists none of them.

    Whoever writes to the public bucket can show another's. It never gets published: the publisher takes no root that lists one.
    Raises NoOnlineKey where none shows in time, NotPossible, NotVerified, Unreachable or StorageRefused.
    """
    if not is_private(url):
        raise NotPossible(f"{url}: expected https, as root will trust the online key found there", "Give --url https://...")
    staging.ask_for_online_keys()
    deadline = time.monotonic() + seconds
    with show_waiting("Asking for an online key"):
        while True:
            shown = list(fetch_online_keys(url, staging.repository).values())
            # An answer of before may still show: those up to the present key are former ones.
            present = max((place for place, key in enumerate(shown) if key.keyid in listed), default=-1)
            if shown[present + 1 :]:
                return shown[present + 1]
            if time.monotonic() > deadline:
                raise NoOnlineKey(f"{url}/{layout.online_keys(staging.repository)}", seconds)
            time.sleep(_PAUSE)
