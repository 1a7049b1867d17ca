//! What parent and child say to each other between frames of records.
//!
//! A message is a batch of one record, so no layout is needed besides that of [`recpipe::wire`]. What comes next is always
//! known from the message before, never from what a frame looks like: records may have any fields.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use recpipe::{
    Batch, BatchBuilder, Error, Exit, Field, Schema, Time, Type, Value,
    times::Zone,
    wire::{Encoded, Incoming, Place, RawBatch, Reader, Writer, encode},
};

use crate::{left_out::LeftOut, memory::Memory, output, plan::Output};

/// Lines are cut into pieces of so many bytes: a frame has a limit.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// What stands between frames of records.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// To a child: the frame after this came here, enters this chain of a worker, and is of this sender.
    Place(Place, u64, String),
    /// From a child: so many frames of records follow, which are one batch. To a child: a frame of an input that it needs whole.
    Records(u64),
    /// From a child: lines to be printed, and how many records they are. To a child: bytes of a file that it needs whole.
    Lines(Vec<u8>, u64),
    /// From a child: what follows is what it has gathered, for the stage that is named so.
    State(String),
    /// From a child: the frame that follows says what was left out.
    LeftOut,
    /// From a child: this is all that came of a frame, and so many more values could not be written as they are. To a child: this was
    /// all of an input that it needs whole, and the stage that it is for runs in each worker (0) or with the parent.
    Done(u64),
    /// From a child: it could not.
    Failed {
        /// What went wrong.
        what: String,
        /// If it is the stream that is damaged, where.
        corrupt: Option<(u64, u64)>,
    },
}

impl Message {
    /// What an error of a child is to its parent.
    pub(super) fn failed(error: Error) -> Self {
        match error {
            Error::Corrupt { what, frame, at } => Message::Failed { what, corrupt: Some((frame, at)) },
            error => Message::Failed { what: error.to_string(), corrupt: None },
        }
    }

    pub(crate) fn to_batch(&self) -> Result<Batch, Error> {
        let (kind, a, b, c, text): (i128, u64, u64, u64, &[u8]) = match self {
            Message::Place(place, chain, sender) => (i128::from(*chain) << 8, place.order, place.frame, place.at, sender.as_bytes()),
            Message::Records(frames) => (1, *frames, 0, 0, b""),
            Message::Lines(lines, records) => (2, *records, 0, 0, lines),
            Message::Done(replaced) => (3, *replaced, 0, 0, b""),
            Message::LeftOut => (6, 0, 0, 0, b""),
            Message::State(name) => (7, 0, 0, 0, name.as_bytes()),
            Message::Failed { what, corrupt: None } => (4, 0, 0, 0, what.as_bytes()),
            Message::Failed { what, corrupt: Some((frame, at)) } => (5, *frame, *at, 0, what.as_bytes()),
        };
        let number = |number: u64| Value::Int(number.cast_signed().into());
        let fields = [("kind", Type::Int), ("a", Type::Int), ("b", Type::Int), ("c", Type::Int), ("text", Type::Text)];
        let mut builder = BatchBuilder::new(schema(&fields)?);
        builder.push(&[Value::Int(kind), number(a), number(b), number(c), Value::Text(text)])?;
        builder.finish()
    }

    fn from_batch(batch: &Batch) -> Result<Self, Error> {
        if batch.len() != 1 {
            return Err(misunderstood());
        }
        let values: Vec<_> = batch.row(0).values().collect();
        let [Value::Int(kind), Value::Int(a), Value::Int(b), Value::Int(c), Value::Text(text)] = values[..] else {
            return Err(misunderstood());
        };
        let [a, b, c] = [a, b, c].map(|number| (number as i64).cast_unsigned());
        let what = || String::from_utf8_lossy(text).into_owned();
        match kind & 0xff {
            0 => Ok(Message::Place(Place { order: a, frame: b, at: c }, (kind >> 8) as u64, what())),
            1 => Ok(Message::Records(a)),
            2 => Ok(Message::Lines(text.to_owned(), a)),
            3 => Ok(Message::Done(a)),
            4 => Ok(Message::Failed { what: what(), corrupt: None }),
            5 => Ok(Message::Failed { what: what(), corrupt: Some((a, b)) }),
            6 => Ok(Message::LeftOut),
            7 => Ok(Message::State(what())),
            _ => Err(misunderstood()),
        }
    }
}

fn schema(fields: &[(&str, Type)]) -> Result<Arc<Schema>, Error> {
    Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect()).map(Arc::new)
}

/// The other process is another release of this program, or none.
pub(super) fn misunderstood() -> Error {
    Error::Child {
        exit: Exit::Failed,
        what: "a worker process and its parent do not understand each other: are they the same program?".into(),
    }
}

/// What is said on one side and heard on the other.
pub(super) struct Tx<W: Write>(pub(super) Writer<W>);

