//! What keeps others out: headers, where a form may come from, what it has to show, and how often somebody may try to
//! sign in.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use super::Web;
use super::kinds::Trouble;
use super::language::language;
use super::page::trouble;
use crate::domain::session::Token;

/// How often one address may come to a sign-in link in a minute, and all of them together.
const SIGN_INS_OF_ONE: u32 = 20;
const SIGN_INS_OF_ALL: u32 = 200;

/// No script and no style but our own files, nothing from elsewhere, and no frame around it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Every answer of the console has these.
pub(super) async fn with_headers(mut response: Response) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a form was sent by one of our own pages. Under our `Referrer-Policy` a browser names the origin of a form
/// `null`, and says by `Sec-Fetch-Site` what it is.
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let named = text(&header::ORIGIN).filter(|named| *named != b"null");
    let is_ours = named.map(|named| named == origin.as_bytes());
    match text(&SEC_FETCH_SITE) {
        Some(site) => site == b"same-origin" && is_ours != Some(false),
        None => is_ours == Some(true),
    }
}

/// Refuses what another site posts.
pub(super) async fn own_posts_only(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && !is_own(request.headers(), &web.console.origin) {
        return trouble(language(request.headers()), StatusCode::FORBIDDEN, Trouble::OtherSite);
    }
    next.run(request).await
}

/// Who sent it: behind a proxy on this machine, whom that names last.
fn sender(headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let peer = peer.ip().to_canonical();
    if !peer.is_loopback() {
        return peer;
    }
    let last = headers.get_all(FORWARDED_FOR).iter().next_back();
    let named = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    named.unwrap_or(peer)
}

/// What counts as one address: of IPv6 the network, for whoever has one has all of its addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// Counts a visit to a sign-in link. `false` if there were too many within a minute.
pub(super) fn may_sign_in(
    web: &Web,
    headers: &HeaderMap,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> bool {
    let now = web.service.clock().now();
    web.by_address.admits(&network(sender(headers, peer)), SIGN_INS_OF_ONE, now)
        && web.in_all.admits(&(), SIGN_INS_OF_ALL, now)
}

/// What every form of a session has to show: no other site knows it.
pub(super) fn form_token(session: &Token) -> String {
    hex::encode(Sha256::digest(format!("form of {}", session.expose())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        of.iter().map(pair).collect()
    }

    #[test]
    fn a_form_is_our_own_only_if_the_browser_says_so() {
        let ours = "https://rooms.example.com";
        for (is_right, of) in [
            (true, &[("sec-fetch-site", "same-origin"), ("origin", "null")][..]),
            (true, &[("sec-fetch-site", "same-origin"), ("origin", ours)]),
            (true, &[("sec-fetch-site", "same-origin")]),
            (true, &[("origin", ours)]),
            (false, &[]),
            (false, &[("origin", "null")]),
            (false, &[("origin", "https://evil.example")]),
            (false, &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")]),
            (false, &[("sec-fetch-site", "same-site"), ("origin", ours)]),
            (false, &[("sec-fetch-site", "cross-site"), ("origin", "null")]),
            (false, &[("sec-fetch-site", "none")]),
        ] {
            assert_eq!(is_own(&headers(of), ours), is_right, "{of:?}");
        }
    }

    #[test]
    fn only_a_proxy_on_this_machine_names_the_sender() {
        let forwarded = headers(&[("x-forwarded-for", "10.0.0.1, 203.0.113.7")]);
        let at = |peer: &str| sender(&forwarded, peer.parse().unwrap()).to_string();
        assert_eq!(at("127.0.0.1:5000"), "203.0.113.7");
        assert_eq!(at("[::ffff:127.0.0.1]:5000"), "203.0.113.7");
        assert_eq!(at("198.51.100.1:5000"), "198.51.100.1");
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(
            (of("2001:db8:1:2:3:4:5:6"), of("203.0.113.7")),
            ("2001:db8:1:2::".into(), "203.0.113.7".into())
        );
        let nonsense = headers(&[("x-forwarded-for", "somebody")]);
        assert_eq!(sender(&nonsense, "127.0.0.1:5000".parse().unwrap()).to_string(), "127.0.0.1");
    }
}
