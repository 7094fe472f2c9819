//! The socket by which an event loop of the target wakes itself: one byte into it, as the loop's own other threads
//! write it (`_write_to_self` in `Lib/asyncio/selector_events.py`), and nothing else of it.
//!
//! Whose socket it is, the memory of the target says. The kernel says what it is: one end of a pair that this very
//! process made, connected to no name. A connection to somebody else is none of that, whatever memory says.

use crate::control::consent::Consent;
use crate::target::descriptors::duplicate;
use crate::target::process::Process;
use crate::target::steps::step;
use nix::sys::socket::sockopt::{PeerCredentials, SockType as Type};
use nix::sys::socket::{MsgFlags, SockType, UnixAddr, getpeername, getsockname, getsockopt, send};
use std::os::fd::{AsRawFd, OwnedFd};

/// A duplicate of the end that is written to. The target's own stays as it is, also when it closes it.
#[derive(Debug)]
pub struct WakingSocket(OwnedFd);

impl WakingSocket {
    /// Duplicates the descriptor `number` of a process; `None` when it is no such socket, or may not be had.
    pub fn take(process: &Process, number: i32, _consent: Consent) -> Option<Self> {
        let socket = duplicate(process, number)?;
        is_of_a_pair(&socket, process.pid()).then_some(WakingSocket(socket))
    }

    /// Writes the byte, without waiting; whether it was taken. When there is no room the loop is about to wake up.
    pub fn wake(&self) -> bool {
        step();
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        send(self.0.as_raw_fd(), &[0], flags) == Ok(1)
    }
}

fn is_of_a_pair(socket: &OwnedFd, maker: i32) -> bool {
    // Fails for what is no Unix socket.
    let is_unnamed = |name: nix::Result<UnixAddr>| {
        name.is_ok_and(|name| name.path().is_none() && name.as_abstract().is_none())
    };
    getsockopt(socket, Type) == Ok(SockType::Stream)
        && getsockopt(socket, PeerCredentials).is_ok_and(|made| made.pid() == maker)
        && is_unnamed(getsockname(socket.as_raw_fd()))
        && is_unnamed(getpeername(socket.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn ours() -> Process {
        Process::open(std::process::id() as i32).expect("we exist")
    }

    fn take(socket: &impl AsRawFd) -> Option<WakingSocket> {
        WakingSocket::take(&ours(), socket.as_raw_fd(), Consent::given_by_user())
    }

    #[test]
    fn the_other_end_of_a_pair_gets_one_byte_that_is_zero() {
        let (mut reader, writer) = UnixStream::pair().expect("a pair");
        let socket = take(&writer).expect("one end of a pair of ours");
        drop(writer);
        assert!(socket.wake());
        drop(socket);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).expect("it ends");
        assert_eq!(all, [0]);
    }

    #[test]
    fn a_pair_that_is_full_takes_nothing_and_nobody_waits() {
        let (_reader, writer) = UnixStream::pair().expect("a pair");
        let socket = take(&writer).expect("one end of a pair of ours");
        while socket.wake() {}
        assert!(!socket.wake());
    }

    #[test]
    fn a_connection_and_a_file_are_no_such_socket() {
        let server = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let client =
            TcpStream::connect(server.local_addr().expect("it has one")).expect("it listens");
        let folder = tempfile::tempdir().expect("a folder");
        let named = UnixListener::bind(folder.path().join("name")).expect("a name");
        let connected = UnixStream::connect(folder.path().join("name")).expect("it listens");
        let file = std::fs::File::open("/dev/null").expect("it is there");
        assert!(take(&client).is_none());
        assert!(take(&named).is_none());
        assert!(take(&connected).is_none());
        assert!(take(&file).is_none());
        assert!(WakingSocket::take(&ours(), 1 << 20, Consent::given_by_user()).is_none());
    }
}