impl<W: Write> Tx<W> {
    pub(super) fn say(&mut self, message: &Message) -> Result<(), Error> {
        if let Message::Lines(lines, records) = message
            && lines.len() > PIECE_BYTES
        {
            // Who prints them puts them together again; they are counted once.
            for (i, piece) in lines.chunks(PIECE_BYTES).enumerate() {
                self.0.batch(&Message::Lines(piece.to_owned(), if i == 0 { *records } else { 0 }).to_batch()?)?;
            }
            return Ok(());
        }
        self.0.batch(&message.to_batch()?)
    }

    /// A file of values; [`Rx::text`] reads it.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<(), Error> {
        text.chunks(PIECE_BYTES).try_for_each(|piece| self.say(&Message::Lines(piece.to_owned(), 0)))
    }

    /// What was left out of the answer to this frame, or to any.
    pub(super) fn left_out(&mut self, left_out: &LeftOut, order: u64) -> Result<(), Error> {
        let Some(told) = left_out.tell(order)? else { return Ok(()) };
        self.say(&Message::LeftOut)?;
        self.0.batch(&told)
    }

    pub(super) fn records(&mut self, frames: &[Encoded]) -> Result<(), Error> {
        self.say(&Message::Records(frames.len() as u64))?;
        frames.iter().try_for_each(|frame| self.0.encoded(frame))
    }
}

/// The frames of a batch.
///
/// # Errors
/// [`Error::Data`] when one record is more than a frame can hold.
pub(super) fn frames(batch: &Batch) -> Result<Vec<Encoded>, Error> {
    encode(batch).map_err(|error| match error {
        Error::TooLarge { size, limit, .. } => Error::Data(format!(
            "a record, or the partial result of one group, takes {size} bytes; between processes it can be {limit}: run this query without `--processes`"
        )),
        error => error,
    })
}

/// See [`Tx`].
#[derive(Debug)]
pub(super) struct Rx<R: Read>(pub(super) Reader<R>);

impl<R: Read> Rx<R> {
    /// The next message; `None` at the proven end.
    pub(super) fn message(&mut self) -> Result<Option<Message>, Error> {
        self.batch()?.map(|raw| Message::from_batch(&raw.decode()?)).transpose()
    }

    /// The frame that was announced.
    pub(super) fn frame(&mut self) -> Result<RawBatch, Error> {
        self.batch()?.ok_or_else(misunderstood)
    }

    /// A file of values that has so many bytes.
    pub(super) fn text(&mut self, bytes: usize) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        while text.len() < bytes {
            let Some(Message::Lines(piece, _)) = self.message()? else { return Err(misunderstood()) };
            text.extend(piece);
        }
        Ok(text)
    }

    /// The frame that [`Message::LeftOut`] announces.
    pub(super) fn left_out(&mut self, left_out: &LeftOut) -> Result<(), Error> {
        if left_out.hear(&self.frame()?.decode()?) { Ok(()) } else { Err(misunderstood()) }
    }

    fn batch(&mut self) -> Result<Option<RawBatch>, Error> {
        loop {
            match self.0.read()? {
                Some(Incoming::Schema(_)) => {}
                Some(Incoming::Batch(raw)) => return Ok(Some(raw)),
                Some(Incoming::End(_)) | None => return Ok(None),
                Some(Incoming::Warning(_)) => return Err(misunderstood()),
            }
        }
    }
}

/// What a child has to know before its first frame.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// The arguments or the file that the query was.
    pub(super) query: Vec<String>,
    /// The moment that is `now()`.
    pub(super) now: Time,
    pub(super) zone: Option<Zone>,
    pub(super) threads: usize,
    pub(super) memory: Memory,
    /// The output of a query that names none: lines, or none that a worker formats.
    pub(super) default_output: Output,
    /// Where in the query the files are named whose schemas follow that of the stream.
    pub(super) files: Vec<usize>,
    /// Where in it files of values are named, and how many bytes they have, which follow those.
    pub(super) texts: Vec<(usize, usize)>,
    /// Whether records come that were not there when the stream began.
    pub(super) live: bool,
    /// Whether the field `sender` says who sent a record.
    pub(super) gives_sender: bool,
}

impl Setup {
    pub(super) fn to_batch(&self) -> Result<Batch, Error> {
        use std::os::unix::ffi::OsStrExt;
        let mut builder = BatchBuilder::new(schema(&[("key", Type::Text), ("value", Type::Text)])?);
        let mut set = |key: &str, value: &[u8]| builder.push(&[Value::Text(key.as_bytes()), Value::Text(value)]);
        set("version", env!("CARGO_PKG_VERSION").as_bytes())?;
        set("now", self.now.nanos.to_string().as_bytes())?;
        set("offset", self.now.offset_s.to_string().as_bytes())?;
        self.zone.iter().try_for_each(|zone| set("zone", zone.name().as_bytes()))?;
        set("threads", self.threads.to_string().as_bytes())?;
        set("memory", self.memory.limit.to_string().as_bytes())?;
        set("directory", self.memory.directory.as_os_str().as_bytes())?;
        set("output", self.default_output.about.name.as_bytes())?;
        self.files.iter().try_for_each(|at| set("file", at.to_string().as_bytes()))?;
        self.texts.iter().try_for_each(|(at, bytes)| set("text", format!("{at} {bytes}").as_bytes()))?;
        set("live", if self.live { b"1" } else { b"0" })?;
        set("senders", if self.gives_sender { b"1" } else { b"0" })?;
        self.query.iter().try_for_each(|part| set("query", part.as_bytes()))?;
        builder.finish()
    }

