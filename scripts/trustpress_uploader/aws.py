"""AWS's failures in Trustpress's words, whatever service they come from."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError
from botocore.utils import is_valid_endpoint_url

from trustpress.adapters.aws import AWS_ERRORS, AwsError, code_of, may_have_happened
from trustpress.errors import TrustpressError
from trustpress_uploader.errors import Unreachable

Refusal = Callable[[str, str, str], TrustpressError]  # makes an error of a place, a reason and a hint
Tell = Callable[[AwsError], str]  # makes a reason


@contextmanager
def translated(
    place: str, refusal: Refusal, hints: Mapping[str, str], otherwise: str, *, busy: Collection[str] = (), tell: Tell = str
) -> Iterator[None]:
    """Raises Unreachable for a service that failed, did not answer or is `busy`, and a `refusal` for everything else.

    `hints` and `busy` go by the code of the error.
    """
    for variable, url in _bad_endpoints():
        raise refusal(place, f"{variable}: expected a URL, found {url}", "Set it to the URL of the service, or unset it.")
    try:
        yield
    except AWS_ERRORS as error:
        code, reason = code_of(error), tell(error)
        if may_have_happened(error) or code in busy:
            raise Unreachable(f"{place}: {reason}") from error
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            hint = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`."
            raise refusal(place, f"no AWS credentials: {reason}", hint) from error
        unforeseen = otherwise if isinstance(error, ClientError) else "Check the AWS configuration of this machine."
        raise refusal(place, reason, hints.get(code, unforeseen)) from error


def _bad_endpoints() -> Iterator[tuple[str, str]]:
    """What the environment names for an endpoint and is none: botocore says so by an error of no class of its own."""
    for variable, url in os.environ.items():
        if variable.startswith("AWS_ENDPOINT_URL") and url and not is_valid_endpoint_url(url):
            yield variable, url


def briefly(error: AwsError) -> str:
    """Without the operation, which botocore names."""
    return f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}" if isinstance(error, ClientError) else str(error)
