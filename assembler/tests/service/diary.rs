//! What assemblers did to the world, in the order in which they did it.

use std::sync::{Arc, Mutex};

use candor_platform::broker::{Fate, Outgoing};
use candor_platform::store::Append;
use candor_proto::{Message, MessageId};

/// One thing that an assembler did.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// The store took these.
    Appended(Vec<Append>),
    /// The store said that what was appended stays, and that the partition is still ours.
    Fenced,
    /// A message is on its way to the broker.
    Offered(Box<Outgoing>),
    /// The broker has it.
    Taken(Option<MessageId>),
    /// An input was settled.
    Settled(Box<Result<Message, candor_proto::Error>>, Fate),
}

/// Who did what.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) life: usize,
    pub(crate) deed: Deed,
}

/// All entries. Cloned, it is the same diary.
#[derive(Clone, Default)]
pub(crate) struct Diary {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Diary {
    pub(crate) fn write(&self, life: usize, deed: Deed) {
        self.entries.lock().unwrap().push(Entry { life, deed });
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    /// How many messages of this kind were offered by this life.
    pub(crate) fn offered(&self, life: usize, kind: &str) -> usize {
        let of = |entry: &&Entry| {
            entry.life == life && matches!(&entry.deed, Deed::Offered(outgoing) if outgoing.message.kind() == kind)
        };
        self.entries().iter().filter(of).count()
    }
}

/// The id that a message travels under.
pub(crate) fn id_of(outgoing: &Outgoing) -> Option<MessageId> {
    outgoing.properties.message_id.as_deref().map(|text| text.parse().expect("our ids are ids"))
}