    pub(super) fn from_batch(batch: &Batch) -> Result<Self, Error> {
        use std::os::unix::ffi::OsStrExt;
        let mut pairs = Vec::new();
        for row in batch.rows() {
            let (Some(Value::Text(key)), Some(Value::Text(value))) = (row.get("key"), row.get("value")) else {
                return Err(misunderstood());
            };
            pairs.push((key.to_owned(), value.to_owned()));
        }
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| &value[..]).ok_or_else(misunderstood);
        let text = |value: &[u8]| String::from_utf8(value.to_owned()).map_err(|_| misunderstood());
        if get("version")? != env!("CARGO_PKG_VERSION").as_bytes() {
            return Err(misunderstood());
        }
        let number = |name: &str| text(get(name)?)?.parse::<i64>().map_err(|_| misunderstood());
        let size = |name: &str| usize::try_from(number(name)?).map_err(|_| misunderstood());
        let offset_s = i32::try_from(number("offset")?).map_err(|_| misunderstood())?;
        let query = pairs.iter().filter(|(key, _)| key == b"query").map(|(_, value)| text(value)).collect::<Result<_, _>>()?;
        let at = |value: &[u8]| text(value)?.parse::<usize>().map_err(|_| misunderstood());
        let files = pairs.iter().filter(|(key, _)| key == b"file").map(|(_, value)| at(value)).collect::<Result<_, _>>()?;
        let of_text = |value: &[u8]| -> Result<(usize, usize), Error> {
            let text = text(value)?;
            let (place, bytes) = text.split_once(' ').ok_or_else(misunderstood)?;
            Ok((at(place.as_bytes())?, at(bytes.as_bytes())?))
        };
        let texts = pairs.iter().filter(|(key, _)| key == b"text").map(|(_, value)| of_text(value)).collect::<Result<_, _>>()?;
        let zone = pairs.iter().find(|(key, _)| key == b"zone").map(|(_, name)| text(name)).transpose()?;
        Ok(Setup {
            query,
            files,
            texts,
            live: number("live")? != 0,
            gives_sender: number("senders")? != 0,
            now: Time { nanos: number("now")?, offset_s },
            zone: zone.map(|name| Zone::named(&name).map_err(|_| misunderstood())).transpose()?,
            threads: size("threads")?.clamp(1, usize::from(recpipe::parallel::MAX_THREADS)),
            memory: Memory { limit: size("memory")?, directory: std::ffi::OsStr::from_bytes(get("directory")?).into() },
            default_output: output::default(get("output")? == output::default(true).about.name.as_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{
        Time,
        times::Zone,
        wire::{Ending, Place, Reader, Writer},
    };

    use super::{Message, Rx, Setup, Tx};
    use crate::{memory::Memory, output};

    #[test]
    fn what_is_said_is_heard() {
        let place = Place { order: u64::MAX, frame: 7, at: 1 << 63 };
        let messages = [
            Message::Place(place, 2, "web1".into()),
            Message::Records(3),
            Message::Lines(b"a\xff\nb\n".to_vec(), 2),
            Message::Done(4),
            Message::LeftOut,
            Message::State("count by x".into()),
            Message::Failed { what: "no".into(), corrupt: None },
            Message::Failed { what: "torn".into(), corrupt: Some((1, 2)) },
        ];
        let mut stream = Vec::new();
        let mut tx = Tx(Writer::new(&mut stream).unwrap());
        messages.iter().for_each(|message| tx.say(message).unwrap());
        // Longer than a frame can be: in pieces.
        let long = vec![b'x'; 20 << 20];
        tx.say(&Message::Lines(long.clone(), 5)).unwrap();
        tx.0.finish(&Ending::default()).unwrap();
        let mut rx = Rx(Reader::new(&stream[..]).unwrap());
        for message in messages {
            assert_eq!(rx.message().unwrap(), Some(message));
        }
        let (mut lines, mut count) = (Vec::new(), 0);
        while let Some(message) = rx.message().unwrap() {
            let Message::Lines(mut piece, records) = message else { panic!("{message:?}") };
            lines.append(&mut piece);
            count += records;
        }
        assert!(lines == long && count == 5);
    }

    #[test]
    fn a_setup_is_what_it_was() {
        let memory = Memory { limit: 1 << 40, directory: "/tmp/a b".into() };
        let now = Time { nanos: -5, offset_s: -3600 };
        let query = vec!["where x == \"é\"\n".to_owned(), "count".to_owned()];
        let setup = Setup {
            query,
            now,
            zone: Zone::named("Europe/Berlin").ok(),
            threads: 3,
            memory,
            default_output: output::default(true),
            files: vec![7, 70],
            texts: vec![(9, 1 << 20), (90, 0)],
            live: true,
            gives_sender: true,
        };
        let back = Setup::from_batch(&setup.to_batch().unwrap()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{setup:?}"));
        assert!(Setup::from_batch(&setup.to_batch().unwrap().head(3)).is_err());
    }
}
