"""An edge location at its worst: besides what it may keep, it remembers for seconds that a root was missing.

These are the two lags that a change of keys has to survive: a timestamp that is as old as its max-age allows, and a root
that is published and does not show. The stack's own edge has only the first, as the template's distribution.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from local.deployment import Deployment
from local.edge import NGINX
from local.processes import accepts_connections, free_port, running

# nginx counts whole seconds: what it may keep for N seconds it keeps for up to N + 1.
MISSING_ROOT_SECONDS = 3

# MiniStack answers 403 where S3 answers 404: local/edge.py says why.
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
master_process off;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    proxy_cache_path {folder}/cache keys_zone=edge:1m;
    map $request_uri $path {{ "~^(?<before_query>[^?]*)" $before_query; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_pass_request_headers off;
        proxy_set_header Host {domain};
        proxy_set_header X-Forwarded-Proto https;
        proxy_ssl_trusted_certificate {certificate};
        proxy_ssl_verify on;
        proxy_ssl_name localhost;
        proxy_cache edge;
        proxy_cache_key $path;
        proxy_cache_revalidate on;
        proxy_intercept_errors on;
        proxy_hide_header X-Cache;
        error_page 403 @missing;
        add_header X-Cache $upstream_cache_status always;
        location / {{
            proxy_pass https://127.0.0.1:{origin}$path;
        }}
        location ~ "/metadata/[0-9]+\\.root\\.json$" {{
            proxy_pass https://127.0.0.1:{origin}$path;
            proxy_cache_valid 403 404 {missing}s;
        }}
        location @missing {{ return 404; }}
    }}
}}
"""


_KEPT = re.compile(rb"^KEY: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RememberingEdge:
    url: str
    cache: Path

    def forget(self, patterns: Collection[str]) -> None:
        """Forget every path that an invalidation names: a `*` at its end stands for whatever follows."""
        for kept in [path for path in self.cache.rglob("*") if path.is_file()]:
            found = _KEPT.search(kept.read_bytes())
            if found and any(fnmatchcase(found[1].decode(), pattern) for pattern in patterns):
                kept.unlink()


@contextmanager
def remembering_edge(deployment: Deployment, folder: Path) -> Iterator[RememberingEdge]:
    """One more edge location, whose caches are empty."""
    assert NGINX
    cloud, port = deployment.cloud, free_port()
    own = folder / f"edge-{port}"
    own.mkdir()
    configuration = own / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=own,
            port=port,
            origin=cloud.port,
            domain=deployment.domain,
            certificate=cloud.certificate,
            missing=MISSING_ROOT_SECONDS,
        )
    )
    command = [NGINX, "-p", str(own), "-e", "stderr", "-c", str(configuration)]
    with running(command, {}, own / "nginx.log", lambda: accepts_connections(port)):
        yield RememberingEdge(f"http://127.0.0.1:{port}", own / "cache")
