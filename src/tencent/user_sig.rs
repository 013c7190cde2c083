//! UserSig: the signature that proves to Tencent who is calling (TLSSigAPI v2).
//!
//! A UserSig is a small JSON object, compressed with zlib and written in a base64 of Tencent's own. Whoever
//! holds the application's secret key can make one for any user, an app admin included, so neither the key nor
//! a UserSig may reach a log line: both are [`SecretString`]s here.
//!
//! Sources: trtc.io/document/34385, and Tencent's own generators (github.com/tencentyun/tls-sig-api-v2-python
//! and -node). Those two disagree about key order, zlib level and `\u` escapes, and both are accepted.
//! The simulator checks what is made here.

use std::io::Read;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::bufread::ZlibEncoder;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The version that every generator writes (seen in Tencent's code).
pub(super) const VERSION: &str = "2.0";

/// Signs for `identifier`, from `now` on and for `valid_for` (whole seconds; the rest is dropped).
///
/// The key is used as it is printed in the console: its characters are the key, it is not hex to be decoded.
/// The text needs no escaping in a URL: only `A-Z a-z 0-9 * - _`.
/// Tencent's generators use 180 days, and its documentation advises at least 24 hours.
pub fn sign(
    key: &SecretString,
    sdk_app_id: u32,
    identifier: &str,
    now: Timestamp,
    valid_for: Duration,
) -> SecretString {
    let time = now.as_second();
    let expire = i64::try_from(valid_for.as_secs()).unwrap_or(i64::MAX);
    let mac = mac_over(key, identifier, sdk_app_id, time, expire).finalize().into_bytes();
    let claims = serde_json::json!({
        "TLS.ver": VERSION,
        "TLS.identifier": identifier,
        "TLS.sdkappid": sdk_app_id,
        "TLS.time": time,
        "TLS.expire": expire,
        "TLS.sig": BASE64.encode(mac),
    });
    SecretString::from(pack(claims.to_string().as_bytes()))
}

pub(super) fn mac_over(
    key: &SecretString,
    identifier: &str,
    sdk_app_id: u32,
    time: i64,
    expire: i64,
) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    // Every line ends in a line feed, the last one too.
    let text = format!(
        "TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n"
    );
    mac.update(text.as_bytes());
    mac
}

pub(super) fn pack(json: &[u8]) -> String {
    let mut packed = Vec::new();
    ZlibEncoder::new(json, Compression::default())
        .read_to_end(&mut packed)
        .expect("reading from memory into memory cannot fail");
    // This is not the URL-safe alphabet of RFC 4648: there `+` becomes `-`, here it becomes `*`.
    BASE64.encode(packed).replace('+', "*").replace('/', "-").replace('=', "_")
}
