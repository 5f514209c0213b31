"""How long keys overlap: from the template's parameter to the function, which takes no value that makes no sense."""

from datetime import timedelta

import pytest

from tests.template.facts import Template
from trustpress.adapters.settings import read_settings
from trustpress.core.overlap import OVERLAP
from trustpress.errors import Misconfigured

NAME = "TRUSTPRESS_OVERLAP_SECONDS"
OTHERS = dict.fromkeys(
    ["TRUSTPRESS_STAGING_BUCKET", "TRUSTPRESS_PUBLIC_BUCKET", "TRUSTPRESS_BUCKET_OWNER", "TRUSTPRESS_ONLINE_KEY"], "something"
)


def test_every_function_that_signs_is_told_the_parameter(template: Template) -> None:
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    assert variables[NAME] == {"Ref": "OverlapSeconds"}
    parameter = template.body["Parameters"]["OverlapSeconds"]
    assert (parameter["Type"], parameter["MinValue"], parameter["MaxValue"]) == ("Number", 5, 86400)
    assert timedelta(seconds=parameter["Default"]) == OVERLAP


def test_it_is_longer_than_a_publish_may_take_and_a_timestamp_may_be_kept(template: Template) -> None:
    kept = template.properties("CacheTimestamps")["CachePolicyConfig"]["MaxTTL"]
    assert template.body["Parameters"]["OverlapSeconds"]["Default"] > template.properties("PublishFunction")["Timeout"] + kept


@pytest.mark.parametrize(("text", "seconds"), [("5", 5), (" 300 ", 300), ("86400", 86400), ("", 200)])
def test_it_is_read_in_whole_seconds(text: str, seconds: int) -> None:
    assert read_settings({**OTHERS, NAME: text}).overlap == timedelta(seconds=seconds)


def test_where_it_is_not_set_it_is_the_publishers_own() -> None:
    assert read_settings(OTHERS).overlap == OVERLAP


@pytest.mark.parametrize("text", ["4", "0", "-200", "86401", "200.0", "1e3", "two hundred", "²00", "9" * 5000])
def test_what_makes_no_sense_stops_the_function(text: str) -> None:
    with pytest.raises(Misconfigured, match=f"{NAME}: expected a whole number from 5 to 86400"):
        read_settings({**OTHERS, NAME: text})
