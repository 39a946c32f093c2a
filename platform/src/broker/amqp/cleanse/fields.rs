//! The parts of a frame that can hurt, made harmless in place: nothing changes its length.

/// How deeply headers may be nested. What goes deeper is relabelled as a plain text, which has the same form.
const DEPTH_MAX: u32 = 16;

/// Where the body's size stands in the payload of a header frame.
pub(super) fn body_size(payload: &mut [u8]) -> Option<&mut [u8; 8]> {
    payload.get_mut(4..12)?.try_into().ok()
}

/// The texts that strangers or long names can spoil: keys of routing, and the server's own words, which it cuts
/// at 255 bytes wherever that is.
pub(super) fn clean_method(payload: &mut [u8]) -> Option<()> {
    let mut fields = Fields { rest: payload };
    match (fields.u16()?, fields.u16()?) {
        // basic.deliver: tag, number, flag, exchange, key.
        (60, 60) => {
            fields.text()?;
            fields.skip(9)?;
            fields.text()?;
            fields.text()
        }
        // basic.return: code, words, exchange, key.
        (60, 50) => {
            fields.skip(2)?;
            fields.text()?;
            fields.text()?;
            fields.text()
        }
        // connection.close and channel.close: code, words.
        (10, 50) | (20, 40) => {
            fields.skip(2)?;
            fields.text()
        }
        // connection.blocked: words.
        (10, 60) => fields.text(),
        _ => None,
    }
}

/// The properties of a message: the payload of a header frame.
pub(super) fn clean_properties(payload: &mut [u8]) -> Option<()> {
    let mut fields = Fields { rest: payload };
    fields.skip(12)?;
    let flags = fields.u16()?;
    if flags & 1 != 0 {
        // There are no more than fourteen properties, so no second word of flags.
        return None;
    }
    for (place, kind) in PROPERTIES.into_iter().enumerate() {
        if flags & (0x8000 >> place) == 0 {
            continue;
        }
        match kind {
            Kind::Text => fields.text()?,
            Kind::Table => fields.table(0)?,
            Kind::Bytes(count) => fields.skip(count)?,
        }
    }
    Some(())
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Table,
    Bytes(usize),
}

/// The properties in the order of their flags.
const PROPERTIES: [Kind; 14] = [
    Kind::Text,     // content_type
    Kind::Text,     // content_encoding
    Kind::Table,    // headers
    Kind::Bytes(1), // delivery_mode
    Kind::Bytes(1), // priority
    Kind::Text,     // correlation_id
    Kind::Text,     // reply_to
    Kind::Text,     // expiration
    Kind::Text,     // message_id
    Kind::Bytes(8), // timestamp
    Kind::Text,     // type
    Kind::Text,     // user_id
    Kind::Text,     // app_id
    Kind::Text,     // cluster_id
];

/// What is left of a payload. Every step that finds too little gives `None`, and nothing more is changed.
struct Fields<'a> {
    rest: &'a mut [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a mut [u8]> {
        let rest = std::mem::take(&mut self.rest);
        let (taken, rest) = rest.split_at_mut_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take(4)?.try_into().ok()?)).ok()
    }

    fn text(&mut self) -> Option<()> {
        let length = usize::from(*self.take(1)?.first()?);
        replace_wrong(self.take(length)?);
        Some(())
    }

    fn table(&mut self, depth: u32) -> Option<()> {
        let length = self.length()?;
        let mut entries = Fields { rest: self.take(length)? };
        while !entries.rest.is_empty() {
            entries.text()?;
            entries.value(depth)?;
        }
        Some(())
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        let length = self.length()?;
        let mut entries = Fields { rest: self.take(length)? };
        while !entries.rest.is_empty() {
            entries.value(depth)?;
        }
        Some(())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        let kind = self.take(1)?.first_mut()?;
        if depth >= DEPTH_MAX && matches!(*kind, b'F' | b'A') {
            *kind = b'S';
        }
        match *kind {
            b'F' => self.table(depth + 1),
            b'A' => self.array(depth + 1),
            b'S' | b'x' => {
                let length = self.length()?;
                self.skip(length)
            }
            b't' | b'b' | b'B' => self.skip(1),
            b's' | b'U' | b'u' => self.skip(2),
            b'I' | b'i' | b'f' => self.skip(4),
            b'D' => self.skip(5),
            b'L' | b'l' | b'd' | b'T' => self.skip(8),
            b'V' => Some(()),
            _ => None,
        }
    }
}

/// Puts a `?` for every byte that is no part of UTF-8.
fn replace_wrong(mut text: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(text) {
        let (start, count) = (error.valid_up_to(), error.error_len());
        let end = count.map_or(text.len(), |count| start + count);
        text[start..end].fill(b'?');
        text = &mut std::mem::take(&mut text)[end..];
    }
}
