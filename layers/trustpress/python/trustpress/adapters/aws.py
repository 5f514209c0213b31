"""What botocore's exceptions mean, whatever service they come from."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from trustpress.errors import Unavailable

AwsError = BotoCoreError | ClientError
AWS_ERRORS = (BotoCoreError, ClientError)

_SERVER_ERROR = 500


def code_of(error: AwsError) -> str:
    """What the service calls it; empty where no service answered."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def may_have_happened(error: AwsError) -> bool:
    """Whether nobody knows if the call took effect: the service failed at it, or its answer did not arrive."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR) >= _SERVER_ERROR
    return isinstance(error, HTTPClientError | NoConnectionError)


@contextmanager
def calling(service: str) -> Iterator[None]:
    """Raises Unavailable for whatever goes wrong with the service."""
    try:
        yield
    except AWS_ERRORS as error:
        raise Unavailable(f"{service}: {error}") from error
