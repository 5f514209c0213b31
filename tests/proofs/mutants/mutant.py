"""A mutant: the product with one guard taken out, and the tests that must notice."""

from dataclasses import dataclass

from tests.proofs.mutants.nursery import PACKAGES


@dataclass(frozen=True)
class Mutant:
    """`changes` are texts of a file of one package, each there exactly once, and what takes their place; `tests` are pytest's node ids."""

    name: str
    file: str
    changes: dict[str, str]
    tests: tuple[str, ...]
    package: str = "trustpress"

    def __str__(self) -> str:
        return self.name

    def sources(self) -> dict[str, str]:
        """The changed file. Raises AssertionError where the source is no longer what it was."""
        source = (PACKAGES[self.package] / self.file).read_text()
        for old, new in self.changes.items():
            found = source.count(old)
            assert found == 1, (
                f"{self.name}: expected this once in {self.file}, found it {found} times; bring the mutant up to date:\n{old}"
            )
            source = source.replace(old, new)
        return {f"{self.package}/{self.file}": source}
