"""What is left of hostile HTML, and how the rest is put in order."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings, strategies as st

from toolkit.report.sanitize import Heading, PageCleaner

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/x.png">',
    '"><svg onload=alert(1)><style><img title="</style><img src onerror=alert(1)>"></svg>',
    '<a href="java&#115;cript:alert(1)">link</a>',
    '<a href="data:text/html,<script>alert(1)</script>">link</a>',
    '<iframe src="https://evil.example"></iframe>',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<div style="background:url(https://evil.example/x)" onmouseover="alert(1)">text</div>',
    '<link rel="stylesheet" href="//evil.example/x.css"><meta http-equiv="refresh" content="0;url=//evil.example">',
    '<base href="https://evil.example/"><form action="https://evil.example"><input autofocus onfocus=alert(1)></form>',
    '<object data="https://evil.example"></object><embed src="https://evil.example">',
    '<video src="https://evil.example/x" autoplay></video><audio src="https://evil.example/x"></audio>',
    "<table><tr><td background=https://evil.example/x.png>cell</td></tr></table>",
    "<style>@import url(https://evil.example/x.css); body{display:none}</style>",
    "</main></body></html><script src=https://evil.example/x.js></script>",
    "{{ 7*7 }}{% raw %}<!--",
    '<svg></p><style><a id="</style><img src onerror=alert(1)>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src onerror=alert(1)&gt;">',
    '<math><annotation-xml encoding="text/html"><style><img src onerror=alert(1)></style></annotation-xml></math>',
    "<svg><desc><table><caption><img src onerror=alert(1)></caption></table></desc><title><p>x</title></svg>",
    '<noembed><img title="</noembed><img src onerror=alert(1)>"></noembed>',
    '<noframes><img title="</noframes><img src onerror=alert(1)>"></noframes>',
    '<xmp><img title="</xmp><img src onerror=alert(1)>"></xmp>',
    "<!--><img src onerror=alert(1)>--!><img src onerror=alert(1)>",
    "<![CDATA[<img src onerror=alert(1)>]]><?php <img src onerror=alert(1)> ?>",
    "<select><style></select><img src onerror=alert(1)></style></select>",
    "<table><a><tr><td><form><a><caption><img src onerror=alert(1)></table></form>",
    "<img name=body id=verdict src=data:image/png;base64,AAAA><a id=main name=main popover>x</a>",
    "<p title='</p><img src onerror=alert(1)>' class='tk-a\" onclick=alert(1) x=\"'>x</p>",
]
HARMLESS = {"a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details", "div"}
HARMLESS |= {
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
}
HARMLESS |= {"mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table"}
HARMLESS |= {"button", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr"}
ATTRIBUTES = {"alt", "class", "colspan", "href", "id", "rel", "role", "rowspan", "scope", "src", "start", "tabindex"}
ATTRIBUTES |= {"title", "aria-hidden", "aria-label", "download", "height", "popovertarget", "type", "width"}
CSV = "data:text/csv;charset=utf-8,a,b%0A(1),%22x%22"


class Inspector(HTMLParser):
    """Collects what a piece of HTML holds, and fails at anything that could act or load."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert tag in HARMLESS
        for name, value in attrs:
            assert name in ATTRIBUTES
            if name == "src":
                assert value.startswith("data:image/")
            if name == "href" and not value.startswith("data:text/csv;charset=utf-8,"):
                assert not value.lower().strip().startswith(("javascript", "data", "vbscript", "file"))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_acts_or_loads(payload):
    html = PageCleaner().clean(f"<p>before</p>{payload}<p>after</p>")
    Inspector(html)
    assert "before" in html


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*PAYLOADS, "<", ">", '"', "'", "&lt;", "\x00", "<h1>", "</h1>", "<table>", "<td>", "a"]))
)
def test_nothing_acts_or_loads_however_it_is_put_together(parts):
    Inspector(PageCleaner().clean("".join(parts)))


def test_names_that_a_script_could_ask_for_are_not_given():
    html = PageCleaner().clean('<p id="main" name="main" popover data-explorer="{}">a</p><a id="b" name="b">c</a>')
    assert html == "<p>a</p><a>c</a>"


