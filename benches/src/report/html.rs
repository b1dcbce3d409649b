//! The building blocks of the page.

/// `text` escaped for use within elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// A table; each row is a CSS class and its cells.
pub fn table(head: &[String], rows: &[(String, Vec<String>)]) -> String {
    let cells = |cells: &[String], tag: &str| -> String {
        cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
    };
    let mut html = format!("<div class=\"scroll\"><table><thead><tr>{}</tr></thead><tbody>\n", cells(head, "th"));
    for (class, row) in rows {
        html += &format!("<tr class=\"{}\">{}</tr>\n", escape(class), cells(row, "td"));
    }
    html + "</tbody></table></div>\n"
}

/// The page's style: no outside resource, readable in light and in dark.
pub const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --paper: #fff; --panel: #f5f7f9; --line: #d8dee6;
  --ours: #0b7a75; --peer: #8a97a8; --baseline: #c9a227; --good: #0b7a3b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --soft: #9aa7b6; --paper: #12161c; --panel: #1a2028;
  --line: #2f3844; --ours: #35b8b0; --peer: #66758a; --baseline: #d9b64a; --good: #4fc27d; --bad: #ff8a80; } }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.6rem 0 .1rem; }
p { margin: .2rem 0 .8rem; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; background: var(--panel); padding: .8rem 1rem;
  border-radius: .5rem; } dt { color: var(--soft); } dd { margin: 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .86rem; margin: .4rem 0 1rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child, .left td:last-child { text-align: left; }
tr.ours td:first-child { color: var(--ours); font-weight: 700; } tr.invalid td { color: var(--bad); }
tr.ahead td:last-child { color: var(--good); } tr.behind td:last-child { color: var(--bad); }
svg { width: 100%; height: auto; margin: .3rem 0; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg text.soft { fill: var(--soft); } svg .ours { fill: var(--ours); } svg .peer { fill: var(--peer); }
svg .baseline { fill: var(--baseline); } svg .grid { stroke: var(--line); } svg .whisker { stroke: var(--ink); }
.key span { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin: 0 .3rem 0 1rem;
  vertical-align: -.05rem; } a { color: var(--ours); } nav a { margin-right: .8rem; white-space: nowrap; }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
        assert_eq!(escape("µs ÷ ideal"), "µs ÷ ideal");
        let html = table(&["<h>".into()], &[("x".into(), vec!["<b>".into()])]);
        assert!(html.contains("&lt;h&gt;") && html.contains("&lt;b&gt;") && !html.contains("<b>"));
    }
}
