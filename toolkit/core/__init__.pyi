"""What other folders use of this one; a name loads its module when it is used."""

from .estimate import (
    AIMED_AT as AIMED_AT,
    LOWER_IS_BETTER as LOWER_IS_BETTER,
    UNKNOWN as UNKNOWN,
    Estimate as Estimate,
    KeyNumber as KeyNumber,
    better_when as better_when,
    direction as direction,
    format_number as format_number,
    format_p as format_p,
    group_numbers as group_numbers,
    spread as spread,
)
from .face import (
    EXPLORER_MIME as EXPLORER_MIME,
    FIGURES_MIME as FIGURES_MIME,
    NOTHING_MIME as NOTHING_MIME,
    Face as Face,
    FaceTable as FaceTable,
    aligned as aligned,
    cell_html as cell_html,
    cell_text as cell_text,
    content_policy as content_policy,
    face_macros as face_macros,
    result_html as result_html,
)
from .figures import (
    BLUE as BLUE,
    GREY as GREY,
    ORANGE as ORANGE,
    Axes as Axes,
    Drawing as Drawing,
    draw_beside as draw_beside,
    name_rows as name_rows,
)
from .resources import (
    NOT_YAML as NOT_YAML,
    UnquotedText as UnquotedText,
    beside as beside,
    is_cell as is_cell,
    read_bytes as read_bytes,
    read_mapping as read_mapping,
    read_plain as read_plain,
    read_yaml as read_yaml,
    templates_folder as templates_folder,
    without as without,
    write_text as write_text,
)
from .result import (
    SEVERITIES as SEVERITIES,
    Candidate as Candidate,
    DataInfo as DataInfo,
    DataRecord as DataRecord,
    Explorer as Explorer,
    Finding as Finding,
    ModelRecord as ModelRecord,
    NotApplicable as NotApplicable,
    Record as Record,
    Result as Result,
    Severity as Severity,
    by_severity as by_severity,
)
from .results import (
    LEVELS as LEVELS,
    MIME as MIME,
    Approval as Approval,
    Level as Level,
    ModelInfo as ModelInfo,
    PolicyVerdict as PolicyVerdict,
    Results as Results,
    RuleOutcome as RuleOutcome,
    RunInfo as RunInfo,
    adapter as adapter,
    against_baseline as against_baseline,
    problem as problem,
    read_results as read_results,
    results_path as results_path,
)
from .texts import drawer as drawer, facer as facer, finder as finder, refuser as refuser
from .threads import side_by_side as side_by_side, two_at_once as two_at_once
from .times import clock as clock, now as now
from .words import (
    counted as counted,
    masked as masked,
    matching as matching,
    one_line as one_line,
    printable as printable,
    quoted as quoted,
    say as say,
    shorten as shorten,
    slug as slug,
    spoken as spoken,
    titled as titled,
    unique as unique,
    value_text as value_text,
)
