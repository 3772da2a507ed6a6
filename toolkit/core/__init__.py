"""What every other folder uses of this one; what fewer need is in its modules."""

from toolkit.core.estimate import UNKNOWN, Estimate, KeyNumber, format_number, format_p, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.figures import Drawing
from toolkit.core.resources import beside, read_bytes, templates_folder
from toolkit.core.result import DataRecord, Finding, ModelRecord, Record, Result, Severity, by_severity
from toolkit.core.results import PolicyVerdict, Results, RuleOutcome, read_results
from toolkit.core.texts import drawer, facer, finder, refuser
from toolkit.core.words import counted, masked, printable, shorten, slug, spoken, titled, unique, value_text
