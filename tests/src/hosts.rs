//! Hosts for real, with cables between them that can be cut.
//!
//! A host is a network namespace with one interface; a veth pair joins it to a bridge in one more namespace, the switch.
//! Nothing of it is in the machine's own network, and all of it is gone with its [`Hosts`].
//!
//! ```text
//!   host 0: cable 10.231.0.1 ══ port0 ┐
//!   host 1: cable 10.231.0.2 ══ port1 ┤ bridge, in the switch
//!   host 2: cable 10.231.0.3 ══ port2 ┘
//! ```

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    ops::Index,
    path::Path,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::{FlockOperation, flock};

use crate::process::ip;

/// What the names of all our namespaces begin with; the process that made them comes next.
const PREFIX: &str = "recpipe-test-";

/// Where the system keeps the namespaces that have names.
const NAMED: &str = "/run/netns";

/// The interface of each host; no other network has one of this name.
pub const CABLE: &str = "cable";

static MADE: AtomicU64 = AtomicU64::new(0);

/// That there can be none has been said.
static SAID: Once = Once::new();

/// The first namespace of a machine makes the place for all: not two at a time, be it of two runs of the tests. This directory is
/// locked meanwhile.
const PLACE: &str = "/run";

/// Hosts that reach each other.
#[derive(Debug)]
pub struct Hosts {
    hosts: Vec<Host>,
    switch: String,
}

/// One of them.
#[derive(Debug)]
pub struct Host {
    namespace: String,
    switch: String,
    number: usize,
}

/// Where a cable is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plug {
    /// At the host, whose system knows at once that it has no network.
    Host,
    /// At the switch: the host goes on sending.
    Switch,
}

impl Hosts {
    /// So many; `None`, which is said once on stderr, where the kernel does not let us make any.
    ///
    /// # Panics
    /// When they cannot be made for another reason; and for any, where `CI` is set.
    pub fn new(count: usize) -> Option<Self> {
        remove_what_the_dead_have_left();
        let name = format!("{PREFIX}{}-{}-", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let switch = format!("{name}switch");
        let host = |number| Host { namespace: format!("{name}{number}"), switch: switch.clone(), number };
        let hosts = Hosts { hosts: (0..count).map(host).collect(), switch };
        match hosts.make() {
            Ok(()) => Some(hosts),
            Err(refused) if env::var_os("CI").is_none() && is_forbidden(&refused) => {
                let why = refused.lines().next().unwrap_or_default();
                // Whether anybody reads it is no matter.
                SAID.call_once(|| drop(writeln!(io::stderr(), "skipped: the kernel lets us make no hosts (root may): {why}")));
                None
            }
            Err(failed) => panic!("hosts cannot be made: {failed}"),
        }
    }

    fn make(&self) -> Result<(), String> {
        let names = self.hosts.iter().map(|host| &host.namespace).chain([&self.switch]);
        let place = File::open(PLACE).map_err(|error| format!("{PLACE}: {error}"))?;
        flock(&place, FlockOperation::LockExclusive).map_err(|error| format!("{PLACE}: {error}"))?;
        ip(None, &names.map(|name| format!("netns add {name}\n")).collect::<String>())?;
        drop(place);
        let mut ports = "link add name bridge type bridge\nlink set bridge up\n".to_owned();
        for host in &self.hosts {
            let (switch, port) = (&host.switch, host.port());
            let cable = format!("link add name {CABLE} type veth peer name {port} netns {switch}\nlink set lo up\n");
            ip(Some(&host.namespace), &format!("{cable}addr add {}/24 dev {CABLE}\nlink set {CABLE} up\n", host.address()))?;
            ports += &format!("link set {port} master bridge\nlink set {port} up\n");
        }
        ip(Some(&self.switch), &ports)
    }
}

impl Index<usize> for Hosts {
    type Output = Host;

    fn index(&self, number: usize) -> &Host {
        &self.hosts[number]
    }
}

impl Host {
    /// Its network namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where the others reach it.
    pub fn address(&self) -> String {
        format!("10.231.0.{}", self.number + 1)
    }

    fn port(&self) -> String {
        format!("port{}", self.number)
    }

    /// Cuts its cable.
    pub fn cut(&self, plug: Plug) {
        self.set(plug, "down");
    }

    /// Makes it whole again.
    pub fn join(&self, plug: Plug) {
        self.set(plug, "up");
    }

    fn set(&self, plug: Plug, state: &str) {
        let (namespace, link) = match plug {
            Plug::Host => (&self.namespace, CABLE.to_owned()),
            Plug::Switch => (&self.switch, self.port()),
        };
        ip(Some(namespace), &format!("link set {link} {state}\n")).unwrap_or_else(|error| panic!("a cable: {error}"));
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in self.hosts.iter().map(|host| &host.namespace).chain([&self.switch]) {
            // It may never have been made.
            if Path::new(NAMED).join(name).exists() {
                let _ = ip(None, &format!("netns del {name}\n"));
            }
        }
    }
}

/// Whether it is the kernel that will not, or has no such thing.
fn is_forbidden(refused: &str) -> bool {
    ["Operation not permitted", "Permission denied", "Operation not supported", "Unknown device type"]
        .iter()
        .any(|reason| refused.contains(reason))
}

/// A test that was killed could not clean up.
fn remove_what_the_dead_have_left() {
    for entry in fs::read_dir(NAMED).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test may be at it.
            let _ = ip(None, &format!("netns del {name}\n"));
        }
    }
}
