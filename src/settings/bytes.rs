//! Bytes of a file to text.
//!
//! In: what an editor left. Out: UTF-8 without a byte order mark, or what the file is instead.

use super::Fault;

/// The text of a file; an editor's byte order mark is left out.
///
/// # Errors
/// The file is no UTF-8: which encoding it is likely to have, where, and how to convert it.
pub fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(encoded(1, "the file is UTF-16, not UTF-8", "utf-16"));
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| {
        let before = &bytes[..e.valid_up_to()];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let byte = bytes[e.valid_up_to()];
        let problem = format!(
            "the byte 0x{byte:02x} is no UTF-8: the file is Latin-1 (ISO 8859-1) or the like"
        );
        encoded(line, &problem, "latin1")
    })
}

fn encoded(line: usize, problem: &str, from: &str) -> Fault {
    Fault {
        key: "encoding".into(),
        line,
        problem: problem.into(),
        mend: format!("save it as UTF-8 in the editor, or `iconv -f {from} -t utf-8 OLD > NEW`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_encoding_is_named_as_what_it_is() {
        assert_eq!(decode(b"\xef\xbb\xbfa = 1"), Ok("a = 1"));
        let utf16 = decode(b"\xff\xfea\0 \0=\0").unwrap_err();
        assert!(utf16.problem.contains("UTF-16") && utf16.mend.contains("iconv -f utf-16"));
        let latin1 = decode(b"a = 1\nb = \"\xe4\"").unwrap_err();
        assert!(
            latin1.line == 2 && latin1.problem.contains("0xe4"),
            "{latin1:?}"
        );
        assert!(latin1.mend.contains("latin1"));
    }
}
