//! The page's own files, which are in the program. In: a path. Out: the file with its type; there is
//! no folder behind it, so none can be listed or left.

/// A file of the page.
pub struct File {
    path: &'static str,
    pub kind: &'static str,
    pub text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! file {
    ($path:literal, $name:literal, $kind:expr) => {
        File {
            path: $path,
            kind: $kind,
            text: include_str!(concat!("page/", $name)),
        }
    };
}

const FILES: &[File] = &[
    file!("/board.js", "board.js", SCRIPT),
    file!("/connection.js", "connection.js", SCRIPT),
    file!("/dom.js", "dom.js", SCRIPT),
    file!("/editor.js", "editor.js", SCRIPT),
    file!("/faults.js", "faults.js", SCRIPT),
    file!("/format.js", "format.js", SCRIPT),
    file!("/graph.js", "graph.js", SCRIPT),
    file!("/icon.svg", "icon.svg", SVG),
    file!("/", "index.html", HTML),
    file!("/log.js", "log.js", SCRIPT),
    file!("/login", "login.html", HTML),
    file!("/login.js", "login.js", SCRIPT),
    file!("/main.js", "main.js", SCRIPT),
    file!("/multipart.js", "multipart.js", SCRIPT),
    file!("/page.css", "page.css", CSS),
    file!("/people.js", "people.js", SCRIPT),
    file!("/picture.js", "picture.js", SCRIPT),
    file!("/rule.js", "rule.js", SCRIPT),
    file!("/skeleton.js", "skeleton.js", SCRIPT),
    file!("/teach.js", "teach.js", SCRIPT),
    file!("/tree.js", "tree.js", SCRIPT),
    file!("/why.js", "why.js", SCRIPT),
];

/// The file of this path.
pub fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|f| f.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_and_asks_for_nothing_from_elsewhere() {
        let folder = std::fs::read_dir("src/publish/web/page").unwrap();
        assert_eq!(folder.count(), FILES.len());
        for file in FILES {
            for elsewhere in ["https://", "http://", "//cdn"] {
                let asked = file.text.replace("http://www.w3.org/2000/svg", "");
                assert!(!asked.contains(elsewhere), "{}: {elsewhere}", file.path);
            }
            if file.kind == HTML {
                for inline in ["<script>", " style=", " onclick="] {
                    assert!(!file.text.contains(inline), "{}: {inline}", file.path);
                }
            }
        }
        assert!(find("/../Cargo.toml").is_none() && find("").is_none());
    }
}
