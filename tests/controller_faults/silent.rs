//! A host that accepts connections and says nothing.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};

/// So many connections are held open.
const HELD: usize = 256;

/// See the module. It listens until the process ends.
pub(crate) struct Silent(SocketAddr);

impl Silent {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut held = VecDeque::new();
            for stream in listener.incoming().map_while(Result::ok) {
                held.push_back(stream);
                if held.len() > HELD {
                    held.pop_front();
                }
            }
        });
        Self(address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0
    }
}
