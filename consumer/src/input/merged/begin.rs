//! Where the streams come from, and how each begins: what was opened or called is read, hosts are called, callers are taken in.

use std::{net::SocketAddr, sync::Arc};

use crossbeam_channel::Sender;
use recpipe::{
    Error,
    transport::{
        link::{Connections, RecvLink, Settings},
        listen::Listener,
    },
};

use super::{
    Event,
    desk::Shared,
    feeder::{Stream, feed},
};
use crate::{
    hosts::Host,
    input::{
        child::Pipe,
        hosts::{self, Caller},
    },
};

/// Calls a host on a thread of its own, and reads its stream.
fn call(shared: &Arc<Shared>, caller: Caller, host: Host, to: Sender<Event>) -> Result<(), Error> {
    let (guard, stopper) = hosts::guard()?;
    let mine = shared.clone();
    let run = move || {
        let fed = caller.call(&host, &guard).and_then(|called| feed(&mine, Stream::Host(called), to.clone()));
        if let Err(error) = fed {
            let mut desk = mine.desk();
            // A call that was given up because nothing more is taken is none that has failed.
            if !desk.leaves() && !desk.closing {
                let sender = desk.begin();
                drop(desk);
                let _ = to.send(Event::failed(host.name.into(), sender, error));
            }
        }
    };
    let mut desk = shared.desk();
    desk.stoppers.push(stopper);
    let thread = std::thread::Builder::new().name("call".into()).spawn(run);
    desk.callers.push(thread.map_err(|error| Error::io("cannot start a thread", error))?);
    Ok(())
}

/// What `sender` says of the records of this peer: of one that has called us its address alone, since it calls from another port each
/// time.
pub(super) fn sender_name(peer: &str) -> Arc<str> {
    peer.parse::<SocketAddr>().map_or_else(|_| peer.into(), |address| address.ip().to_string().into())
}

/// Where the streams come from.
pub(in crate::input) enum Origin {
    /// A child that we have started, or a file.
    Pipe(Pipe),
    /// One that we have called.
    Called(RecvLink),
    /// The process that has started us.
    Parent(RecvLink),
    /// Programs on other hosts.
    Hosts(Caller),
    /// Those that call us.
    Listener(Listener),
}

/// Begins to read what comes from there.
///
/// # Errors
/// When there is no thread for it.
pub(super) fn begin(shared: &Arc<Shared>, origin: Origin, settings: Settings, to: &Sender<Event>) -> Result<(), Error> {
    match origin {
        Origin::Pipe(pipe) => feed(shared, Stream::Pipe(pipe), to.clone())?,
        Origin::Called(recv_link) | Origin::Parent(recv_link) => feed(shared, Stream::Link(recv_link), to.clone())?,
        Origin::Hosts(caller) => {
            for host in caller.hosts() {
                call(shared, caller.clone(), host.clone(), to.clone())?;
            }
        }
        Origin::Listener(listener) => {
            let listener = Arc::new(listener);
            let (mine, to) = (shared.clone(), to.clone());
            let porter_listener = listener.clone();
            let receive = move || {
                while let Some(accepted) = porter_listener.accept() {
                    let peer = accepted.peer();
                    let fed = RecvLink::open(accepted, settings).and_then(|recv_link| feed(&mine, Stream::Link(recv_link), to.clone()));
                    if let Err(error) = fed {
                        // It was expected, and nobody else is in its place.
                        let sender = mine.desk().begin();
                        let _ = to.send(Event::failed(peer.into(), sender, error));
                    }
                }
            };
            let porter = std::thread::Builder::new().name("accept".into()).spawn(receive);
            let mut desk = shared.desk();
            desk.porter = Some(porter.map_err(|error| Error::io("cannot start a thread", error))?);
            desk.listener = Some(listener);
        }
    }
    Ok(())
}