def test_a_page_of_one_name_has_ids_of_its_own():
    html = PageCleaner(frozenset({"main"})).clean("<h2>Main</h2>" * 3)
    assert [attributes["id"] for _, attributes in Inspector(html).tags if "id" in attributes] == [
        "main-2",
        "main-3",
        "main-4",
    ]


@pytest.mark.parametrize("tag", ["b", "div", "ul><li", "table><tr><td", "figure"])
def test_depth_is_no_obstacle(tag):
    html = PageCleaner().clean(f"<{tag}>recall " * 2000)
    assert html.count("recall") == 2001
    Inspector(html)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_accepted(text):
    Inspector(PageCleaner().clean(text))


def test_escaped_text_stays_text():
    html = PageCleaner().clean("<table><tr><td>&lt;script&gt;alert(1)&lt;/script&gt;</td></tr></table>")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_scripts_and_styles_go_with_their_content():
    assert PageCleaner().clean("a<script>let x</script><style>p{}</style><svg><text>t</text></svg>b") == "ab"


def test_headings_move_down_and_sections_are_listed():
    cleaner = PageCleaner(reserved=frozenset({"findings"}))
    prose = "<h1>Report</h1><h2>Findings</h2><h3>Part</h3><h2>Findings</h2>"
    html = cleaner.clean(prose, shift=0, prose=True, title=True)
    assert cleaner.title == "Report"
    assert cleaner.sections == [Heading("Findings", "findings-2"), Heading("Findings", "findings-3")]
    assert [tag for tag, _ in Inspector(html).tags if tag.startswith("h")] == ["h2", "h3", "h2"]
    assert cleaner.clean("<h1>From an output</h1>").startswith("<h4")


def test_no_heading_hides_in_a_table_or_in_another_heading():
    html = PageCleaner().clean("<table><tr><td><h1>big</h1></td></tr></table><figure><h1>f</h1></figure>")
    assert "<h1" not in html
    assert "<strong>big</strong>" in html


def test_figures_and_tables_are_numbered_through_and_can_be_linked_to():
    cleaner = PageCleaner()
    image = '<img alt="words" src="data:image/png;base64,AAAA">'
    figure = f'<figure class="tk-figure">{image}<figcaption>ROC</figcaption></figure>'
    table = "<table><caption>Sizes</caption><tr><th>a</th></tr></table>"
    html = "".join(cleaner.clean(piece) for piece in (figure, table, figure))
    ids = [attributes["id"] for _, attributes in Inspector(html).tags if "id" in attributes]
    assert ids == ["figure-1", "table-1", "figure-2"]
    assert '<a class="number" href="#figure-2">Figure 2</a> ROC' in html


def test_only_wide_tables_take_the_keyboard():
    row = "<table><caption>A &lt;b&gt; &amp; c</caption><tr>{}</tr></table>"
    assert "tabindex" not in PageCleaner().clean(row.format("<td>1</td>" * 4))
    wide = PageCleaner().clean(row.format("<td>1</td>" * 5))
    assert Inspector(wide).tags[0][1] == {
        "class": "scroll",
        "tabindex": "0",
        "role": "group",
        "aria-label": "A <b> & c",
    }


def test_images_that_are_not_there_are_said():
    html = PageCleaner().clean('<img src="figure.png" alt="ROC of A & B"><img src="data:image/png;base64,AAAA">')
    assert "[image not included: ROC of A &amp; B]" in html
    assert 'alt="No description was given for this image."' in html


def test_links_lead_out_politely_or_to_the_heading_of_that_name():
    html = PageCleaner().clean('<a href="https://x.example/?a=1&amp;b=2">x</a><a href="#My Part">y</a>')
    assert 'href="https://x.example/?a=1&amp;b=2" rel="noopener noreferrer"' in html
    assert 'href="#my-part"' in html


def test_classes_of_the_page_cannot_be_borrowed():
    html = PageCleaner().clean('<div class="verdict good">Pass</div><div class="tk-result">r</div>')
    assert html == '<div>Pass</div><div class="tk-result">r</div>'


