use proptest::prelude::*;

use super::*;

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend(u32::try_from(payload.len()).expect("a small frame").to_be_bytes());
    frame.extend(payload);
    frame.push(0xCE);
    frame
}

fn header(body: u64, flags: u16, properties: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend(body.to_be_bytes());
    payload.extend(flags.to_be_bytes());
    payload.extend(properties);
    frame(HEADER, 1, &payload)
}

fn short(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).expect("a short text")];
    bytes.extend(text);
    bytes
}

fn long(kind: u8, inside: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(u32::try_from(inside.len()).expect("a small value").to_be_bytes());
    bytes.extend(inside);
    bytes
}

/// What comes out when the bytes come in pieces of this many.
fn fed(bytes: &[u8], piece: usize) -> Vec<u8> {
    let (mut cleanser, mut out) = (Cleanser::default(), Vec::new());
    bytes.chunks(piece.max(1)).for_each(|piece| cleanser.feed(piece, &mut out));
    out
}

#[test]
fn wrong_bytes_of_texts_become_question_marks() {
    let mut properties = short(b"application/json");
    let mut table = short(b"k\xFFy");
    table.extend(long(b'S', b"\xFF stays"));
    properties.extend(&long(b'F', &table)[1..]);
    properties.extend(short("gr\u{fc}n".as_bytes()));
    let wrong = [properties.clone(), short(b"\xC3")].concat();
    let flags = 0x8000 | 0x2000 | 0x0400 | 0x0200;
    let expected = {
        let mut text = wrong.clone();
        let key = text.iter().position(|byte| *byte == 0xFF).expect("the key");
        text[key] = b'?';
        *text.last_mut().expect("the last") = b'?';
        header(3, flags, &text)
    };
    assert_eq!(fed(&header(3, flags, &wrong), 1000), expected);
    let deliver = |key: &[u8]| {
        let parts = [&[0, 60, 0, 60], &short(b"tag")[..], &[0; 9], &short(b"events"), &short(key)].concat();
        frame(METHOD, 1, &parts)
    };
    assert_eq!(fed(&deliver(b"job.\xFE"), 3), deliver(b"job.?"));
    let close = |words: &[u8]| frame(METHOD, 0, &[&[0, 10, 0, 50, 1, 64], &short(words)[..], &[0; 4]].concat());
    assert_eq!(fed(&close(b"cut \xE2\x82"), 1), close(b"cut ??"));
}

#[test]
fn headers_nested_without_a_bound_become_opaque() {
    let mut table = Vec::new();
    for _ in 0..2_000 {
        let mut outer = short(b"k");
        outer.extend(long(b'F', &table));
        table = outer;
    }
    let properties = &long(b'F', &table)[1..];
    let cleansed = fed(&header(0, 0x2000, properties), 512);
    let keys: Vec<u8> = cleansed.windows(3).filter(|bytes| bytes[..2] == [1, b'k']).map(|bytes| bytes[2]).collect();
    assert_eq!(keys.len(), 2_000);
    assert_eq!(keys.iter().position(|kind| *kind == b'S'), Some(16), "what is inside the text is not looked at");
    assert_eq!(keys.iter().filter(|kind| **kind == b'S').count(), 1);
}

#[test]
fn a_body_beyond_all_bounds_is_cut_to_one_byte_too_many() {
    let chunk = vec![7_u8; 300_000];
    let mut bytes = header(3_000_000, 0, &[]);
    for _ in 0..10 {
        bytes.extend(frame(BODY, 1, &chunk));
        bytes.extend(frame(BODY, 2, b"of another channel"));
    }
    bytes.extend(frame(HEARTBEAT, 0, &[]));
    bytes.extend(header(2, 0, &[]));
    bytes.extend(frame(BODY, 1, b"ok"));
    let out = fed(&bytes, 4096);
    let mut frames = Vec::new();
    let mut rest = &out[..];
    while let Some((kind, channel, size)) = head(rest) {
        assert_eq!(rest[HEAD + size], 0xCE, "a frame has its end");
        frames.push((kind, channel, rest[HEAD..HEAD + size].to_vec()));
        rest = &rest[HEAD + size + 1..];
    }
    assert!(rest.is_empty());
    let passed: usize = frames.iter().filter(|f| f.0 == BODY && f.1 == 1).map(|f| f.2.len()).sum();
    assert_eq!(passed as u64, BODY_MAX + 2);
    assert_eq!(frames.iter().filter(|f| f.1 == 2).count(), 10);
    assert_eq!(frames[0].2[4..12], BODY_MAX.to_be_bytes());
    assert_eq!(frames.last().map(|f| f.2.clone()), Some(b"ok".to_vec()));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_come_to_the_same_and_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        kind in prop_oneof![Just(METHOD), Just(HEADER), Just(BODY), Just(HEARTBEAT), any::<u8>()],
        flags in any::<u16>(),
        piece in 1_usize..40,
    ) {
        let mut all = header(5, flags & 0xFFFE, &bytes);
        all.extend(frame(kind, 3, &bytes));
        all.extend(&bytes);
        let whole = fed(&all, all.len());
        prop_assert_eq!(&fed(&all, piece), &whole);
        prop_assert!(whole.len() <= all.len());
    }

    #[test]
    fn what_is_well_formed_passes_unchanged(
        texts in proptest::collection::vec("\\PC{0,20}", 3),
        body in proptest::collection::vec(any::<u8>(), 0..300),
        piece in 1_usize..40,
    ) {
        let mut table = Vec::new();
        for text in &texts {
            table.extend(short(text.as_bytes()));
            table.extend(long(b'A', &long(b'F', &[])));
        }
        let mut properties = short(texts[0].as_bytes());
        properties.extend(&long(b'F', &table)[1..]);
        properties.extend([2, 0]);
        let mut all = header(body.len() as u64, 0x8000 | 0x2000 | 0x1000 | 0x0800, &properties);
        all.extend(frame(BODY, 1, &body));
        all.extend(frame(METHOD, 1, &[0, 60, 0, 30, 1, 2]));
        prop_assert_eq!(fed(&all, piece), all);
    }
}
