"""The real template, built and deployed as scripts/deploy does it, patched in between (emulator.py)."""

import fcntl
import json
import os
import platform
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.emulator import patch_for_ministack
from local.ministack import ADMINISTRATOR, PATH, Cloud, Credentials
from local.processes import ROOT, ProgramFailed, run

STACK_NAME = "trustpress"
ARCHITECTURE = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
CACHE = ROOT / ".local" / "build"


@dataclass(frozen=True, slots=True)
class Deployment:
    """`outputs` are the template's; `topic` hears its alarms and notices."""

    cloud: Cloud
    outputs: dict[str, str]
    topic: str

    @property
    def staging_bucket(self) -> str:
        return self.outputs["StagingBucketName"]

    @property
    def public_bucket(self) -> str:
        return self.outputs["PublicBucketName"]

    @property
    def domain(self) -> str:
        return self.outputs["Url"].removeprefix("https://")

    def developer(self, repository: str, policy: str = "BuildSystemPolicy") -> Credentials:
        """A new user who may do what one of the template's policies allows for one repository: by default, what a build system may."""
        iam = self.cloud.client("iam")
        name = f"{repository.replace('/', '-')}-{secrets.token_hex(4)}"[-64:]
        iam.create_user(UserName=name, Tags=[{"Key": "trustpress-repository", "Value": repository}])
        # MiniStack does not expand policy variables; here it is done as IAM does it.
        expanded = json.dumps(self._managed_policy(policy)).replace("${aws:PrincipalTag/trustpress-repository}", repository)
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=expanded)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def person(self, repository: str) -> Credentials:
        """A new user who may do what the template's policy lets a person do who holds keys of one repository."""
        return self.developer(repository, "DeveloperPolicy")

    def administrator(self) -> Credentials:
        """A new user who may do what the template's policy lets an administrator do."""
        iam = self.cloud.client("iam")
        name = f"administrator-{secrets.token_hex(4)}"
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=self.outputs["AdministratorPolicyArn"])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def watch_through(self, url: str) -> None:
        """Have the freshness watch read from the edge that stands in the place of CloudFront: nobody here knows its name."""
        lambda_, name = self.cloud.client("lambda"), self._physical("WatchFunction")
        variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, "TRUSTPRESS_EDGE_URL": url}})

    def _physical(self, logical_id: str) -> str:
        found = self.cloud.client("cloudformation").describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def _managed_policy(self, policy: str) -> Any:
        iam, arn = self.cloud.client("iam"), self.outputs[f"{policy}Arn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def build(folder: Path) -> Path:
    """Run `sam build` for this machine's own platform; the built template. What has not changed comes from a cache."""
    built, log = folder / "build", folder / "build.log"
    environment = {**os.environ, "ARCHITECTURE": ARCHITECTURE, "RUNTIME": RUNTIME, "PATH": PATH, "UV_SYSTEM_CERTS": "1"}
    command = ["sam", "build", "--build-dir", str(built), "--cache-dir", str(CACHE / f"{RUNTIME}-{ARCHITECTURE}")]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs share the cache
        run(command, environment, log)
    return built / "template.yaml"


def deploy(cloud: Cloud, folder: Path, online_key: str = "sealed", overlap_seconds: int | None = None) -> Deployment:
    """Build, deploy and have the deployment show its online keys. Keys overlap for as long as the template says, unless told."""
    template = patch_for_ministack(build(folder))
    environment, log = cloud.environment(ADMINISTRATOR), folder / "deploy.log"
    topic = cloud.client("sns").create_topic(Name="trustpress-alarms")["TopicArn"]
    parameters = [
        f"AlarmTopicArn={topic}",
        f"Architecture={ARCHITECTURE}",
        f"Runtime={RUNTIME}",
        f"OnlineKey={online_key}",
        *([] if overlap_seconds is None else [f"OverlapSeconds={overlap_seconds}"]),
    ]
    options = ["--config-file", f"{ROOT}/samconfig.toml", "--no-confirm-changeset", "--parameter-overrides", *parameters]
    run(["sam", "deploy", "--template-file", str(template), *options], environment, log)
    refresh = ["sam", "remote", "invoke", "RefreshFunction", "--stack-name", STACK_NAME]
    run(refresh, environment, log)
    if '"refreshed"' not in log.read_text():  # sam is content where a function fails
        raise ProgramFailed(refresh, log)
    described = cloud.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
    return Deployment(cloud, {output["OutputKey"]: output["OutputValue"] for output in described}, topic)
