//! Hosts that are directories of this one: a command in the place of `ssh` runs what it is given in the directory that is called like
//! the host, which is its home, and in which it finds a `producer` of its own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use crate::{Program, Scratch};

/// How the command that stands for `ssh` connects what it runs with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wires {
    /// By the very socket that it was given.
    Socket,
    /// By two pipes, as some servers of ssh do.
    Pipes,
}

/// Makes `./ssh`. It is called as `ssh [OPTIONS] HOST COMMAND`; a host whose directory is missing is one that cannot be reached. Each call
/// is noted in `calls`.
pub fn make_ssh(scratch: &Scratch, wires: Wires) {
    let run = match wires {
        Wires::Socket => "exec sh -c \"$command\"",
        Wires::Pipes => {
            // As a server, it does not wait for more input when what it runs has ended: then its own group is at an end.
            "exit=\"$root/exit.$$\"; exec 3<&0; { cat <&3 & echo $! >\"$exit.cat\"; exec 3<&- >&-; wait; } | \
             { exec 3<&-; sh -c \"$command\"; echo $? >\"$exit\"; kill $(cat \"$exit.cat\") 2>/dev/null; } | cat\n\
             read -r code <\"$exit\"; rm \"$exit\" \"$exit.cat\"; exit $code"
        }
    };
    let root = scratch.path().display();
    let script = format!(
        "#!/bin/sh\nroot='{root}'\nwhile [ $# -gt 2 ]; do shift; done\nhost=$1 command=$2\necho \"$host\" >>\"$root/calls\"\n\
         cd \"$root/$host\" 2>/dev/null || {{ echo \"ssh: connect to host $host port 22: No route to host\" >&2; exit 255; }}\n\
         export HOME=\"$PWD\" PATH=\"$PWD/bin:/usr/bin:/bin\"\n{run}\n"
    );
    make_executable(&scratch.write("ssh", script));
}

/// Makes a host: a directory with this log in it, and a `producer` where it `has_producer`.
pub fn make_host(scratch: &Scratch, host: &str, log: impl AsRef<[u8]>, has_producer: bool) {
    scratch.write(&format!("{host}/log"), log);
    if has_producer {
        let bin = scratch.path().join(host).join("bin");
        fs::create_dir_all(&bin).expect("a directory can be made");
        symlink(Program::Producer.path(), bin.join("producer")).expect("a link can be made");
    }
}

/// Lets this file be run.
pub fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}
