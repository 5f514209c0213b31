"""The template as data. What only AWS can enforce is pinned here; what MiniStack enforces too is tried in tests/stack."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Template:
    body: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        return {name: found["Properties"] for name, found in self.body["Resources"].items() if found["Type"] == kind}

    def properties(self, name: str) -> Any:
        return self.body["Resources"][name]["Properties"]

    def statements(self, name: str) -> dict[str, Any]:
        """The statements of a role or policy by Sid, those that stand under a condition included."""
        properties = self.properties(name)
        document = properties["Policies"][0]["PolicyDocument"] if "Policies" in properties else properties["PolicyDocument"]
        plain = [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in document["Statement"]]
        by_sid = {statement["Sid"]: statement for statement in plain}
        assert len(by_sid) == len(plain), f"{name}: a Sid stands twice"
        return by_sid


def read_template() -> Template:
    return Template(load(str(ROOT / "template.yaml")))


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}
