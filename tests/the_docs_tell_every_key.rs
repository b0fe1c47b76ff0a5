//! Every key that a reader asks for stands in docs/, in a table between the markers
//! `<!-- keys NAME -->` and `<!-- end -->`. The tables are made of the readers' own lines; this test
//! writes what is stale and fails.

use posed::config::tables;
use posed::settings::table;
use std::path::PathBuf;

#[test]
fn the_tables_of_keys_are_those_of_the_readers() {
    let mut left = tables();
    let mut stale = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let renewed = renew(&text, &mut left);
        if renewed != text {
            std::fs::write(&page, renewed).unwrap();
            stale.push(page);
        }
    }
    assert!(stale.is_empty(), "stale, and written anew: {stale:?}");
    left.retain(|(_, rows)| !rows.is_empty());
    let left: Vec<_> = left.into_iter().map(|(name, _)| name).collect();
    assert!(
        left.is_empty(),
        "no page has <!-- keys NAME --> of {left:?}"
    );
}

fn pages() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("docs").unwrap();
    let mut pages: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    pages.retain(|p| p.extension().is_some_and(|e| e == "md"));
    pages.sort();
    pages
}

/// The page with the tables of today, which are taken out of `left`.
fn renew(text: &str, left: &mut Vec<(String, Vec<posed::settings::Row>)>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- keys ") {
        let (name, after) = after.split_once(" -->").unwrap();
        let (_, after) = after.split_once("<!-- end -->").unwrap();
        let place = left.iter().position(|(n, _)| n == name);
        let place = place.unwrap_or_else(|| panic!("there are no keys of {name:?}, or twice"));
        let (_, rows) = left.remove(place);
        out += &format!("{before}<!-- keys {name} -->\n{}<!-- end -->", table(&rows));
        rest = after;
    }
    out + rest
}
