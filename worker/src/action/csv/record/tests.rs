//! Records as they come, and as they should not.

use super::*;

fn split(text: &str, bytes_max: usize) -> Vec<(u64, Option<Broken>, Vec<String>)> {
    let mut records = Records::with_limit(text.as_bytes(), b',', bytes_max);
    let mut record = Record::default();
    let mut all = Vec::new();
    while records.next(&mut record).unwrap() {
        let value = |index| String::from_utf8_lossy(&record.value(index).unwrap()).into_owned();
        all.push((record.line, record.broken, (0..record.count).map(value).collect()));
    }
    all
}

fn values(text: &str) -> Vec<Vec<String>> {
    split(text, 1024).into_iter().map(|(_, _, values)| values).collect()
}

#[test]
fn every_line_end_ends_a_record_and_empty_lines_are_none() {
    assert_eq!(values("a,b\r\nc,d\ne,f\rg,h"), [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]);
    assert_eq!(values("\n\r\n\na\n\n\r\rb\n\n"), [["a"], ["b"]]);
    assert_eq!(split("\r\n\na\n\rb", 99).iter().map(|record| record.0).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn quoted_values_hold_delimiters_quotes_and_line_ends() {
    assert_eq!(values("\"a,\"\"b\"\"\r\nc\",d\n\"\",\"\"\"\"\n"), [["a,\"b\"\r\nc", "d"], ["", "\""]]);
    assert_eq!(split("\"x\ny\"\nz", 99).iter().map(|record| record.0).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_quote_inside_a_plain_value_is_a_character() {
    assert_eq!(values("5\" pipe,a\"b\"\n"), [["5\" pipe", "a\"b\""]]);
}

#[test]
fn a_broken_quote_costs_one_line() {
    let found = split("1,\"a\n2,b\n3,c\n", 1024);
    assert_eq!(found[0], (1, Some(Broken::Unclosed), vec![]));
    assert_eq!(found[1].2, ["2", "b"]);
    assert_eq!(found[2].2, ["3", "c"]);
    let found = split("1,\"a\"b\n2,b", 1024);
    assert_eq!(found[0], (1, Some(Broken::AfterQuote), vec![]));
    assert_eq!(found[1].2, ["2", "b"]);
}

#[test]
fn a_line_beyond_the_limit_is_skipped_without_the_ones_after_it() {
    let text = format!("a,b\n{}\nc,d\n", "x".repeat(400_000));
    let found = split(&text, 4096);
    assert_eq!(found.len(), 3);
    assert_eq!(found[1].1, Some(Broken::TooLong));
    assert_eq!((found[2].0, found[2].2.clone()), (3, vec!["c".to_owned(), "d".to_owned()]));
    let text = format!("\"{}\"\nc,d\n", "x\n".repeat(3_000));
    assert_eq!(split(&text, 4096)[0].1, Some(Broken::TooLong));
}

#[test]
fn what_is_found_does_not_depend_on_how_much_is_read_at_once() {
    struct Drops<'a>(&'a [u8], usize);
    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let text = "a,b\r\n\"x\r\ny\",1\r\r\n\"open,2\n3,4\n0123456789abcdef\r\n\"0123456789ab\n\",5\n\"z\"z,6\r\n\"\"";
    for bytes_max in 4..24 {
        let whole = split(text, bytes_max);
        for drop in 1..9 {
            let mut records = Records::with_limit(Drops(text.as_bytes(), drop), b',', bytes_max);
            let (mut record, mut all) = (Record::default(), Vec::new());
            while records.next(&mut record).unwrap() {
                let value = |index| String::from_utf8_lossy(&record.value(index).unwrap()).into_owned();
                all.push((record.line, record.broken, (0..record.count).map(value).collect()));
            }
            assert_eq!(all, whole, "at most {bytes_max} bytes, {drop} at once");
        }
    }
}

#[test]
fn trailing_delimiters_make_empty_values() {
    assert_eq!(values("a,\n,\n\"\",\n"), [["a", ""], ["", ""], ["", ""]]);
}
