//! The names of text encodings, as people write them.

use encoding_rs::Encoding;

/// The encoding of a name of the WHATWG encoding standard, or of a spelling that Python and others use for it.
pub fn encoding_of(name: &str) -> Option<&'static Encoding> {
    let label = match name.to_ascii_lowercase().as_str() {
        "latin-1" | "latin_1" => "latin1".to_owned(),
        "utf16" | "utf_16" => "utf-16".to_owned(),
        "utf-8-sig" | "utf_8" => "utf-8".to_owned(),
        other => other.to_owned(),
    };
    Encoding::for_label_no_replacement(label.as_bytes())
}
