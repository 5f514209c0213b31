"""botocore's errors in Trustpress's words, whatever service they come from."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, PartialCredentialsError
from botocore.exceptions import ConnectionError as NoConnectionError

from trustpress.errors import TrustpressError
from trustpress_uploader.errors import Unreachable

_SERVER_ERROR = 500


@contextmanager
def translated(place: str, refusal: Callable[[str, str], TrustpressError], hints: Mapping[str, str], otherwise: str) -> Iterator[None]:
    """Raises what `refusal` makes of a reason and a hint, by the code of the error, or Unreachable."""
    try:
        yield
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
            raise Unreachable(f"{place}: {error}") from error
        raise refusal(f"{place}: {error}", hints.get(code_of(error), otherwise)) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        hint = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`."
        raise refusal(f"{place}: no AWS credentials: {error}", hint) from error
    except (HTTPClientError, NoConnectionError) as error:
        raise Unreachable(f"{place}: {error}") from error
    except BotoCoreError as error:
        raise refusal(f"{place}: {error}", "Check the AWS configuration of this machine.") from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
