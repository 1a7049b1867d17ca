//! `elb`: the access logs of AWS's load balancers: application (ALB), network (NLB, of TLS listeners) and classic.
//!
//! The columns are those of the user guides of each; those that were added over the years may be missing.

use std::sync::Arc;

use super::super::{FormatSpec, Start};
use super::LogFormat;
use super::columns::{Column, Columns, Kind::*};
use super::member::Members;

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "elb",
    args: &[],
    options: &[],
    about: "access logs of AWS's load balancers: application, network and classic",
    start: Start::Blocks(|args| {
        LogFormat::start(args, |is_single| {
            let member = |name, columns, least, is_one| Arc::new(Arc::new(Columns { name, columns, least, is_one })) as _;
            let all = vec![member("alb", ALB, 22, is_alb), member("nlb", NLB, 20, is_nlb), member("classic", CLASSIC, 12, is_classic)];
            Members::new(all, is_single)
        })
    }),
    fields: "time:time host port:int method request proto status:int bytes:int http_user_agent, and by the names of AWS: type elb\n  \
             target target_port target_status request_processing_time target_processing_time response_processing_time\n  \
             received_bytes ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn and others.",
    sample: "2026-03-12T02:10:11.523411Z old-lb 203.0.113.7:51234 10.0.3.21:8080 0.000061 0.012044 0.000049 200 200 0 512 \"GET http://shop.example.org:80/cart?id=5 HTTP/1.1\" \"curl/8.5.0\" - -",
};

const ALB: &[Column] = &[
    ("type", Text),
    ("time", Time),
    ("elb", Text),
    ("host", Address),
    ("target", Address),
    ("request_processing_time", Cell),
    ("target_processing_time", Cell),
    ("response_processing_time", Cell),
    ("status", Cell),
    ("target_status", Cell),
    ("received_bytes", Cell),
    ("bytes", Cell),
    ("request", Request),
    ("http_user_agent", Text),
    ("ssl_cipher", Text),
    ("ssl_protocol", Text),
    ("target_group_arn", Text),
    ("trace_id", Text),
    ("domain_name", Text),
    ("chosen_cert_arn", Text),
    ("matched_rule_priority", Cell),
    ("request_creation_time", Time),
    ("actions_executed", Text),
    ("redirect_url", Text),
    ("error_reason", Text),
    ("target_list", Text),
    ("target_status_list", Text),
    ("classification", Text),
    ("classification_reason", Text),
    ("conn_trace_id", Text),
];

const NLB: &[Column] = &[
    ("type", Text),
    ("version", Text),
    ("time", Time),
    ("elb", Text),
    ("listener", Text),
    ("host", Address),
    ("target", Address),
    ("connection_time", Cell),
    ("tls_handshake_time", Cell),
    ("received_bytes", Cell),
    ("bytes", Cell),
    ("incoming_tls_alert", Text),
    ("chosen_cert_arn", Text),
    ("chosen_cert_serial", Text),
    ("ssl_cipher", Text),
    ("ssl_protocol", Text),
    ("tls_named_group", Text),
    ("domain_name", Text),
    ("alpn_fe_protocol", Text),
    ("alpn_be_protocol", Text),
    ("alpn_client_preference_list", Text),
    ("tls_connection_creation_time", Time),
];

const CLASSIC: &[Column] = &[
    ("time", Time),
    ("elb", Text),
    ("host", Address),
    ("target", Address),
    ("request_processing_time", Cell),
    ("target_processing_time", Cell),
    ("response_processing_time", Cell),
    ("status", Cell),
    ("target_status", Cell),
    ("received_bytes", Cell),
    ("bytes", Cell),
    ("request", Request),
    ("http_user_agent", Text),
    ("ssl_cipher", Text),
    ("ssl_protocol", Text),
];

fn is_alb(value: &[u8], place: usize) -> bool {
    place != 0 || matches!(value, b"http" | b"https" | b"h2" | b"grpcs" | b"grpc" | b"ws" | b"wss")
}

fn is_nlb(value: &[u8], place: usize) -> bool {
    match place {
        0 => value == b"tls",
        1 => value.first().is_some_and(u8::is_ascii_digit),
        _ => true,
    }
}

fn is_classic(value: &[u8], place: usize) -> bool {
    place != 0 || (value.first().is_some_and(u8::is_ascii_digit) && recpipe::Time::parse(value).is_some())
}
