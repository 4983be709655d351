//! The page: one file that needs nothing else, neither a network nor a server.

use super::data;
use super::model::Model;
use crate::grade::escaped;

/// The page's own text. `TITLE`, `STYLE`, `DATA` and `SCRIPT` stand for what is put in.
const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/style.css");
/// One idea a file, in the order in which they build on each other.
const SCRIPTS: [&str; 11] = [
    include_str!("page/util.js"),
    include_str!("page/data.js"),
    include_str!("page/view.js"),
    include_str!("page/find.js"),
    include_str!("page/why.js"),
    include_str!("page/diagram.js"),
    include_str!("page/panel.js"),
    include_str!("page/list.js"),
    include_str!("page/details.js"),
    include_str!("page/play.js"),
    include_str!("page/main.js"),
];

/// The page of a run.
pub fn page(model: &Model) -> String {
    let title = match model.head.test.as_str() {
        "" => "A run".to_string(),
        test => format!("{} {test}", model.head.part),
    };
    // The data are base64, and the title is escaped: nothing of a trace is ever read as markup.
    let [before, rest] = split(FRAME, "TITLE");
    let [style, rest] = split(rest, "STYLE");
    let [middle, rest] = split(rest, "DATA");
    let [script, end] = split(rest, "SCRIPT");
    [
        before,
        &escaped(&title),
        style,
        STYLE,
        middle,
        &data::packed(model),
        script,
        &SCRIPTS.concat(),
        end,
    ]
    .concat()
}

fn split<'t>(text: &'t str, word: &str) -> [&'t str; 2] {
    let (before, after) = text.split_once(word).expect("the frame has its places");
    [before, after]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::tests::sample;

    #[test]
    fn a_page_is_small_and_needs_nothing_else() {
        let page = page(&sample());
        let own = page.len() - data::packed(&sample()).len();
        assert!(own <= 120_000, "{own} bytes before the data");
        let foreign = page
            .match_indices("://")
            .map(|(at, _)| &page[at.saturating_sub(5)..(at + 30).min(page.len())]);
        assert_eq!(
            foreign.collect::<Vec<&str>>(),
            [""; 0],
            "nothing from elsewhere"
        );
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn hostile_text_is_no_markup() {
        let mut model = sample();
        model.head.test = "</title><script>alert(1)</script>".into();
        model.lines[3].text = "</script><img src=x onerror=alert(1)>".into();
        let page = page(&model);
        assert_eq!(page.matches("</script>").count(), 2, "the page's own two");
        assert!(!page.contains("onerror") && !page.contains("<script>alert"));
    }
}
