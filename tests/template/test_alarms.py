"""Who hears of it when something stops."""

from datetime import timedelta

import pytest

from tests.template.facts import Template
from trustpress.adapters.settings import read_period
from trustpress.watch.sightings import overall

ALARMS = {
    "NotDrainedAlarm": ("NotDrained", "GreaterThanThreshold", 0, "notBreaching"),
    "DeadLettersAlarm": ("ApproximateNumberOfMessagesVisible", "GreaterThanThreshold", 0, "notBreaching"),
    "PublishErrorsAlarm": ("Errors", "GreaterThanThreshold", 0, "notBreaching"),
    "RefreshErrorsAlarm": ("Errors", "GreaterThanThreshold", 0, "notBreaching"),
    "RefreshMissedAlarm": ("Invocations", "LessThanThreshold", 1, "breaching"),
    "HalfSpentAlarm": ("TimestampLifeLeft", "LessThanThreshold", 50, "breaching"),
    "NearlyExpiredAlarm": ("TimestampLifeLeft", "LessThanThreshold", 25, "breaching"),
    "EdgeFailedAlarm": ("EdgeFailed", "GreaterThanThreshold", 0, "breaching"),
    "WatchErrorsAlarm": ("Errors", "GreaterThanThreshold", 0, "notBreaching"),
    "PublishNeedsAPersonAlarm": ("NeedsAPerson", "GreaterThanThreshold", 0, "notBreaching"),
    "RefreshNeedsAPersonAlarm": ("NeedsAPerson", "GreaterThanThreshold", 0, "notBreaching"),
    "WatchNeedsAPersonAlarm": ("NeedsAPerson", "GreaterThanThreshold", 0, "notBreaching"),
}


def test_these_are_the_alarms(template: Template) -> None:
    assert set(template.of_type("AWS::CloudWatch::Alarm")) == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_what_its_name_says(template: Template, name: str) -> None:
    alarm = template.properties(name)
    watched = (alarm["MetricName"], alarm["ComparisonOperator"], alarm["Threshold"], alarm["TreatMissingData"])
    assert watched == ALARMS[name]
    assert alarm["AlarmActions"] == [{"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}]


@pytest.mark.parametrize("name", ["HalfSpentAlarm", "NearlyExpiredAlarm", "EdgeFailedAlarm"])
def test_freshness_is_what_the_watch_says_of_all_repositories_together(template: Template, name: str) -> None:
    """By the names that the function writes; tests/watch shows that the numbers are right."""
    alarm = template.properties(name)
    assert (alarm["Namespace"], alarm["Dimensions"]) == ("Trustpress", [{"Name": "service", "Value": "watch"}])
    assert alarm["MetricName"] in overall([])
    assert alarm["Statistic"] == ("Maximum" if name == "EdgeFailedAlarm" else "Minimum")


@pytest.mark.parametrize(("service", "period"), [("publish", 300), ("refresh", 300), ("watch", 900)])
def test_what_no_retry_helps_alarms_at_once_whoever_meets_it(template: Template, service: str, period: int) -> None:
    """By the dimension that the function's metrics have; a metric alarm sees no other."""
    alarm = template.properties(f"{service.capitalize()}NeedsAPersonAlarm")
    assert (alarm["Namespace"], alarm["Dimensions"]) == ("Trustpress", [{"Name": "service", "Value": service}])
    assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Sum", period, 1)
    variables = template.properties(f"{service.capitalize()}Function")["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == service
    assert template.body["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] == alarm["Namespace"]


def test_one_look_that_fails_alarms_nobody(template: Template) -> None:
    for name in ("HalfSpentAlarm", "NearlyExpiredAlarm", "EdgeFailedAlarm", "WatchErrorsAlarm"):
        assert template.properties(name)["EvaluationPeriods"] > 1


def test_every_period_of_the_alarms_has_a_look_in_it(template: Template) -> None:
    minutes = [read_period({"TRUSTPRESS_REFRESH_SCHEDULE": rate}) for rate in template.body["Parameters"]["WatchSchedule"]["AllowedValues"]]
    assert max(minutes) <= timedelta(seconds=template.properties("HalfSpentAlarm")["Period"])
