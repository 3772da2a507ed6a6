"""The model card: what a reviewer signs, put together from named numbers, recorded facts and the author's answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.card.content import QUESTIONS, SECTIONS, Author, Section, as_yaml, environment, read_author
from toolkit.card.lineage import Report, evidence, for_the_hub, model_address, model_name, model_of, read_report
from toolkit.card.sections import cross_reference, groups_drawings, make_sections
from toolkit.core import Drawing, Face, Results, against_baseline, counted, facer, finder, read_bytes
from toolkit.core.estimate import Estimate, group_numbers, spread
from toolkit.core.result import DataRecord, Finding, ModelRecord, Record, Result, by_severity
from toolkit.errors import InputError, instance, listed, one_of, refusing
from toolkit.runs.publish import summarize
from toolkit.statistics import FILE, Replicated, is_of, write_replicates

finding, face = finder(__file__), facer(__file__)
SCHEMA = 2
#: Numbers about a report itself, which the card's own take the place of.
_OF_REPORTS = ("gates.", "card.", "change.")
Source = str | Path | Mapping[str, Any] | Result


def make_card(reports: Source | Sequence[Source], *, author: Author = None) -> "ModelCard":
    """Put a model card together.

    Parameters
    ----------
    reports : path, mapping or Result, or a sequence of them
        Folders of reports, the content of their ``results.json``, or what steps returned (which count as one report).
        The first is about the model itself; audits and drift may follow.
    author : path or mapping, optional
        The author's part: a YAML file that ``toolkit card init`` wrote and a person filled in, or its content.

    Returns
    -------
    ModelCard

    Raises
    ------
    InputError
        Where a report cannot be read, or the author's part says something that is not asked.

    References
    ----------
    Mitchell et al. (2019), "Model cards for model reporting", doi:10.1145/3287560.3287596.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> card = make_card(load_dataset("wine"), author={"intended_use": "An example."})
    >>> print(card.scalars()["card.answered"].value, "of", len(card.answers) + len(card.blanks))
    1 of 29
    """
    given: list[Any] = list(reports) if isinstance(reports, list | tuple) else [reports]
    results = [one for one in given if isinstance(one, Result)]
    read = [read_report(one) for one in given if not isinstance(one, Result)]
    if results:
        records = [result.record() for result in results]
        first = Report(summarize(results, records, template="by hand", parameters={}))
        kept = next((record.files[FILE] for record in records if FILE in record.files), "")
        read.insert(0, first.with_replicates(kept) if kept else first)
    if not read:
        raise InputError("A model card needs at least one report. Give the folder of an experiment or an audit.")
    return ModelCard(tuple(read), read_author(author))


def read_card(source: str | Path) -> "ModelCard":
    """Read a card from its ``card.json``, or make one without an author's part of a report that has no card.

    Parameters
    ----------
    source : path
        A ``card.json``, or the folder of a report.

    Raises
    ------
    InputError
        Where there is neither, or the file holds no card.
    """
    if (path := Path(instance(source, str, Path))).is_dir() and not (path / "card.json").is_file():
        return make_card(path)
    path = path / "card.json" if path.is_dir() else path
    with refusing(f"There is no card at {str(source)!r}"):
        text = read_bytes(path)
    with refusing(f"{str(path)!r} does not hold a model card", kinds=(ValueError, KeyError, TypeError, AttributeError)):
        content, named = json.loads(text), f"A report in {str(path)!r}"
        read = ((Results.read(entry["results"], named), entry) for entry in content["reports"])
        reports = [Report(results, str(entry["folder"]), str(entry["sha256"])) for results, entry in read]
        answers = {str(key): str(text) for key, text in content["author"].items() if key in QUESTIONS}
        if not reports:
            raise ValueError("it rests on no report")
    return ModelCard(tuple(report.with_files_of(path.parent) for report in reports), answers)


class ModelCard(Result, frozen=True):
    """A model card; everything it shows follows from reports and answers.

    Attributes
    ----------
    reports : tuple of Report
        The first is about the model itself.
    answers : mapping of key to text
        What the author said.
    """

    reports: tuple[Report, ...]
    answers: Mapping[str, str]

    @property
    def title(self) -> str:
        """What the card is about, in a line."""
        first = self.results[0]
        return f"Model card: {model_name(first) or 'model'} for {first.data.target or 'a target'} in {first.data.name}"

    @property
    def results(self) -> tuple[Results, ...]:
        """The results of the reports."""
        return tuple(report.results for report in self.reports)

    @property
    def blanks(self) -> tuple[str, ...]:
        """Titles of the questions that the author left open."""
        return tuple(question.title for key, question in QUESTIONS.items() if key not in self.answers)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The card's sections, in order."""
        return make_sections(self.reports, self.answers)

    def section(self, name: str) -> Section:
        """Return one section.

        Raises
        ------
        InputError
            Where there is none of that name.
        """
        return {one.id: one for one in self.sections}[one_of("section of a card", name, SECTIONS)]

    def frame(self) -> pd.DataFrame:
        """Return one row a number: ``report, name, value, low, high, n``."""
        rows = [(results.title, name, number) for results in self.results for name, number in results.scalars.items()]
        return spread(pd.DataFrame(rows, columns=["report", "name", "value"]))

    def scalars(self) -> dict[str, Estimate]:
        """Return the numbers of the reports, of the same name the first, and ``card.completeness``."""
        every = (one for results in reversed(self.results) for one in results.scalars.items())
        asked, answered = len(QUESTIONS), len(self.answers)
        own = {"card.answered": Estimate(answered, n=asked), "card.completeness": Estimate(answered / asked, n=asked)}
        return {name: number for name, number in every if not name.startswith(_OF_REPORTS)} | own

    def findings(self) -> list[Finding]:
        """Return what is amiss with the card, and the findings of the reports, the most severe first."""
        reported = (one for results in self.results for one in results.findings)
        # That a report was judged by no policy is nothing about the model.
        kept = (one for one in reported if (one.code, one.where) != ("STEP-NOT-APPLICABLE", "check"))
        return by_severity(dict.fromkeys([*self._own_findings(), *kept]))

    def _own_findings(self) -> Iterator[Finding]:
        if blanks := self.blanks:
            numbers = {"blank": len(blanks), "asked": len(QUESTIONS), "titles": listed(blanks, 5)}
            yield finding("CARD-INCOMPLETE", "medium", "author", **numbers)
        if not any(group_numbers(results.scalars) for results in self.results):
            yield finding("CARD-NO-GROUPS", "low", "quantitative")
        # A logged model may go by the name that it was registered under, too.
        called = {model_address(one) or model_name(one): model_of(one).version for one in self.results}
        models = {version or name.removeprefix("models:/"): name for name, version in called.items() if name}
        if void := [one for one in self.reports[0].decisions if one["fault"]]:
            said = listed(f"{one['what']} by {one['who']} ({one['fault']})" for one in void)
            yield finding("CARD-SIGN-OFF", "high", "sign-off", count=len(void), said=said)
        if len(models) > 1:
            yield finding("CARD-SEVERAL-MODELS", "medium", "lineage", count=len(models), models=listed(models.values()))

    def drawings(self) -> list[Drawing]:
        """Return the figure of one metric of every group, where there are numbers of some."""
        return groups_drawings(self.results)

    def record(self) -> Record:
        """Return the data and the model by name, and the files of the card."""
        first, name = self.results[0], model_name(self.results[0])
        verdicts = [results.verdict for results in self.results if results.verdict.outcome]
        (replicates, rows), run = self.replicates(), first.mlflow.run_id
        said = [self.title, self.answers.get("intended_use", ""), self.section("metrics").lead, self.face().lead]
        files = {"card.json": self.to_json(), "card.md": self.to_markdown()}
        files["eval_results.yaml"] = as_yaml(for_the_hub("eval_results", self.results))
        files |= evidence(self.reports[0], self.title, self.scalars(), self.answers)
        files |= {FILE: write_replicates(replicates, rows)} if replicates else {}
        return Record(
            parameters={"reports": ", ".join(report.folder or report.results.title for report in self.reports)},
            data=DataRecord(**asdict(first.data)),
            model=ModelRecord(name, requirements=model_of(first).requirements) if name else None,
            verdict=min(verdicts, key=lambda one: (one.outcome in ("pass", "ok"), one.outcome != "fail"), default=None),
            numbers=against_baseline(self.scalars()),
            files=files,
            sign_off=self.reports[0].decisions,
            note="\n\n".join(filter(None, said)),
            note_of=run if run.isalnum() else "",
        )

    def to_json(self) -> str:
        """Return the card as JSON, as ``templates/card/card.schema.json`` describes it."""
        content: dict[str, Any] = {"schema": SCHEMA, "title": self.title}
        content |= {"completeness": len(self.answers) / len(QUESTIONS), "blanks": list(self.blanks)}
        content |= {"author": dict(self.answers), "findings": [asdict(one) for one in self.findings()]}
        content["sections"] = [self._section_json(section) for section in self.sections]
        content["reports"] = [report.plain() for report in self.reports]
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def _section_json(self, section: Section) -> dict[str, Any]:
        found: dict[str, Any] = {name: getattr(section, name) for name in ("id", "title", "lead")}
        found["answers"] = [one._asdict() for one in section.answers]
        found["facts"] = [{"name": name, "text": text} for name, text in section.facts]
        found["numbers"] = [{"report": place, "name": name} for place, name in section.numbers]
        if section.code:
            found["code"] = section.code
        if section.id == "regulation":
            found["points"] = cross_reference(self.results, self.answers)
        return found

    def to_markdown(self) -> str:
        """Return the card as Markdown with the metadata that the Hugging Face Hub reads."""
        metadata = as_yaml(for_the_hub("metadata", self.results, self.answers.get("licence", "")))
        shown = {"title": self.title, "lead": self.face().lead, "sections": self.sections, "metadata": metadata}
        return environment().get_template("card.md.j2").render(shown).rstrip() + "\n"

    def replicates(self) -> tuple[Mapping[str, Replicated], str]:
        """Return the replicates of the test metrics in ``scalars``, and which rows they are of."""
        known, numbers = next((one for one in self.reports if one.replicates), None), self.scalars()
        if known is None:
            return {}, ""
        return {name: one for name, one in known.replicates.items() if is_of(one, numbers[f"test.{name}"])}, known.rows

    def face(self) -> Face:
        """Return what the card rests on, and how much of each section is answered."""
        rows = [(one.title, one.answered, len(one.answers), len(one.numbers)) for one in self.sections]
        table = pd.DataFrame(rows, columns=["section", "answered", "questions", "numbers"])
        reports, asked = counted(len(self.reports), "report"), len(QUESTIONS)
        said = face("card", self, table, reports=reports, asked=asked, answered=len(self.answers))
        return said._replace(findings=[*self._own_findings()])