def test_data_travel_as_csv_only_and_are_named_after_their_table():
    table = "<table><caption>Sizes</caption><tr><th>a</th></tr></table>"
    html = PageCleaner().clean(f'{table}<a href="{CSV}" download="x.exe">CSV</a>')
    assert f'<a download="table-1.csv" href="{CSV}">CSV</a>' in html
    for other in (
        "data:text/html,x",
        "data:text/csv;charset=utf-8,<b>",
        "data:text/csv,a",
        "DATA:text/csv;base64,YQ==",
        "da\tta:text/html,x",
        "\n data:text/html,x",
        "\x01data:text/html,x",
        "&#100;at&#10;a&colon;text/html,x",
    ):
        assert PageCleaner().clean(f'<a href="{other}">x</a>') == "<a>x</a>"


def test_the_data_of_a_figure_have_the_number_of_the_figure():
    image = '<img alt="words" width="614" height="384" src="data:image/png;base64,AAAA">'
    figure = f"<figure>{image}<figcaption>ROC</figcaption></figure>"
    table = "<table><caption>Data</caption><tr><th>a</th></tr></table>"
    data = f'<details class="tk-data"><summary>Data</summary>{table}<a href="{CSV}">CSV</a></details>'
    html = PageCleaner().clean(f"{figure}{data}{table}")
    ids = [attributes["id"] for _, attributes in Inspector(html).tags if "id" in attributes]
    assert ids == ["figure-1", "data", "table-1"]
    assert 'download="figure-1.csv"' in html
    assert 'height="384" src="data:image/png;base64,AAAA" width="614"' in html
    assert '<div aria-label="Figure 1" class="scroll" role="group" tabindex="0"><img' in html


def test_a_finding_is_known_by_its_section_and_taken_out_where_the_page_reports_it():
    cleaner = PageCleaner()
    cleaner.clean("<h2>Fairness</h2>", shift=0, prose=True)
    item = '<li class="tk-finding tk-high"><strong>high</strong> <code>X-Y</code> a &lt; b</li>'
    assert cleaner.clean(f"<ul>{item}{item}</ul>").count("tk-finding") == 2
    assert cleaner.findings == {"high X-Y a < b": Heading("Fairness", "fairness")}
    cleaner.reported.add("high X-Y a < b")
    assert cleaner.clean(f"<ul>{item}</ul>") == "<ul></ul>"


def test_the_first_sentence_of_a_section_is_taken_out_and_cleaned():
    cleaner = PageCleaner()
    lead = '<p class="tk-lead">Recall is <b onclick="x()">low</b>.<script>x()</script></p>'
    assert "tk-lead" in cleaner.clean(lead)
    cleaner.clean("<h2>Fairness</h2>", shift=0, prose=True)
    assert cleaner.clean(f"{lead}<p>More.</p>{lead}").count("tk-lead") == 1
    assert re.sub("</?button[^>]*>", "", cleaner.answers["fairness"]) == "Recall is <b>low</b>."


def test_terms_are_marked_once_a_section_and_not_where_a_button_may_not_stand():
    cleaner = PageCleaner()
    first = cleaner.clean(
        "<h2>Recall</h2><p><code>recall</code> <a href='#a'>recall</a> Recall, recall</p>", prose=True
    )
    assert first.count('popovertarget="term-recall" type="button">Recall</button>') == first.count("<button") == 1
    assert "<button" not in cleaner.clean("<table><thead><tr><th>precision</th></tr></thead></table>")
    cleaner.clean("<h2>Next</h2>", shift=0, prose=True)
    assert cleaner.clean("<table><tr><th>false_positive_rate</th></tr></table>").count("<button") == 1
    assert [term.title for term in cleaner.glossary.used] == ["False positive rate", "Recall"]


def test_a_dotted_name_is_explained_by_its_metric_alone():
    html = PageCleaner().clean("<p>baseline.roc_auc and precision-recall, prerecalled</p>")
    assert [tag for tag, _ in Inspector(html).tags] == ["p", "button", "button", "button"]


def test_long_names_in_headers_may_break_after_an_underscore():
    html = PageCleaner().clean("<table><tr><th>a_b__c_</th><td>d_e</td></tr></table>")
    assert "a_<wbr>b_<wbr>_<wbr>c_<wbr></th>" in html
    assert "<td>d_e</td>" in html
