//! The data centres and their domains (trtc.io/document/72534 and, for Korea, Japan and Germany,
//! trtc.io/document/34620, which is about the same gateway).

use reqwest::Url;

const DOMAINS: [(&str, &str); 7] = [
    ("china", "console.tim.qq.com"),
    ("singapore", "adminapisgp.im.qcloud.com"),
    ("usa", "adminapiusa.im.qcloud.com"),
    ("indonesia", "adminapiidn.im.qcloud.com"),
    ("korea", "adminapikr.im.qcloud.com"),
    ("japan", "adminapijpn.im.qcloud.com"),
    ("germany", "adminapiger.im.qcloud.com"),
];

/// Scheme and host of the REST API in a region, the data centre in which the application was created.
pub fn region_url(region: &str) -> Option<Url> {
    let (_, domain) = DOMAINS.iter().find(|(name, _)| *name == region)?;
    Url::parse(&format!("https://{domain}")).ok()
}

/// The setting that an address of the REST API comes from.
pub fn address_setting(url: &Url) -> &'static str {
    let is_regional = DOMAINS.iter().any(|(_, domain)| url.host_str() == Some(*domain));
    if is_regional { "TENCENT_REGION" } else { "TENCENT_API_BASE_URL" }
}
