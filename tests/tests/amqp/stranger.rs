//! A client that writes frames by hand, because no library would write these.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Speaks AMQP 0-9-1, as little as is needed to publish.
pub(crate) struct Stranger {
    socket: TcpStream,
    frame_bytes: usize,
}

impl Stranger {
    pub(crate) fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        let mut stranger = Self { socket, frame_bytes: 4096 };
        stranger.socket.write_all(b"AMQP\x00\x00\x09\x01").expect("written");
        stranger.wait(10, 10);
        let start_ok = [&[0, 0, 0, 0][..], &short(b"PLAIN"), &long(b"\0guest\0guest"), &short(b"en_US")].concat();
        stranger.method(0, 10, 11, &start_ok);
        let tune = stranger.wait(10, 30);
        stranger.frame_bytes = usize::try_from(u32::from_be_bytes(tune[2..6].try_into().unwrap())).unwrap();
        stranger.method(0, 10, 31, &tune);
        stranger.method(0, 10, 40, &[&short(b"/")[..], &[0, 0]].concat());
        stranger.wait(10, 41);
        stranger.method(1, 20, 10, &[0]);
        stranger.wait(20, 11);
        stranger.method(1, 85, 10, &[0]);
        stranger.wait(85, 11);
        stranger
    }

    /// Publishes with these properties, in the order of their flags, and waits for the confirm.
    pub(crate) fn publish(&mut self, exchange: &[u8], key: &[u8], flags: u16, properties: &[u8], body: &[u8]) {
        self.method(1, 60, 40, &[&[0, 0][..], &short(exchange), &short(key), &[0]].concat());
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        self.frame(2, 1, &[&[0, 60, 0, 0][..], &size, &flags.to_be_bytes(), properties].concat());
        for part in body.chunks(self.frame_bytes - 8) {
            self.frame(3, 1, part);
        }
        self.wait(60, 80);
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        self.frame(1, channel, &[&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat());
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size, payload, &[0xCE]].concat();
        self.socket.write_all(&frame).expect("written");
    }

    /// The arguments of the next method, which must be this one.
    fn wait(&mut self, class: u16, method: u16) -> Vec<u8> {
        loop {
            let mut head = [0; 7];
            self.socket.read_exact(&mut head).expect("a frame");
            let size = u32::from_be_bytes(head[3..7].try_into().unwrap());
            let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
            self.socket.read_exact(&mut payload).expect("a frame");
            payload.pop();
            if head[0] == 1 {
                let wanted = [class.to_be_bytes(), method.to_be_bytes()].concat();
                assert_eq!(payload[..4], wanted, "{}", String::from_utf8_lossy(&payload));
                return payload[4..].to_vec();
            }
        }
    }
}

pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()][..], text].concat()
}

pub(crate) fn long(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}
