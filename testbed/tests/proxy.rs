//! The proxy in front of a plain TCP server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may fail like tests"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use testbed::{Counters, Direction, Faults, Proxy, Stall};

/// Long enough for a loaded host; only a failing test waits for it.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to listen for data that must not come. Too short could only hide a fault, never cause one.
const SILENCE: Duration = Duration::from_millis(100);

/// A server that greets each of this many clients with a line and then sends back what it gets.
fn echo_server(clients: usize) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        for mut stream in listener.incoming().take(clients).map(Result::unwrap) {
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            let _ = stream.write_all(b"hello\n");
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
        }
    });
    (address, thread)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.socket_address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut buffer = vec![0; bytes.len()];
    stream.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, bytes);
}

fn expect_silence(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(LIMIT)).unwrap();
}

fn expect_reset(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn without_faults_all_goes_through_and_is_counted() {
    let (server, thread) = echo_server(1);
    let proxy = Proxy::start(server, Faults::default()).unwrap();
    let mut client = connect(&proxy);
    expect(&mut client, b"hello\n");
    for word in [b"one", b"two"] {
        client.write_all(word).unwrap();
        expect(&mut client, word);
    }
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    thread.join().unwrap();
    let expected = Counters {
        bytes_to_server: 6,
        bytes_to_client: 12,
        connections: 1,
        round_trips: 2,
    };
    assert_eq!(proxy.counters(), expected);
}

#[test]
fn megabytes_go_through_unchanged() {
    let (server, thread) = echo_server(1);
    let proxy = Proxy::start(
        server,
        Faults {
            one_way_delay: Duration::from_millis(2),
            ..Faults::default()
        },
    )
    .unwrap();
    let mut client = connect(&proxy);
    let data: Vec<u8> = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
    expect(&mut client, b"hello\n");
    let mut writer = client.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&data).unwrap());
        expect(&mut client, &data);
    });
    drop((client, writer, proxy));
    thread.join().unwrap();
}

#[test]
fn delay_and_bandwidth_take_at_least_their_time() {
    let (server, thread) = echo_server(1);
    let one_way_delay = Duration::from_millis(20);
    let faults = Faults {
        one_way_delay,
        bytes_per_second: Some(100_000),
        ..Faults::default()
    };
    let proxy = Proxy::start(server, faults).unwrap();
    let start = Instant::now();
    let mut client = connect(&proxy);
    expect(&mut client, b"hello\n");
    let banner = start.elapsed();
    client.write_all(&[7; 10_000]).unwrap();
    expect(&mut client, &[7; 10_000]);
    // Lower bounds only: a loaded host makes everything slower, nothing faster.
    assert!(
        banner >= one_way_delay * 4,
        "the handshake and the first bytes take two round trips: {banner:?}"
    );
    assert!(start.elapsed() >= banner + one_way_delay * 2 + Duration::from_millis(100));
    drop((client, proxy));
    thread.join().unwrap();
}

#[test]
fn a_cut_after_bytes_is_exact_and_happens_once() {
    for (direction, bytes, received) in [
        (Direction::ToClient, 3, b"hel".as_slice()),
        (Direction::ToClient, 8, b"hello\nab"),
        (Direction::ToServer, 2, b""),
    ] {
        let (server, thread) = echo_server(2);
        let proxy = Proxy::start(
            server,
            Faults {
                cut_after: Some((direction, bytes)),
                ..Faults::default()
            },
        )
        .unwrap();
        let mut client = connect(&proxy);
        client.write_all(b"abc").unwrap();
        let mut all = Vec::new();
        let error = client.read_to_end(&mut all).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let counters = proxy.counters();
        match direction {
            Direction::ToClient => assert_eq!(all, received),
            Direction::ToServer => assert_eq!(counters.bytes_to_server, bytes),
        }
        let mut client = connect(&proxy);
        client.write_all(b"abc").unwrap();
        expect(&mut client, b"hello\nabc");
        drop((client, proxy));
        thread.join().unwrap();
    }
}

#[test]
fn a_cut_resets_every_connection_and_later_ones_work() {
    let (server, thread) = echo_server(2);
    let proxy = Proxy::start(server, Faults::default()).unwrap();
    let mut client = connect(&proxy);
    expect(&mut client, b"hello\n");
    proxy.cut_now().unwrap();
    expect_reset(&mut client);
    expect(&mut connect(&proxy), b"hello\n");
    drop(proxy);
    thread.join().unwrap();
}

#[test]
fn a_stall_keeps_the_connection_open_until_it_resumes() {
    let (server, thread) = echo_server(1);
    let proxy = Proxy::start(server, Faults::default()).unwrap();
    let mut client = connect(&proxy);
    expect(&mut client, b"hello\n");
    proxy.stall_now();
    client.write_all(b"abc").unwrap();
    expect_silence(&mut client);
    proxy.resume();
    expect(&mut client, b"abc");
    drop((client, proxy));
    thread.join().unwrap();
}

#[test]
fn a_stall_after_the_banner_lets_nothing_but_the_banner_through() {
    let (server, thread) = echo_server(1);
    let proxy = Proxy::start(
        server,
        Faults {
            stall: Stall::AfterBanner,
            ..Faults::default()
        },
    )
    .unwrap();
    let mut client = connect(&proxy);
    expect(&mut client, b"hello\n");
    client.write_all(b"abc").unwrap();
    expect_silence(&mut client);
    assert_eq!(proxy.counters().bytes_to_server, 0);
    proxy.resume();
    expect(&mut client, b"abc");
    drop((client, proxy));
    thread.join().unwrap();
}

#[test]
fn refused_connections_do_not_disturb_open_ones() {
    let (server, thread) = echo_server(2);
    let proxy = Proxy::start(server, Faults::default()).unwrap();
    let mut open = connect(&proxy);
    expect(&mut open, b"hello\n");
    proxy.refuse(true).unwrap();
    let error = TcpStream::connect(proxy.socket_address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    open.write_all(b"abc").unwrap();
    expect(&mut open, b"abc");
    drop(open);
    proxy.refuse(false).unwrap();
    expect(&mut connect(&proxy), b"hello\n");
    drop(proxy);
    thread.join().unwrap();
}

#[tokio::test]
async fn it_can_be_used_and_dropped_inside_a_runtime() {
    let (server, thread) = echo_server(1);
    let proxy = Proxy::start(server, Faults::default()).unwrap();
    let client = tokio::net::TcpStream::connect(proxy.socket_address()).await.unwrap();
    proxy.cut_now().unwrap();
    drop((client, proxy));
    // The cut may come before the proxy has connected: give the server the client it waits for.
    drop(TcpStream::connect(server));
    thread.join().unwrap();
}
