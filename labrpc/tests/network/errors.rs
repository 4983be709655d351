//! What callers and test writers are told, word for word.

use crate::common::*;
use labrpc::{Network, RpcError, Server};
use labsim::sync::Arc;

/// Other ideas of the same services.
mod elsewhere {
    labrpc::service! {
        pub mod junk: "Junk" {
            fn handler2(String) -> String;
            fn handler9(i32) -> String;
        }
    }
    labrpc::service! {
        pub mod trunk: "Trunk" {
            fn handler2(i32) -> String;
        }
    }
    /// Has the reply's type wrong.
    pub mod replies {
        labrpc::service! {
            pub mod junk: "Junk" {
                fn handler2(i32) -> u64;
            }
        }
    }
}

fn text<T: std::fmt::Debug>(result: Result<T, RpcError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn no_reply() {
    let world = World::new(Mode::Deferred);
    let client = world.client("end");
    world.net.enable("end", false);
    let error = client.handler2(&1).unwrap_err();
    assert_eq!(error.method(), "Junk.handler2");
    assert_eq!(
        error.to_string(),
        "no reply to Junk.handler2: the request or its reply was lost, or the server is dead or cut off. \
         It may have been executed all the same, or be executed yet"
    );
}

#[test]
fn unknown_service_and_method() {
    for mode in MODES {
        let world = World::new(mode);
        let end = world.end("end");
        let client = elsewhere::trunk::Client::new(end.clone());
        assert_eq!(
            text(client.handler2(&1)),
            "server \"server\" has no service for Trunk.handler2; it has Junk, Slow. \
             Add the service to the Server before Network::add_server"
        );
        let client = elsewhere::junk::Client::new(end.clone());
        assert_eq!(
            text(client.handler9(&1)),
            "server \"server\" has the service but no method Junk.handler9; it has handler1, handler2, \
             handler3, handler4, handler6, handler7, fail. Call one of these, or declare the method in service!"
        );
        let result: Result<String, _> = end.call("nonsense", &1);
        assert!(
            matches!(result, Err(RpcError::UnknownService { .. })),
            "{result:?}"
        );
        world.net.add_server("server", Server::new());
        assert_eq!(
            text(client.handler9(&1)),
            "server \"server\" has no service for Junk.handler9; it has none. \
             Add the service to the Server before Network::add_server"
        );
        let junk = junk::Client::new(end);
        world.restart();
        junk.handler2(&1)
            .expect("errors of other callers leave the server as it was");
    }
}

/// Two declarations of a service with the same name and types are the same service.
#[test]
fn services_are_known_by_name() {
    let world = World::new(Mode::Blocking);
    let end = world.end("end");
    let named: String = end.call("Junk.handler2", &5).unwrap();
    assert_eq!(named, "handler2-5");
    let moved = elsewhere::replies::junk::Client::new(end);
    let error = moved.handler2(&5).unwrap_err();
    let inner = labgob::decode::<u64>(&labgob::encode("handler2-5")).unwrap_err();
    let expected = format!("the caller could not decode the reply to Junk.handler2: {inner}");
    assert_eq!(error.to_string(), expected);
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(world.net.method_counters("Junk.handler2").replies, 2);
}

#[test]
fn bad_arguments() {
    for mode in MODES {
        let world = World::new(mode);
        let client = elsewhere::junk::Client::new(world.end("end"));
        let inner = labgob::decode::<i32>(&labgob::encode("five")).unwrap_err();
        let expected =
            format!("the server could not decode the arguments of Junk.handler2: {inner}");
        assert_eq!(text(client.handler2(&"five".to_string())), expected);
        assert!(world.junk.log2.lock().is_empty());
    }
}

#[test]
fn closed() {
    let world = World::new(Mode::Deferred);
    let client = world.client("end");
    world.net.shutdown();
    assert_eq!(
        text(client.handler2(&1)),
        "Junk.handler2 was not sent, or has no reply: the network has been shut down"
    );
}

#[test]
#[should_panic(expected = "the network has an end \"0-1\" already: names of ends must differ")]
fn two_ends_of_one_name() {
    let net = Network::new();
    net.make_end("0-1");
    net.make_end("0-1");
}

/// A removed end is off the network, and its name is free.
#[test]
fn removed_ends() {
    let world = World::new(Mode::Deferred);
    let client = world.client("end");
    world.net.remove_end("end");
    world.net.remove_end("end");
    client.handler2(&1).unwrap_err();
    let client = world.client("end");
    client.handler2(&2).unwrap();
}

#[test]
#[should_panic(
    expected = "the network has no end \"0-1\": make it with make_end before, and use it no more \
                           after remove_end"
)]
fn an_end_that_is_not_there() {
    Network::new().enable("0-1", true);
}

#[test]
#[should_panic(expected = "the server has a service \"Junk\" already: add each service once")]
fn one_service_twice() {
    let junk = Arc::new(Junk::default());
    let _ = Server::new()
        .with(junk::service(junk.clone()))
        .with(junk::deferred_service(junk));
}

#[test]
fn everything_can_be_printed() {
    let world = World::new(Mode::Deferred);
    let end = world.end("end");
    let client = junk::Client::new(end.clone());
    client.handler2(&1).unwrap();
    assert_eq!(format!("{end:?}"), "ClientEnd(end)");
    assert_eq!(format!("{client:?}"), "Client { end: ClientEnd(end) }");
    assert_eq!(
        format!("{:?}", world.net),
        "Network(servers [\"server\"], 1 calls)"
    );
    let service = slow::service(world.junk.clone());
    assert_eq!(format!("{service:?}"), "Service(Slow: sleep_ms)");
    assert_eq!(
        (service.name(), service.methods()),
        ("Slow", &["sleep_ms"][..])
    );
}
