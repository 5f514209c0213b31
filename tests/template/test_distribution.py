"""What clients get: fresh timestamps, immutable everything else, no listing and no stale error."""

from typing import Any

import pytest

from tests.template.facts import Template, sub

YEAR = 365 * 24 * 3600


@pytest.fixture
def configuration(template: Template) -> Any:
    return template.properties("Distribution")["DistributionConfig"]


def behaviours(configuration: Any) -> list[Any]:
    return [configuration["DefaultCacheBehavior"], *configuration["CacheBehaviors"]]


def test_a_timestamp_is_kept_for_a_minute_at_most_and_a_version_for_a_year(template: Template, configuration: Any) -> None:
    (timestamps,) = configuration["CacheBehaviors"]
    assert (timestamps["PathPattern"], timestamps["CachePolicyId"]) == ("*/metadata/timestamp.json", {"Ref": "CacheTimestamps"})
    assert configuration["DefaultCacheBehavior"]["CachePolicyId"] == {"Ref": "CacheVersions"}
    assert lives(template, "CacheTimestamps") == (0, 60, 60)
    assert lives(template, "CacheVersions") == (0, 60, YEAR)


def lives(template: Template, policy: str) -> tuple[int, int, int]:
    found = template.properties(policy)["CachePolicyConfig"]
    return found["MinTTL"], found["DefaultTTL"], found["MaxTTL"]


@pytest.mark.parametrize("policy", ["CacheTimestamps", "CacheVersions"])
def test_only_the_path_reaches_the_bucket(template: Template, policy: str) -> None:
    assert template.properties(policy)["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"] == {
        "EnableAcceptEncodingGzip": False,
        "EnableAcceptEncodingBrotli": False,
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    }


def test_there_is_no_listing(configuration: Any) -> None:
    """The distribution may list the bucket, so that a missing key is 404. `/` is an object, and a query is never forwarded."""
    assert configuration["DefaultRootObject"] == "index.html"
    assert all("OriginRequestPolicyId" not in behaviour for behaviour in behaviours(configuration))


def test_no_error_is_kept(configuration: Any) -> None:
    kept = {error["ErrorCode"]: error["ErrorCachingMinTTL"] for error in configuration["CustomErrorResponses"]}
    assert kept == dict.fromkeys([400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504], 0)


def test_bytes_arrive_as_they_were_signed_over_https_only(configuration: Any) -> None:
    for behaviour in behaviours(configuration):
        assert behaviour["ViewerProtocolPolicy"] == "https-only"
        assert behaviour["AllowedMethods"] == ["GET", "HEAD"]
        assert behaviour["Compress"] is False
        assert behaviour["ResponseHeadersPolicyId"] == {"Ref": "SecurityHeaders"}
    assert configuration["HttpVersion"] == "http2and3"
    assert configuration["ViewerCertificate"]["Fn::If"][1]["MinimumProtocolVersion"] == "TLSv1.2_2021"


def test_no_target_file_acts_in_the_name_of_the_domain(template: Template) -> None:
    headers = template.properties("SecurityHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["ContentSecurityPolicy"]["ContentSecurityPolicy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert headers["ContentTypeOptions"] == {"Override": True}
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= YEAR


def test_only_this_distribution_reads_the_bucket_and_learns_that_a_key_is_missing(template: Template) -> None:
    allowed = {sid: found for sid, found in template.statements("PublicBucketPolicy").items() if found["Effect"] == "Allow"}
    assert {sid: found["Action"] for sid, found in allowed.items()} == {
        "TheDistributionReadsWhatIsPublished": "s3:GetObject",
        "TheDistributionSeesThatAKeyIsMissing": "s3:ListBucket",
    }
    ours = sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}")
    for statement in allowed.values():
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceArn": ours}}
    access = template.properties("OriginAccess")["OriginAccessControlConfig"]
    assert (access["SigningBehavior"], access["SigningProtocol"]) == ("always", "sigv4")
