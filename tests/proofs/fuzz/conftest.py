from tests.clients import conftest as clients

installed_tuf_js = clients.installed_tuf_js
