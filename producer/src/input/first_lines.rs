//! Looks at what an input begins with before it is known how it is to be read.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::block::{Block, Feed};
use super::boundary::{Boundary, Lines};
use super::find::{Input, Names};
use super::given::Given;
use super::live::Watch;
use super::open::Opened;
use super::sample::Sampled;
use super::{Blocks, InputError, Inputs, Meter, is_regular, name_of};

/// What an input begins with.
pub(crate) struct Beginning {
    /// The first bytes, after decompression.
    pub(crate) head: Vec<u8>,
    /// The whole lines, if there are some.
    pub(crate) lines: Option<Block>,
}

/// So many bytes tell what is no text.
const HEAD_BYTES: usize = 8;

/// What an input begins with, and the input again: one that can be read once only gives what was looked at
/// once more.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn first_lines(
    input: &Input,
    watch: &Watch,
    encoding: Option<&'static encoding_rs::Encoding>,
    names: &Names,
) -> Result<(Beginning, Input), InputError> {
    let head_of = |opened: &mut Opened| {
        let looked = opened.look_ahead(|ahead| ahead.len() >= HEAD_BYTES);
        looked.map(|()| opened.ahead().to_vec()).map_err(|error| InputError::read(&name_of(input), opened.explain(&error)))
    };
    let (meter, boundary) = (Arc::new(Meter::default()), Arc::new(Lines::default()) as Arc<dyn Boundary>);
    let mut opened = Opened::open(input, &meter, watch)?;
    let head = head_of(&mut opened)?;
    if is_regular(input) {
        let inputs = Inputs::new(vec![Ok(input.clone())], meter, watch.clone()).written_in(encoding).of_archives(names);
        let mut blocks = Blocks::new(inputs, boundary);
        let mut first = None;
        let looked_at = blocks.samples(&mut |block| {
            first = Some(block.clone());
            Ok(())
        });
        return looked_at
            .map(|()| (Beginning { head, lines: first }, input.clone()))
            .map_err(|what| InputError { name: input.to_string(), what });
    }
    let name = name_of(input);
    let mut sampled = Sampled::new(opened);
    let lines = sampled.sample(&boundary, &name);
    let rest = Mutex::new(Some(sampled));
    let again = Given::once(&name, move || {
        let sampled = rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        sampled.map(|sampled| Box::new(sampled) as Box<dyn Feed + Send>).ok_or_else(|| io::Error::other("it was read already"))
    });
    Ok((Beginning { head, lines }, Input::Given(again)))
}
