"""Who hears of it when something stops."""

import pytest

from tests.template.facts import Template

ALARMS = {
    "NotDrainedAlarm": ("NotDrained", "GreaterThanThreshold", 0, "notBreaching"),
    "DeadLettersAlarm": ("ApproximateNumberOfMessagesVisible", "GreaterThanThreshold", 0, "notBreaching"),
    "PublishErrorsAlarm": ("Errors", "GreaterThanThreshold", 0, "notBreaching"),
    "RefreshErrorsAlarm": ("Errors", "GreaterThanThreshold", 0, "notBreaching"),
    "RefreshMissedAlarm": ("Invocations", "LessThanThreshold", 1, "breaching"),
}


def test_these_are_the_alarms(template: Template) -> None:
    assert set(template.of_type("AWS::CloudWatch::Alarm")) == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_what_its_name_says(template: Template, name: str) -> None:
    alarm = template.properties(name)
    watched = (alarm["MetricName"], alarm["ComparisonOperator"], alarm["Threshold"], alarm["TreatMissingData"])
    assert watched == ALARMS[name]
    assert alarm["AlarmActions"] == [{"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}]


def test_silence_of_the_schedule_is_heard_before_any_timestamp_is_half_spent(template: Template) -> None:
    alarm = template.properties("RefreshMissedAlarm")
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 12 * 3600
