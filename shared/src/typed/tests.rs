//! What it has to hold, case by case.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU16, sync::Arc};

use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Batch, BatchBuilder, Field, Schema, Time, Type, Value};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    Get,
    Post,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Peer {
    ip: IpAddr,
    port: NonZeroU16,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Request {
    at: Time,
    method: Method,
    peer: Peer,
    #[serde(rename = "status code")]
    status: Option<i32>,
    id: u64,
    big: i128,
    ms: f64,
    is_bot: bool,
    mark: char,
    #[serde(with = "serde_bytes")]
    raw: Vec<u8>,
    text: String,
    nothing: (),
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let peer = (any::<IpAddr>(), 1_u16..).prop_map(|(ip, port)| Peer { ip, port: NonZeroU16::new(port).unwrap_or(NonZeroU16::MIN) });
    let time = (any::<i64>(), -50_000..50_000_i32).prop_map(|(nanos, offset_s)| Time { nanos, offset_s: offset_s / 60 * 60 });
    let method = prop_oneof![Just(Method::Get), Just(Method::Post)];
    let some =
        (any::<Option<i32>>(), any::<u64>(), any::<i128>(), any::<f64>().prop_filter("NaN is not itself", |f| !f.is_nan()), any::<bool>());
    let texts = (any::<char>(), any::<Vec<u8>>(), any::<String>());
    let request = (time, method, peer, some, texts).prop_map(|(at, method, peer, (status, id, big, ms, is_bot), (mark, raw, text))| {
        Request { at, method, peer, status, id, big, ms, is_bot, mark, raw, text, nothing: () }
    });
    proptest::collection::vec(request, 0..20)
}

proptest! {
    #[test]
    fn structs_come_back_as_they_were(requests in requests()) {
        let batch = Batch::of(&requests).unwrap();
        let back: Vec<Request> = batch.to().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(&back, &requests);
        // Equal times are the same moment; the offset comes back, too.
        prop_assert!(back.iter().zip(&requests).all(|(a, b)| a.at.offset_s == b.at.offset_s));
    }
}

#[test]
fn a_struct_is_a_schema() {
    let expect = [
        Field::new("at", Type::Time),
        Field::new("method", Type::Text),
        Field::new("peer.ip", Type::Text),
        Field::new("peer.port", Type::Int),
        Field::new("status code", Type::Int),
        Field::open("id", Type::Int),
        Field::open("big", Type::Int),
        Field::new("ms", Type::Float),
        Field::new("is_bot", Type::Bool),
        Field::new("mark", Type::Text),
        Field::new("raw", Type::Text),
        Field::new("text", Type::Text),
        Field::new("nothing", Type::Null),
    ];
    assert_eq!(Schema::of::<Request>().unwrap().fields(), expect);
}

#[test]
fn what_no_record_holds_is_named() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Listed {
        host: String,
        tags: Vec<String>,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Nested {
        inner: Listed,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Holding {
        choice: Choice,
    }
    #[derive(Debug, Serialize, Deserialize)]
    enum Choice {
        None,
        Some(u8),
    }
    fn schema<T: DeserializeOwned>(expect: &str) {
        let error = Schema::of::<T>().unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    schema::<Listed>("the field `tags` is a list");
    schema::<Nested>("the field `inner.tags` is a list");
    schema::<Vec<Listed>>("it is a list, no struct with fields");
    schema::<u8>("it is no struct with fields");
    schema::<BTreeMap<String, u8>>("it is a map");

    let push = |fields: &[Field], expect: &str, push: &dyn Fn(&mut BatchBuilder) -> Result<(), crate::Error>| {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(fields.to_vec()).unwrap()));
        let error = push(&mut builder).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    let host = Field::new("host", Type::Text);
    let listed = || Listed { host: "h".into(), tags: Vec::new() };
    push(std::slice::from_ref(&host), "the field `tags`: it is a list", &|builder| builder.push_as(&listed()));
    push(&[host], "the field `inner.tags`: it is a list", &|builder| builder.push_as(&Nested { inner: listed() }));
    push(&[Field::new("choice", Type::Text)], "the field `choice`: it is the variant `Some`", &|builder| {
        builder.push_as(&Holding { choice: Choice::Some(1) })
    });
    push(&[Field::new("ip", Type::Int)], "the field `ip`: a text in a column of int", &|builder| {
        builder.push_as(&Peer { ip: IpAddr::from([10, 0, 0, 1]), port: NonZeroU16::MIN })
    });
    push(&[], "it is no struct with fields", &|builder| builder.push_as("text"));
}

#[test]
fn fields_go_by_their_names() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair {
        a: i64,
        #[serde(default)]
        b: Option<String>,
    }
    let schema = Schema::new(vec![Field::new("c", Type::Int), Field::new("a", Type::Int)]).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(schema));
    builder.push_as(&Pair { a: 1, b: Some("left out".into()) }).unwrap();
    builder.push(&[Value::Int(7), Value::Int(2)]).unwrap();
    let batch = builder.finish().unwrap();
    assert_eq!(batch.row(0).values().collect::<Vec<_>>(), [Value::Null, Value::Int(1)]);
    assert_eq!(batch.to().collect::<Result<Vec<Pair>, _>>().unwrap(), [Pair { a: 1, b: None }, Pair { a: 2, b: None }]);
    let map: BTreeMap<&str, Option<i64>> = batch.row(0).to().unwrap();
    assert_eq!(map, BTreeMap::from([("a", Some(1)), ("c", None)]));
    let error = batch.row(0).to::<(i64, i64, i64)>().unwrap_err().to_string();
    assert_eq!(error, "a record of 2 fields, where 3 are wanted");
}
