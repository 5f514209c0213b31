"""The desks and the deployment of the command line's stories."""

from tests.uploader.conftest import deployment, new_desk, quick

__all__ = ["deployment", "new_desk", "quick"]
