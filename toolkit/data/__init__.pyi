"""What other folders use of this one; a name loads its module when it is used."""

from .assignment import Window as Window, cut_windows as cut_windows, left_out as left_out
from .columns import (
    IDENTIFIER_ROWS as IDENTIFIER_ROWS,
    IDENTIFIER_SHARE as IDENTIFIER_SHARE,
    KINDS as KINDS,
    plain_column as plain_column,
    readable as readable,
    useless as useless,
)
from .contract import (
    encoded_labels as encoded_labels,
    find_columns as find_columns,
    is_plain as is_plain,
    is_text as is_text,
    schema_of as schema_of,
)
from .dataset import (
    Dataset as Dataset,
    Names as Names,
    Options as Options,
    given as given,
    listed_names as listed_names,
)
from .datasets import BUILT_IN as BUILT_IN
from .findings import gathered as gathered, labels_alike as labels_alike
from .load import as_dataset as as_dataset, data_like as data_like, load_dataset as load_dataset
from .read import RawTable as RawTable, read_table as read_table
from .schema import BY_TYPE as BY_TYPE, KEPT_AS as KEPT_AS, Column as Column, Schema as Schema
from .split import Split as Split, judged_rows as judged_rows, split_dataset as split_dataset, stacked as stacked
from .table_reader.cells import (
    as_texts as as_texts,
    column_kind as column_kind,
    read_cells as read_cells,
    text_labels as text_labels,
)
from .table_reader.formats import Format as Format, marks_in as marks_in
from .table_reader.table_model import TableModel as TableModel
from .target import target_by as target_by
