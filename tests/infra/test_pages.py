"""The pages in AWS: there only if asked for, readable by nobody but CloudFront, as strict as in the demo."""

from __future__ import annotations

from demo.static_files import CONTENT_SECURITY_POLICY, PAGES, SECURITY_HEADERS
from tests.infra.template import resources, template

PARTS = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy"}


def _pages():
    found = template()["Resources"].items()
    return {name: each for name, each in found if each["Type"] in PARTS or "::CloudFront::" in each["Type"]}


def _distribution():
    (found,) = resources("AWS::CloudFront::Distribution").values()
    return found["DistributionConfig"]


def test_nothing_of_the_pages_is_made_unless_it_is_asked_for():
    assert len(_pages()) == 6
    assert {each.get("Condition") for each in _pages().values()} == {"PagesServed"}
    assert template()["Parameters"]["ServePages"]["Default"] == "false"


def test_the_bucket_is_closed_to_everybody_but_this_distribution():
    (bucket,) = resources("AWS::S3::Bucket").values()
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (policy,) = resources("AWS::S3::BucketPolicy").values()
    allowed, denied = policy["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allowed["Action"] == "s3:GetObject"
    assert "${WebDistribution}" in allowed["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_page_is_as_strict_in_aws_as_in_the_demo():
    (headers,) = resources("AWS::CloudFront::ResponseHeadersPolicy").values()
    strict = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert strict["ContentSecurityPolicy"]["ContentSecurityPolicy"] == CONTENT_SECURITY_POLICY
    assert strict["ReferrerPolicy"]["ReferrerPolicy"] == SECURITY_HEADERS["Referrer-Policy"]
    assert strict["ContentTypeOptions"]["Override"] is True
    behaviour = _distribution()["DefaultCacheBehavior"]
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["ResponseHeadersPolicyId"] == {"Ref": "WebHeaders"}


def test_every_path_of_the_api_goes_to_the_api_and_carries_the_token():
    behaviours = {each["PathPattern"]: each for each in _distribution()["CacheBehaviors"]}
    routes = {each["RouteKey"].split()[1] for each in resources("AWS::ApiGatewayV2::Route").values()}
    for route in routes:
        matching = [each for pattern, each in behaviours.items() if _matches(pattern, route)]
        assert len(matching) == 1, route
        assert "DELETE" in matching[0]["AllowedMethods"]
        assert matching[0]["OriginRequestPolicyId"]


def _matches(pattern: str, route: str) -> bool:
    return route.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else route == pattern


def test_each_page_has_the_address_that_the_demo_gives_it():
    assert _distribution()["DefaultRootObject"] == PAGES["/"]
    assert {path: file for path, file in PAGES.items() if path != "/"} == {
        path: f"{path[1:]}.html" for path in PAGES if path != "/"
    }
