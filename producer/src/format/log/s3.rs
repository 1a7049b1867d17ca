//! `s3`: the server access logs of Amazon S3.

use std::sync::Arc;

use super::super::{FormatSpec, Start};
use super::LogFormat;
use super::columns::{Column, Columns, Kind::*};
use super::member::one;

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "s3",
    args: &[],
    options: &[],
    about: "server access logs of Amazon S3",
    start: Start::Blocks(|args| LogFormat::start(args, one(Arc::new(Columns { name: "s3", columns: COLUMNS, least: 18, is_one })))),
    fields: "time:time host user method request proto status:int bytes:int http_referer http_user_agent, and by the names of AWS:\n  \
             bucket_owner bucket request_id operation key error_code object_size total_time turn_around_time version_id host_id\n  \
             signature_version cipher_suite authentication_type vhost tls_version access_point_arn acl_required.",
    sample: "9f8e7d6c shop-assets [12/Mar/2026:02:10:11 +0000] 203.0.113.7 - 7XKQ2M9ABCDE1234 REST.GET.OBJECT cart \"GET /cart?id=5 HTTP/1.1\" 200 - 512 512 21 20 \"-\" \"curl/8.5.0\" - aGVsbG8= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader shop-assets.s3.eu-west-1.amazonaws.com TLSv1.3 - -",
};

const COLUMNS: &[Column] = &[
    ("bucket_owner", Text),
    ("bucket", Text),
    ("time", Time),
    ("host", Text),
    ("user", Text),
    ("request_id", Text),
    ("operation", Text),
    ("key", Text),
    ("request", Request),
    ("status", Cell),
    ("error_code", Text),
    ("bytes", Cell),
    ("object_size", Cell),
    ("total_time", Cell),
    ("turn_around_time", Cell),
    ("http_referer", Text),
    ("http_user_agent", Text),
    ("version_id", Text),
    ("host_id", Text),
    ("signature_version", Text),
    ("cipher_suite", Text),
    ("authentication_type", Text),
    ("vhost", Text),
    ("tls_version", Text),
    ("access_point_arn", Text),
    ("acl_required", Text),
];

/// Operations are such as `REST.GET.OBJECT`, `S3.EXPIRE.OBJECT` and `BATCH.DELETE.OBJECT`.
fn is_one(value: &[u8], place: usize) -> bool {
    place != 6 || value.contains(&b'.') || value == b"-"
}
